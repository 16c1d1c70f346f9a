"""What `build` writes, with every option; and that it writes whole or not at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import duckdb
import pytest

import metricsql
from tests.projects import build, query, values, write_project

FILES = {
    "companies.csv": "id,name,seats,since\na,Ann,10,\nb,Bob,,2025-01-03\n",
    "endusers.csv": "id,company\ne1,a\n",
    "metrics.csv": "record,name,date,value\na,x,2025-01-01,1\na,x,2025-01-02,2\nb,x,2025-01-03,4\n",
}
METRICS = [
    {"id": "base", "formula": "rolling_sum(metrics.x, 2)", "tags": ["t"]},
    {"id": "twice", "formula": "rolling_last(calculated.base, 1) * 2"},
    {"id": "other", "formula": "total_sum(metrics.x)"},
    {"id": "user", "model": "enduser", "formula": "1"},
]


def project_in(folder: Path) -> metricsql.Project:
    return metricsql.load(write_project(folder, FILES, METRICS, until="2025-01-04"))


def test_relations(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    report = project.build()
    assert report.rows == {"enduser": 4, "company": 6}  # a: 4 days; b: from its first day, the 3rd
    columns = query(project, "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'metrics' "
                             "AND table_name = 'company' ORDER BY ordinal_position")
    assert columns == [("record", "VARCHAR"), ("day", "DATE"), ("base", "DOUBLE"), ("twice", "DOUBLE"), ("other", "DOUBLE")]
    assert query(project, "SELECT COUNT(*), COUNT(DISTINCT (record, day)) FROM metrics.company") == [(6, 6)]
    latest = query(project, "SELECT record, day, name, seats, base, other FROM metrics.company_latest")
    assert latest == [("a", date(2025, 1, 4), "Ann", 10.0, None, 3.0), ("b", date(2025, 1, 4), "Bob", None, 4.0, 4.0)]
    assert project.relation("twice").columns == ["record", "day", "twice"]
    assert not list(tmp_path.glob(".*building*"))


def test_latest_keeps_metrics_when_a_field_has_the_same_name(tmp_path: Path) -> None:
    files = {**FILES, "companies.csv": "id,Base,record\na,text,k\n"}
    project = build(write_project(tmp_path, files, METRICS[:1], until="2025-01-02"))
    assert query(project, 'SELECT record, base, "custom.Base", "custom.record" FROM metrics.company_latest') == [("a", 3.0, "text", "k")]


def test_an_earlier_as_of_removes_later_rows(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    project.build()
    project.build(as_of="2025-01-02")
    assert {day for _, day in values(project, "base")} == {date(2025, 1, 1), date(2025, 1, 2)}


def test_select_builds_some_and_keeps_the_others(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    project.build()
    files = {"metrics.csv": FILES["metrics.csv"] + "a,x,2025-01-04,10\n"}
    project = metricsql.load(write_project(tmp_path, files, METRICS, until="2025-01-04"))
    project.build(select=["other"])
    assert values(project, "other")["a", date(2025, 1, 4)] == 13.0
    assert values(project, "base")["a", date(2025, 1, 4)] is None  # as it was built before
    project.build(select=["+twice"])
    assert values(project, "base")["a", date(2025, 1, 4)] == 10.0
    assert values(project, "twice")["a", date(2025, 1, 4)] == 20.0
    assert project.select(["base+"]) == ["base", "twice"]
    assert project.select(["tag:t"]) == ["base"]
    with pytest.raises(metricsql.ProjectError, match="did you mean `base`"):
        project.select(["bse"])


def test_dry_run_writes_nothing(tmp_path: Path) -> None:
    report = project_in(tmp_path).build(dry_run=True)
    assert report.dry_run and report.metrics == {"company": ["base", "twice", "other"], "enduser": ["user"]}
    assert not list(tmp_path.glob("*.duckdb*"))


def test_a_reader_keeps_what_it_opened(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    project.build()
    reader = duckdb.connect(str(project.definition.database), read_only=True)
    before = project.relation("other")
    project.build(as_of="2025-01-01")
    assert reader.execute("SELECT COUNT(*) FROM metrics.company").fetchone() == (6,)
    assert len(before.fetchall()) == 6
    assert len(project.relation("other").fetchall()) == 1
    reader.close()


def test_a_failed_build_leaves_the_last_good_file(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    project.build()
    before = project.definition.database.read_bytes()
    (tmp_path / "metrics.csv").unlink()
    with pytest.raises(metricsql.ProjectError, match="missing-file"):
        project.build()
    assert project.definition.database.read_bytes() == before
    assert not list(tmp_path.glob(".*building*"))


def test_users_tables_survive(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    project.build()
    with duckdb.connect(str(project.definition.database)) as connection:
        connection.execute("CREATE TABLE mine AS SELECT 42 AS answer; CREATE VIEW seen AS SELECT * FROM mine")
    project.build()
    assert query(project, "SELECT answer FROM seen") == [(42,)]


SLOW_BUILD = """
import sys, time, metricsql
project = metricsql.load(sys.argv[1])
def wait(stage):
    if stage == "write":
        print("ready", flush=True); time.sleep(60)
project.build(full=True, progress=wait)
"""


def test_two_builds_and_a_kill(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    project.build()
    before = project.definition.database.read_bytes()
    with subprocess.Popen([sys.executable, "-c", SLOW_BUILD, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline().strip() == "ready"
        with pytest.raises(metricsql.EngineError, match=f"process {other.pid} is building"):
            project.build(full=True)
        os.kill(other.pid, signal.SIGKILL)
        other.wait()
    assert project.definition.database.read_bytes() == before
    project.build(full=True)  # the lock ended with the process, and what it left behind is cleared away
    assert not list(tmp_path.glob(".*building*"))


def test_a_writer_elsewhere_is_named(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    project.build()
    code = f"import duckdb, time; c = duckdb.connect({str(project.definition.database)!r}); print('open', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline().strip() == "open"
        with pytest.raises(metricsql.EngineError, match=f"process {other.pid} has the database open"):
            project.build(full=True)
        other.kill()
        other.wait()
    time.sleep(0.1)
    project.build(full=True)


def test_formulas_cannot_reach_outside(tmp_path: Path) -> None:
    hostile = "x'); COPY (SELECT 1) TO 'stolen.csv'; --"
    files = {**FILES, "metrics.csv": f"record,name,date,value\na,\"{hostile}\",2025-01-01,7\n"}
    metric = {"id": "m", "formula": {"type": "metricOverTime", "days": 1, "op": "LAST", "prop": f"metrics.{hostile}"},
              "where": "name = 'Ann'' OR 1=1 --'"}
    project = build(write_project(tmp_path, files, [metric, {**metric, "id": "n", "where": "name = 'Ann'"}], until="2025-01-01"))
    assert values(project, "m") == {("a", date(2025, 1, 1)): None}
    assert values(project, "n") == {("a", date(2025, 1, 1)): 7.0}
    assert not (tmp_path / "stolen.csv").exists()


def test_nothing_changed_is_nothing_done(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    assert not project.build().unchanged
    before = project.definition.database.read_bytes()
    assert project.build().unchanged
    assert project.definition.database.read_bytes() == before
    assert not project.build(full=True).unchanged
    assert not project.build(as_of="2025-01-03").unchanged
    assert not project.build().unchanged  # the as-of day is another one again
    (tmp_path / "metrics.csv").write_text(FILES["metrics.csv"] + "a,x,2025-01-04,5\n")
    assert not project.build().unchanged
    assert values(project, "other")["a", date(2025, 1, 4)] == 8.0
    edited = metricsql.load(
        write_project(tmp_path, {}, [{**METRICS[0], "missing": "zero"}, *METRICS[1:]], until="2025-01-04"))
    assert not edited.build().unchanged
    assert edited.build().unchanged


def test_the_latest_values_can_be_read_from_another_database(tmp_path: Path) -> None:
    project = build(write_project(tmp_path, {"companies.csv": "id,seats\na,10\nb,\n", "metrics.csv": "record,name,date,value\n"
                                             "a,x,2025-01-01,2\na,x,2025-01-02,3\n"},
                                  [{"id": "so_far", "formula": "total_sum(metrics.x) * 1"}], until="2025-01-02"))
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{project.definition.database}' AS there (READ_ONLY)")
        found = connection.execute("SELECT record, day, seats, so_far FROM there.metrics.company_latest").fetchall()
    assert found == [("a", date(2025, 1, 2), 10.0, 5.0), ("b", date(2025, 1, 2), None, None)]
