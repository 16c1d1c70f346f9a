"""Builds after changes on Spark: the same as a build of everything by DuckDB, and only what changed is written again."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
import yaml

import metricsql
from metricsql.build.outside import Stretch
from metricsql.build.spark.months import plan_rewrite
from metricsql.build.work import Work
from metricsql.plan.affected import Affected
from tests.projects import build, query, write_project
from tests.spark.compare import differences

pytestmark = [pytest.mark.xdist_group("spark")]
METRICS = [
    {"id": "sum", "formula": "rolling_sum(metrics.x, 3)"},
    {"id": "nested", "formula": "rolling_avg(calculated.sum, 2) + rolling_sum(enduser.calculated.clicks, 2)"},
    {"id": "ever", "formula": "total_sum(enduser.activities.click)"},
    {"id": "since", "formula": "days_since(activities.click)"},
    {"id": "seats", "formula": "company.custom.seats * 2"},
    {"id": "clicks", "model": "enduser", "formula": "rolling_sum(activities.click, 7)"},
]


def write(folder: Path) -> Path:
    files = {
        "companies.csv": "id,seats\na,5\nb,7\n", "endusers.csv": "id,company\ne1,a\ne2,b\ne3,a\n",
        "metrics.csv": "record,name,date,value\na,x,2025-01-10,1\nb,x,2025-02-01,2\na,x,2025-02-27,4\nb,x,2025-02-28,1\n",
        "events/1.csv": "action,enduser,date\nclick,e1,2025-01-10\nclick,e2,2025-01-11\nclick,e1,2025-02-20\n",
        "events/2.csv": "action,enduser,date\nclick,e3,2025-02-27\nclick,e1,2025-02-28\n",
    }
    return write_project(folder, files, METRICS, series={"activities": "events/*.csv"}, start="2025-01-09")


def append(folder: Path, name: str, text: str) -> None:
    with open(folder / name, "a") as file:
        file.write(text)
    os.utime(folder / name, ns=(os.stat(folder / name).st_atime_ns, os.stat(folder / name).st_mtime_ns + 10**9))


def edit(folder: Path, formula: str) -> None:
    declared = yaml.safe_load((folder / "metricsql.yml").read_text())
    declared["metrics"][0]["formula"] = formula
    (folder / "metricsql.yml").write_text(yaml.safe_dump(declared, sort_keys=False))


def drop_metric(folder: Path) -> None:
    declared = yaml.safe_load((folder / "metricsql.yml").read_text())
    declared["metrics"] = [metric for metric in declared["metrics"] if metric["id"] != "since"]
    (folder / "metricsql.yml").write_text(yaml.safe_dump(declared, sort_keys=False))


CHANGES: list[tuple[str, str, Callable[[Path], None], set[str]]] = [
    # what happens, through which day, and the folders of company results that the build writes, by month
    ("a day comes", "2025-03-01", lambda folder: append(folder, "metrics.csv", "a,x,2025-03-01,3\n"), {"2025-03-01"}),
    ("two days without anything", "2025-03-03", lambda folder: None, {"2025-03-01"}),
    ("a late row of January", "2025-03-03", lambda folder: append(folder, "metrics.csv", "b,x,2025-01-20,8\n"), {"2025-01-01"}),
    ("a late click and a day", "2025-03-04", lambda folder: append(folder, "events/2.csv", "click,e2,2025-02-26\n"),
     {"2025-02-01", "2025-03-01"}),
    ("a file of other rows", "2025-03-05", lambda folder: append(folder, "events/3.csv", "action,enduser,date\nclick,e3,2025-03-05\n"),
     {"2025-03-01"}),
    ("a field", "2025-03-06", lambda folder: (folder / "companies.csv").write_text("id,seats\na,6\nb,7\n") and None, {"2025-03-01"}),
    ("an edited metric", "2025-03-06",
     lambda folder: edit(folder, "rolling_max(metrics.x, 4)"), {"2025-01-01", "2025-02-01", "2025-03-01"}),
    ("a metric less", "2025-03-06", drop_metric, set()),
    ("an end user more", "2025-03-07",
     lambda folder: append(folder, "endusers.csv", "e4,b\n"), {"2025-01-01", "2025-02-01", "2025-03-01"}),
    ("an end user less", "2025-03-07", lambda folder: (folder / "endusers.csv").write_text("id,company\ne1,a\ne3,b\ne4,b\n") and None,
     {"2025-01-01", "2025-02-01", "2025-03-01"}),
    ("an earlier day", "2025-02-27", lambda folder: None, {"2025-02-01"}),
]


@pytest.mark.usefixtures("spark")
@pytest.mark.parametrize("count", [2, pytest.param(len(CHANGES), marks=pytest.mark.exhaustive)])
def test_after_every_change_as_if_built_anew(count: int, tmp_path: Path) -> None:
    folder, twin = tmp_path / "spark", tmp_path / "duckdb"
    for place in (folder, twin):
        place.mkdir()
        write(place)
    build(folder, as_of="2025-02-28", engine="spark")
    build(twin, as_of="2025-02-28")
    for what, day, change, expected in CHANGES[:count]:
        change(folder)
        change(twin)
        project, same = metricsql.load(folder), metricsql.load(twin)
        report, other = project.build(as_of=day, engine="spark"), same.build(as_of=day)
        assert differences(same, project) == [], what
        if report.everything == other.everything:
            settled = [{(s.metric, s.values, s.first, s.last) for s in one.settled} for one in (report, other)]
            assert settled[0] == settled[1], what
        number = query(project, "SELECT MAX(build) FROM _metricsql.builds")[0][0]
        written = f"\"table\" = 'metrics.company' AND folder LIKE '%/build-{number}/%'"
        found = {row[0] for row in query(project, f"SELECT DISTINCT first::VARCHAR FROM _metricsql.stretches WHERE {written}")}
        assert found == expected, what
        assert metricsql.load(folder).build(as_of=day, engine="spark").unchanged, what


JANUARY, FEBRUARY = date(2025, 1, 1), date(2025, 2, 1)


def stretch(first: date, number: int = 1) -> Stretch:
    return Stretch("metrics.company", first, first.replace(day=28), f"/x/{number}")


def test_only_months_with_changes_are_written_again() -> None:
    old = [stretch(JANUARY), stretch(FEBRUARY)]
    late = Work(affected={"m": Affected(((date(2025, 1, 5), date(2025, 1, 7)),), ())}, built_through=date(2025, 2, 10))
    found = plan_rewrite(late, {"m": "company"}, old, date(2025, 1, 3), date(2025, 2, 10))
    assert found.spans == {"company": [(date(2025, 1, 3), date(2025, 1, 31))]}
    assert list(found.kept) == [old[1]] and list(found.days) == []


def test_new_days_are_added_and_parts_of_a_month_joined_again() -> None:
    new = [date(2025, 2, 11), date(2025, 2, 12)]
    work = Work(affected={"m": Affected(((new[0], new[1]),), ())}, days={day: ["m"] for day in new}, built_through=date(2025, 2, 10))
    few = [stretch(FEBRUARY, number) for number in range(3)]
    found = plan_rewrite(work, {"m": "company"}, few, JANUARY, new[1])
    assert found.spans == {"company": []} and list(found.days) == new and list(found.kept) == few
    many = [stretch(FEBRUARY, number) for number in range(20)]
    found = plan_rewrite(work, {"m": "company"}, many, JANUARY, new[1])
    assert found.spans == {"company": [(FEBRUARY, date(2025, 2, 10))]} and list(found.days) == new and list(found.kept) == []
