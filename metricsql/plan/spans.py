"""Sets of days as sorted lists of stretches, first and last day included."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

ONE_DAY = timedelta(days=1)
Span = tuple[date, date]
"""A first and a last day."""


def union(spans: Iterable[Span], gap: int = 0) -> list[Span]:
    """The days of all spans; stretches with at most `gap` days between them become one."""
    merged: list[Span] = []
    for first, last in sorted(span for span in spans if span[0] <= span[1]):
        if merged and (first - merged[-1][1]).days - 1 <= gap:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def clip(spans: Iterable[Span], first: date, last: date) -> list[Span]:
    """The days from `first` to `last`."""
    cut = ((max(a, first), min(b, last)) for a, b in spans)
    return [(a, b) for a, b in cut if a <= b]


def common(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """The days that both have."""
    return union(span for first, last in others for span in clip(some, first, last))


def of_days(days: Iterable[date]) -> list[Span]:
    """Single days as spans."""
    return union((day, day) for day in days)


def days_of(spans: Iterable[Span]) -> list[date]:
    """Every day, in order."""
    return [first + timedelta(days=i) for first, last in union(spans) for i in range((last - first).days + 1)]


def count(spans: Iterable[Span]) -> int:
    """The number of days in spans that do not overlap."""
    return sum((last - first).days + 1 for first, last in spans)
