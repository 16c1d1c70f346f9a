"""Every rule: a formula that triggers it, with the exact message, and a near miss that does not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from metricsql.api import Project
from metricsql.diagnostics import Diagnostic
from metricsql.inspect.lint import RULES
from metricsql.project import load_definition
from tests.docs.pages import DOCS, ROOT, blocks
from tests.inspect.shop import shop
from tests.projects import write_project

CATALOGUE = json.loads((ROOT / "tests" / "catalogue.json").read_text(encoding="utf-8"))
CODES = [rule.code for rule in RULES]
PAGE = DOCS / "lint.md"

HELPERS: list[dict[str, Any]] = [
    {"id": "logins_7d", "formula": "rolling_sum(activities.login, 7)"},
    {"id": "logins_so_far", "formula": "total_sum(activities.login)"},
    {"id": "logins", "formula": "rolling_last(activities.login, 1)"},
    {"id": "click_rate", "formula": "100 * (rolling_last(metrics.clicked, 1) / rolling_last(metrics.shown, 1))"},
    {"id": "seat_share", "formula": "rolling_last(metrics.active_seats, 1) / company.custom.seats"},
    {"id": "user_share", "model": "enduser", "formula": "rolling_sum(activities.login, 7) / rolling_sum(metrics.minutes, 7)"},
    {"id": "double_seats", "formula": "2 * company.custom.seats", "ignore": ["no-field-history"]},
    {"id": "quiet", "formula": "days_since(activities.login)"},
    {"id": "seats_always", "formula": "coalesce(rolling_last(metrics.active_seats, 7), 0)"},
]

TRIGGERS: list[tuple[str, str, dict[str, Any]]] = [
    ("sum-of-rolling-sum", "`rolling_sum(calculated.logins_7d, 30)` adds up what was added up over 7 days, so each day of "
     "`activities.login` counts up to 7 times", {"formula": "rolling_sum(calculated.logins_7d, 30)"}),
    ("sum-of-rolling-sum", "`total_sum(calculated.logins_so_far)` adds up a running total, so each day of "
     "`activities.login` counts again on every later day", {"formula": "total_sum(calculated.logins_so_far)"}),
    ("sum-of-ratio", "`rolling_sum(calculated.click_rate, 7)` adds up the ratio "
     "`rolling_last(metrics.clicked, 1) / rolling_last(metrics.shown, 1)` of every day, but ratios do not add up",
     {"formula": "rolling_sum(calculated.click_rate, 7)"}),
    ("sum-of-ratio", "`rolling_last(enduser.calculated.user_share, 1)` adds up the ratio "
     "`rolling_sum(activities.login, 7) / rolling_sum(metrics.minutes, 7)` of every enduser, but ratios do not add up",
     {"formula": "rolling_last(enduser.calculated.user_share, 1)"}),
    ("average-of-ratio", "`rolling_avg(calculated.click_rate, 30)` averages the ratio "
     "`rolling_last(metrics.clicked, 1) / rolling_last(metrics.shown, 1)`, so a day with little weighs as much as a day "
     "with a lot", {"formula": "rolling_avg(calculated.click_rate, 30)"}),
    ("average-of-ratio", "`avg(rolling_last(calculated.click_rate, 1), rolling_last(calculated...` averages ratios, so the one with "
     "the small divisor weighs as much as the one with the large",
     {"formula": "avg(rolling_last(calculated.click_rate, 1), rolling_last(calculated.seat_share, 1))"}),
    ("short-last-window", "`rolling_last(metrics.nps, 30)` keeps a value for 30 days, but `metrics.nps` has a new one every "
     "90 days (the median of all records)", {"formula": "rolling_last(metrics.nps, 30)"}),
    ("sum-of-some-children", "`rolling_last(enduser.metrics.minutes, 14)` takes a day's sum over all enduser records, but "
     "each sends only every 7 days (the median), so a day has only some of them",
     {"formula": "rolling_last(enduser.metrics.minutes, 14)"}),
    ("no-field-history", "nothing is known of `company.custom.seats` before the first build, so the metric has no value "
     "before that day", {"formula": "company.custom.seats"}),
    ("no-field-history", "`rolling_avg(calculated.double_seats, 30)` looks at days before the first build, of which nothing "
     "is known of `company.custom.seats`", {"formula": "rolling_avg(calculated.double_seats, 30)"}),
    ("zero-hides-division", "the divisor `rolling_last(metrics.max_seats, 1)` can be zero or missing; `missing: zero` then "
     "gives 0, as if that were the result",
     {"formula": "rolling_last(metrics.active_seats, 1) / rolling_last(metrics.max_seats, 1)", "missing": "zero"}),
    ("zero-hides-division", "the earlier value by which `trend(metrics.shown, 7, 'ratio')` divides can be zero or missing; "
     "`missing: zero` then gives 0, as if that were the result", {"formula": "trend(metrics.shown, 7)", "missing": "zero"}),
    ("zero-days-since", "a record for which `activities.login` never happened gets 0 by `missing: zero`, as if it happened "
     "on that day", {"formula": "days_since(activities.login)", "missing": "zero"}),
    ("zero-days-since", "a record for which `activities.login` never happened gets 0 by `missing: zero`, as if it happened "
     "on that day", {"formula": "2 * rolling_last(calculated.quiet, 1)", "missing": "zero"}),
    ("subtract-missing", "where `rolling_last(metrics.active_seats, 1)` is missing nothing is taken away, and the result is "
     "all of `rolling_last(metrics.max_seats, 1)`",
     {"formula": "subtract(rolling_last(metrics.max_seats, 1), rolling_last(metrics.active_seats, 1))"}),
    ("subtract-missing", "where `company.custom.seats` is missing nothing is taken away, and the result is all of "
     "`rolling_last(metrics.max_seats, 1)`",
     {"formula": ["SUBTRACTION", {"type": "metricOverTime", "days": 1, "op": "LAST", "prop": "metrics.max_seats"},
                  {"type": "propertyValue", "prop": "company.custom.seats"}]}),
    ("constant-hides-missing", "where `rolling_last(metrics.shown, 1)` is missing the result is `100`, as if that were known",
     {"formula": "min(100, rolling_last(metrics.shown, 1))"}),
    ("constant-hides-missing", "where `rolling_last(metrics.shown, 1)` and `rolling_last(metrics.nps, 90)` are missing the "
     "result is `0`, as if that were known",
     {"formula": "max(rolling_last(metrics.shown, 1), 0, rolling_last(metrics.nps, 90))"}),
    ("no-effect", "`1` changes nothing as an argument of `MULTIPLICATION`", {"formula": "1 * rolling_last(metrics.shown, 1)"}),
    ("no-effect", "`0` changes nothing as an argument of `SUBTRACTION`",
     {"formula": "subtract(rolling_last(metrics.shown, 1), 0)"}),
    ("no-effect", "`MAX` of one argument is that argument", {"formula": "max(rolling_last(metrics.shown, 1))"}),
    ("no-effect", "both branches of this IF are `rolling_last(metrics.shown, 1)`",
     {"formula": "if(rolling_last(metrics.clicked, 1) > 3, rolling_last(metrics.shown, 1), rolling_last(metrics.shown, 1))"}),
    ("no-effect", "the condition `1 > 0` turns out the same on every day",
     {"formula": "if(1 > 0, rolling_last(metrics.shown, 1), 5)"}),
    ("no-effect", "`rolling_last(metrics.shown, 1)` stands twice in `MAX`",
     {"formula": "max(rolling_last(metrics.shown, 1), rolling_last(metrics.shown, 1))"}),
    ("unreachable-metric", "this holds for none of the 2 company records, so `m` has no values",
     {"formula": "rolling_last(metrics.shown, 1)", "where": "segment = 'enterprise'"}),
    ("similar-name", "besides `login` data carries `Login`, which differs by case or spaces only and is not read here",
     {"formula": "rolling_sum(activities.login, 7)"}),
    ("similar-name", "the metric `other` is called almost the same, `Click rate`",
     {"formula": "rolling_last(metrics.shown, 1)", "name": "Click  Rate"}),
]

NEAR_MISSES: list[tuple[str, dict[str, Any]]] = [
    ("sum-of-rolling-sum", {"formula": "rolling_sum(calculated.logins, 30)"}),
    ("sum-of-rolling-sum", {"formula": "rolling_sum(calculated.logins_7d, 1)"}),
    ("sum-of-rolling-sum", {"formula": "rolling_avg(calculated.logins_7d, 7)"}),
    ("sum-of-ratio", {"formula": "rolling_last(calculated.click_rate, 7)"}),
    ("sum-of-ratio", {"formula": "rolling_sum(calculated.seat_share, 7)"}),
    ("average-of-ratio", {"formula": "rolling_avg(calculated.seat_share, 30)"}),
    ("average-of-ratio", {"formula": "avg(rolling_last(calculated.click_rate, 1), rolling_last(metrics.nps, 90))"}),
    ("short-last-window", {"formula": "rolling_last(metrics.nps, 90)"}),
    ("short-last-window", {"formula": "rolling_max(metrics.nps, 30)"}),
    ("short-last-window", {"formula": "rolling_last(conversations.chat, 1)"}),
    ("sum-of-some-children", {"formula": "rolling_sum(enduser.metrics.minutes, 28)"}),
    ("no-field-history", {"formula": "company.custom.seats - rolling_last(metrics.active_seats, 1)"}),
    ("no-field-history", {"formula": "rolling_last(calculated.double_seats, 1)"}),
    ("zero-hides-division", {"formula": "rolling_last(metrics.active_seats, 1) / (24 * 60)", "missing": "zero"}),
    ("zero-hides-division", {"formula": "rolling_last(metrics.active_seats, 1) / rolling_last(metrics.max_seats, 1)"}),
    ("zero-hides-division", {"formula": "if(company.custom.seats > 0, rolling_last(metrics.shown, 1) / company.custom.seats, 0)",
                             "missing": "zero"}),
    ("zero-hides-division", {"formula": "sum(rolling_last(metrics.shown, 1) / company.custom.seats, 0)", "missing": "zero"}),
    ("zero-days-since", {"formula": "coalesce(days_since(activities.login), 9999)", "missing": "zero"}),
    ("zero-days-since", {"formula": "days_since(activities.login)"}),
    ("subtract-missing", {"formula": "rolling_last(metrics.max_seats, 1) - rolling_last(metrics.active_seats, 1)"}),
    ("subtract-missing", {"formula": "subtract(rolling_sum(metrics.shown, 14), rolling_sum(metrics.shown, 7))"}),
    ("subtract-missing", {"formula": "subtract(company.custom.seats, rolling_sum(activities.login, 7))"}),
    ("subtract-missing", {"formula": "subtract(rolling_last(metrics.shown, 1), rolling_avg(metrics.shown, 7))"}),
    ("subtract-missing", {"formula": "if(has_value(rolling_last(metrics.shown, 1)), subtract(rolling_last(metrics.max_seats, 1), "
                                     "rolling_last(metrics.shown, 1)), 0)"}),
    ("constant-hides-missing", {"formula": "max(0, rolling_sum(activities.login, 7))"}),
    ("constant-hides-missing", {"formula": "max(0, rolling_last(metrics.shown, 1))", "missing": "zero"}),
    ("constant-hides-missing", {"formula": "min(100, rolling_last(calculated.seats_always, 1))"}),
    ("constant-hides-missing", {"formula": "rolling_last(metrics.shown, 1) + min(100, rolling_avg(metrics.shown, 7))"}),
    ("no-effect", {"formula": "sum(rolling_last(metrics.shown, 1), 0)"}),
    ("no-effect", {"formula": ["SIGN", ["SUM", {"type": "metricOverTime", "days": 14, "op": "SUM", "prop": "activities.login"}]]}),
    ("no-effect", {"formula": "1 / rolling_last(metrics.shown, 1)"}),
    ("no-effect", {"formula": "sum(rolling_last(metrics.shown, 1), rolling_last(metrics.shown, 1))"}),
    ("unreachable-metric", {"formula": "rolling_last(metrics.shown, 1)", "where": "segment = 'Enterprise'"}),
    ("similar-name", {"formula": "rolling_last(metrics.shown, 1)", "name": "Click rate of today"}),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Diagnostic]]:
    """The findings of all formulas above, by the metric that has the formula."""
    metrics = [*HELPERS, {"id": "other", "name": "Click rate", "formula": "rolling_sum(metrics.clicked, 7)"}]
    formulas = [metric for *_, metric in (*TRIGGERS, *NEAR_MISSES)]
    metrics += [{"id": f"m{number}", **metric} for number, metric in enumerate(formulas)]
    project = shop(tmp_path_factory.mktemp("shop"), metrics)
    findings = project.check()
    assert not findings.errors, findings.errors
    by_metric: dict[str, list[Diagnostic]] = {}
    for finding in findings.warnings:
        position = int(finding.place.pointer.split("/")[2])
        by_metric.setdefault(metrics[position]["id"], []).append(finding)
    return by_metric


@pytest.mark.parametrize("number", range(len(TRIGGERS)), ids=lambda n: f"{TRIGGERS[n][0]}-{n}")
def test_trigger(number: int, found: dict[str, list[Diagnostic]]) -> None:
    code, message, _ = TRIGGERS[number]
    findings = [f for f in found.get(f"m{number}", ()) if f.code == code]
    assert [f.message.replace(f"`m{number}`", "`m`") for f in findings] == [message]
    assert findings[0].severity == "warning" and findings[0].hint


@pytest.mark.parametrize("number", range(len(NEAR_MISSES)), ids=lambda n: f"{NEAR_MISSES[n][0]}-{n}")
def test_near_miss(number: int, found: dict[str, list[Diagnostic]]) -> None:
    findings = found.get(f"m{len(TRIGGERS) + number}", ())
    assert [f.message for f in findings if f.code == NEAR_MISSES[number][0]] == []


def test_every_rule_is_tried_both_ways() -> None:
    assert {code for code, *_ in TRIGGERS} == {code for code, _ in NEAR_MISSES} == set(CODES)


def test_place_is_that_of_the_node(tmp_path: Path) -> None:
    project = shop(tmp_path, [])
    text = (tmp_path / "metricsql.yml").read_text(encoding="utf-8").replace("metrics: []", """metrics:
- id: m
  formula: 5 * subtract(company.custom.seats, rolling_last(metrics.shown, 7))
""")
    (tmp_path / "metricsql.yml").write_text(text, encoding="utf-8")
    finding = next(f for f in Project(load_definition(tmp_path)).check(names=False).warnings if f.code == "subtract-missing")
    assert finding.place.text is not None and finding.place.column is not None
    start = finding.place.column - 1
    assert finding.place.text[start : start + finding.place.width] == "rolling_last(metrics.shown, 7)"
    assert project.definition.file == finding.place.file or str(finding.place).endswith("/metrics/0/formula")


def test_ignore_silences_a_rule_for_one_metric(tmp_path: Path) -> None:
    formula = "1 * rolling_last(metrics.shown, 1)"
    project = shop(tmp_path, [{"id": "quiet", "formula": formula, "ignore": ["no-effect"]}, {"id": "loud", "formula": formula}])
    assert [f.place.pointer for f in project.check(names=False).warnings] == ["/metrics/1/formula"]


def test_ignore_of_an_unknown_rule(tmp_path: Path) -> None:
    project = shop(tmp_path, [{"id": "m", "formula": "rolling_last(metrics.shown, 1)", "ignore": ["no-efect"]}])
    finding, = project.check(names=False).warnings
    assert (finding.code, finding.message) == ("unknown-rule", "there is no rule `no-efect` to ignore")
    assert (finding.hint, finding.place.pointer) == ("did you mean `no-effect`?", "/metrics/0/ignore/0")


def test_without_data_only_formulas_are_looked_at(tmp_path: Path) -> None:
    project = shop(tmp_path, [{"id": "m", "formula": "rolling_last(metrics.nps, 30)"}])
    assert project.check(names=False).items == []
    assert [f.code for f in project.check().items] == ["short-last-window"]
    assert project.check(lint=False).items == []


def test_a_fault_elsewhere_does_not_hide_the_warnings(tmp_path: Path) -> None:
    project = shop(tmp_path, [
        {"id": "wrong", "formula": "rolling_sum(x, 7)"}, {"id": "m", "formula": "1 * rolling_last(metrics.shown, 1)"},
        *[{"id": f"over_{op}", "missing": "zero", "formula": f"{op}(calculated.wrong, 7)"}
          for op in ("rolling_sum", "rolling_avg", "rolling_last", "trend")],
    ])
    findings = project.check()
    assert [f.code for f in findings.errors] == ["unknown-prefix"]
    assert [f.code for f in findings.warnings] == ["no-effect", "zero-hides-division"]  # that of the trend


def test_fields_have_history_once_it_is_stored_or_set_constant(tmp_path: Path) -> None:
    metrics = [{"id": "m", "formula": "company.custom.seats"}]
    project = shop(tmp_path, metrics)
    assert [f.code for f in project.check().items] == ["no-field-history"]
    assert shop(tmp_path, metrics, fields_before_tracking="constant").check().items == []
    project.build()
    assert shop(tmp_path, metrics).check().items == []


@pytest.mark.parametrize("name", ["acme", "flights"])
def test_fixtures_are_clean(name: str) -> None:
    assert Project(load_definition(ROOT / "fixtures" / name)).check().items == []


def test_documented_formulas_are_left_alone(tmp_path: Path) -> None:
    """What the documentation of the formulas recommends is no slip."""
    series = {part["prop"] for entry in CATALOGUE for part in _parts(entry["formula"])}
    metrics = [{"id": prop.rpartition(".")[2], "model": "enduser" if prop.startswith("enduser.") else "company",
                "formula": "rolling_last(metrics.anything, 1)"} for prop in sorted(series) if ".calculated." in f".{prop}"]
    metrics += [{"id": entry["id"], "model": entry["model"], "formula": entry["formula"]} for entry in CATALOGUE]
    fields = [prop.removeprefix("company.custom.") for prop in sorted(series) if prop.startswith("company.custom.")]
    files = {"companies.csv": ",".join(["id", *fields]) + "\na" + "".join(",USD" if f == "Currency" else ",1" for f in fields) + "\n",
             "endusers.csv": "id,company\nu,a\n"}
    project = Project(load_definition(write_project(tmp_path, files, metrics, series={"email_events": {"sql": "select 1"}})))
    findings = project.check(names=False)
    assert {(metrics[int(f.place.pointer.split("/")[2])]["id"], f.code) for f in findings.warnings if f.code in CODES} == {
        ("P03", "no-field-history"), ("P61", "no-field-history"),  # fields alone, in a project that was never built
    }


def _parts(data: Any) -> list[dict[str, Any]]:
    if isinstance(data, dict):
        return [data] if "prop" in data else []
    return [part for item in data for part in _parts(item)] if isinstance(data, list) else []


# The page


def sections() -> dict[str, str]:
    """The sections of the page by code."""
    parts = PAGE.read_text(encoding="utf-8").split("\n## `")[1:]
    return {part.partition("`")[0]: part for part in parts}


@pytest.mark.parametrize("rule", RULES, ids=CODES)
def test_every_rule_has_a_section(rule: Any) -> None:
    section = " ".join(sections()[rule.code].split())
    for words in (rule.sentence, rule.reason, rule.fix):
        assert words.lower() in section.lower(), words


def test_the_page_names_no_other_rule() -> None:
    assert [*sections()] == CODES


def examples() -> list[Any]:
    every = list(blocks(PAGE, "yaml", "text"))
    return [pytest.param(block.text, after.text, id=str(block)) for block, after in zip(every, every[1:], strict=False)
            if block.language == "yaml" and after.language == "text"]


@pytest.mark.parametrize(("example", "output"), examples())
def test_examples_of_the_page(example: str, output: str, tmp_path: Path) -> None:
    """A block of metrics, and the findings that `check` has for it; a block that is quiet says so."""
    project = shop(tmp_path, yaml.safe_load(example)["metrics"])
    findings = [f"warning[{f.code}]: {f.message}\nhint: {f.hint}" for f in project.check().items]
    assert "\n\n".join(findings) or "nothing wrong" == output.strip()
    assert ("\n\n".join(findings) or "nothing wrong") == output.strip()
