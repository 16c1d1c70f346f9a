"""Functions that look at other periods of the same row (docs/semantics.md section 9)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from .functions import Arithmetic
from .measurements import EARLIER, EMPTY, LATER, ZERO, Cell, Column
from .periods import Period, bucket, year_earlier

ROLLING: dict[str, Callable[[list[float]], float]] = {
    "rolling_sum": math.fsum,
    "rolling_avg": lambda values: math.fsum(values) / len(values),
    "rolling_min": min,
    "rolling_max": max,
    "rolling_last": lambda values: values[-1],
}
TO_DATE = {"ytd": "year", "qtd": "quarter", "mtd": "month"}


def present(column: Column) -> Column:
    """Cells as other periods see them: there, or not."""
    return [(value, None if value is not None else EMPTY) for value, _ in column]


def shifted(column: Column, steps: int, edge: Column | None) -> Column:
    """`lag` (steps > 0) and `lead` (steps < 0); `edge` stands where there is no such period, not where it is empty."""
    beyond: Cell = (None, EARLIER if steps > 0 else LATER)
    kept = present(column)
    return [kept[place - steps] if 0 <= place - steps < len(column) else edge[place] if edge else beyond
            for place in range(len(column))]


def rolling(name: str, column: Column, count: int) -> Column:
    """Over the last `count` displayed periods, without the missing values."""
    found: Column = []
    for place in range(len(column)):
        window = column[max(0, place - count + 1) : place + 1]
        values = [value for value, _ in window if value is not None]
        if name == "rolling_count":
            found.append((float(len(values)), None))
        else:
            found.append((ROLLING[name](values), None) if values else (None, EMPTY))
    return found


def running(column: Column, restarts: Sequence[bool]) -> Column:
    """The total so far, begun anew at every restart; NULL before the first value."""
    total: float | None = None
    found: Column = []
    for (value, _), restart in zip(column, restarts, strict=True):
        total = None if restart else total
        if value is not None:
            total = value if total is None else total + value
        found.append((total, None) if total is not None else (None, EMPTY))
    return found


def restarts(name: str, periods: Sequence[Period], fiscal_start: int) -> list[bool]:
    """Where a total begins: once for `cumulative`, else wherever another year, quarter or month begins."""
    if name == "cumulative":
        return [False] * len(periods)
    homes = [bucket(period.start, TO_DATE[name], fiscal_start) for period in periods]
    return [True, *(after != before for before, after in pairwise(homes))] if homes else []


def year_over_year(column: Column, periods: Sequence[Period], interval: str, arithmetic: Arithmetic) -> Column:
    """(x - a) / a, where a is the same period a year earlier."""
    places = {period.start: place for place, period in enumerate(periods)}
    found: Column = []
    for place, period in enumerate(periods):
        earlier = year_earlier(period.start, interval)
        before: Cell = present(column)[places[earlier]] if earlier in places else (None, EARLIER)
        found.append(growth(column[place], before, arithmetic))
    return found


def growth(now: Cell, before: Cell, arithmetic: Arithmetic) -> Cell:
    if before[0] == 0 and now[0] is not None:
        return None, ZERO
    return arithmetic.apply("/", (arithmetic.apply("-", (now, before)), before))
