"""What lint takes to be there is there: every conclusion is held against the oracle on random projects."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from metricsql.api import Project
from metricsql.bind.catalog import NOTHING
from metricsql.bind.metrics import BoundMetric, bind_metrics, read_formulas
from metricsql.bind.tree import Apply, Leaf, SeriesRef, Tree, leaves
from metricsql.diagnostics import Findings
from metricsql.formula import read_expression, write_json
from metricsql.inspect.lint import lint
from metricsql.inspect.lint.presence import EVER, Known, Presence
from metricsql.inspect.plan_text import spelled
from metricsql.project import load_definition
from tests.oracle import Metric, Panel, evaluate
from tests.oracle.random_formulas import random_panel
from tests.panels import without_twins, write_panel

SEEDS = range(8)
OVER = ("rolling_sum(calculated.{0}, 3)", "rolling_last(calculated.{0}, 5) * 2", "trend(calculated.{0}, 2)",
        "if(calculated_{0} > 1 and not (calculated_{0} < 5 or has_value(calculated_{0})), calculated_{0}, 7)",
        "if(not has_value(calculated_{0}), 1, calculated_{0})", "max(calculated_{0}, rolling_avg(calculated.{0}, 4))",
        "if(calculated_{0} > 1, calculated_{0}, rolling_max(calculated.{0}, 9))")
"""Formulas over other metrics; `calculated_x` is the value of metric x of the day."""


def as_json(text: str) -> Any:
    formula = read_expression(text, Findings())
    assert formula is not None
    return write_json(formula)


def crowded(seed: int) -> Panel:
    """A random panel with many metrics, and windows and conditions over each of them."""
    panel = without_twins(random_panel(random.Random(seed), metrics=30, days=25, companies=4, depth=4))
    today = "rolling_last(calculated.{0}, 1)"
    more = [Metric(f"over_{metric.id}_{number}", as_json(text.replace("calculated_{0}", today)
                                                         .replace("{0}", metric.id)), metric.model)
            for metric in panel.metrics for number, text in enumerate(OVER)]
    return replace(panel, metrics=[*panel.metrics, *more])


def bound_metrics(panel: Panel, folder: Path) -> dict[str, BoundMetric]:
    definition = load_definition(write_panel(panel, folder))
    findings = Findings()
    return {m.id: m for m in bind_metrics(definition, NOTHING, read_formulas(definition, findings), findings)}


class Questions:
    """Metrics that tell whether something has a value, asked of the oracle all at once."""

    def __init__(self, panel: Panel) -> None:
        self.panel = panel
        self.asked: dict[tuple[str, str], str] = {}

    def part(self, model: str, tree: Tree) -> str:
        """Whether a part of a formula has a value."""
        return self.ask(model, f"has_value({spelled(tree)})")

    def data(self, model: str, series: SeriesRef, days: int) -> str:
        """Whether a series has data in the last days."""
        named = spelled(Leaf(series, "total_sum")) if days >= EVER else spelled(Leaf(series, "max", days))
        return self.ask(model, f"has_value({named})")

    def ask(self, model: str, text: str) -> str:
        return self.asked.setdefault((model, text), f"question_{len(self.asked)}")

    def answers(self) -> dict[str, dict[Any, Any]]:
        metrics = [Metric(id_, as_json(text), model) for (model, text), id_ in self.asked.items()]
        return evaluate(replace(self.panel, metrics=[*self.panel.metrics, *metrics]))


def conclusions(known: Known, model: str, questions: Questions) -> list[str]:
    """The questions whose answer must be yes."""
    parts = [part for part in known.parts if not (isinstance(part, Apply) and part.op == "has_value")]
    return [*(questions.part(model, part) for part in parts),
            *(questions.data(model, series, days) for series, days in known.data.items())]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_required_is_there(seed: int, tmp_path: Path) -> None:
    panel = crowded(seed)
    metrics = bound_metrics(panel, tmp_path)
    presence, questions = Presence(metrics), Questions(panel)
    claims = [(questions.part(m.model, m.tree), conclusions(presence.required(m.tree), m.model, questions), m)
              for m in metrics.values()]
    answers = questions.answers()
    for whole, needed, metric in claims:
        for cell, there in answers[whole].items():
            wrong = [name for name in needed if there and not answers[name][cell]]
            asked = {id_: text for (_, text), id_ in questions.asked.items()}
            assert not wrong, f"{spelled(metric.tree)} has a value on {cell} without {asked[wrong[0]]}"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_sure_is_there(seed: int, tmp_path: Path) -> None:
    """A leaf that is sure where another formula has a value has one on all of its days."""
    panel = crowded(seed)
    metrics = bound_metrics(panel, tmp_path)
    presence, questions = Presence(metrics), Questions(panel)
    claims = []
    for metric in metrics.values():
        known = presence.required(metric.tree)
        others = [leaf for other in metrics.values() if other.model == metric.model for leaf in leaves(other.tree)]
        claims += [(questions.part(metric.model, metric.tree), questions.part(metric.model, leaf), metric, leaf)
                   for leaf in dict.fromkeys(others) if not leaf.series.calculated and presence.is_sure(leaf, known)]
    answers = questions.answers()
    for whole, part, metric, leaf in claims:
        wrong = [cell for cell, there in answers[whole].items() if there and not answers[part][cell]]
        assert not wrong, f"{spelled(metric.tree)} has a value on {wrong[:1]}, and {spelled(leaf)} has none"


@pytest.mark.parametrize("seed", SEEDS)
def test_rules_stand_any_formula(seed: int, tmp_path: Path) -> None:
    project = Project(load_definition(write_panel(without_twins(random_panel(random.Random(seed))), tmp_path)))
    _, context, compiled = project._compile(names=False)
    for finding in lint(context, compiled, data=seed % 5 == 0):
        assert finding.place.line is not None and finding.hint and finding.severity == "warning"
