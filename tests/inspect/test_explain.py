"""Formulas in words, and the rest of an explanation."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from metricsql import operators
from metricsql.api import Project
from metricsql.bind.catalog import NOTHING
from metricsql.bind.metrics import BoundMetric, bind_metrics, read_formulas
from metricsql.bind.tree import Leaf
from metricsql.cli.main import cli
from metricsql.diagnostics import Findings, ProjectError
from metricsql.inspect.plan_text import spelled
from metricsql.inspect.words import sentences
from metricsql.operators import Operator
from metricsql.project import Definition, MetricDef, ModelDef, SeriesDef, SourceDef, Written, load_definition
from tests.docs.console import commands, matches, run
from tests.docs.pages import DOCS, ROOT, Block, blocks
from tests.inspect.shop import shop
from tests.oracle.random_formulas import random_panel
from tests.panels import without_twins, write_panel

MODELS = {"company": ModelDef("company", SourceDef()), "enduser": ModelDef("enduser", SourceDef(), company="company")}
SERIES = {"activities": SeriesDef("activities", SourceDef()),
          "metrics": SeriesDef("metrics", SourceDef(), {"total": "sum", "mean": "avg", "low": "min", "high": "max"})}
OTHERS = {"m": "rolling_last(metrics.x, 1)", "n": "rolling_last(metrics.x, 1)"}
X, Y = "rolling_last(metrics.x, 1)", "rolling_sum(metrics.y, 7)"
THE_X, THE_Y = "the last value of metrics.x of the day", "the sum of metrics.y over the last 7 days"


def bound(formula: Any, **others: str) -> tuple[BoundMetric, Definition]:
    """A metric `it` beside the metrics `m` and `n`, and `u` of the end users."""
    written = Written(None, formula) if isinstance(formula, str) else Written(formula)
    metrics = [MetricDef(id_, "company", Written(None, text)) for id_, text in {**OTHERS, **others}.items()]
    metrics += [MetricDef("u", "enduser", Written(None, X)), MetricDef("it", "company", written)]
    definition = Definition(Path(), Path(), "case", Path(), models=MODELS, series=SERIES, metrics=tuple(metrics))
    findings = Findings()
    found = bind_metrics(definition, NOTHING, read_formulas(definition, findings), findings)
    assert not findings.errors, findings.errors
    return next(metric for metric in found if metric.id == "it"), definition


def said(formula: Any) -> str:
    return sentences(*bound(formula))


@pytest.mark.parametrize(("formula", "sentence"), [
    ("rolling_sum(metrics.x, 7)", "The sum of metrics.x over the last 7 days."),
    ("rolling_avg(metrics.x, 30)", "The average of metrics.x over the days with data within the last 30 days."),
    ("rolling_last(metrics.x, 7)", "The newest value of metrics.x within the last 7 days."),
    ("rolling_min(metrics.x, 7)", "The smallest value of metrics.x within the last 7 days."),
    ("rolling_max(metrics.x, 7)", "The largest value of metrics.x within the last 7 days."),
    ("rolling_count(metrics.x, 7)", "The number of days with data of metrics.x within the last 7 days."),
    ("rolling_count(metrics.x, 1)", "The number of days with data of metrics.x within the day."),
    ("trend(metrics.x, 7)", "The ratio of metrics.x to its value 7 days before."),
    ("trend(metrics.x, 1, 'difference')", "The change of metrics.x against the day before."),
    ("trend(metrics.x, 30, 'change')", "The relative change of metrics.x against 30 days before."),
    ("total_sum(metrics.x)", "The sum of metrics.x over all days so far."),
    ("days_since(activities.login)", "The number of days since activities.login was last above 0."),
    ('rolling_sum("metrics.report downloads", 7)', 'The sum of "metrics.report downloads" over the last 7 days.'),
    ("company.custom.seats", "The company's seats."),
    ('"company.custom.No of seats"', "The company's \"No of seats\"."),
    ("5", "Always 5."),
])
def test_a_leaf_in_words(formula: str, sentence: str) -> None:
    assert said(formula) == sentence


@pytest.mark.parametrize(("name", "words"), [
    ("metrics.x", "the last value of metrics.x of the day"), ("metrics.total", "the total of metrics.total of the day"),
    ("metrics.mean", "the average of metrics.mean of the day"),
    ("metrics.low", "the smallest value of metrics.low of the day"),
    ("metrics.high", "the largest value of metrics.high of the day"),
    ("activities.login", "the total of activities.login of the day"), ("calculated.m", "the metric m"),
    ("enduser.calculated.u", "the sum of the metric u over all enduser records"),
    ("enduser.metrics.x", "the sum of the last value of metrics.x of the day over all enduser records"),
])
def test_the_value_of_a_day(name: str, words: str) -> None:
    assert said(f"2 * rolling_last({name}, 1)") == f"2 times {words}."
    assert said(f"2 * rolling_sum({name}, 1)") == f"2 times {words}."


@pytest.mark.parametrize(("name", "words"), [
    ("calculated.m", "the metric m"), ("enduser.metrics.x", "metrics.x of all enduser records together"),
    ("enduser.calculated.u", "the metric u of all enduser records together"),
])
def test_a_window_over_other_things(name: str, words: str) -> None:
    assert said(f"rolling_sum({name}, 7)") == f"The sum of {words} over the last 7 days."


@pytest.mark.parametrize(("formula", "sentence"), [
    (f"100 * ({X} / company.custom.seats)", f"100 times {THE_X} divided by the company's seats."),
    (f"{X} / 4", f"{THE_X[0].upper()}{THE_X[1:]} divided by 4."),
    (f"{X} / {Y} * 100", f"T{THE_X[1:]} divided by {THE_Y}, times 100."),
    (f"{X} / 60 / {Y}", f"T{THE_X[1:]}, divided by 60, divided by {THE_Y}."),
    (f"{X} / ({Y} / 60)", f"T{THE_X[1:]} divided by A. Here A is {THE_Y} divided by 60."),
    (f"{X} + {Y} - 1", f"T{THE_X[1:]} plus {THE_Y} minus 1."),
    (f"{X} - {Y} + 1", f"T{THE_X[1:]} minus {THE_Y}, plus 1."),
    (f"{X} - ({Y} - 1)", f"T{THE_X[1:]} minus A. Here A is {THE_Y} minus 1."),
    (f"{X} - 2 * {Y}", f"T{THE_X[1:]}, minus 2 times {THE_Y}."),
    (f"({X} - 1) / {Y}", f"A divided by {THE_Y}. Here A is {THE_X} minus 1."),
    (f"100 * max({X}, 1)", f"100 times the largest of {THE_X} and 1."),
    (f"max({X}, 1) * 100", f"A times 100. Here A is the largest of {THE_X} and 1."),
    (f"avg({X}, {Y}, 3)", f"The average of {THE_X}, {THE_Y} and 3."),
    (f"sum({X}, 0) / {Y}", f"T{THE_X[1:]} (0 if missing) divided by {THE_Y}."),
    (f"coalesce({X}, -1)", f"T{THE_X[1:]} (-1 if missing)."),
    (f"coalesce({X}, {Y}, 3)", f"The first of {THE_X}, {THE_Y} and 3 that has a value."),
    (f"round({X} / {Y}, 2)", f"T{THE_X[1:]} divided by {THE_Y}, rounded to 2 digits."),
    (f"2 * round({X})", f"2 times A. Here A is {THE_X}, rounded to a whole number."),
    (f"sqrt({X}) + 1", f"A plus 1. Here A is the square root of {THE_X}."),
    (f"1 + sqrt({X})", f"1 plus the square root of {THE_X}."),
    (f"sign(sum({X}))", f"The sign of {THE_X} (-1, 0 or 1)."),
    (f"{X} ^ 2 / {Y}", f"A divided by {THE_Y}. Here A is {THE_X} to the power of 2."),
    (f"-{X}", f"The negative of {THE_X}."),
    (f"{X} > 3", f"1 if {THE_X} is more than 3, otherwise 0."),
])
def test_arithmetic_in_words(formula: str, sentence: str) -> None:
    assert said(formula) == sentence


@pytest.mark.parametrize(("formula", "sentence"), [
    (f"if({X} > 100, 100, {X})", f"100 if A is more than 100, otherwise A. Here A is {THE_X}."),
    ("if(company.custom.seats > 9, 9, company.custom.seats)",
     "9 if the company's seats is more than 9, otherwise the company's seats."),
    (f"if({X} / {Y} < 0.6, 1, 0)", f"1 if {THE_X} divided by {THE_Y} is less than 0.6, otherwise 0."),
    (f"if(has_value({X}), 1, 0)", f"1 if {THE_X} has a value, otherwise 0."),
    (f"if(not has_value({X}), 0, 1)", f"0 if {THE_X} has no value, otherwise 1."),
    (f"if(has_value({X}), {Y}, {X})", f"T{THE_Y[1:]} if A has a value, otherwise no value. Here A is {THE_X}."),
    ("if(company.custom.currency = 'it''s', 1, if(company.custom.currency = 'EUR', 2, 3))",
     "1 if the company's currency equals 'it''s', 2 if the company's currency equals 'EUR', otherwise 3."),
    (f"if({X} > 1, 1, if({Y} > 2, 1, 0))", f"1 if {THE_X} is more than 1 or if {THE_Y} is more than 2, otherwise 0."),
    (f"if({X} > 1 and {Y} > 2, 1, 0)", f"1 if {THE_X} is more than 1 and {THE_Y} is more than 2, otherwise 0."),
    (f"if({X} > 1 and ({Y} > 2 or {Y} = 0), 1, 0)", f"1 if {THE_X} is more than 1 and A holds, otherwise 0. "
     f"Here A says that B is more than 2 or B equals 0; B is {THE_Y}."),
    (f"if({X}, 1, 0)", f"1 if {THE_X} is not 0, otherwise 0."),
    (f"2 * if({X} > 1, 5, 6)", f"2 times A. Here A is 5 if {THE_X} is more than 1, otherwise 6."),
])
def test_conditions_in_words(formula: str, sentence: str) -> None:
    assert said(formula) == sentence


def test_what_stands_twice_is_said_once() -> None:
    assert said("rolling_sum(metrics.x, 7) / (rolling_sum(metrics.x, 14) - rolling_sum(metrics.x, 7))") == (
        "A divided by B. Here A is the sum of metrics.x over the last 7 days; "
        "B is the sum of metrics.x over the last 14 days minus A.")


def test_many_parts_have_many_letters() -> None:
    formula = "1"
    for number in range(30):
        formula = f"({formula} + {number} / rolling_sum(metrics.x, {number + 2})) * 2"
    words = said(formula)
    assert " Z is " in words and "; A1 is " in words


def test_every_operator_has_words() -> None:
    for block in operators.groups():
        assert block.words, block.key
        assert "{0}" in block.words or "{list}" in block.words
    for window in operators.windows():
        assert "{x}" in window.words, window.key
        assert (window.mode_words or {}).keys() == (window.modes or {}).keys()


def test_a_new_operator_is_called_by_its_name() -> None:
    block = Operator(key="hypotenuse", json="HYPOTENUSE", function="hypot", least=2, most=2, meaning="", nulls="",
                     sql="", evaluate=lambda a, b: None)
    with operators.registered(block):
        assert said(f"2 * hypot({X}, 3)") == f"2 times the hypot of {THE_X} and 3."


@pytest.mark.parametrize("seed", range(30))
def test_random_formulas_are_whole_sentences(seed: int, tmp_path: Path) -> None:
    """Every letter that is used is explained once, and the words name every series of the formula."""
    definition = load_definition(write_panel(without_twins(random_panel(random.Random(seed))), tmp_path))
    findings = Findings()
    for metric in bind_metrics(definition, NOTHING, read_formulas(definition, findings), findings):
        words = sentences(metric, definition)
        assert words.endswith(".") and "{" not in words and "\n" not in words
        letters = re.findall(r"(?:Here|;) ([A-Z]\d*) (?:is|says that) ", words)
        assert len(letters) == len(set(letters))
        assert all(len(re.findall(rf"\b{letter}\b", words)) > 1 for letter in letters)


# The rest of an explanation


@pytest.fixture(scope="module")
def acme() -> Project:
    return Project(load_definition(ROOT / "fixtures" / "acme"))


def test_explanation(acme: Project) -> None:
    found = acme.explain("health_score").to_dict()
    direct = ["seat_utilization", "active_user_share", "nps_current"]
    assert found["uses"]["direct"] == direct
    assert set(found["uses"]["all"]) == {*direct, "user_is_active", "active_users", "user_exists"}
    assert found["used_by"] == {"direct": ["health_change_30d", "at_risk"], "all": ["health_change_30d", "at_risk"]}
    assert (found["look_back"], found["reach"]) == (364, 364)  # the NPS of 365 days
    assert {i["name"]: (i["model"], i["look_back"], i["direct"]) for i in found["inputs"]} == {
        "metrics.active_seats": ("company", 6, False), "enduser.activities.login": ("enduser", 27, False),
        "metrics.nps": ("company", 364, False), "company.custom.seats": ("company", None, False)}
    assert [model["model"] for model in found["plan"]] == ["enduser", "company"]
    assert json.loads(json.dumps(found)) == found


def test_direct_inputs_and_no_bound(acme: Project) -> None:
    found = acme.explain("logins_total").to_dict()
    assert found["inputs"] == [{"kind": "series", "name": "activities.login", "model": "company", "direct": True,
                                "look_back": None, "reach": None}]
    assert "all days: a value reads everything up to its own day" in "\n".join(acme.explain("logins_total").lines())


def test_where_and_missing(tmp_path: Path) -> None:
    project = shop(tmp_path, [{"id": "m", "formula": "rolling_last(metrics.shown, 1)", "missing": "zero",
                               "unit": "times", "where": "segment = 'Small'", "name": "Shown",
                               "description": "How often."}])
    assert list(project.explain("m").lines())[:12] == [
        "m: Shown (times), one value per company and day",
        "How often.",
        "",
        "The last value of metrics.shown of the day.",
        "",
        "formula    rolling_last(metrics.shown, 1)",
        "missing    a day without a result has 0",
        "where      segment = 'Small'; every other record has no value",
        "inputs     metrics.shown  look-back 0 days",
        "look-back  0 days: a value reads its own day only",
        "reach      0 days: a changed day of a series changes that day only",
        "uses       nothing",
    ]


def test_every_operator_tells_its_rule(tmp_path: Path) -> None:
    project = shop(tmp_path, [{"id": "m", "formula": "sum(rolling_sum(metrics.shown, 7), 1) / company.custom.seats"}])
    assert [name for name, _ in project.explain("m").no_value()] == ["/", "sum", "rolling_sum", "a field"]


def test_an_unknown_metric(acme: Project) -> None:
    with pytest.raises(ProjectError, match="did you mean `health_score`"):
        acme.explain("health_scor")


def test_the_plan_spells_leaves_as_formulas_do() -> None:
    metric, _ = bound("trend(metrics.x, 7) + rolling_sum(enduser.metrics.y, 3)")
    assert spelled(metric.tree) == "trend(metrics.x, 7, 'ratio') + rolling_sum(enduser.metrics.y, 3)"
    assert not isinstance(metric.tree, Leaf)


@pytest.mark.parametrize("form", ["text", "json"])
def test_command(form: str) -> None:
    done = CliRunner().invoke(cli, ["explain", "quiet_days", "--format", form, "-p", str(ROOT / "fixtures" / "acme")])
    assert done.exit_code == 0
    assert "The number of days since activities.login was last above 0." in done.output
    if form == "json":
        assert json.loads(done.output)["id"] == "quiet_days"


@pytest.mark.slow
@pytest.mark.parametrize("block", list(blocks(DOCS / "explain.md", "console")), ids=str)
def test_examples_of_the_page(block: Block) -> None:
    for command, shown in commands(block.text):
        printed = run(command, ROOT / "fixtures" / "acme")
        assert matches(printed, shown), printed
