"""`why` by hand: every rule in its words, the days of each window, the rows behind it, and what is stored."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from metricsql import operators
from metricsql.api import Project
from metricsql.build.record import reading_record
from metricsql.diagnostics import ProjectError
from metricsql.inspect.why import Why, take_apart
from metricsql.inspect.why_nodes import Node
from metricsql.inspect.why_rules import operator_rules
from metricsql.inspect.why_words import counted, day_words, span_words, value_words
from metricsql.operators import Operator
from metricsql.project import load_definition
from tests.projects import write_project

FILES = {
    "companies.csv": "id,name,segment,seats,floors,since\na,Alpha,Enterprise,10,3,\nb,Beta,Small,,,2026-03-20\n"
                     "c,Gamma,Small,2,1,\n",
    "history.csv": "record,field,day,value\na,seats,2026-03-05,4\na,seats,2026-03-10,\na,seats,2026-03-15,10\n",
    "endusers.csv": "id,company\nu1,a\nu2,a\nu3,b\n",
    "events/1.csv": "action,company,enduser,date,count\nlogin,a,,2026-03-25T09:00:00Z,3\n"
                    "login,a,,2026-03-25T08:00:00Z,2\n",
    "events/2.csv": "action,company,enduser,date,count\nlogin,,u1,2026-03-28T10:00:00Z,\nlogin,a,u2,2026-03-31,4\n"
                    "visit,a,,2026-02-20,0\nvisit,a,,2026-03-29T23:30:00-05:00,1\n",
    "metrics.csv": "record,name,date,value,model\na,x,2026-03-10,20,\na,x,2026-03-24,5,\na,x,2026-03-30,0,\n"
                   "a,used,2026-03-26,7,\na,nps,2026-03-10,8,\na,nps,2026-03-20,0,\na,nps,2026-03-21,oops,\n"
                   "u1,minutes,2026-03-30,30,EndUser\nu2,minutes,2026-03-30,12,EndUser\n"
                   "u2,minutes,2026-03-31,6,EndUser\nu2,minutes,2026-03-31,2,EndUser\n",
    "conversations.csv": "record,name,date\na,chat,2026-03-30T12:00:00Z\na,chat,2026-03-30T13:00:00Z\n",
}
FORMULAS = {
    "logins_7d": "rolling_sum(activities.login, 7)",
    "logins_mean": "rolling_avg(activities.login, 7)",
    "logins_days": "rolling_count(activities.login, 7)",
    "logins_all": "total_sum(activities.login)",
    "quiet": "days_since(activities.visit)",
    "today": "rolling_last(activities.login, 1)",
    "used": "rolling_last(metrics.used, 7)",
    "used_3d": "rolling_last(metrics.used, 3)",
    "most_x": "rolling_max(metrics.x, 30)",
    "x_trend": "trend(metrics.x, 14)",
    "x_back": "trend(metrics.x, 6)",
    "login_trend": "trend(activities.login, 3, 'difference')",
    "chats": "rolling_avg(conversations.chat, 5)",
    "chat_days": "days_since(conversations.call)",
    "nps": "rolling_last(metrics.nps, 20)",
    "minutes": "rolling_sum(enduser.metrics.minutes, 2)",
    "never": "rolling_last(metrics.never, 7)",
    "mails": "rolling_sum(system.mails, 7)",
    "skips": "avg(rolling_last(metrics.used, 7), rolling_last(metrics.never, 7), 3)",
    "takes": "subtract(rolling_last(metrics.used, 7), rolling_last(metrics.never, 7))",
    "takes_from": "subtract(rolling_last(metrics.never, 7), 1)",
    "share": "rolling_last(metrics.used, 7) / rolling_last(metrics.x, 7)",
    "times": "2 * rolling_last(metrics.never, 7)",
    "huge": "exp(1000 * rolling_last(metrics.used, 7))",
    "root": "sqrt(rolling_last(metrics.used, 7) - 10)",
    "choice": "if(rolling_last(metrics.used, 7) > 5, rolling_last(metrics.used, 7), rolling_last(metrics.x, 30))",
    "no_choice": "if(rolling_last(metrics.never, 7) > 5, 1, 2)",
    "first": "coalesce(rolling_last(metrics.never, 7), rolling_last(metrics.used, 7), rolling_last(metrics.x, 30))",
    "seats": "company.custom.seats",
    "floors": "company.custom.floors",
    "is_small": "if(company.custom.segment = 'Small', 1, 0)",
    "nested": "10 * rolling_last(calculated.logins_7d, 1)",
    "best": "rolling_max(calculated.logins_7d, 31)",
    "level": "trend(calculated.used, 1)",
    "active": "rolling_sum(enduser.calculated.active, 1)",
    "share_2": "rolling_last(calculated.nested, 1) / rolling_sum(calculated.logins_7d, 1)",
}
METRICS: list[dict[str, Any]] = [
    *({"id": id_, "formula": formula} for id_, formula in FORMULAS.items()),
    {"id": "zero", "formula": "rolling_sum(metrics.never, 7)", "missing": "zero"},
    {"id": "big", "formula": "rolling_sum(activities.login, 7)", "where": "segment = 'Small'", "missing": "zero"},
    {"id": "one", "formula": "1"},
    {"id": "active", "formula": "if(rolling_sum(activities.login, 7) > 0, 1, 0)", "model": "enduser"},
]
METRICS = [metric for metric in METRICS if metric != {"id": "active", "formula": FORMULAS["active"]}]
METRICS.append({"id": "active_users", "name": "Active users", "unit": "people", "formula": FORMULAS["active"]})
OPTIONS: dict[str, Any] = {
    "start": date(2026, 3, 1), "until": date(2026, 3, 31),
    "models": {"company": {"records": "companies.csv", "since": "since", "history": "history.csv"}},
    "series": {"activities": "events/*.csv", "metrics": {"source": "metrics.csv", "zeros": {"nps": "missing"},
                                                         "collapse": {"minutes": "sum"}}},
}
Ask = Callable[..., Why]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a metric for each rule, built."""
    found = Project(load_definition(write_project(tmp_path_factory.mktemp("why"), FILES, METRICS, **OPTIONS)))
    found.build()
    return found


@pytest.fixture(scope="module")
def ask(project: Project) -> Iterator[Ask]:
    """Asks about company `a`; everything is read once."""
    declared = {metric.id: metric for metric in project.definition.metrics}
    companies = [metric.id for metric in project.definition.metrics if metric.model == "company"]
    with reading_record(project.definition, companies, "a", date(2026, 3, 31)) as reader:
        yield lambda metric, day="2026-03-31", limit=10: take_apart(
            reader, declared[metric], "a", date.fromisoformat(day), limit)


def top(why: Why) -> Node:
    """The node of the whole formula."""
    assert why.stored.state == "same", why.stored.words
    return why.tree.children[0]


def text(why: Why) -> list[str]:
    """The lines of the tree."""
    lines = list(why.lines())
    return lines[lines.index("") + 1:]


def window(node: Node) -> Any:
    assert node.window is not None
    return node.window


# Operations over time


def test_sum_shows_days_values_and_rows(ask: Ask) -> None:
    node = top(ask("logins_7d"))
    assert node.value == 10  # 3 + 2, 1, 4
    found = window(node)
    assert (found.operation, found.series, found.days) == ("SUM", "activities.login", 7)
    assert (found.first, found.last) == (date(2026, 3, 25), date(2026, 3, 31))
    assert (found.days_with_data, found.days_as_zero, found.more_values, found.more_rows) == (3, 0, 0, 0)
    assert [(v.day.day, v.value, v.rows, v.made) for v in found.values] == \
        [(31, 4, 1, None), (28, 1, 1, None), (25, 5, 2, "the sum of 2 rows")]
    assert [(r.source, r.written, r.value, dict(r.names)) for r in found.rows] == [
        ("events/2.csv", "2026-03-31", 4, {"enduser": "u2"}),
        ("events/2.csv", "2026-03-28T10:00:00Z", 1, {"enduser": "u1"}),
        ("events/1.csv", "2026-03-25T09:00:00Z", 3, {}), ("events/1.csv", "2026-03-25T08:00:00Z", 2, {})]
    assert text(ask("logins_7d")) == [
        "rolling_sum(activities.login, 7) = 10",
        "  - sum of the values of the last days: 3 of the 7 days from 25 to 31 March 2026 have data",
        "  2026-03-31  4  events/2.csv, u2",
        "  2026-03-28  1  events/2.csv, 2026-03-28T10:00:00Z, u1",
        "  2026-03-25  5  the sum of 2 rows",
        "    3  events/1.csv, 2026-03-25T09:00:00Z",
        "    2  events/1.csv, 2026-03-25T08:00:00Z",
    ]


def test_average_and_count_are_over_days_with_data(ask: Ask) -> None:
    assert top(ask("logins_mean")).value == pytest.approx(10 / 3)
    assert top(ask("logins_mean")).rules == (
        "mean of the last days, counting only days with data: 3 of the 7 days from 25 to 31 March 2026 have data",)
    assert top(ask("logins_days")).value == 3
    assert top(ask("logins_days")).rules == ("3 of the 7 days from 25 to 31 March 2026 have data",)
    assert top(ask("logins_days", "2026-03-05")).rules[0] == \
        "no data from 27 February to 5 March 2026, so the number of days is 0"


def test_total_and_days_since(ask: Ask) -> None:
    node = top(ask("logins_all"))
    assert node.value == 10
    assert window(node).first == date(2026, 3, 25)
    assert node.rules == ("sum of all values of all days so far: 3 days from 25 to 31 March 2026 have data",)
    # 23:30 five hours behind is the 30th in UTC; the visit of February counts 0
    node = top(ask("quiet"))
    assert node.value == 1
    assert node.rules == ("the newest day with a value above zero is 30 March 2026, 1 day before",)
    assert [(r.day.day, r.written) for r in window(node).rows] == [(30, "2026-03-29T23:30:00-05:00")]
    assert top(ask("quiet", "2026-03-30")).rules == ("30 March 2026 itself has a value above zero",)
    assert top(ask("quiet", "2026-03-29")).value is None
    assert top(ask("quiet", "2026-03-29")).rules == (
        "no day up to 29 March 2026 has a value above zero, so there is no value",)
    assert top(ask("chat_days")).rules == ("no day up to 31 March 2026 has a value above zero, so there is no value",)


def test_last_is_carried(ask: Ask) -> None:
    node = top(ask("used"))
    assert node.value == 7
    assert node.rules == ("carried from 26 March 2026, the newest day with data from 25 to 31 March 2026",)
    assert [(v.day.day, v.value) for v in window(node).values] == [(26, 7)]
    assert top(ask("used", "2026-03-26")).rules == ("the value of 26 March 2026, the newest of the last 7 days",)
    assert top(ask("today")).rules == ("the value of 31 March 2026",)
    assert top(ask("today", "2026-03-30")).rules == (
        "no data on 30 March 2026", "the newest data before that is 1 of 28 March 2026")


def test_an_empty_window_says_what_lies_around_it(ask: Ask) -> None:
    assert top(ask("used_3d")).value is None
    assert top(ask("used_3d")).rules == (
        "no data from 29 to 31 March 2026", "the newest data before that is 7 of 26 March 2026")
    assert top(ask("used", "2026-03-20")).rules == (
        "no data from 14 to 20 March 2026", "the first data is of 26 March 2026")
    assert top(ask("never")).rules == ("no data from 25 to 31 March 2026", "no other day has data either")
    assert top(ask("mails")).rules == ("no data from 25 to 31 March 2026", "the project has no source for `system`")


def test_extremes_name_their_day(ask: Ask) -> None:
    node = top(ask("most_x"))
    assert node.value == 20
    assert node.rules == (
        "the largest value is that of 10 March 2026; 3 of the 30 days from 2 to 31 March 2026 have data",)
    assert [(v.day.day, v.value) for v in window(node).values] == [(10, 20)]


def test_trend_shows_both_days(ask: Ask) -> None:
    node = top(ask("x_trend", "2026-03-24"))  # 5 / 20
    assert node.value == 0.25
    assert node.rules == (
        "24 March 2026 has 5, 10 March 2026 (14 days before) has 20: the first divided by the second",)
    assert [(v.day.day, v.value) for v in window(node).values] == [(24, 5), (10, 20)]
    assert top(ask("login_trend")).rules == (  # 4 - 1
        "31 March 2026 has 4, 28 March 2026 (3 days before) has 1: the first minus the second",)
    assert top(ask("x_trend")).rules == ("31 March 2026 has no data, nor has 17 March 2026, so there is no value",)
    assert top(ask("x_back", "2026-03-30")).rules == (
        "30 March 2026 has 0, 24 March 2026 (6 days before) has 5: the first divided by the second",)
    assert top(ask("x_trend", "2026-03-10")).rules == ("24 February 2026 has no data, so there is no value",)


def test_a_trend_from_zero_has_no_value(tmp_path: Path) -> None:
    files = {"companies.csv": "id\na\n", "metrics.csv": "record,name,date,value\na,x,2026-03-01,0\na,x,2026-03-02,3\n"}
    metrics = [{"id": "m", "formula": "trend(metrics.x, 1)"}]
    found = Project(load_definition(write_project(tmp_path, files, metrics, until=date(2026, 3, 2)))).why("m", "a")
    assert found.tree.children[0].rules == (
        "2 March 2026 has 3, 1 March 2026 (1 day before) has 0; a division by zero has no value",)


def test_days_without_conversations_count_as_zero(ask: Ask) -> None:
    node = top(ask("chats"))  # 0, 0, 0, 2, 0
    assert node.value == 0.4
    assert (window(node).days_with_data, window(node).days_as_zero) == (1, 4)
    assert node.rules == (
        "mean of the last days: all 5 days from 27 to 31 March 2026 count",
        "4 of them have no data and count as 0")
    assert [(v.day.day, v.value, v.made) for v in window(node).values] == [(30, 2, "the sum of 2 rows")]
    node = top(ask("chats", "2026-03-02"))
    assert node.value == 0
    assert node.rules == (
        "mean of the last days: 2 of the 5 days from 26 February to 2 March 2026 count",
        "none of these days has data; each counts as 0",
        "before 1 March 2026, its first day in the grid, a day without data does not count")


def test_rows_that_do_not_count_are_said(ask: Ask) -> None:
    node = top(ask("nps"))
    assert node.value is None
    assert node.rules == (
        "no data from 12 to 31 March 2026", "the newest data before that is 8 of 10 March 2026",
        "1 row with 0 is read as no data (`zeros: missing`)", "1 row without a readable value is left out")


def test_series_of_children_show_the_child(ask: Ask) -> None:
    node = top(ask("minutes"))  # 30 + 12, and 6 + 2
    assert node.value == 50
    found = window(node)
    assert (found.series, found.model) == ("enduser.metrics.minutes", "enduser")
    assert [(v.day.day, v.value, v.made) for v in found.values] == [
        (31, 8, "the sum of 2 rows"), (30, 42, "the sum over 2 records of enduser")]
    assert [(r.record, r.value) for r in found.rows] == [("u2", 2), ("u2", 6), ("u2", 12), ("u1", 30)]


def test_a_limit_says_how_much_is_left_out(ask: Ask) -> None:
    found = window(top(ask("logins_7d", limit=1)))
    assert (len(found.values), found.more_values, len(found.rows), found.more_rows) == (1, 2, 1, 3)
    assert text(ask("logins_7d", limit=1))[-1] == "  and 2 more days with 3 more rows"
    assert text(ask("minutes", limit=3))[-1] == "  and 1 more row"
    assert text(ask("logins_7d", limit=0))[-1] == "  and 3 more days with 4 more rows"


# Operators


def rules_of(ask: Ask, metric: str) -> tuple[str, ...]:
    return top(ask(metric)).rules


def test_missing_arguments(ask: Ask) -> None:
    assert top(ask("skips")).value == 5  # (7 + 3) / 2
    assert rules_of(ask, "skips") == ("`rolling_last(metrics.never, 7)` has no value and is skipped",)
    assert top(ask("takes")).value == 7
    assert rules_of(ask, "takes") == ("`rolling_last(metrics.never, 7)` has no value, so nothing is taken away for it",)
    assert rules_of(ask, "takes_from") == (
        "the first argument, `rolling_last(metrics.never, 7)`, has no value, so the result has none",)
    assert rules_of(ask, "times") == ("`rolling_last(metrics.never, 7)` has no value, so the result has none",)


def test_results_outside_the_numbers(ask: Ask) -> None:
    assert rules_of(ask, "share") == ("the divisor, `rolling_last(metrics.x, 7)`, is zero, so there is no value",)
    assert rules_of(ask, "huge") == ("the result is not a finite number, so there is no value",)
    assert rules_of(ask, "root") == ("a negative argument has no root",)


def test_choices(ask: Ask) -> None:
    node = top(ask("choice"))
    assert node.rules == ("the condition holds, so `rolling_last(metrics.used, 7)` counts",)
    test, then, other = node.children
    assert (test.value, then.value, other.value) == (1, 7, 0)
    assert then.repeated and then.counts
    assert not other.counts and other.window is None and other.value == 0
    assert text(ask("choice"))[-1] == "  rolling_last(metrics.x, 30) = 0 (not used)"
    node = top(ask("no_choice"))
    assert node.value == 2
    assert node.rules == ("the condition has no value, which counts as not satisfied, so `2` counts",)
    assert node.children[0].rules == ("`rolling_last(metrics.never, 7)` has no value, so the comparison has none",)
    node = top(ask("first"))
    assert (node.value, node.rules) == (7, ("the first argument with a value is `rolling_last(metrics.used, 7)`",))
    assert [child.counts for child in node.children] == [True, True, False]


def test_every_operator_has_words_for_a_missing_argument() -> None:
    for block in operators.groups():
        count = max(block.least, 1)
        said = operator_rules(block, ["x"] * count, [None] * count, block.evaluate(*[None] * count))
        assert said or block.key == "has_value", block.key
        assert all(sentence == sentence.strip() and not sentence.endswith(".") for sentence in said)


def test_an_operator_that_nobody_knows_speaks_for_itself() -> None:
    block = Operator(key="half", json="HALF", function="half", meaning="half", nulls="as nothing; never for seven",
                     sql="{0} / 2", evaluate=lambda a: None)
    assert operator_rules(block, ["x"], [None], None) == ("`x` has no value, so the result has none",)
    assert operator_rules(block, ["x"], [7.0], None) == ("never for seven",)


@pytest.mark.parametrize(("key", "values", "expected"), [
    ("sum", [None, None], "no argument has a value, so there is none"),
    ("max", [None, 1.0, None], "`a` and `c` have no value and are skipped"),
    ("division", [1.0, None], "`b` has no value, so the result has none"),
    ("division", [1e308, 1e-308], "the result is not a finite number, so there is no value"),
    ("power", [-8.0, 0.5], "the power is outside the real numbers, so there is no value"),
    ("power", [1e300, 2.0], "the result is not a finite number, so there is no value"),
    ("ln", [0.0], "only positive arguments have a logarithm"),
    ("round", [1.0, 0.5], "a number of digits that is not whole has none either"),
    ("and", [1.0, None], "`b` has no value: a missing value is neither true nor false, as in SQL"),
    ("coalesce", [None, None], "no argument has a value, so there is none"),
    ("subtraction", [None, None], "the first argument, `a`, has no value, so the result has none"),
    ("minus", [1.0, None], "`b` has no value, so the result has none"),
])
def test_words_of_operators(key: str, values: list[float | None], expected: str) -> None:
    block = operators.operator(key)
    assert operator_rules(block, list("abc")[: len(values)], values, block.evaluate(*values)) == (expected,)


# Fields, and the rules of a metric


def test_fields(ask: Ask) -> None:
    def field(metric: str, day: str) -> tuple[Any, ...]:
        node = top(ask(metric, day))
        return node.value, node.since, node.source, node.rules

    untracked = ("not tracked before 5 March 2026, so there is no value",)
    assert field("seats", "2026-03-04") == (None, None, None, untracked)
    assert field("seats", "2026-03-07") == (4, date(2026, 3, 5), "history.csv", ("4 since 5 March 2026 (history.csv)",))
    assert field("seats", "2026-03-12")[3] == ("empty since 10 March 2026 (history.csv)",)
    assert field("seats", "2026-03-31")[3] == ("10 since 15 March 2026 (history.csv)",)
    assert field("floors", "2026-03-30")[3] == ("not tracked before 31 March 2026, so there is no value",)
    assert field("floors", "2026-03-31")[3] == ("3 since 31 March 2026 (companies.csv)",)
    assert text(ask("is_small")) == [
        "if(company.custom.segment = 'Small', 1, 0) = 0",
        "  - the condition does not hold, so `0` counts",
        "  company.custom.segment = 'Small' = 0",
        "    company.custom.segment = 'Enterprise'",
        "      - 'Enterprise' since 31 March 2026 (companies.csv)",
    ]


def test_constant_fields_and_stored_fields(tmp_path: Path) -> None:
    files = {"companies.csv": "id,seats\na,4\n", "metrics.csv": "record,name,date,value\na,x,2026-03-01,1\n"}
    metrics = [{"id": "m", "formula": "company.custom.seats"}]
    options = {"fields_before_tracking": "constant", "until": date(2026, 3, 10)}
    project = Project(load_definition(write_project(tmp_path, files, metrics, **options)))
    project.build("2026-03-04")
    (tmp_path / "companies.csv").write_text("id,seats\na,5\n", encoding="utf-8")
    project.build("2026-03-08")
    node = top(project.why("m", "a", "2026-03-02"))
    assert (node.value, node.rules) == (4, (
        "not tracked before 4 March 2026; until then the first known value counts "
        "(`fields_before_tracking: constant`)",))
    assert top(project.why("m", "a", "2026-03-05")).rules == ("4 since 4 March 2026 (the build of 2026-03-04)",)
    found = project.why("m", "a", "2026-03-09")
    assert (found.value, found.stored.state) == (5, "missing")
    assert found.stored.words == "There is no stored value: `m` is built through 8 March 2026 only; " \
        "`metricsql build` adds it."


def test_rules_of_the_output(ask: Ask) -> None:
    found = ask("zero")
    assert (found.value, top(found).value) == (0, None)
    assert found.tree.rules == ("the formula has no value, which `missing: zero` makes 0",)
    found = ask("big")
    assert (found.value, found.tree.children) == (None, ())
    assert text(found) == ["- `a` is outside of `where: segment = 'Small'` (segment is 'Enterprise'), "
                           "so the metric has no value for it"]
    assert text(ask("one")) == ["- the formula is the number 1"]


# Metrics in metrics


def test_the_same_day_shows_the_nested_formula(ask: Ask) -> None:
    node = top(ask("nested"))
    leaf = node.children[1]
    assert (leaf.window, leaf.value) == (None, 10)
    inner = leaf.children[0]
    assert (inner.kind, inner.text, inner.record, inner.day) == ("metric", "logins_7d", "a", date(2026, 3, 31))
    assert window(inner.children[0]).days_with_data == 3
    assert text(ask("nested"))[:4] == [
        "10 * rolling_last(calculated.logins_7d, 1) = 100",
        "  rolling_last(calculated.logins_7d, 1) = 10",
        "    - the value of `logins_7d` on the same day",
        "    rolling_sum(activities.login, 7) = 10",
    ]


def test_what_was_shown_is_not_shown_again(ask: Ask) -> None:
    _, second = top(ask("share_2")).children
    assert second.value == 10 and second.children[0].repeated and not second.children[0].children
    assert text(ask("share_2"))[-1] == "    - the value of `logins_7d` on the same day, shown above"


def test_a_window_over_a_metric_shows_its_days_and_one_tree(ask: Ask) -> None:
    node = top(ask("best", "2026-03-29"))  # 25th: 5, 28th: 6, 29th: 6
    assert node.value == 6
    assert node.rules == (
        "the largest value is that of 29 March 2026; 5 of the 31 days from 27 February to 29 March 2026 have a value",
        "before 1 March 2026, its first day in the grid, the metric has no values")
    assert window(node).rows == () and [(v.day.day, v.value) for v in window(node).values] == [(29, 6)]
    (inner,) = node.children
    assert (inner.kind, inner.text, inner.day, inner.value) == ("metric", "logins_7d", date(2026, 3, 29), 6)
    node = top(ask("level", "2026-03-26"))
    assert node.rules == ("25 March 2026 has no value, so there is no value",)
    (inner,) = node.children
    assert (inner.day, inner.children[0].rules[0]) == (date(2026, 3, 25), "no data from 19 to 25 March 2026")


def test_metrics_of_children_are_listed_and_one_is_taken_apart(ask: Ask) -> None:
    assert text(ask("active_users")) == [
        "rolling_sum(enduser.calculated.active, 1) = 2",
        "  - the value of 31 March 2026",
        "  2026-03-31  2  the sum over 2 records of enduser",
        "    1  u1",
        "    1  u2",
        "  `active` of u1 on 31 March 2026 = 1",
        "    if(rolling_sum(activities.login, 7) > 0, 1, 0) = 1",
        "      - the condition holds, so `1` counts",
        "      rolling_sum(activities.login, 7) > 0 = 1",
        "        rolling_sum(activities.login, 7) = 1",
        "          - sum of the values of the last days: 1 of the 7 days from 25 to 31 March 2026 has data",
        "          2026-03-28  1  events/2.csv, 2026-03-28T10:00:00Z",
    ]


def test_a_company_without_children(project: Project) -> None:
    found = project.why("active_users", "c", "2026-03-31")
    assert top(found).rules == ("no value on 31 March 2026", "no record of enduser belongs to `c`")


def test_a_long_chain_ends_with_the_command_that_goes_on(tmp_path: Path) -> None:
    files = {"companies.csv": "id\nan o'key\n", "metrics.csv": "record,name,date,value\nan o'key,x,2026-03-01,1\n"}
    metrics: list[dict[str, Any]] = [{"id": "m0", "formula": "rolling_last(metrics.x, 1)"}]
    metrics += [{"id": f"m{i}", "formula": f"rolling_last(calculated.m{i - 1}, {2 if i < 8 else 1}) + 1"}
                for i in range(1, 100)]
    file = write_project(tmp_path, files, metrics, until=date(2026, 3, 1))
    project = Project(load_definition(file))
    found = project.why("m7", "an o'key")
    assert found.value == 8
    last = [node for node in found.tree.walk() if node.kind == "metric"][-1]
    assert (last.text, last.children) == ("m3", ())
    assert last.rules == ("`metricsql why m3 --record 'an o'\"'\"'key' --day 2026-03-01` goes on from here",)
    found = project.why("m99", "an o'key")
    assert found.value == 100 and json.dumps(found.to_dict()) and len(list(found.lines())) > 100


# What is stored


HEADER, ONE, TWO = "record,name,date,value\n", "a,x,2026-03-01,1\n", "a,x,2026-03-02,2\n"
N = {"id": "n", "formula": "2 * rolling_last(calculated.m, 1)"}


def small(folder: Path, metrics: list[dict[str, Any]] | None = None, until: date = date(2026, 3, 3),
          **options: Any) -> Project:
    """One company, two numbers; `n` is twice `m`."""
    files = {"companies.csv": "id,seats\na,2\n", "tasks.csv": "record,name,date\n", "metrics.csv": HEADER + ONE + TWO}
    chosen = metrics or [{"id": "m", "formula": "total_sum(metrics.x)"}, N]
    return Project(load_definition(write_project(folder, files, chosen, until=until, **options)))


def test_nothing_is_built_yet(tmp_path: Path) -> None:
    found = small(tmp_path).why("m", "a", "2026-03-02")
    assert (found.value, found.stored.state, found.stored.value) == (3, "missing", None)
    assert found.stored.words == "`m` is not built yet; `metricsql build` stores its values."
    assert not (tmp_path / "case.duckdb").exists()


def test_changed_data_make_a_stored_value_stale(tmp_path: Path) -> None:
    project = small(tmp_path)
    project.build()
    assert project.why("m", "a").stored.state == "same"
    (tmp_path / "metrics.csv").write_text(HEADER + ONE + "a,x,2026-03-02,5\n", encoding="utf-8")
    (tmp_path / "tasks.csv").write_text("record,name,date\na,y,2026-03-01\n", encoding="utf-8")
    found = project.why("m", "a")
    assert (found.value, found.stored.state, found.stored.value) == (6, "stale", 3)
    assert found.stored.words.startswith("The stored value is stale: it is 3 (the build of ")
    assert found.stored.words.endswith(
        ", as of 2026-03-03). `metrics.csv` has changed since; `metricsql build` computes it anew.")
    assert project.why("m", "a", "2026-03-01").stored.state == "same"
    project.build()
    assert project.why("m", "a").stored.state == "same"


def test_a_changed_field_is_seen_on_the_as_of_day(tmp_path: Path) -> None:
    project = small(tmp_path, [{"id": "m", "formula": "company.custom.seats"}])
    project.build()
    (tmp_path / "companies.csv").write_text("id,seats\na,7\n", encoding="utf-8")
    found = project.why("m", "a")
    assert (found.value, found.stored.value, found.stored.state) == (7, 2, "stale")
    assert "`companies.csv` has changed since" in found.stored.words
    project.build()
    assert project.why("m", "a").stored.value == 7


@pytest.mark.parametrize(("metric", "reason"), [
    ("m", "Its definition has changed since"), ("n", "The definition of a metric that it uses has changed since")])
def test_changed_definitions_make_stored_values_stale(metric: str, reason: str, tmp_path: Path) -> None:
    small(tmp_path).build()
    changed = [{"id": "m", "formula": "10 * total_sum(metrics.x)"}, N]
    found = small(tmp_path, changed).why(metric, "a")
    assert found.stored.state == "stale" and reason in found.stored.words


def test_a_changed_setting_has_a_reason_too(tmp_path: Path) -> None:
    metrics = [{"id": "m", "formula": "trend(metrics.x, 1)"}]
    small(tmp_path, metrics).build()
    found = small(tmp_path, metrics, trend="difference").why("m", "a", "2026-03-02")  # 2 / 1 was stored, 2 - 1 is right
    assert (found.value, found.stored.value, found.stored.state) == (1, 2, "stale")


def test_days_after_the_build(tmp_path: Path) -> None:
    small(tmp_path, until=date(2026, 3, 2)).build()
    found = small(tmp_path).why("m", "a")
    assert (found.value, found.stored.state) == (3, "missing")
    assert "`m` is built through 2 March 2026 only" in found.stored.words
    # a build may go beyond `until`; its days are days of the grid, too
    small(tmp_path, until=date(2026, 3, 2)).build("2026-03-05")
    assert small(tmp_path, until=date(2026, 3, 2)).why("m", "a", "2026-03-05").stored.state == "same"


# Errors, output


@pytest.mark.parametrize(("metric", "record", "day", "code", "message", "hint"), [
    ("logins", "a", None, "unknown-metric", "no calculated metric with the id `logins`", None),
    ("login_7d", "a", None, "unknown-metric", "no calculated metric with the id `login_7d`",
     "did you mean `logins_7d`?"),
    ("logins_7d", "A", None, "unknown-record", "there is no company with the key `A`", "did you mean `a`?"),
    ("logins_7d", "u1", None, "unknown-record", "there is no company with the key `u1`", None),
    ("logins_7d", "a", "2026-13-01", "bad-day", "found `2026-13-01`, expected a day as YYYY-MM-DD", None),
    ("logins_7d", "a", "2026-02-28", "no-such-day",
     "`a` has no row on 2026-02-28: the first day of the project is 1 March 2026",
     "its days run from 2026-03-01 to 2026-03-31"),
    ("logins_7d", "a", "2026-04-01", "no-such-day", "`a` has no row on 2026-04-01: the as-of day is 31 March 2026",
     "its days run from 2026-03-01 to 2026-03-31"),
    ("logins_7d", "b", "2026-03-19", "no-such-day",
     "`b` has no row on 2026-03-19: its first day, in the column `since`, is 20 March 2026",
     "its days run from 2026-03-20 to 2026-03-31"),
])
def test_errors(project: Project, metric: str, record: str, day: str | None, code: str, message: str,
                hint: str | None) -> None:
    with pytest.raises(ProjectError) as error:
        project.why(metric, record, day)
    (found,) = error.value.diagnostics
    assert (found.code, found.message) == (code, message)
    assert hint is None or found.hint == hint


def test_no_data_at_all(tmp_path: Path) -> None:
    files = {"companies.csv": "id\na\n", "metrics.csv": HEADER}
    metrics = [{"id": "m", "formula": "1"}]
    project = Project(load_definition(write_project(tmp_path, files, metrics, until=date(2026, 3, 1))))
    with pytest.raises(ProjectError, match="there is no data, and so no day at all"):
        project.why("m", "a", "2026-03-01")


def test_rows_of_a_query(tmp_path: Path) -> None:
    files = {"companies.csv": "id\na\n", "metrics.csv": "record,name,date,value\na,x,2026-03-01 10:00:00,1\n"}
    series = {"metrics": {"sql": "select record, name, cast(date as timestamp) as date, value from 'metrics.csv'"}}
    metrics = [{"id": "m", "formula": "rolling_sum(metrics.x, 3)"}]
    project = Project(load_definition(write_project(tmp_path, files, metrics, series=series, until=date(2026, 3, 1))))
    (row,) = window(project.why("m", "a").tree.children[0]).rows
    assert (row.source, row.written, row.value) == ("the query of metrics", "2026-03-01 10:00:00", 1)


def test_rows_of_other_sources_say_where_they_are_from(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "case.duckdb")) as own:
        own.execute("CREATE TABLE health AS SELECT 'a' AS record, 'h' AS name, DATE '2026-03-02' AS day, 9 AS value")
    with duckdb.connect(str(tmp_path / "other.duckdb")) as other:
        other.execute("CREATE TABLE acts AS SELECT 'login' AS action, 'a' AS company, "
                      "TIMESTAMPTZ '2026-03-01 23:30:00-05' AS date, 2 AS count")
    for day in (1, 2):
        duckdb.sql(f"SELECT 'a' AS record, 'x' AS name, DATE '2026-03-0{day}' AS date, {day}.5 AS value") \
            .write_parquet(str(tmp_path / f"m{day}.parquet"))
    chat = {"record": "a", "name": "chat", "date": "2026-03-02T10:00:00Z"}
    files = {"companies.csv": "id\na\n", "chats.ndjson": json.dumps(chat)}
    series = {"activities": {"attach": "other.duckdb", "table": "acts"}, "metrics": "m*.parquet",
              "conversations": "chats.ndjson", "system": {"table": "health"}}
    metrics = [{"id": name.partition(".")[0], "formula": f"rolling_sum({name}, 7)"}
               for name in ("activities.login", "metrics.x", "conversations.chat", "system.h")]
    options = {"series": series, "until": date(2026, 3, 2), "database": "case.duckdb"}
    project = Project(load_definition(write_project(tmp_path, files, metrics, **options)))

    def rows(metric: str) -> list[tuple[str, str | None, float]]:
        return [(r.source, r.written, r.value) for r in window(project.why(metric, "a").tree.children[0]).rows]

    assert rows("activities") == [("other.duckdb: acts", "2026-03-02 04:30:00+00", 2)]
    assert rows("metrics") == [("m2.parquet", "2026-03-02", 2.5), ("m1.parquet", "2026-03-01", 1.5)]
    assert rows("conversations") == [("chats.ndjson", "2026-03-02 10:00:00+00", 1)]
    assert rows("system") == [("health", "2026-03-02", 9)]


def run(project: Project, *words: str) -> subprocess.CompletedProcess[str]:
    program = "from metricsql.cli import main; main()"
    command = [sys.executable, "-c", program, "why", *words, "--project", str(project.definition.file)]
    return subprocess.run(command, capture_output=True, text=True, check=False, encoding="utf-8")


def test_command_line(project: Project) -> None:
    done = run(project, "active_users", "--record", "a")
    assert (done.returncode, done.stderr) == (0, "")
    head, stored, empty, *tree = done.stdout.splitlines()
    assert head == "Active users (active_users) of a (Alpha) on 31 March 2026: 2 people"
    assert stored.startswith("The stored value is the same (the build of ") and empty == ""
    assert tree[0] == "rolling_sum(enduser.calculated.active, 1) = 2"
    done = run(project, "logins_7d", "-r", "a", "-d", "2026-03-31", "--rows", "2", "--format", "json")
    assert json.loads(done.stdout) == project.why("logins_7d", "a", "2026-03-31", rows=2).to_dict()
    done = run(project, "logins_7d", "-r", "z")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error[unknown-record]")
    assert run(project, "logins_7d").returncode == 2


def test_json_holds_what_the_text_says(ask: Ask) -> None:
    data = ask("logins_7d").to_dict()
    assert data["tree"] == {
        "kind": "metric", "text": "logins_7d", "value": 10.0, "record": "a", "day": "2026-03-31", "rules": [],
        "children": [{
            "kind": "window", "text": "rolling_sum(activities.login, 7)", "value": 10.0,
            "rules": ["sum of the values of the last days: 3 of the 7 days from 25 to 31 March 2026 have data"],
            "window": {
                "operation": "SUM", "series": "activities.login", "model": "company", "days": 7,
                "first": "2026-03-25", "last": "2026-03-31", "days_with_data": 3, "days_as_zero": 0,
                "values": [{"day": "2026-03-31", "value": 4.0, "rows": 1, "made": None},
                           {"day": "2026-03-28", "value": 1.0, "rows": 1, "made": None},
                           {"day": "2026-03-25", "value": 5.0, "rows": 2, "made": "the sum of 2 rows"}],
                "more_values": 0,
                "rows": [
                    {"source": "events/2.csv", "record": "a", "day": "2026-03-31", "value": 4.0, "date": "2026-03-31",
                     "names": {"enduser": "u2"}},
                    {"source": "events/2.csv", "record": "a", "day": "2026-03-28", "value": 1.0,
                     "date": "2026-03-28T10:00:00Z", "names": {"enduser": "u1"}},
                    {"source": "events/1.csv", "record": "a", "day": "2026-03-25", "value": 3.0,
                     "date": "2026-03-25T09:00:00Z"},
                    {"source": "events/1.csv", "record": "a", "day": "2026-03-25", "value": 2.0,
                     "date": "2026-03-25T08:00:00Z"}],
                "more_rows": 0},
        }]}


def test_words() -> None:
    assert day_words(date(2026, 4, 28)) == "28 April 2026"
    day = date(2026, 1, 31)
    assert [span_words(day - timedelta(days=n), day) for n in (0, 5, 40)] == \
        ["31 January 2026", "26 to 31 January 2026", "22 December 2025 to 31 January 2026"]
    assert span_words(day, date(2026, 2, 1)) == "31 January to 1 February 2026"
    assert {value: value_words(value) for value in (None, 0.0, 1234567.0, 0.6875, 91.666666667, 50434.7826)} == {
        None: "no value", 0.0: "0", 1234567.0: "1,234,567", 0.6875: "0.6875", 91.666666667: "91.6667",
        50434.7826: "50,434.78"}
    assert [value_words(value) for value in (1e-9, 1e20, -2.5, "it's")] == ["1e-09", "1e+20", "-2.5", "'it''s'"]
    assert (counted(1, "row"), counted(1200, "row")) == ("1 row", "1,200 rows")
