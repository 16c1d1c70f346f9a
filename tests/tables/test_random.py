"""Two hundred random tables, at every interval that makes sense: the program and the second evaluator agree."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any

import pytest

import metricsql

from .evaluator import evaluate
from .projects import shown, tables_project, texts
from .random_tables import random_table
from .stable import agree, stable

TABLES = {f"t{seed}": random_table(seed) for seed in range(200)}
QUICK = 24
"""So many tables belong to the quick part, at one interval each; all the others are slow."""


def chosen() -> list[Any]:
    """Every table at every interval of it."""
    found = []
    for number, (name, made) in enumerate(TABLES.items()):
        for place, interval in enumerate(made.intervals):
            quick = number < QUICK and place == number % len(made.intervals)
            found.append(pytest.param(name, interval, marks=() if quick else pytest.mark.exhaustive))
    return found


def noises() -> tuple[Random | None, ...]:
    """Exact, and twice with a little noise in every inexact result."""
    return None, Random(1), Random(2)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], metricsql.Project]:
    """The project of a table: the quick part is one project, the others are projects of as many."""

    @cache
    def load(group: int) -> metricsql.Project:
        here = list(TABLES.items())[group * QUICK : (group + 1) * QUICK]
        tables = {name: (made.table, texts(made.ledgers)) for name, made in here}
        return metricsql.load(tables_project(tmp_path_factory.mktemp("tables"), tables))

    return lambda name: load(list(TABLES).index(name) // QUICK)


@pytest.mark.parametrize(("name", "interval"), chosen())
def test_agree(name: str, interval: str, project: Callable[[str], metricsql.Project]) -> None:
    made = TABLES[name]
    found = shown(project(name), name, interval, made.as_of)
    expected, *noisy = (evaluate(made.table, made.ledgers, interval, made.as_of, noise) for noise in noises())
    assert found.starts == [period.start for period in expected.periods]
    assert found.partial == [period.is_partial for period in expected.periods]
    assert found.unavailable == set(expected.unavailable)
    assert list(found.rows[None]) == list(expected.rows)
    wrong = [
        f"{interval} {title} at {found.starts[place]}: {got}, expected {cell}; {made.table['rows']}"
        for title, column in expected.rows.items()
        for place, (cell, got) in enumerate(zip(column, found.rows[None][title], strict=True))
        if stable(cell, noisy, title, place) and not agree(got, cell)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", list(TABLES)[:QUICK:3])
def test_shown_periods_change_no_value(name: str, project: Callable[[str], metricsql.Project]) -> None:
    """`start` and `end` choose the periods that hold one of these days; what is not shown still counts."""
    made = TABLES[name]
    interval = made.intervals[-3]
    whole = project(name).table(name, interval=interval, as_of=made.as_of)
    middle = whole.periods[len(whole.periods) // 3].start.date()
    last = middle + timedelta(days=45)
    part = project(name).table(name, interval=interval, as_of=made.as_of, start=middle, end=last)
    kept = [place for place, period in enumerate(whole.periods)
            if period.start.date() <= last and period.end.date() > middle]
    assert part.periods == [whole.periods[place] for place in kept]
    for shown_row, row in zip(part.rows, whole.rows, strict=True):
        assert list(shown_row.cells) == [row.cells[place] for place in kept]
