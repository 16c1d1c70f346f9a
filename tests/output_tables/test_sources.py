"""Every kind of source and of time gives the same table; long chains of rows; rows without an end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from metricsql.api import Project
from metricsql.project import load_definition
from tests.output_tables.pnl import ROWS, load, values, write

TYPES = {
    "text": "time", "date": "time::DATE AS time", "timestamp": "time::TIMESTAMP AS time", "nanoseconds": "time::TIMESTAMP_NS AS time",
    "with offset": "(time || ' 12:00:00+00')::TIMESTAMPTZ AS time",
}


@pytest.mark.parametrize("kind", [*TYPES, "json", "sql", "attach", "tsv", "gz"])
def test_a_ledger_of_every_kind(kind: str, tmp_path: Path) -> None:
    expected = [row.cells for row in load(tmp_path).table("pnl").rows]
    csv = f"READ_CSV('{tmp_path / 'ledger.csv'}', all_varchar = true)"
    source: Any = "l.parquet"
    match kind:
        case "json":
            source = "l.json"
            duckdb.sql(f"COPY (FROM {csv}) TO '{tmp_path / 'l.json'}'")
        case "sql":
            source = {"sql": "SELECT event, time, value FROM 'ledger.csv' -- all of it"}
        case "attach":
            source = {"attach": "other.duckdb", "table": "ledger"}
            with duckdb.connect(str(tmp_path / "other.duckdb")) as connection:
                connection.execute(f"CREATE TABLE ledger AS FROM {csv}")
        case "tsv" | "gz":
            source = "l.tsv" if kind == "tsv" else "l.csv.gz"
            duckdb.sql(f"COPY (FROM {csv}) TO '{tmp_path / source}' (FORMAT CSV, DELIMITER '{chr(9) if kind == 'tsv' else ','}')")
        case _:
            duckdb.sql(f"COPY (SELECT event, {TYPES[kind]}, value::DOUBLE AS value FROM {csv}) TO '{tmp_path / 'l.parquet'}'")
    project = load(tmp_path, source=source)
    assert [row.cells for row in project.table("pnl").rows] == expected
    assert project.build().tables == ["pnl"]


def test_periods_are_on_the_clocks_of_the_project(tmp_path: Path) -> None:
    ledger = [("Revenue", "2025-01-31T23:30:00Z", 1), ("Revenue", "2025-01-31T23:30:00", 2), ("Revenue", "2025-02-01", 4)]
    project = load(tmp_path, ROWS[:1], ledger=ledger, project={"timezone": "Europe/Stockholm"}, until="2025-02-28")
    assert values(project, "Revenue") == [2.0, 5.0]  # half past eleven in UTC is half past midnight there


def test_the_last_of_equal_times_is_the_later_row(tmp_path: Path) -> None:
    ledger = [("x", "2025-01-01", float(number)) for number in range(5000)]
    project = load(tmp_path, [{"event": "x"}, {"name": "n", "measure": "x", "display": "count"}], ledger=ledger, until="2025-01-31")
    assert (values(project, "x"), values(project, "n")) == ([4999.0], [5000.0])
    duckdb.sql(f"COPY (FROM READ_CSV('{tmp_path / 'ledger.csv'}')) TO '{tmp_path / 'l.parquet'}' (ROW_GROUP_SIZE 2048)")
    assert values(load(tmp_path, [{"event": "x"}], source="l.parquet", until="2025-01-31"), "x") == [4999.0]


def test_a_long_chain_of_rows(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [{"event": "Revenue", "display": "sum"}, {"name": "r0", "calculation": "revenue / 2"}]
    rows += [{"name": f"r{n}", "calculation": f"r{n - 1} / 2 + lag(r{n - 1}, 0) / 2"} for n in range(1, 30)]
    assert values(load(tmp_path, rows), "r29") == [75.0, None, 150.0, None]


def test_a_character_that_no_text_holds(tmp_path: Path) -> None:
    title = "a\0b"
    project = load(tmp_path, [{"event": title}, {"name": "c", "calculation": f'coalesce("{title}", 1)'}])
    assert values(project, "c") == [1.0] * 4


def test_faults_of_tables_do_not_hide_those_of_formulas(tmp_path: Path) -> None:
    file = write(tmp_path, [*ROWS, {"name": "bad", "calculation": "revenu"}], project={
        "metrics": [{"id": "m", "formula": "rolling_sum(activities.login, 0)"}], "models": {"company": {"records": "companies.csv"}}})
    (tmp_path / "companies.csv").write_text("id\na\n", encoding="utf-8")
    assert [found.code for found in Project(load_definition(file)).check().errors] == ["bad-days", "unknown-row"]


def test_a_file_called_metrics_is_a_file(tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "ledger.csv").rename(tmp_path / "metrics.csv")
    content = (tmp_path / "metricsql.json").read_text(encoding="utf-8").replace("ledger.csv", "metrics.csv")
    (tmp_path / "metricsql.json").write_text(content, encoding="utf-8")
    assert Project(load_definition(tmp_path)).check().items == []
