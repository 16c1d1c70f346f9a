"""Every rule: a formula that triggers it, with the exact message, and a near miss that does not."""

from __future__ import annotations

import json
from itertools import pairwise
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

CASES = yaml.safe_load((Path(__file__).parent / "lint_cases.yml").read_text(encoding="utf-8"))
TRIGGERS = [(rule["code"], case["message"], case["metric"]) for rule in CASES["rules"] for case in rule["triggers"]]
NEAR_MISSES = [(rule["code"], metric) for rule in CASES["rules"] for metric in rule["near misses"]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Diagnostic]]:
    """The findings of all formulas above, by the metric that has the formula."""
    formulas = [metric for *_, metric in (*TRIGGERS, *NEAR_MISSES)]
    metrics = [*CASES["helpers"], *({"id": f"m{number}", **metric} for number, metric in enumerate(formulas))]
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
    shop(tmp_path, [])
    text = (tmp_path / "metricsql.yml").read_text(encoding="utf-8").replace("metrics: []", """metrics:
- id: m
  formula: 5 * subtract(company.custom.seats, rolling_last(metrics.shown, 7))
""")
    (tmp_path / "metricsql.yml").write_text(text, encoding="utf-8")
    finding, = Project(load_definition(tmp_path)).check(names=False).warnings
    assert finding.code == "subtract-missing"
    assert finding.place.text is not None and finding.place.column is not None
    start = finding.place.column - 1
    assert finding.place.text[start : start + finding.place.width] == "rolling_last(metrics.shown, 7)"


def test_ignore_silences_a_rule_for_one_metric(tmp_path: Path) -> None:
    formula = "1 * rolling_last(metrics.shown, 1)"
    quiet = {"id": "quiet", "formula": formula, "ignore": ["no-effect"]}
    project = shop(tmp_path, [quiet, {"id": "loud", "formula": formula}])
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
    used = [prop for prop in sorted(series) if ".calculated." in f".{prop}"]
    metrics = [{"id": prop.rpartition(".")[2], "model": "enduser" if prop.startswith("enduser.") else "company",
                "formula": "rolling_last(metrics.anything, 1)"} for prop in used]
    metrics += [{"id": entry["id"], "model": entry["model"], "formula": entry["formula"]} for entry in CATALOGUE]
    fields = [prop.removeprefix("company.custom.") for prop in sorted(series) if prop.startswith("company.custom.")]
    values = ["USD" if field == "Currency" else "1" for field in fields]
    files = {"companies.csv": f"{','.join(['id', *fields])}\n{','.join(['a', *values])}\n",
             "endusers.csv": "id,company\nu,a\n"}
    file = write_project(tmp_path, files, metrics, series={"email_events": {"sql": "select 1"}})
    findings = Project(load_definition(file)).check(names=False)
    own = [f for f in findings.warnings if f.code in CODES]
    assert {(metrics[int(f.place.pointer.split("/")[2])]["id"], f.code) for f in own} == {
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
    return [pytest.param(block.text, after.text, id=str(block)) for block, after in pairwise(every)
            if block.language == "yaml" and after.language == "text" and "tables:" not in block.text]


@pytest.mark.parametrize(("example", "output"), examples())
def test_examples_of_the_page(example: str, output: str, tmp_path: Path) -> None:
    """A block of metrics, and the findings that `check` has for it; a block that is quiet says so."""
    project = shop(tmp_path, yaml.safe_load(example)["metrics"])
    findings = [f"warning[{f.code}]: {f.message}\nhint: {f.hint}" for f in project.check().items]
    assert ("\n\n".join(findings) or "nothing wrong") == output.strip()
