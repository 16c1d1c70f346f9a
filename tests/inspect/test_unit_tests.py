"""Tests that a project declares: what passes, what fails and how it is said, and tests made from data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

import metricsql
from metricsql import ProjectError
from metricsql.inspect.unit_tests import Outcome
from metricsql.project import load_definition
from tests.projects import build, write_project

FILES = {
    "companies.csv": "no,label,seats,plan,since\na,Alfa,10,Pro,\nb,Beta,4,Free,2025-01-03\n",
    "endusers.csv": "id,company\nu1,a\nu2,a\nu3,b\n",
    "activities.csv": "action,company,enduser,date\nlogin,a,,2025-01-01\nlogin,,u1,2025-01-04T23:30:00+02:00\n"
                      "login,,u3,2025-01-05\n",
    "metrics.csv": "what,amount,account,at\nx,5,a,2025-01-02\nx,7,a,2025-01-02\nx,3,a,2025-01-05\nx,1,b,2025-01-05\n",
    "conversations.csv": "record,name,date\na,chat,2025-01-02\na,chat,2025-01-02\n",
    "history.csv": "record,field,day,value\na,seats,2025-01-01,5\na,seats,2025-01-04,8\nb,seats,2025-01-01,4\n",
}
METRICS: list[dict[str, Any]] = [
    {"id": "x_sum", "formula": "rolling_sum(metrics.x, 3)"},
    {"id": "per_seat", "formula": "rolling_last(metrics.x, 7) / company.custom.seats", "where": "plan = 'Pro'"},
    {"id": "quiet", "formula": "days_since(activities.login)"},
    {"id": "chats", "formula": "rolling_avg(conversations.chat, 3)"},
    {"id": "user_quiet", "model": "enduser", "formula": "days_since(activities.login)"},
    {"id": "active", "formula": "rolling_sum(enduser.calculated.user_active, 1)"},
    {"id": "user_active", "model": "enduser", "missing": "zero",
     "formula": "if(rolling_count(activities.login, 3) > 0, 1, 0)"},
    {"id": "growth", "formula": {"type": "metricOverTime", "days": 2, "op": "TREND", "prop": "calculated.x_sum",
                                 "trend": "difference"}},
    {"id": "broken_elsewhere", "formula": "company.custom.label = 'Alfa'"},
]
OPTIONS: dict[str, Any] = {
    "start": "2025-01-01", "until": "2025-01-06",
    "models": {"company": {"records": "companies.csv", "key": "no", "since": "since", "history": "history.csv"}},
    "series": {"metrics": {"path": "metrics.csv", "collapse": {"x": "sum"},
                           "columns": {"record": "account", "name": "what", "date": "at", "value": "amount"}}},
}


def outcomes(folder: Path, *tests: dict[str, Any]) -> list[Outcome]:
    file = write_project(folder, FILES, METRICS, **OPTIONS, tests=list(tests))
    return metricsql.Project(load_definition(file)).run_tests()


def one(folder: Path, **test: Any) -> Outcome:
    (outcome,) = outcomes(folder, {"name": "t", **test})
    return outcome


def x(record: str, day: int, value: float) -> dict[str, Any]:
    return {"record": record, "name": "x", "date": f"2026-03-0{day}", "value": value}


def test_values_by_hand(tmp_path: Path) -> None:
    found = one(tmp_path, rows={"metrics": [x("a", 1, 5), x("a", 1, 2), x("a", 3, 10)]},
                # the points of the 1st add up to 7; the 3rd sees both days, the 4th no longer the 1st
                expect={"x_sum": {"a": {"2026-03-01": 7, "2026-03-03": 17, "2026-03-04": 10, "2026-03-06": None}}})
    assert found.passed and found.values == 4


def test_columns_of_the_source_are_known(tmp_path: Path) -> None:
    row = {"account": "a", "what": "x", "at": "2026-03-01", "amount": 4}
    assert one(tmp_path, rows={"metrics": [row]}, expect={"x_sum": {"a": {"2026-03-01": 4}}}).passed


def test_fields_hold_on_all_days_unless_their_history_is_given(tmp_path: Path) -> None:
    rows = {"metrics": [x("a", 1, 40), x("b", 1, 40), x("c", 1, 40)]}
    records = {"company": [{"no": "a", "seats": 10, "plan": "Pro"}, {"no": "b", "seats": 10, "plan": "Free"},
                           {"no": "c", "seats": 2, "plan": "Pro"}]}
    history = {"company": [{"record": "c", "field": "seats", "day": "2026-03-02", "value": 8}]}
    assert one(tmp_path, rows=rows, records=records, fields=history, as_of="2026-03-04", expect={"per_seat": {
        "a": {"2026-03-01": 4, "2026-03-03": 4}, "b": {"2026-03-01": None},
        "c": {"2026-03-01": None, "2026-03-02": 5, "2026-03-03": 5, "2026-03-04": 20}}}).passed


def test_children_events_and_zero_days(tmp_path: Path) -> None:
    records = {"company": [{"no": "a"}], "enduser": [{"id": "u1", "company": "a"}, {"id": "u2", "company": "a"}]}
    rows = {"activities": [{"action": "login", "enduser": "u1", "date": "2026-03-02T10:00:00Z"}],
            "conversations": [{"record": "a", "name": "chat", "date": "2026-03-02", "count": 3}]}
    assert one(tmp_path, records=records, rows=rows, start="2026-03-01", expect={
        "quiet": {"a": {"2026-03-01": None, "2026-03-04": 2}}, "active": {"a": {"2026-03-02": 1, "2026-03-05": 0}},
        "user_quiet": {"u1": {"2026-03-03": 1}, "u2": {"2026-03-03": None}},
        "chats": {"a": {"2026-03-01": 0, "2026-03-02": 1.5, "2026-03-03": 1}}}).passed


def test_first_expected_day_may_lie_before_the_rows(tmp_path: Path) -> None:
    expect = {"x_sum": {"a": {"2026-03-02": None, "2026-03-05": 1}}}
    assert one(tmp_path, rows={"metrics": [x("a", 5, 1)]}, expect=expect).passed
    assert one(tmp_path, expect={"x_sum": {"a": {"2026-03-02": None}}}).passed


def test_differences_are_told(tmp_path: Path) -> None:
    found = one(tmp_path, rows={"metrics": [x("a", 1, 5)]}, records={"company": [{"no": "a", "since": "2026-03-02"}]},
                expect={"x_sum": {"a": {"2026-03-01": 5, "2026-03-02": 6, "2026-03-04": 5, "2026-03-05": None}},
                        "per_seat": {"a": {"2026-03-02": 0.5}}})
    assert list(found.lines()) == [
        "FAILED  t (4 of 5 values)",
        "        x_sum of a on 2026-03-01: expected 5, no row",
        "        x_sum of a on 2026-03-02: expected 6, found 5",
        "        x_sum of a on 2026-03-04: expected 5, found no value",
        "        per_seat of a on 2026-03-02: expected 0.5, found no value",
        "        note: the test gives no company a value of the field `seats`",
        "        note: the test gives no company a value of the field `plan`",
    ]


def test_tolerance(tmp_path: Path) -> None:
    rows = {"metrics": [x("a", 1, 1)]}
    assert one(tmp_path, rows=rows, expect={"x_sum": {"a": {"2026-03-01": 1 + 5e-10}}}).passed
    assert not one(tmp_path, rows=rows, expect={"x_sum": {"a": {"2026-03-01": 1 + 5e-9}}}).passed


@pytest.mark.parametrize("test, code, part", [
    ({"rows": {"metrics": [x("zz", 1, 5)]}}, "unusable-rows", "names no known record, for example `zz`"),
    ({"rows": {"metrics": [{**x("a", 1, 5), "date": "soon"}]}}, "unusable-rows", "no readable date"),
    ({"rows": {"metrics": [{"record": "a", "date": "2026-03-01", "value": 1}]}}, "missing-column", "no column `name`"),
    ({"records": {"company": [{"no": "a", "Plan": 1, "plan": 2}]}}, "duplicate-column", "differ by case only"),
])
def test_mistakes_in_a_test(tmp_path: Path, test: dict[str, Any], code: str, part: str) -> None:
    found = one(tmp_path, **test, expect={"x_sum": {"a": {"2026-03-01": 5}}})
    assert [problem.code for problem in found.problems] == [code]
    assert part in found.problems[0].message and found.problems[0].place.pointer.startswith("/tests/0")
    assert not found.passed and not found.differences


@pytest.mark.parametrize("test, code", [
    ({"expect": {"x_sun": {"a": {"2026-03-01": 5}}}}, "unknown-metric"),
    ({"expect": {"x_sum": {"a": {"2026-3-1": 5}}}}, "bad-value"),
    ({"expect": {"x_sum": {"a": {"2026-03-01": "5"}}}}, "bad-value"),
    ({"expect": {}}, "bad-value"),
    ({"rows": {"metrcs": []}, "expect": {"x_sum": {}}}, "unknown-prefix"),
    ({"records": {"firm": []}, "expect": {"x_sum": {}}}, "unknown-model"),
])
def test_mistakes_that_check_finds(tmp_path: Path, test: dict[str, Any], code: str) -> None:
    with pytest.raises(ProjectError) as caught:
        one(tmp_path, **test)
    assert [d.code for d in caught.value.diagnostics if d.severity == "error"] == [code]


def test_names_are_unique_and_choose(tmp_path: Path) -> None:
    test = {"name": "t", "expect": {"x_sum": {"a": {"2026-03-02": None}}}}
    with pytest.raises(ProjectError, match="two tests are called `t`"):
        outcomes(tmp_path, test, test)
    file = write_project(tmp_path, {}, METRICS, **OPTIONS, tests=[test, {**test, "name": "u"}])
    project = metricsql.Project(load_definition(file))
    assert [outcome.name for outcome in project.run_tests("u")] == ["u"]
    with pytest.raises(ProjectError, match="there is no test `v`"):
        project.run_tests("v")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> metricsql.Project:
    metrics = [m for m in METRICS if m["id"] != "broken_elsewhere"]
    return build(write_project(tmp_path_factory.mktemp("record"), FILES, metrics, **OPTIONS))


@pytest.mark.parametrize("metric, record", [
    ("x_sum", "a"), ("per_seat", "a"), ("per_seat", "b"), ("quiet", "a"), ("quiet", "b"), ("chats", "a"),
    ("chats", "b"),
    ("user_quiet", "u1"), ("active", "a"), ("user_active", "u2"), ("growth", "a"),
])
def test_recorded_tests_hold(built: metricsql.Project, tmp_path: Path, metric: str, record: str) -> None:
    text = built.record_test(metric, record, "2025-01-06", 3)
    (test,) = yaml.safe_load(text)["tests"]
    assert len(test["expect"][metric][record]) == 3
    assert one(tmp_path, **test).passed


def test_recorded_test_holds_what_decides(built: metricsql.Project) -> None:
    assert built.record_test("quiet", "a", "2025-01-06") == """\
tests:
  - name: quiet of a on 2025-01-06
    start: '2025-01-04'
    records:
      company:
      - {'no': a}
    rows:
      activities:
      - {action: login, company: a, date: '2025-01-04'}
    expect:
      quiet:
        a: {'2025-01-06': 2}
"""
    (test,) = yaml.safe_load(built.record_test("per_seat", "a", "2025-01-04", 2))["tests"]
    assert test["records"] == {"company": [{"no": "a", "plan": "Pro"}]}
    assert test["fields"] == {"company": [{"record": "a", "field": "seats", "day": "2025-01-01", "value": 5},
                                          {"record": "a", "field": "seats", "day": "2025-01-04", "value": 8}]}
    assert test["expect"]["per_seat"]["a"] == {"2025-01-03": 2.4, "2025-01-04": 1.5}  # 12 / 5, 12 / 8


def test_recording_needs_fresh_values(tmp_path: Path) -> None:
    metrics = [METRICS[0]]
    project = build(write_project(tmp_path, FILES, metrics, **OPTIONS))
    with pytest.raises(ProjectError, match="b has no row of `x_sum` on 2025-01-02"):
        project.record_test("x_sum", "b", "2025-01-02")
    with pytest.raises(ProjectError, match="no company with the key `zz`"):
        project.record_test("x_sum", "zz", "2025-01-02")
    (tmp_path / "metrics.csv").write_text(FILES["metrics.csv"].replace("x,7", "x,70"), encoding="utf-8")
    with pytest.raises(ProjectError, match="expected 12, found 75"):
        project.record_test("x_sum", "a", "2025-01-02")
