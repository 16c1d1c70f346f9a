"""Days, numbers and lists as people write them. Knows nothing of formulas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date

from metricsql.diagnostics import one_line
from metricsql.operators import Value

MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
          "December")
NO_VALUE = "no value"


def day_words(day: date) -> str:
    """`28 April 2026`."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def span_words(first: date, last: date) -> str:
    """`25 to 31 March 2026`, with the month and the year only as often as needed."""
    if first == last:
        return day_words(last)
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day} to {day_words(last)}"
    if first.year == last.year:
        return f"{first.day} {MONTHS[first.month - 1]} to {day_words(last)}"
    return f"{day_words(first)} to {day_words(last)}"


def value_words(value: Value) -> str:
    """A number with six digits or two decimals, a text in quotes, or `no value`."""
    if value is None:
        return NO_VALUE
    if isinstance(value, str):
        return "'" + one_line(value, 80).replace("'", "''") + "'"
    size = abs(value)
    if size and not 1e-4 <= size < 1e15:
        return f"{value:.6g}"
    digits = max(2, 5 - math.floor(math.log10(size))) if size else 0
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def counted(count: int, noun: str) -> str:
    """`1 row`, `3 rows`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def listed(words: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"
