"""Lint: warnings about formulas that are right by the rules and probably not meant. `docs/lint.md` explains each.

A rule is one block in `over_time.py`, `missing.py` or `meaning.py`; from it follow its findings in `check`, its
code for `ignore:` and the duty to have a section in the documentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress

from metricsql.bind.metrics import BoundMetric
from metricsql.build.rhythm import read_facts
from metricsql.compiler import Compiled
from metricsql.diagnostics import Diagnostic, ProjectError, did_you_mean
from metricsql.inspect.lint import meaning, missing, over_time
from metricsql.inspect.lint.rule import Found, Rule, Scene
from metricsql.sql.context import Context

RULES: tuple[Rule, ...] = (*over_time.RULES, *missing.RULES, *meaning.RULES)
UNKNOWN = "unknown-rule"
"""The code of the finding about an `ignore:` that names no rule."""


def lint(context: Context, compiled: Compiled, data: bool = True) -> list[Diagnostic]:
    """The findings of all rules, metric by metric and in the order of each formula.

    Without `data` the rules that need to look at it stay quiet; so they do where a source cannot be read.
    """
    scene = Scene(context.definition, compiled.metrics, context.catalog)
    if data:
        with suppress(ProjectError):
            scene.facts = read_facts(context, compiled, over_time.needs_rhythm(scene))
    bound = [compiled.metrics[m.id] for m in context.definition.metrics if m.id in compiled.metrics]
    return [finding for metric in bound for finding in (*_of_metric(metric, scene), *_unknown_rules(metric))]


def _of_metric(metric: BoundMetric, scene: Scene) -> list[Diagnostic]:
    active = [rule for rule in RULES if rule.code not in metric.definition.ignore]
    found = [(rule, finding) for rule in active for finding in rule.check(metric, scene)]
    found.sort(key=lambda item: (item[1].place.line or 0, item[1].place.column or 0))
    return [_diagnostic(rule, finding) for rule, finding in found]


def _diagnostic(rule: Rule, finding: Found) -> Diagnostic:
    return Diagnostic(rule.code, finding.message, finding.place, finding.fix or rule.fix, "warning")


def _unknown_rules(metric: BoundMetric) -> Iterator[Diagnostic]:
    codes: Sequence[str] = [rule.code for rule in RULES]
    for position, code in enumerate(metric.definition.ignore):
        if code not in codes:
            hint = did_you_mean(code, codes) or "the rules are " + ", ".join(codes)
            place = metric.definition.locate(("ignore", position))
            yield Diagnostic(UNKNOWN, f"there is no rule `{code}` to ignore", place, hint, "warning")


__all__ = ["RULES", "UNKNOWN", "Rule", "lint"]
