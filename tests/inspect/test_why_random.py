"""`why` on random cells of random projects: every node against the oracle, every leaf against its raw rows."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from metricsql.api import Project
from metricsql.build.record import reading_record
from metricsql.diagnostics import Findings
from metricsql.formula import read_expression, write_json
from metricsql.inspect.why import Why, take_apart
from metricsql.inspect.why_nodes import Node
from metricsql.project import load_definition
from tests.oracle import Panel, evaluate
from tests.oracle.groups import formula_value
from tests.oracle.parts import Place, over_time
from tests.oracle.random_formulas import random_panel
from tests.oracle.rawdata import collapse_mode, collapsed
from tests.oracle.world import World
from tests.panels import without_twins, write_panel
from tests.projects import same

PROJECTS, METRICS, RECORDS, CELLS = 12, 14, 4, 12


@pytest.mark.parametrize("seed", [*range(3), *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(3, PROJECTS))])
def test_random_cells(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    panel = without_twins(random_panel(rng, metrics=METRICS))
    project = Project(load_definition(write_panel(panel, tmp_path)))
    project.build()
    oracle = Oracle(panel)
    declared = {metric.id: metric for metric in project.definition.metrics}
    for model, record, cells in chosen(rng, oracle):
        metrics = [metric.id for metric in panel.metrics if metric.model == model]
        with reading_record(project.definition, metrics, record, panel.as_of) as reader:
            for metric, day in cells:
                assert oracle.faults(take_apart(reader, declared[metric], record, day, None)) == []


def chosen(rng: random.Random, oracle: Oracle) -> Iterator[tuple[str, str, list[tuple[str, date]]]]:
    """Random records, each with random cells; companies, whose formulas see most, come first."""
    cells: dict[tuple[str, str], list[tuple[str, date]]] = {}
    for metric, values in oracle.values.items():
        for record, day in values:
            cells.setdefault((oracle.models[metric], record), []).append((metric, day))
    picked = rng.sample(sorted(cells), min(RECORDS, len(cells)))
    companies = [one for one in sorted(cells) if one[0] == oracle.panel.root and one not in picked]
    for model, record in [*rng.sample(companies, min(1, len(companies))), *picked][:RECORDS]:
        found = cells[model, record]
        yield model, record, rng.sample(found, min(CELLS, len(found)))


def test_cells_are_many_enough() -> None:
    count = 0
    for seed in range(PROJECTS):
        rng = random.Random(seed)
        oracle = Oracle(without_twins(random_panel(rng, metrics=METRICS)))
        count += sum(len(cells) for _, _, cells in chosen(rng, oracle))
    assert count >= 500


class Oracle:
    """What the oracle makes of every part of every tree."""

    def __init__(self, panel: Panel) -> None:
        self.panel, self.world, self.values = panel, World(panel), evaluate(panel)
        self.models = {metric.id: metric.model for metric in panel.metrics}

    def faults(self, why: Why) -> list[str]:
        """Everything that is wrong with an answer, in words."""
        where = f"{why.metric} of {why.record} on {why.day}"
        wrong = [] if same(why.value, self.values[why.metric][why.record, why.day]) else [f"{where}: {why.value}"]
        wrong += [] if why.stored.state == "same" else [f"{where}: {why.stored.words}"]
        for node, model in nodes(why.tree, self.models, why.model):
            expected = self.expected(node, model)
            if node.value != expected if isinstance(node.value, str) else not same(node.value, expected):
                wrong.append(f"{where}: {node.text} = {node.value}, oracle {expected}")
            if node.window is not None and not self.recomputes(node, model):
                wrong.append(f"{where}: the rows of {node.text} do not give {node.value}")
        return wrong

    def expected(self, node: Node, model: str) -> Any:
        if node.kind == "metric":
            return self.values[node.text][node.record, node.day]
        return formula_value(as_json(node.text), Place(self.world, model, node.record, node.day))

    # From raw rows

    def recomputes(self, node: Node, model: str) -> bool:
        """Whether collapsing the rows gives the days, and the days give the value."""
        window = node.window
        assert window is not None and window.more_rows == window.more_values == 0
        shown = {value.day: value.value for value in window.values}
        if window.rows or not window.series.startswith("calculated."):
            made = self.collapse(node, model)
            if any(not same(shown[day], made.get(day, 0.0)) for day in shown) or made.keys() - shown.keys():
                return False
        return same(over(window.operation, shown, window, as_json(node.text), self.panel), _number(node.value))

    def collapse(self, node: Node, model: str) -> dict[date, float]:
        window = node.window
        assert window is not None
        own = window.series if window.model == model else window.series.removeprefix(f"{window.model}.")
        namespace, _, name = own.partition(".")
        days: dict[date, dict[str, list[tuple[datetime, int, float]]]] = {}
        for place, row in enumerate(window.rows):
            at = moment(row.written) if row.written else datetime.combine(row.day, time.min)
            days.setdefault(row.day, {}).setdefault(row.record, []).append((at, -place, row.value))
        mode = "sum" if namespace == "calculated" else collapse_mode(self.panel, namespace, name)
        return {day: sum(_number(collapsed(mode, rows)) or 0.0 for rows in records.values())
                for day, records in days.items()}


def nodes(node: Node, models: dict[str, str], model: str) -> Iterator[tuple[Node, str]]:
    """Every node with the model of the formula it stands in."""
    here = models[node.text] if node.kind == "metric" else model
    yield node, here
    for child in node.children:
        yield from nodes(child, models, here)


def over(operation: str, days: dict[date, float], window: Any, formula: Any, panel: Panel) -> float | None:
    """The operation over the days that counted; days that count as 0 are known by their number."""
    zeros = [0.0] * (window.days_as_zero if not any(not value for value in days.values()) else 0)
    if operation == "totalSum":
        return sum(days.values()) if days or zeros else None
    if operation == "daysSince":
        return float((window.last - max(days)).days) if days else None
    if operation == "AVERAGE":
        count = window.days_with_data + window.days_as_zero
        return sum(days.values()) / count if count else None
    if operation == "SUM":
        return sum(days.values()) if window.days_with_data + window.days_as_zero else None
    if operation == "LENGTH":
        return float(window.days_with_data + window.days_as_zero)
    return over_time(operation, days, window.last, window.days, formula.get("trend", panel.trend))


def as_json(text: str) -> Any:
    findings = Findings()
    formula = read_expression(text, findings)
    assert formula is not None, findings.items
    return write_json(formula)


def moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


def _number(value: Any) -> float | None:
    assert not isinstance(value, str)
    return None if value is None else float(value)
