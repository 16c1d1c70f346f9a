"""What changes choose: a source, a file, a day, some rows; and how they say it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta

from tests.changes.start import part_name
from tests.changes.state import Row, Source, State

Change = Callable[[random.Random, State], str | None]
"""Alters a state and says how in words; None if there was nothing to alter."""


def by_name(*changes: Change) -> dict[str, Change]:
    """Changes by the names of their functions."""
    return {change.__name__: change for change in changes}


def day_of(row: Row) -> date:
    """The day that a row says, whatever its offset."""
    return date(row.at.year, row.at.month, row.at.day)


def some_source(rng: random.Random, state: State) -> Source:
    return rng.choice(list(state.sources.values()))


def some_glob(rng: random.Random, state: State) -> Source:
    return rng.choice([source for source in state.sources.values() if source.is_glob])


def some_file(rng: random.Random, source: Source, new: float = 0.0) -> list[Row]:
    if source.is_glob and (not source.files or rng.random() < new):
        return source.files.setdefault(free_name(rng, source), [])
    return source.files[rng.choice(sorted(source.files))]


def free_name(rng: random.Random, source: Source) -> str:
    return part_name(source, rng.choice([n for n in range(400) if part_name(source, n) not in source.files]))


def some_day(rng: random.Random, state: State) -> date:
    """Mostly a day of late; seldom one that is still to come."""
    return state.as_of - timedelta(
        days=rng.choice((-2, -1, 0, 0, 1, 1, 2, 3, 5, 8, rng.randint(5, 25), rng.randint(5, 25)))
    )


def some_rows(rng: random.Random, state: State, count: int) -> list[tuple[Source, Row]]:
    source = some_source(rng, state)
    rows = list(source.rows())
    return [(source, row) for row in rng.sample(rows, min(count, len(rows)))]


def shown(source: Source, rows: list[Row]) -> str:
    words = [
        f"{source.namespace}.{row.name} {row.at.isoformat()} {row.value} {row.records}"
        + (f" bad {row.bad}" if row.bad else "")
        for row in rows[:6]
    ]
    return "; ".join(words)
