"""Takes one value apart: the tree of its formula, the rules that were applied, the raw rows behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from metricsql.build.record import RecordData, RecordReader, reading_record
from metricsql.build.stored import StoredValue
from metricsql.diagnostics import Diagnostic, ProjectError
from metricsql.inspect.why_nodes import Node, Stored
from metricsql.inspect.why_text import formula_lines
from metricsql.inspect.why_tree import Explainer, Spot, Values
from metricsql.inspect.why_words import day_words, listed, value_words
from metricsql.project.definition import Definition, MetricDef

TOLERANCE = 1e-9
"""Sums may differ in their last bits with the order of adding."""


@dataclass(frozen=True)
class Why:
    """One value with everything behind it. `tree` is the metric's own node; `stored` is what the built file says."""

    metric: str
    name: str | None
    unit: str | None
    description: str | None
    model: str
    record: str
    title: str | None
    """The record's field `name`, if it has one."""
    day: date
    value: float | None
    stored: Stored
    tree: Node

    def lines(self) -> Iterator[str]:
        """The answer in plain sentences, as an indented tree."""
        what = f"{self.name} ({self.metric})" if self.name else self.metric
        whose = f"{self.record} ({self.title})" if self.title else self.record
        unit = f" {self.unit}" if self.unit and self.value is not None else ""
        yield f"{what} of {whose} on {day_words(self.day)}: {value_words(self.value)}{unit}"
        if self.description:
            yield self.description
        yield self.stored.words
        yield ""
        yield from (f"- {rule}" for rule in self.tree.rules)
        for child in self.tree.children:
            yield from formula_lines(child)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "metric": self.metric, "name": self.name, "unit": self.unit, "description": self.description,
            "model": self.model, "record": self.record, "title": self.title, "day": self.day.isoformat(),
            "value": self.value, "stored": self.stored.to_dict(), "tree": self.tree.to_dict(),
        }


def why(definition: Definition, metric: MetricDef, record: str, day: date | None, as_of: date,
        limit: int | None = 10) -> Why:
    """Take the value of a metric for a record and day apart; without a day, that of the last one.

    `limit` is the most values and rows that each operation over time shows; None shows all. Raises `ProjectError`
    if the project is wrong, or if there is no such record or day.
    """
    with reading_record(definition, [metric.id], record, as_of) as reader:
        return take_apart(reader, metric, record, day or reader.context.as_of, limit)


def take_apart(reader: RecordReader, metric: MetricDef, record: str, day: date, limit: int | None = 10) -> Why:
    """Take a value of the record that a reader was opened for apart. Raises `ProjectError` if it has no such day."""
    data = reader.data(metric.model, record)
    _check_day(reader, data, day)
    tree = Explainer(Values(reader), limit).metric(metric.id, Spot(metric.model, record, day))
    assert not isinstance(tree.value, str)
    stored = _compared(tree.value, reader.stored(metric.id, record, day), metric.id, day)
    return Why(metric.id, metric.name, metric.unit, metric.description, metric.model, record, data.title, day,
               tree.value, stored, tree)


def _check_day(reader: RecordReader, data: RecordData, day: date) -> None:
    """Raise if the record has no row on the day, with the reason."""
    start, end = reader.context.start, reader.context.as_of
    first = max(start, data.since or start)
    if first <= day <= end:
        return
    column = reader.context.definition.models[data.model].since
    if start > end:
        reason = "there is no data, and so no day at all"
    elif day > end:
        reason = f"the as-of day is {day_words(end)}"
    elif day < start:
        reason = f"the first day of the project is {day_words(start)}"
    else:
        reason = f"its first day, in the column `{column}`, is {day_words(first)}"
    hint = f"its days run from {first} to {end}" if first <= end else None
    raise ProjectError(Diagnostic("no-such-day", f"`{data.key}` has no row on {day}: {reason}", hint=hint))


# The built file


def _compared(value: float | None, stored: StoredValue, metric: str, day: date) -> Stored:
    last = stored.last_build or {}
    built_at, as_of = last.get("finished_at"), last.get("as_of")
    if not stored.built:
        return Stored("missing", None, f"`{metric}` is not built yet; `metricsql build` stores its values.")
    if not stored.present:
        through = stored.built_through
        reason = f"is built through {day_words(through)} only" if through is not None and through < day else \
            "was built when the record had no such day"
        words = f"There is no stored value: `{metric}` {reason}; `metricsql build` adds it."
        return Stored("missing", None, words, built_at, as_of)
    build = f"the build of {built_at} UTC, as of {as_of}"
    if _same(value, stored.value):
        return Stored("same", stored.value, f"The stored value is the same ({build}).", built_at, as_of)
    words = f"The stored value is stale: it is {value_words(stored.value)} ({build}). {_reason(stored)}; " \
            "`metricsql build` computes it anew."
    return Stored("stale", stored.value, words, built_at, as_of)


def _same(value: float | None, stored: float | None) -> bool:
    if value is None or stored is None:
        return value is stored
    return abs(value - stored) <= TOLERANCE * max(1.0, abs(stored))


def _reason(stored: StoredValue) -> str:
    if stored.state == "formula changed":
        return "Its definition has changed since"
    if stored.state == "uses a changed metric":
        return "The definition of a metric that it uses has changed since"
    if stored.changed_sources:
        sources = listed([f"`{source}`" for source in stored.changed_sources])
        return f"{sources} {'has' if len(stored.changed_sources) == 1 else 'have'} changed since"
    return "What a query or a table gives, or a setting of the project, has changed since"
