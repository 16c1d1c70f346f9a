"""`build --engine spark` in local mode equals DuckDB's build cell by cell, and what is built can be looked at as ever."""

from __future__ import annotations

import random
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

import metricsql
from metricsql.build.spark.build import SparkBuild
from tests.oracle.random_formulas import random_panel
from tests.panels import without_twins, write_panel
from tests.projects import build, query, values, write_project
from tests.spark.compare import both, differences
from tests.test_catalogue import CATALOGUE, calculated, model_of, stubs
from tests.test_sources import CSV, EXPECTED, KINDS, source_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = [pytest.mark.xdist_group("spark"), pytest.mark.usefixtures("spark")]
FIXTURE = Path(__file__).parents[2] / "fixtures" / "flights"


@pytest.mark.parametrize("seed", [pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(100, 106)])
def test_random_formulas(seed: int, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    panel = without_twins(random_panel(random.Random(seed), metrics=30 if seed == 100 else 60))
    assert differences(*both(write_panel(panel, folder))) == []


def test_the_catalogue(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    metrics = [{"id": entry["id"], "model": model_of(entry), "formula": entry["formula"]} for entry in CATALOGUE]
    chance = random.Random(1)
    named = {part for entry in CATALOGUE for part in _series(entry["formula"])}
    rows: dict[str, list[str]] = {}
    for name in sorted(named):
        *_, namespace, label = _split(name)
        for record in ("a", "b"):
            for day in chance.sample(range(1, 15), 6):
                rows.setdefault(namespace, []).append(f"{record},{label},2025-01-{day:02},{chance.choice((0, 1, 2, 5, 0.25))}")
    files = {f"{'metrics' if namespace == 'custom' else namespace}.csv": "record,name,date,value\n" + "\n".join(lines) + "\n"
             for namespace, lines in rows.items() if namespace in ("metrics", "custom", "system", "conversations")}
    files["activities.csv"] = "company,action,date,count\n" + "\n".join(rows["activities"]) + "\n"
    files["companies.csv"] = "id,expected number of logins,seats,Max Seats feature X,Currency,New feature ARR\n" \
                             "a,100,10,10,USD,107\nb,,,,EUR,9\n"
    files["endusers.csv"] = "id,company\ne1,a\n"
    email = {"email_events": {"sql": "select 'e1' as record, 'sent' as name, date '2025-01-06' as date, 1 as value, 'enduser' as model"}}
    names = set().union(*(calculated(entry["formula"]) for entry in CATALOGUE))
    assert differences(*both(write_project(folder, files, [*metrics, *stubs(names)], until="2025-01-14", series=email,
                                           fields_before_tracking="constant"))) == []


def _series(formula: Any) -> set[str]:
    match formula:
        case {"prop": str(name)} if ".custom." not in name and "calculated" not in name:
            return {name}
        case list():
            return set().union(*map(_series, formula))
    return set()


def _split(name: str) -> list[str]:
    return name.split(".", 1)


@pytest.mark.exhaustive
def test_every_kind_of_source_at_once(tmp_path: Path) -> None:
    """Eleven namespaces with the same rows, each from another kind of source."""
    folder = tmp_path / "project"
    series: dict[str, Any] = {}
    for number, kind in enumerate(KINDS):
        part = folder / f"part {number}"
        part.mkdir(parents=True)
        (part / "rows.csv").write_text(CSV)
        found = source_of(kind, part)
        if kind == "table":
            shutil.copy(part / "case.duckdb", folder / "case.duckdb")
        elif isinstance(found, str):
            found = f"part {number}/{found}"
        elif "attach" in found:
            found = {**found, "attach": f"part {number}/{found['attach']}"}
        else:
            found = {"sql": found["sql"].replace("rows.csv", f"part {number}/rows.csv")}
        series[f"kind{number}"] = {"source": found, "collapse": {"x": "last"}}
    metrics = [{"id": f"m{i}", "formula": f"rolling_last(kind{i}.x, 1)"} for i in range(len(KINDS))]
    project = metricsql.load(write_project(folder, {"companies.csv": "id\n007\n7\n"}, metrics, series=series, until="2025-01-02"))
    report = project.build(engine="spark")
    assert [kind for i, kind in enumerate(KINDS) if values(project, f"m{i}") != EXPECTED] == []
    assert report.unusable == [] and report.rows == {"company": 4}


@pytest.mark.exhaustive
def test_files_are_read_as_duckdb_reads_them(tmp_path: Path) -> None:
    """Other delimiters, quoted line breaks, lines that are no rows, columns in another order, odd names of files."""
    folder = tmp_path / "it's [a] 100% {odd}+folder"
    folder.mkdir()
    files = {
        "companies.csv": "id\na\nb\n", "endusers.csv": "id,company\ne1,a\ne2,nobody\n",
        "parts/one *.csv": 'record;name;date;value\na;"x;\ny";2025-01-01;1\na;x;2025-01-01;2\na;x\na;x;2025-01-02;3;4;5\n',
        "parts/two ü.csv": "date,value,name,record,note\n2025-01-02,7,x,b,later\nyesterday,7,x,b,\n2025-01-02,many,x,b,\n"
                           "2025-01-02,1,x,zz,\n",
        "activities.csv": "action,company,enduser,date,count\nlogin,a,ghost,2025-01-01,\nlogin,,,2025-01-01,\nlogin,a,e1,2025-01-01,x\n",
    }
    metrics = [{"id": "sum", "formula": "rolling_sum(metrics.x, 2)"}, {"id": "odd", "formula": "rolling_sum(metrics.\"x;\ny\", 2)"},
               {"id": "logins", "formula": "total_sum(activities.login)"}]
    metrics[1]["formula"] = {"type": "metricOverTime", "days": 2, "op": "SUM", "prop": "metrics.x;\ny"}  # type: ignore[assignment]
    file = write_project(folder, files, metrics, series={"metrics": "parts/*.csv", "activities": "activities.csv"}, until="2025-01-02")
    one, other = both(file)
    assert differences(one, other) == []
    problems = [sorted((u.source, u.reason, u.rows, u.examples) for u in project.build(full=True, engine=engine).unusable)
                for project, engine in ((one, None), (other, "spark"))]
    assert problems[0] == problems[1] and len(problems[0]) >= 6


def small(folder: Path) -> Path:
    files = {"companies.csv": "id,seats\na,5\nb,7\n", "endusers.csv": "id,company\ne1,a\n",
             "metrics.csv": "record,name,date,value\na,x,2025-01-30,1\nb,x,2025-02-01,2\na,x,2025-02-02,4\n"}
    metrics = [{"id": "sum", "formula": "rolling_sum(metrics.x, 3)"}, {"id": "double", "formula": "company.custom.seats * 2"}]
    return write_project(folder, files, metrics, until="2025-02-02")


def test_what_is_built_can_be_looked_at(tmp_path: Path) -> None:
    project = build(small(tmp_path), engine="spark")
    assert values(project, "sum")["a", date(2025, 2, 1)] == 1.0
    assert project.values("sum", limit=2)[1] == [("a", date(2025, 2, 2), 4.0), ("b", date(2025, 2, 2), 2.0)]
    assert project.find("sum > 3 and seats = 5").rows == [("a", 4.0, 5.0)]
    assert project.why("sum", "a").value == 4.0
    assert {metric.state for metric in project.status().metrics} == {"current"}
    assert "<svg" in project.report()
    assert query(project, 'SELECT * FROM "metrics"."company_latest" ORDER BY 1') == [
        ("a", date(2025, 2, 2), "a", 5.0, 4.0, 10.0), ("b", date(2025, 2, 2), "b", 7.0, 2.0, 14.0)]
    months = sorted(path.name for path in (tmp_path / "case.parquet" / "build-1" / "metrics.company.0").glob("stretch=*"))
    assert months == ["stretch=2025-01-01", "stretch=2025-02-01"]
    assert project.build(engine="spark").unchanged


@pytest.mark.exhaustive
def test_a_build_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = build(small(tmp_path), engine="spark")
    before = values(project, "sum")

    def stop(*ignored: object) -> None:
        raise KeyboardInterrupt

    with open(tmp_path / "metrics.csv", "a") as file:
        file.write("a,x,2025-02-02,100\n")
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(SparkBuild, "write_values", stop)
        project.build(engine="spark")
    assert values(project, "sum") == before
    assert [path.name for path in (tmp_path / "case.parquet").iterdir()] == ["build-1"]
    held = duckdb.connect(str(tmp_path / "case.duckdb"), read_only=True)
    project.build(engine="spark")
    assert values(project, "sum")["a", date(2025, 2, 2)] == 100.0
    # who opened the file before still reads what it showed then
    assert held.execute("SELECT sum FROM metrics.company WHERE record = 'a' AND day = DATE '2025-02-02'").fetchall() == [(4.0,)]
    held.close()


@pytest.mark.exhaustive
def test_from_one_engine_to_the_other_and_back(tmp_path: Path) -> None:
    project = build(small(tmp_path))
    first = values(project, "sum")
    assert project.build(engine="spark").everything == "engine version changed"
    assert values(project, "sum") == first
    project.build()
    assert values(project, "sum") == first
    outside = "SELECT COUNT(*) FROM duckdb_views() WHERE schema_name = 'metrics' AND (view_name = 'company' OR sql ILIKE '%parquet%')"
    assert query(project, outside) == [(0,)]


@pytest.mark.exhaustive
def test_flights(tmp_path: Path) -> None:
    folder = tmp_path / "flights"
    shutil.copytree(FIXTURE, folder, ignore=shutil.ignore_patterns("*.duckdb*", "*.parquet.*"))
    assert differences(*both(folder / "metricsql.yml")) == []


@pytest.mark.exhaustive
def test_the_session_that_is_there_is_left_alone(spark: SparkSession, tmp_path: Path) -> None:
    zone = spark.conf.get("spark.sql.session.timeZone")
    spark.conf.set("spark.sql.session.timeZone", "America/New_York")
    try:
        project = build(small(tmp_path), engine="spark")
        assert spark.conf.get("spark.sql.session.timeZone") == "America/New_York"
    finally:
        spark.conf.set("spark.sql.session.timeZone", zone or "UTC")
    scripts = ("rows of ", "records of ", "field history of ")
    assert [row.viewName for row in spark.sql("SHOW VIEWS").collect() if row.isTemporary and row.viewName != "t"
            and not row.viewName.startswith(scripts)] == []
    assert values(project, "sum")["b", date(2025, 2, 2)] == 2.0
