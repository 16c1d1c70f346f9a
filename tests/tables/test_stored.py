"""What a build stores as `tables.<name>` is what the table shows, and what the second evaluator says."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

import metricsql
from tests.projects import query

from .evaluator import evaluate
from .projects import kind_of, tables_project, texts
from .random_tables import RandomTable, random_table
from .stable import agree, stable
from .test_random import noises

pytestmark = pytest.mark.slow

AS_OF = date(2025, 1, 31)


def moved(made: RandomTable) -> RandomTable:
    """The same table with its ledger moved by whole days, so that its last execution is near one as-of day for all."""
    last = max(moment for ledger in made.ledgers.values() for _, moment, _ in ledger)
    days = timedelta(days=(AS_OF - last.date()).days + 3)
    ledgers = {source: [(event, moment + days, value) for event, moment, value in ledger]
               for source, ledger in made.ledgers.items()}
    return RandomTable(made.table, ledgers, AS_OF, made.intervals, made.trees)


MADE = {f"t{seed}": moved(random_table(seed, faults=seed % 5 == 0)) for seed in range(300, 330)}
INTERVALS = {name: made.intervals[number % len(made.intervals)] for number, (name, made) in enumerate(MADE.items())}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> metricsql.Project:
    folder: Path = tmp_path_factory.mktemp("stored")
    tables = {name: ({**made.table, "interval": INTERVALS[name]}, texts(made.ledgers)) for name, made in MADE.items()}
    loaded = metricsql.load(tables_project(folder, tables))
    loaded.build(as_of=AS_OF)
    return loaded


@pytest.mark.parametrize("name", MADE)
def test_stored(name: str, project: metricsql.Project) -> None:
    made, interval = MADE[name], INTERVALS[name]
    expected, *noisy = (evaluate(made.table, made.ledgers, interval, AS_OF, noise) for noise in noises())
    columns = 'position, "row", period_start, period_end, is_partial, value, reason'
    rows = query(project, f"SELECT {columns} FROM tables.{name} ORDER BY position, period_start")
    assert len(rows) == len(expected.rows) * len(expected.periods)
    wanted = ((position, title, place, period) for position, title in enumerate(expected.rows, 1)
              for place, period in enumerate(expected.periods))
    for (position, title, place, period), row in zip(wanted, rows, strict=True):
        cell, got = expected.rows[title][place], (row[5], kind_of(row[6]))
        assert row[:5] == (position, title, period.start, period.end, period.is_partial)
        assert not stable(cell, noisy, title, place) or agree(got, cell), f"{title} at {period}: {got}, {cell}"
