"""`build` stores every table, with the metrics or not at all, and notices whatever changes one."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import duckdb
import pytest

import metricsql
from metricsql.diagnostics import ProjectError
from tests.output_tables.pnl import LEDGER, ROWS, load, write
from tests.projects import write_project

COLUMNS = ["position", "row", "period_start", "period_end", "is_partial", "value", "reason"]


def stored(folder: Path, sql: str = "FROM tables.pnl") -> list[tuple[Any, ...]]:
    with duckdb.connect(str(folder / "pnl.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_a_stored_table_is_the_one_that_is_shown(tmp_path: Path) -> None:
    project = load(tmp_path)
    assert project.build().tables == ["pnl"]
    assert [row[0] for row in stored(tmp_path, "DESCRIBE tables.pnl")] == COLUMNS
    table = project.table("pnl")
    shown = [(row.position, row.title, period.start, period.end, period.is_partial, cell.value, cell.reason)
             for row in table.rows for period, cell in zip(table.periods, row.cells, strict=True)]
    assert stored(tmp_path) == shown


def test_a_build_notices_what_changes_a_table(tmp_path: Path) -> None:
    project = load(tmp_path)
    assert not project.build().unchanged
    assert project.build().unchanged
    with (tmp_path / "ledger.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow(("Revenue", "2025-02-10", 7))
    assert not project.build().unchanged
    assert stored(tmp_path, "SELECT value FROM tables.pnl WHERE row = 'Revenue' ORDER BY period_start")[1] == (7.0,)
    other = load(tmp_path, [*ROWS, {"name": "Two", "calculation": "2"}])
    assert other.build().tables == ["pnl"]
    assert stored(tmp_path, "SELECT COUNT(*) FROM tables.pnl WHERE row = 'Two'") == [(4,)]
    assert load(tmp_path, interval="quarter").build().tables and stored(tmp_path, "SELECT COUNT(*) FROM tables.pnl") == [(12,)]


def test_a_table_that_is_no_longer_declared_is_removed(tmp_path: Path) -> None:
    load(tmp_path).build()
    with duckdb.connect(str(tmp_path / "pnl.duckdb")) as connection:
        connection.execute("CREATE TABLE tables.mine AS SELECT 1 AS x")
    file = write(tmp_path)
    file.write_text(file.read_text(encoding="utf-8").replace('"pnl": {', '"renamed": {'), encoding="utf-8")
    metricsql.load(file).build()
    assert stored(tmp_path, "SELECT table_name FROM information_schema.tables WHERE table_schema = 'tables' ORDER BY 1") == \
        [("mine",), ("renamed",)]


def test_an_unavailable_row_is_stored_without_values(tmp_path: Path) -> None:
    project = load(tmp_path, [*ROWS, {"name": "Bad", "calculation": "revenu + 1"}])
    report = project.build()
    assert [found.code for found in report.warnings] == ["unknown-row"]
    reason = "unavailable: no row of the table has the name `revenu`"
    assert stored(tmp_path, "SELECT DISTINCT value, reason FROM tables.pnl WHERE row = 'Bad'") == [(None, reason)]
    with pytest.raises(ProjectError, match="unknown-row"):
        project.build(strict=True)


def test_bad_rows_of_a_ledger_are_counted(tmp_path: Path) -> None:
    ledger = [*LEDGER, ("Revenue", "never", 9), ("Revenue", "2025-01-02", "much"), ("", "2025-01-02", 1)]  # type: ignore[list-item]
    project = load(tmp_path, ledger=ledger)
    found = [(item.reason, item.rows, item.examples) for item in project.build().unusable]
    assert found == [("date", 1, ("never",)), ("event", 1, ()), ("value", 1, ("much",))]
    with pytest.raises(ProjectError, match="unusable-rows"):
        project.build(strict=True)


def test_a_table_of_metrics(tmp_path: Path) -> None:
    files = {"companies.csv": "id,segment\na,Big\nb,Small\nc,Small\n",
             "metrics.csv": "record,name,date,value\na,x,2025-01-06,10\nb,x,2025-01-06,4\nc,x,2025-01-07,6\na,x,2025-01-14,2\n"}
    rows = [{"metric": "x", "over": "sum", "display": "sum"}, {"metric": "x", "over": "count", "display": "max", "name": "n"},
            {"metric": "x", "over": "average", "where": "segment = 'Small'", "display": "average", "name": "small"}]
    tables = {"pnl": {"source": "metrics.company", "interval": "week", "rows": rows},
              "split": {"source": "metrics.company", "interval": "week", "by": "segment", "rows": rows[:1]}}
    metrics = [{"id": "x", "formula": {"type": "metricOverTime", "days": 1, "op": "LAST", "prop": "metrics.x"}}]
    file = write_project(tmp_path, files, metrics, until="2025-01-14", name="pnl", database="pnl.duckdb", tables=tables)
    project = metricsql.load(file)
    with pytest.raises(ProjectError, match="not-built"):
        project.table("pnl")
    project.build()
    assert {row.title: [cell.value for cell in row.cells] for row in project.table("pnl").rows} == \
        {"x": [20.0, 2.0], "n": [2.0, 1.0], "small": [5.0, None]}  # 10 + 4 + 6; a and b on the 6th; 4 and 6
    assert [(row.segment, row.position, [cell.value for cell in row.cells]) for row in project.table("split").rows] == \
        [("Big", 1, [10.0, 2.0]), ("Small", 2, [10.0, None])]
    assert stored(tmp_path, "SELECT segment, value FROM tables.split WHERE value IS NOT NULL") == \
        [("Big", 10.0), ("Big", 2.0), ("Small", 10.0)]
    assert project.build().unchanged


def test_a_build_of_selected_metrics_leaves_tables_alone_that_need_more(tmp_path: Path) -> None:
    tables = {"pnl": {"source": "metrics.company", "rows": [{"metric": "a"}, {"metric": "b"}]},
              "one": {"source": "metrics.company", "rows": [{"metric": "a"}]}}
    metrics = [{"id": "a", "formula": "1 + 1"}, {"id": "b", "formula": "2 + 1"}]
    file = write_project(tmp_path, {"companies.csv": "id\nx\n"}, metrics, start="2025-01-01", until="2025-01-31", name="pnl",
                         database="pnl.duckdb", tables=tables)
    project = metricsql.load(file)
    assert project.build(select=["a"]).tables == ["one"]
    assert project.build().tables == ["pnl", "one"]
    assert stored(tmp_path, "SELECT value FROM tables.pnl ORDER BY position") == [(2.0,), (3.0,)]
