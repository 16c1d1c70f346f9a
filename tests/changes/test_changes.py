"""Whatever changed since the last build: `build` leaves what `build --full` leaves, and both what the oracle says."""

from __future__ import annotations

import random

import duckdb
import pytest

from tests.changes.changes_files import FILE_CHANGES
from tests.changes.changes_project import PROJECT_CHANGES
from tests.changes.changes_records import RECORD_CHANGES
from tests.changes.changes_rows import ROW_CHANGES
from tests.changes.changes_tables import TABLE_CHANGES
from tests.changes.machine import CHANGES, Step, first_failure, machine
from tests.changes.smaller import smaller
from tests.changes.words import told


def check(seed: int, steps: int, full_every: int) -> None:
    failure = first_failure(seed, steps, full_every)
    if failure is not None:
        pytest.fail(told(seed, smaller(seed, failure)))


@pytest.mark.parametrize("seed", [0, 1, pytest.param(2, marks=pytest.mark.exhaustive)])
def test_random_changes(seed: int) -> None:
    check(seed, steps=8, full_every=4)


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_random_changes(seed: int) -> None:
    check(seed, steps=25, full_every=2)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "kind",
    [ROW_CHANGES, FILE_CHANGES, RECORD_CHANGES, PROJECT_CHANGES, TABLE_CHANGES],
    ids=["rows", "files", "records", "project", "tables"],
)
def test_every_kind_of_change(kind: dict[str, object]) -> None:
    """Each change by itself, one after the other, in one project."""
    with machine(7) as made:
        made.step(Step(()))
        for number, name in enumerate(kind):
            failure = made.step(Step(((name, number),)))
            assert failure is None, told(7, failure)


def test_a_difference_would_be_seen() -> None:
    """A cell that is wrong in the built file is found, by the full build and by the oracle."""
    with machine(1) as made:
        assert made.step(Step(())) is None
        metric = next(m for m in made.state.metrics if m.model == "company")
        with duckdb.connect(str(made.folder / "case.duckdb")) as connection:
            connection.execute(
                f'UPDATE metrics.company SET "{metric.id}" = 12345 WHERE day = (SELECT MIN(day) FROM metrics.company)'
            )
        wrong = made._compare(None, "plain", full=False)
        assert {difference.column for difference in wrong} == {metric.id}
        assert {difference.against for difference in wrong} == {"oracle"}


def test_every_change_is_made_at_some_time() -> None:
    """No change is one that never finds anything to alter."""
    with machine(3) as made:
        for name, change in CHANGES.items():
            told_at_all = any(change(random.Random(seed), made.state) for seed in range(30))
            assert told_at_all or name == "remove_column", name  # that one needs a build before it
