"""Models whose records rarely have data are held as change points; nobody can tell from the values."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

import metricsql
from metricsql.build import change_points
from metricsql.plan.change_points import moving, why_not
from tests.change_points import held, models_held, possible_panel
from tests.changes.machine import first_failure
from tests.changes.words import told
from tests.panels import write_panel
from tests.projects import all_values, build, query, same, values, write_project
from tests.test_random_projects import compare

FIRST = date(2025, 1, 1)
METRICS: list[dict[str, Any]] = [
    {"id": "week", "model": "enduser", "formula": "rolling_sum(activities.login, 7)"},
    {"id": "quiet", "model": "enduser", "formula": "days_since(activities.login)"},
    {"id": "alert", "model": "enduser", "formula": "if(rolling_last(calculated.quiet, 1) > 3, 1, rolling_last(calculated.week, 1))"},
    {"id": "weeks", "model": "company", "formula": "rolling_sum(enduser.calculated.week, 2)"},
    {"id": "quiets", "model": "company", "formula": "rolling_max(enduser.calculated.quiet, 1)"},
]
LOGINS = [("u1", FIRST + timedelta(days=5), 2), ("u1", FIRST + timedelta(days=20), 3), ("u2", FIRST + timedelta(days=9), 1)]


def project_in(folder: Path, logins: list[tuple[str, date, int]] = LOGINS, metrics: list[dict[str, Any]] = METRICS,
               users: str = "id,company\nu1,a\nu2,a\nu3,b\n", **options: Any) -> metricsql.Project:
    rows = "action,enduser,date,count\n" + "".join(f"login,{user},{day},{count}\n" for user, day, count in logins)
    files = {"companies.csv": "id\na\nb\nc\nd\n", "endusers.csv": users, "activities.csv": rows}
    return metricsql.load(write_project(folder, files, metrics, **{"start": "2025-01-01", "until": "2025-01-30", **options}))


def points(project: metricsql.Project) -> list[tuple[Any, ...]]:
    return query(project, 'SELECT record, day, "valid to", week FROM _metricsql."enduser change points" ORDER BY ALL')


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(1, 60))])
def test_random_projects(seed: int, tmp_path: Path) -> None:
    panel = possible_panel(seed, metrics=12)
    project = metricsql.load(write_panel(panel, tmp_path))
    with held():
        project.build()
    assert models_held(project) == {metric.model for metric in panel.metrics}
    assert compare(project, panel) == []


@pytest.mark.parametrize("seed", [100, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(101, 130))])
def test_a_company_with_a_row_per_day_over_children_without(seed: int, tmp_path: Path) -> None:
    panel = possible_panel(seed, frozenset(["company"]), metrics=12)
    project = metricsql.load(write_panel(panel, tmp_path))
    with held():
        project.build()
    assert {"enduser", "asset", "project"} & {metric.model for metric in panel.metrics} <= models_held(project)
    assert compare(project, panel) == []


def test_documented_formulas_are_the_same_in_both_forms(tmp_path: Path) -> None:
    catalogue = json.loads((Path(__file__).parent / "catalogue.json").read_text(encoding="utf-8"))
    plain = [entry for entry in catalogue if "calculated." not in json.dumps(entry["formula"])]
    metrics = [{"id": entry["id"], "model": "company", "formula": entry["formula"]} for entry in plain if entry["model"] != "enduser"]
    fields = ["expected number of logins", "seats", "Max Seats feature X", "Currency", "New feature ARR"]
    names = sorted({part.split('"')[0] for entry in plain for part in json.dumps(entry["formula"]).split('"prop": "')[1:]})
    days = [FIRST + timedelta(days=3 * i) for i in range(20)]
    files = {"companies.csv": ",".join(["id", *fields]) + "\na,100,10,10,USD,107\nb,7,,1,EUR,\n", "endusers.csv": "id,company\ne1,a\n"}
    for space in ("activities", "metrics", "system", "revenue"):
        found = [name.removeprefix(f"{space}.") for name in names if name.startswith(f"{space}.")]
        files[f"{space}.csv"] = "company,name,date,value\n" + "".join(
            f'a,"{name}",{day + timedelta(days=i % 2)},{1 + (i + j) % 5}\n' for i, name in enumerate(found) for j, day in enumerate(days))
    files["activities.csv"] = files["activities.csv"].replace("company,name,date,value", "company,action,date,count")
    for space in ("metrics", "system", "revenue"):
        files[f"{space}.csv"] = files[f"{space}.csv"].replace("company,name", "record,name")
    with_model = [metric for metric in metrics if "email_events." not in json.dumps(metric["formula"])]
    project = metricsql.load(write_project(tmp_path, files, with_model, until="2025-03-15"))
    _, context, compiled = project._compile(names=False)
    possible = [m for m in with_model if why_not(compiled.plan(context.definition, [m["id"]]).models[-1]) is None]
    assert len(possible) > 20
    project = build(write_project(tmp_path, files, possible, until="2025-03-15"))
    expected = all_values(project)
    with held():
        project.build(full=True)
    assert models_held(project) == {"company"}
    found = all_values(project)
    assert found.keys() == expected.keys()
    for name, cells in expected.items():
        assert cells.keys() == found[name].keys()
        assert all(same(found[name][cell], value) for cell, value in cells.items()), name


def test_rows_are_where_values_change(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    with held():
        report = project.build()
    on = [FIRST + timedelta(days=i) for i in range(31)]
    # u1 logs in on days 5 and 20; a week later each login leaves the window. u3 never does
    assert points(project) == [
        ("u1", on[0], on[5], None), ("u1", on[5], on[12], 2), ("u1", on[12], on[20], None), ("u1", on[20], on[27], 3),
        ("u1", on[27], None, None), ("u2", on[0], on[9], None), ("u2", on[9], on[16], 1), ("u2", on[16], None, None),
        ("u3", on[0], None, None)]
    columns = query(project, "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = 'metrics' "
                    "AND table_name = 'enduser' ORDER BY column_index")
    assert columns == [("record", "VARCHAR"), ("day", "DATE"), ("week", "DOUBLE"), ("quiet", "DOUBLE"), ("alert", "DOUBLE")]
    assert [values(project, "quiet")["u1", on[i]] for i in (4, 5, 19, 20, 29)] == [None, 0, 14, 0, 9]
    assert [values(project, "alert")["u1", on[i]] for i in (4, 5, 8, 9, 29)] == [None, 2, 2, 1, 1]
    assert [values(project, "quiets")["a", on[i]] for i in (8, 9, 29)] == [3, 4, 9 + 20]
    assert report.rows == {"company": 120, "enduser": 90} and report.change_points == {"enduser": 9}
    assert "  enduser: 3 metrics, 3 records, 90 rows from 9 change points" in list(report.lines())
    assert query(project, "SELECT record, week, quiet FROM metrics.enduser_latest ORDER BY 1") == [
        ("u1", None, 9), ("u2", None, 20), ("u3", None, None)]


def test_everything_that_reads_finds_the_same(tmp_path: Path) -> None:
    (tmp_path / "plain").mkdir()
    (tmp_path / "points").mkdir()
    plain, project = project_in(tmp_path / "plain"), project_in(tmp_path / "points")
    plain.build()
    with held():
        project.build()
    assert models_held(project) == {"enduser"} and models_held(plain) == set()
    for other in (plain, project):
        other.built = (  # type: ignore[attr-defined]
            other.find("quiet > 5", model="enduser", show=["week"]).rows, other.find("week >= 2", model="enduser", day="2025-01-07").rows,
            other.values("week", records=["u1"]), other.summary("quiet"), other.why("alert", "u1", "2025-01-20").tree,
            [metric.state for metric in other.status().metrics])
    assert project.built == plain.built  # type: ignore[attr-defined]


def test_a_new_day_writes_the_records_that_change_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[list[str]] = []
    write = change_points.write

    def noted(engine: Any, context: Any, *rest: Any, **more: Any) -> None:
        written.append([key for key, in engine.rows('SELECT key FROM "enduser" ORDER BY 1')])
        write(engine, context, *rest, **more)

    late = ("u2", FIRST + timedelta(days=15), 7)
    monkeypatch.setattr(change_points, "write", noted)
    with held():
        project = project_in(tmp_path)
        project.build(as_of="2025-01-27")
        project.build(as_of="2025-01-28")  # the login of day 20 leaves the week of u1
        project.build(as_of="2025-01-29")
        project_in(tmp_path, [*LOGINS, late]).build(as_of="2025-01-29")
        project_in(tmp_path, [*LOGINS, late], users="id,company\nu1,a\nu2,a\nu4,b\n").build(as_of="2025-01-29")
    assert written == [["u1", "u2", "u3"], ["u1"], [], ["u2"], ["u4"]]
    found = all_values(project)
    with held(0):
        project.build(as_of="2025-01-29", full=True)
    assert models_held(project) == set()
    assert all_values(project) == found


def test_a_model_stays_what_it_is_without_need(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    share = 9 / 90
    with held(share):  # near the limit it depends on what the model is
        project.build()
        assert models_held(project) == set()
    with held(share * 1.5):
        project.build(as_of="2025-01-29")
        assert models_held(project) == {"enduser"}
    with held(share):
        project.build(as_of="2025-01-28")
        assert models_held(project) == {"enduser"}
    with held(share / 2):
        project.build(as_of="2025-01-27")
        assert models_held(project) == set()
    assert values(project, "week")["u1", FIRST + timedelta(days=20)] == 3


def test_small_models_have_a_row_per_day(tmp_path: Path) -> None:
    assert project_in(tmp_path).build().change_points == {}


def test_selected_metrics_are_put_into_a_table(tmp_path: Path) -> None:
    with held():
        project = project_in(tmp_path)
        project.build()
        before = all_values(project)
        project.build(select=["week"])
        assert models_held(project) == set() and all_values(project) == before
        project.build()
        assert models_held(project) == {"enduser"} and all_values(project) == before


def test_a_file_of_another_layout_is_built_anew(tmp_path: Path) -> None:
    with held():
        project = project_in(tmp_path)
        project.build()
        before = all_values(project)
        for more in ({"select": ["week"]}, {}):
            with duckdb.connect(str(project.definition.database)) as connection:
                connection.execute("UPDATE _metricsql.options SET value = '0' WHERE name = 'layout'")
            project.build(**more)
            found = all_values(project)
            assert found["week"] == before["week"]
    assert models_held(project) == {"enduser"} and found == before


def test_the_file_can_be_read_under_any_name(tmp_path: Path) -> None:
    with held():
        project = build(tmp_path / "metricsql.yml") if project_in(tmp_path) else None
    assert project is not None
    copy = tmp_path / "copy.duckdb"
    copy.write_bytes(project.definition.database.read_bytes())
    sql = f"ATTACH '{copy}' AS \"an other; name\" (READ_ONLY); SELECT COUNT(*) FROM \"an other; name\".metrics.enduser"
    with duckdb.connect() as connection:
        assert connection.execute(sql).fetchall() == [(90,)]


@pytest.mark.parametrize(("formula", "reason"), [
    ("rolling_max(calculated.week, 2)", "it has a window over its calculated metric `week`"),
    ("rolling_avg(conversations.chat, 7)", "it asks for AVERAGE of `conversations.chat`, where days without data count, too"),
    ("trend(tasks.todo, 7)", "it asks for TREND of `tasks.todo`, where days without data count, too"),
    ("rolling_avg(activities.login, 7) + rolling_max(tasks.todo, 7)", None),
    ("rolling_avg(tasks.todo, 1)", None),
])
def test_what_needs_a_row_per_day(formula: str, reason: str | None, tmp_path: Path) -> None:
    project = project_in(tmp_path, metrics=[METRICS[0], {"id": "other", "model": "enduser", "formula": formula}])
    with held():
        report = project.build()
    assert report.every_day == ({} if reason is None else {"enduser": reason})
    assert models_held(project) == (set() if reason else {"enduser"})
    if reason:
        assert f"  enduser rarely has data, but is held day by day, because {reason}" in list(report.lines())


def test_what_moves_every_day(tmp_path: Path) -> None:
    _, context, compiled = project_in(tmp_path)._compile(names=False)
    plan = compiled.plan(context.definition).model("enduser")
    assert plan is not None and moving(plan) == {"quiet", "alert"}


@pytest.mark.parametrize("seed", [200, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(201, 220))])
def test_random_changes(seed: int) -> None:
    failure = first_failure(seed, 4 if seed == 200 else 25, 2, points=True)
    assert failure is None, told(seed, failure)
