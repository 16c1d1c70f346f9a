"""Plans of DuckDB for what is generated: no join without an equality on the record, no `RANGE` frame on the dense grid."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

import metricsql
from benchmarks.data import Size
from benchmarks.workloads.standard import make
from metricsql.build.engine import Engine
from tests.plans import faults

ACME = Path(__file__).parents[1] / "fixtures" / "acme"
DAY = "2024-05-01"


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture with all kinds of models, fields and metrics, built for a month."""
    folder = tmp_path_factory.mktemp("plans") / "acme"
    shutil.copytree(ACME, folder, ignore=shutil.ignore_patterns("*.duckdb*"))
    metricsql.load(folder).build(as_of=DAY)
    return folder


@pytest.mark.parametrize("day", [None, DAY])
def test_generated_statements(acme: Path, monkeypatch: pytest.MonkeyPatch, day: str | None) -> None:
    monkeypatch.chdir(acme)
    project = metricsql.load(acme)
    with duckdb.connect(str(project.definition.database), read_only=True) as connection:
        for model in ("company", "enduser"):
            ids = [metric.id for metric in project.definition.metrics if metric.model == model]
            sql = project.sql(*ids, as_of=DAY, day=day)
            assert ("ROWS BETWEEN" in sql) >= (day is None)
            assert faults(connection, sql) == []


def test_output_tables(acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(acme)
    text = (acme / "metricsql.yml").read_text(encoding="utf-8")
    (acme / "metricsql.yml").write_text(text + "\ntables:\n  seats:\n    source: metrics.company\n    rows:\n"
                                        "      - {metric: seats_free, display: average}\n", encoding="utf-8")
    project = metricsql.load(acme)
    with duckdb.connect(str(project.definition.database), read_only=True) as connection:
        assert faults(connection, project.table_sql("seats", "week", as_of=DAY), whole=False) == []


def test_statements_of_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All statements of a full build and of the next day's, as they are run."""
    seen: dict[str, list[str]] = {}
    run = Engine.run

    def explained(engine: Engine, sql: str, parameters: Any = None) -> None:
        body = re.sub(r"\A(\s*--[^\n]*\n)*\s*", "", sql)
        if re.match(r"(SELECT|WITH|FROM|INSERT|DELETE|UPDATE|COPY|CREATE\b.*\bAS\b)", body, re.DOTALL | re.IGNORECASE):
            seen[sql] = faults(engine.connection, body, parameters, whole=False)
        run(engine, sql, parameters)

    size = Size(companies=20, days=60)
    make(tmp_path, size)
    monkeypatch.setattr(Engine, "run", explained)
    metricsql.load(tmp_path).build(as_of=size.until - timedelta(days=1))
    metricsql.load(tmp_path).build(as_of=size.until)
    assert any(" ROWS BETWEEN " in sql for sql in seen) and len(seen) > 20
    assert {sql: found for sql, found in seen.items() if found} == {}


GRID = "(SELECT record, day, value FROM records CROSS JOIN range(DATE '2025-01-01', DATE '2025-02-01', INTERVAL 1 DAY) AS d(day) " \
       "LEFT JOIN points USING (record, day))"


@pytest.mark.parametrize(("sql", "expected"), [
    (f"SELECT sum(value) OVER (PARTITION BY record ORDER BY day ROWS 6 PRECEDING) FROM {GRID}", None),
    (f"SELECT sum(value) OVER (PARTITION BY record ORDER BY day RANGE INTERVAL 6 DAY PRECEDING) FROM {GRID}", "a RANGE frame"),
    (f"WITH grid AS MATERIALIZED {GRID} SELECT sum(value) OVER (PARTITION BY record ORDER BY day RANGE INTERVAL 6 DAY PRECEDING) "
     "FROM grid UNION ALL SELECT value FROM grid", "a RANGE frame"),
    ("SELECT sum(value) OVER (PARTITION BY record ORDER BY day RANGE INTERVAL 6 DAY PRECEDING) FROM points", None),
    ("SELECT * FROM records JOIN points USING (record)", None),
    ("SELECT * FROM points WHERE value IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)", None),
    ("SELECT * FROM points AS a JOIN points AS b ON a.day = b.day", "a join without an equality on the record"),
    ("SELECT * FROM points AS a JOIN points AS b ON a.day <= b.day AND a.day > b.day - INTERVAL 7 DAY", "_JOIN on"),
    ("SELECT * FROM points AS a JOIN points AS b ON a.record < b.record", "_JOIN on"),
    ("SELECT * FROM points CROSS JOIN records", "a cross product of two tables"),
    ("SELECT * FROM points CROSS JOIN (SELECT max(day) AS last FROM points)", None),
])
def test_the_guard_sees_bad_plans_and_lets_good_ones_pass(sql: str, expected: str | None) -> None:
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE records AS SELECT r AS record FROM range(500) AS t(r)")
        connection.execute("CREATE TABLE points AS SELECT r % 500 AS record, DATE '2025-01-01' + (r % 31)::INT AS day, r AS value "
                           "FROM range(10000) AS t(r)")
        found = faults(connection, sql)
    assert found == [] if expected is None else len(found) == 1 and expected in found[0], found
