"""Periods of a table: where they begin and end, which month, quarter and year they belong to (semantics, section 9)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

STEPS = {
    "15min": timedelta(minutes=15),
    "30min": timedelta(minutes=30),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
"""Intervals of a fixed length; the others are counted in months."""
MONTHS = {"month": 1, "quarter": 3, "year": 12}
INTERVALS = (*STEPS, *MONTHS)
MONDAY = datetime(2024, 1, 1)
"""A Monday at midnight: every fixed interval can be counted from it."""


@dataclass(frozen=True)
class Period:
    """From `start` up to, and without, `end`."""

    start: datetime
    end: datetime
    is_partial: bool

    @property
    def days(self) -> float:
        return (self.end - self.start) / timedelta(days=1)


def month_number(moment: datetime) -> int:
    return moment.year * 12 + moment.month - 1


def month_start(number: int) -> datetime:
    return datetime(number // 12, number % 12 + 1, 1)


def start_of(moment: datetime, interval: str, fiscal_start: int = 1) -> datetime:
    """The beginning of the period that holds a moment. `fiscal_start` is the month that opens the year, 1 to 12."""
    if interval in STEPS:
        step = STEPS[interval]
        return MONDAY + (moment - MONDAY) // step * step
    shifted = month_number(moment) - (fiscal_start - 1)
    width = MONTHS[interval]
    return month_start(shifted // width * width + (fiscal_start - 1))


def next_start(start: datetime, interval: str) -> datetime:
    """The beginning of the period after the one that begins at `start`."""
    return start + STEPS[interval] if interval in STEPS else month_start(month_number(start) + MONTHS[interval])


def periods(moments: Iterable[datetime], as_of: date, interval: str, fiscal_start: int = 1) -> list[Period]:
    """From the period of the first execution to that of the as-of day or of the last execution, whichever is later."""
    known = sorted(moments)
    if not known:
        return []
    complete_until = datetime.combine(as_of, time()) + timedelta(days=1)
    last = max(known[-1], complete_until - timedelta(microseconds=1))
    found: list[Period] = []
    start = start_of(known[0], interval, fiscal_start)
    while start <= last:
        end = next_start(start, interval)
        found.append(Period(start, end, complete_until < end))
        start = end
    return found


def bucket(start: datetime, unit: str, fiscal_start: int = 1) -> datetime:
    """The month, quarter or year that a period belongs to, by its first moment (a week: by its Monday)."""
    return start_of(start, unit, fiscal_start)


def year_earlier(start: datetime, interval: str) -> datetime | None:
    """Where the same period of the year before begins: 52 weeks for weeks; 29 February has none."""
    if interval == "week":
        return start - timedelta(weeks=52)
    try:
        return start.replace(year=start.year - 1)
    except ValueError:
        return None
