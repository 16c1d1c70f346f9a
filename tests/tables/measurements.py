"""What a row shows of an event in each period, from the executions of the period (docs/semantics.md section 9)."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime

from .periods import Period

Cell = tuple[float | None, str | None]
"""A value without a reason, or no value and the reason."""
Column = list[Cell]
"""One cell for each period."""

EARLIER = "no earlier period"
LATER = "no later period"
ZERO = "divided by zero"
EMPTY = "no value for a row"
DOMAIN = "outside the domain"
UNAVAILABLE = "unavailable"
NOTHING = "nothing chosen"
"""`nullif` of equals and a `case` without a match: the rules name no reason."""

Execution = tuple[datetime, float]

OVER: dict[str, Callable[[Sequence[float]], float]] = {
    "sum": math.fsum,
    "average": lambda values: math.fsum(values) / len(values),
    "min": min,
    "max": max,
}


def executions_of(ledger: Sequence[tuple[str, datetime, float]], event: str) -> list[Execution]:
    """The executions of one event by time, equal times in the order of the source."""
    return sorted(((time, value) for name, time, value in ledger if name == event), key=lambda execution: execution[0])


def measure(
    executions: Sequence[Execution], periods: Sequence[Period], option: str, kind: str, opening: float | None
) -> Column:
    """One display option of one event over the periods, which hold all its executions, in order of time."""
    starts = [period.start for period in periods]
    inside: list[list[float]] = [[] for _ in periods]
    for moment, value in executions:
        inside[bisect_right(starts, moment) - 1].append(value)
    if option == "count":
        return [(float(len(values)), None) for values in inside]
    if option in OVER:
        return [(OVER[option](values), None) if values else (None, EMPTY) for values in inside]
    ends = endings(inside, kind, opening)
    if option == "ending":
        return ends
    first: Cell = (None, EARLIER) if opening is None else (opening, None)
    begins: Column = [first, *ends[:-1]] if periods else []
    return begins if option == "starting" else [difference(*both) for both in zip(ends, begins, strict=True)]


def endings(inside: Sequence[Sequence[float]], kind: str, opening: float | None) -> Column:
    """The state at the end of each period: a stock keeps the last one (at first its opening), a flow starts anew."""
    state = opening
    found: Column = []
    for values in inside:
        state = values[-1] if values else state if kind == "stock" else None
        found.append((state, None) if state is not None else (None, EMPTY))
    return found


def difference(end: Cell, start: Cell) -> Cell:
    if end[0] is None:
        return end
    return start if start[0] is None else (end[0] - start[0], None)
