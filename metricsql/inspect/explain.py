"""`metricsql explain`: what a metric says, what it reads, who uses it, and how it is computed.

Nothing is computed and no value is read; the project and its names are enough.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from metricsql import operators
from metricsql.bind.metrics import BoundMetric, downstream, upstream
from metricsql.bind.tree import Apply, Field, Leaf, SeriesRef, fields, leaves, walk
from metricsql.compiler import Compiled
from metricsql.diagnostics import one_line
from metricsql.formula import write_expression
from metricsql.inspect.plan_text import plan_data, plan_lines
from metricsql.inspect.words import sentences
from metricsql.plan.nodes import Plan
from metricsql.plan.planner import reads_row
from metricsql.plan.reach import Days, Reads, reads
from metricsql.project.definition import Definition


@dataclass(frozen=True)
class Input:
    """A raw series or a field that a metric reads; `direct` if its own formula names it.

    `look_back` counts the days before the value's own that are read, None for all of them.
    """

    kind: Literal["series", "field"]
    name: str
    model: str
    look_back: Days
    direct: bool


@dataclass(frozen=True)
class Explanation:
    """All that can be said of a metric without its values."""

    metric: BoundMetric
    words: str
    inputs: tuple[Input, ...]
    look_back: Days
    uses: tuple[str, ...]
    uses_all: tuple[str, ...]
    used_by: tuple[str, ...]
    used_by_all: tuple[str, ...]
    plan: Plan

    @property
    def formula(self) -> str:
        """The formula as an expression."""
        return write_expression(self.metric.formula)

    @property
    def reach(self) -> Days:
        """How many days after a changed day of a series values change; the same number as the look-back."""
        return self.look_back

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data. A look-back or reach of null has no bound."""
        declared = self.metric.definition
        return {
            "id": declared.id, "name": declared.name, "model": declared.model, "description": declared.description,
            "unit": declared.unit, "tags": list(declared.tags), "words": self.words, "formula": self.formula,
            "missing": "zero" if declared.missing_zero else "null", "where": declared.where,
            "inputs": [{"kind": i.kind, "name": i.name, "model": i.model, "direct": i.direct,
                        "look_back": i.look_back, "reach": i.look_back} for i in self.inputs],
            "look_back": self.look_back, "reach": self.reach,
            "uses": {"direct": list(self.uses), "all": list(self.uses_all)},
            "used_by": {"direct": list(self.used_by), "all": list(self.used_by_all)},
            "no_value": dict(self.no_value()), "plan": plan_data(self.plan),
        }

    def lines(self) -> Iterator[str]:
        """The explanation as text."""
        declared = self.metric.definition
        yield f"{declared.id}: {_title(self.metric)}"
        if declared.description:
            yield one_line(declared.description, limit=None)
        yield from ("", self.words, "")
        for head, told in self.sections():
            for number, line in enumerate(told):
                yield f"{head if number == 0 else '':<11}{line}"

    def sections(self) -> Iterator[tuple[str, Sequence[str]]]:
        """Heads and their lines."""
        declared = self.metric.definition
        yield "formula", [one_line(self.formula, limit=None)]
        yield "missing", [f"a day without a result has {'0' if declared.missing_zero else 'no value'}"]
        outside = "; every other record has no value"
        yield "where", [one_line(declared.where, limit=None) + outside if declared.where else f"every {declared.model}"]
        yield "inputs", _aligned([(i.name, *_input(i, declared.model)) for i in self.inputs]) or ["nothing"]
        if any(found.kind == "series" for found in self.inputs):
            yield "look-back", [_look_back(self.look_back)]
            yield "reach", [_reach(self.reach)]
        yield "uses", [_chain(self.uses, self.uses_all)]
        yield "used by", [_chain(self.used_by, self.used_by_all)]
        yield "no value", [f"{name}: {rule}" for name, rule in self.no_value()] or ["every day has one"]
        yield "plan", list(plan_lines(self.plan))

    def no_value(self) -> Iterator[tuple[str, str]]:
        """What the formula is made of, each kind once and as it is spelled, with its rule for missing values."""
        said: dict[str, str] = {}
        for node in walk(self.metric.tree):
            if isinstance(node, Apply):
                block = operators.operator(node.op)
                said[block.sign.text if block.sign else block.function] = block.nulls
            elif isinstance(node, Field):
                said["a field"] = "no value before the first stored day, and where it is empty"
            elif isinstance(node, Leaf) and reads_row(node):
                said["a metric"] = "as the metric itself on that day"
            elif isinstance(node, Leaf):
                said[operators.window(node.op).function] = operators.window(node.op).nulls
        yield from said.items()


def explain(metric: str, compiled: Compiled, definition: Definition) -> Explanation:
    """The explanation of a metric, which must be among the compiled ones."""
    metrics = compiled.metrics
    found = metrics[metric]
    read = reads(metrics.values())[metric]
    used_by = tuple(m.id for m in metrics.values() if metric in m.uses)
    return Explanation(
        found, sentences(found, definition), _inputs(found, read), read.look_back,
        found.uses, _others(metrics, upstream(metrics, [metric]), metric),
        used_by, _others(metrics, downstream(metrics, [metric]), metric), compiled.plan(definition, [metric]),
    )


def _others(metrics: Mapping[str, BoundMetric], chosen: set[str], metric: str) -> tuple[str, ...]:
    return tuple(name for name in metrics if name in chosen and name != metric)


def _inputs(metric: BoundMetric, found: Reads) -> tuple[Input, ...]:
    own: set[SeriesRef | Field] = {leaf.series for leaf in leaves(metric.tree)}
    own |= set(fields(metric.tree))
    series = [Input("series", str(s), s.model, days, s in own) for s, days in found.series.items()]
    return (*series, *[Input("field", str(f), f.model, None, f in own) for f in found.fields])


# Words


def _title(metric: BoundMetric) -> str:
    declared = metric.definition
    name = " ".join(part for part in (declared.name, f"({declared.unit})" if declared.unit else None) if part)
    return one_line(f"{name}, " if name else "", limit=None) + f"one value per {declared.model} and day"


def _input(found: Input, model: str) -> tuple[str, str]:
    own = found.model == model
    told = "the value stored for the day" if found.kind == "field" else f"look-back {_days(found.look_back)}"
    if found.kind == "series" and not own:
        told += f", all {found.model} records"
    return told, "" if found.direct else "(through metrics)"


def _days(days: Days) -> str:
    return "all days" if days is None else f"{days} day{'' if days == 1 else 's'}"


def _look_back(days: Days) -> str:
    if days is None:
        return "all days: a value reads everything up to its own day"
    return f"{_days(days)}: a value reads {_span(days, 'before')}"


def _reach(days: Days) -> str:
    if days is None:
        return "all days: a changed day of a series changes that day and every later one"
    return f"{_days(days)}: a changed day of a series changes {_span(days, 'after').replace('its own', 'that')}"


def _span(days: int, side: str) -> str:
    further = f" and the {'day' if days == 1 else f'{days} days'} {side} it"
    return "its own day only" if days == 0 else f"its own day{further}"


def _chain(direct: Sequence[str], everything: Sequence[str]) -> str:
    """Direct neighbours, then those behind them."""
    further = [name for name in everything if name not in direct]
    told = ", ".join(direct) or "nothing"
    return f"{told}; through them {', '.join(further)}" if further else told


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    shown = [tuple(one_line(cell, limit=None) for cell in row) for row in rows]
    widths = [max(len(row[i]) for row in shown) for i in range(len(shown[0]))] if shown else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]


__all__ = ["Explanation", "Input", "explain"]
