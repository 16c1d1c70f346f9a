"""What `why` answers: a tree of frozen nodes, ready to be printed or turned into JSON. Data only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from metricsql.build.raw_rows import RawRow
from metricsql.operators import Value

Kind = Literal["metric", "operator", "window", "field", "number", "text"]


@dataclass(frozen=True)
class DayValue:
    """The value of a series on one day; `made` says in words how it came from several rows or records, or from none."""

    day: date
    value: float
    rows: int = 0
    made: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {"day": self.day.isoformat(), "value": self.value, "rows": self.rows, "made": self.made}


@dataclass(frozen=True)
class Window:
    """What an operation over time looked at. Values and rows stand newest first, `more_...` says how many are left out.

    `first` is None where the operation reads everything and there is nothing.
    """

    operation: str
    series: str
    model: str
    days: int | None
    first: date | None
    last: date
    days_with_data: int
    days_as_zero: int = 0
    values: tuple[DayValue, ...] = ()
    more_values: int = 0
    rows: tuple[RawRow, ...] = ()
    more_rows: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "operation": self.operation, "series": self.series, "model": self.model, "days": self.days,
            "first": self.first.isoformat() if self.first else None, "last": self.last.isoformat(),
            "days_with_data": self.days_with_data, "days_as_zero": self.days_as_zero,
            "values": [value.to_dict() for value in self.values], "more_values": self.more_values,
            "rows": [row.to_dict() for row in self.rows], "more_rows": self.more_rows,
        }


@dataclass(frozen=True)
class Node:
    """A part of a formula with its value on a day.

    `rules` say in words what was done. A node that does not count (the branch that was not chosen) and one that
    was shown before have no children. A `metric` node has one child, its formula, unless no formula was asked.
    """

    kind: Kind
    text: str
    value: Value
    record: str
    day: date
    rules: tuple[str, ...] = ()
    children: tuple[Node, ...] = ()
    window: Window | None = None
    since: date | None = None
    """Fields: since when the value is what it is."""
    source: str | None = None
    """Fields: where the value is from."""
    counts: bool = True
    repeated: bool = False
    label: str = ""
    """The text, shortened for reading."""

    def walk(self) -> Iterator[Node]:
        """The node and everything below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data; what does not apply to a kind of node is left out."""
        found: dict[str, Any] = {"kind": self.kind, "text": self.text, "value": self.value}
        if self.kind == "metric":
            found |= {"record": self.record, "day": self.day.isoformat()}
        if self.kind == "field":
            found |= {"since": self.since.isoformat() if self.since else None, "source": self.source}
        found |= {"rules": list(self.rules)}
        found |= {} if self.counts else {"counts": False}
        found |= {"repeated": True} if self.repeated else {}
        found |= {"window": self.window.to_dict()} if self.window else {}
        return found | ({"children": [child.to_dict() for child in self.children]} if self.children else {})


@dataclass(frozen=True)
class Stored:
    """What the built file holds of the value: `same`, `stale`, or `missing`; `words` say it in a sentence."""

    state: Literal["same", "stale", "missing"]
    value: float | None
    words: str
    built_at: str | None = None
    as_of: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {"state": self.state, "value": self.value, "built_at": self.built_at, "as_of": self.as_of,
                "words": self.words}
