"""The parts of a formula and the operations over time (docs/semantics.md sections 3 and 4)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from .arithmetic import divide, mean, minus, total
from .model import Number, RuleError, Value
from .names import SeriesName

SYNONYMS = {"AVG": "AVERAGE", "ADDITION": "SUM", "MAXIMUM": "MAX", "MINIMUM": "MIN"}
SINCE_NAMESPACES = ("activities", "conversations")
TRENDS = ("ratio", "difference", "change")


class Source(Protocol):
    """Where parts find their values."""

    def series(self, prop: object, model: str, key: str) -> tuple[SeriesName, dict[date, float]]:
        """The series a formula of a model names, and its values for a record: the days that have one."""

    def field(self, prop: object, model: str, key: str, day: date) -> Value:
        """The field of a record as tracked for a day."""

    def default_trend(self) -> str:
        """The project's `trend:`."""


@dataclass(frozen=True)
class Place:
    """The grid row a formula is evaluated for."""

    source: Source
    model: str
    key: str
    day: date


def part_value(part: dict[str, Any], place: Place) -> Value:
    """The value of a part on the day of a grid row."""
    kind = part.get("type")
    if kind == "rawNumber":
        return raw_number(part.get("value"))
    if kind == "rawValue":
        text = part.get("value")
        if not isinstance(text, str):
            raise RuleError(f"rawValue holds a text, not {text!r}")
        return text
    if kind == "propertyValue":
        # A stray `op` on this part is ignored.
        return place.source.field(part.get("prop"), place.model, place.key, place.day)
    if kind not in ("metricOverTime", "totalSum", "daysSince"):
        raise RuleError(f"{kind!r} is no part that has a value")
    name, values = place.source.series(part.get("prop"), place.model, place.key)
    if kind == "metricOverTime":
        operation = part.get("op", "LAST")
        trend = part.get("trend", place.source.default_trend())
        return over_time(SYNONYMS.get(operation, operation), values, place.day, window_days(part.get("days", 1)), trend)
    if kind == "totalSum":
        return total([value for day, value in values.items() if day <= place.day])
    if name.namespace not in SINCE_NAMESPACES:
        raise RuleError("daysSince reads activities and conversations only")
    active = [day for day, value in values.items() if day <= place.day and value > 0]
    return float((place.day - max(active)).days) if active else None


def raw_number(value: object) -> float:
    """A JSON number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise RuleError(f"rawNumber holds a number, not {value!r}")
    return float(value)


def window_days(days: object) -> int:
    """A whole number of at least 1."""
    if isinstance(days, bool) or not isinstance(days, (int, float)) or days != int(days) or days < 1:
        raise RuleError(f"days is a whole number of at least 1, not {days!r}")
    return int(days)


def over_time(operation: object, values: dict[date, float], day: date, days: int, trend: object) -> Number:
    """An operation over the days day-N+1 ... day; TREND compares the day with the day exactly N days before."""
    if operation == "TREND":
        before = [value for then, value in values.items() if (day - then).days == days]
        return trend_value(trend, values.get(day), before[0] if before else None)
    # Counting days back from `day` keeps very long windows away from the first date the calendar knows.
    inside = [values[then] for then in sorted(values) if 0 <= (day - then).days < days]
    if operation == "LENGTH":
        return float(len(inside))
    if operation == "SUM":
        return total(inside)
    if operation == "AVERAGE":
        return mean(inside)
    if operation == "MIN":
        return min(inside, default=None)
    if operation == "MAX":
        return max(inside, default=None)
    if operation == "LAST":
        return inside[-1] if inside else None
    raise RuleError(f"unknown op {operation!r}")


def trend_value(trend: object, now: Number, before: Number) -> Number:
    """Today against the value of N days ago, in the arithmetic chosen by the project or by the part."""
    if trend not in TRENDS:
        raise RuleError(f"unknown trend {trend!r}")
    if trend == "difference":
        return minus(now, before)
    return divide(now if trend == "ratio" else minus(now, before), before)
