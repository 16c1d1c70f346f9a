"""`find` on a small project whose answers are worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

import metricsql
from metricsql import ProjectError
from tests.projects import build, write_project

COMPANIES = """id,name,segment,seats,note,quiet_days
a,Alfa,Enterprise,10,,7
b,Beta,Enterprise,4,,8
c,Gamma,SMB,,,9
007,Delta,SMB,2,,9
"""
FILES = {
    "companies.csv": COMPANIES,
    "history.csv": "record,field,day,value\na,seats,2025-01-03,8\n",
    "endusers.csv": "id,company,role\nu1,a,Admin\nu2,a,User\n",
    "activities.csv": "action,company,enduser,date\nlogin,a,,2025-01-06\nlogin,b,,2025-01-01\nlogin,007,,2025-01-10\n"
                      "login,,u1,2025-01-02\n",
}
METRICS = [
    {"id": "quiet_days", "formula": "days_since(activities.login)"},
    {"id": "user_quiet", "model": "enduser", "formula": "days_since(activities.login)"},
]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> metricsql.Project:
    """Built on the 8th; then `b` moves to SMB; then built on the 10th."""
    folder = tmp_path_factory.mktemp("find")
    file = write_project(folder, FILES, METRICS, start="2025-01-01")
    build(file, as_of="2025-01-08")
    (folder / "companies.csv").write_text(COMPANIES.replace("Beta,Enterprise", "Beta,SMB"), encoding="utf-8")
    return build(file, as_of="2025-01-10")


def keys(project: metricsql.Project, where: str, **options: object) -> list[str]:
    return [row[0] for row in project.find(where, **options).rows]  # type: ignore[arg-type]


@pytest.mark.parametrize("where, day, expected", [
    ("quiet_days > 5", None, ["b"]),  # on the 10th: a 4, b 9, c never, 007 0
    ("quiet_days >= 4", None, ["a", "b"]),
    ("quiet_days is null", None, ["c"]),
    ("segment = 'Enterprise'", None, ["a"]),  # b moved before the build of the 10th
    ("segment = 'Enterprise'", "2025-01-09", ["a", "b"]),  # the newest stored value not after the 9th
    ("segment = 'Enterprise' and quiet_days > 5", "2025-01-08", ["b"]),  # on the 8th: a 2, b 7
    ("segment = 'Enterprise'", "2025-01-07", []),  # not tracked before the 8th
    ("seats = 8", "2025-01-07", ["a"]),  # given from the 3rd on
    ("seats = 8", "2025-01-02", []),
    ("seats = 10", None, ["a"]),
    ("custom.quiet_days = 9", None, ["007", "c"]),  # the field, not the metric
    ("calculated.quiet_days = 9", None, ["b"]),
    ("company.custom.seats + 1 = 5 or id = '007'", None, ["007", "b"]),
    ("note = 'x' or note > 3 or note is null", None, ["007", "a", "b", "c"]),  # a field that never had a value
    ("lower(segment) like 'sm%' and not quiet_days > 0", None, ["007"]),
    ("name in ('Alfa', 'Gamma')", None, ["a", "c"]),
    ("true", None, ["007", "a", "b", "c"]),
])
def test_answers(project: metricsql.Project, where: str, day: str | None, expected: list[str]) -> None:
    assert keys(project, where, day=day) == expected


def test_columns_are_what_the_condition_names(project: metricsql.Project) -> None:
    found = project.find("quiet_days > 3 and custom.quiet_days < 9", show=["seats"])
    assert found.columns == ["record", "name", "quiet_days", "custom.quiet_days", "seats"]
    assert found.rows == [("a", "Alfa", 4.0, 7.0, 10.0), ("b", "Beta", 9.0, 8.0, 4.0)]
    assert (str(found.day), found.records) == ("2025-01-10", 4)


def test_name_is_shown_as_it_is_now(project: metricsql.Project) -> None:
    found = project.find("quiet_days = 0", day="2025-01-01")
    assert found.rows == [("b", "Beta", 0.0)] and found.notes == []
    named = project.find("name = 'Beta'", day="2025-01-01")
    assert named.rows == [] and "known from 2025-01-08 on only" in named.notes[0]


def test_other_models_and_limits(project: metricsql.Project) -> None:
    assert project.find("user_quiet > 3 and role = 'Admin'", model="enduser").rows == [("u1", 8.0, "Admin")]
    assert [row[0] for row in project.find(limit=2).rows] == ["007", "a"]
    assert project.find(show=["segment"]).columns == ["record", "name", "segment"]


@pytest.mark.parametrize("where, code, part", [
    ("quiet > 5", "unknown-field", "did you mean `quiet_days`?"),
    ("user_quiet > 5", "unknown-field", "add `--model enduser`"),
    ('segment = "Enterprise"', "unknown-field", "single quotes: 'Enterprise'"),
    ("segment > 5", "wrong-kind", "`segment` is a text"),
    ("quiet_days = 'long'", "wrong-kind", "`quiet_days` is a number"),
    ("seats = segment", "wrong-kind", "`seats` is a number, and is compared with `segment`, which is a text"),
    ("seats", "bad-condition", "a number, not true or false"),
    ("upper(segment)", "bad-condition", "the condition does not fit"),
    ("seats > 1; drop table x", "bad-condition", "not one condition"),
    ("seats > (select 1)", "forbidden-condition", "a query"),
    ("read_text('/etc/hosts') = 'a'", "forbidden-condition", "read_text"),
])
def test_faults(project: metricsql.Project, where: str, code: str, part: str) -> None:
    with pytest.raises(ProjectError) as caught:
        project.find(where)
    assert [d.code for d in caught.value.diagnostics] == [code]
    assert part in str(caught.value)


def test_what_is_not_built(project: metricsql.Project, tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="the days of company run from 2025-01-01 to 2025-01-10"):
        project.find("seats > 1", day="2025-02-01")
    file = write_project(tmp_path, FILES, [METRICS[0]], start="2025-01-01", until="2025-01-10")
    build(file)
    more = metricsql.load(write_project(tmp_path, {}, [METRICS[0], {"id": "new", "formula": "1"}, METRICS[1]],
                                        start="2025-01-01", until="2025-01-10"))
    with pytest.raises(ProjectError, match="the metric `new` is not built yet"):
        more.find("new = 1")
    with pytest.raises(ProjectError, match="no metric of the model `enduser` is built yet"):
        more.find(model="enduser")
    assert keys(more, "quiet_days > 5") == ["b"]


def test_metric_that_is_behind(tmp_path: Path) -> None:
    metrics = [METRICS[0], {"id": "one", "formula": "1"}]
    project = build(write_project(tmp_path, FILES, metrics, start="2025-01-01"), as_of="2025-01-08")
    project.build(as_of="2025-01-10", select=["one"])
    found = project.find("one = 1 and quiet_days is null")
    assert len(found.rows) == 4
    assert found.notes == ["quiet_days is built through 2025-01-08 only, so it has no value on 2025-01-10"]
