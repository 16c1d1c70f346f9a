"""Where SQLite and the rules agree by definition, all evaluators say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import pytest

import metricsql

from .evaluator import evaluate
from .expressions import Node
from .measurements import Cell
from .projects import ledger_text, shown, tables_project
from .random_tables import VALUES
from .sqlite import answers, random_tree
from .stable import close, stable
from .writing import Writer

EVENTS = ("a", "b", "c")
PERIODS = 15


def panel(random: Random) -> tuple[list[tuple[str, datetime, float]], date]:
    """Fifteen days of three events, with gaps; the first and the last day have something."""
    first = datetime(2025, 1, 1)
    filled = [(event, place) for event in EVENTS for place in range(PERIODS) if random.random() < 0.7]
    filled = [("a", 0), *(cell for cell in filled if cell != ("a", 0))]
    ledger = [(event, first + timedelta(days=place), float(random.choice(VALUES))) for event, place in filled]
    return ledger, (first + timedelta(days=PERIODS - 1)).date()


def trees(random: Random, count: int) -> dict[str, Node]:
    return {f"t{number}": random_tree(random, EVENTS, random.randint(1, 4)) for number in range(count)}


@dataclass(frozen=True)
class Sample:
    """A table of random expressions, each as a tree too."""

    table: dict[str, Any]
    ledger: list[tuple[str, datetime, float]]
    as_of: date
    trees: dict[str, Node]


def sample(seed: int) -> Sample:
    random = Random(f"sqlite {seed}")
    ledger, as_of = panel(random)
    made = trees(random, 25)
    writer = Writer({event: event for event in EVENTS}, random)
    rows: list[dict[str, Any]] = [{"event": event} for event in EVENTS]
    rows += [{"name": name, "calculation": writer.write(tree)} for name, tree in made.items()]
    return Sample({"rows": rows}, ledger, as_of, made)


SAMPLES = {f"s{seed}": sample(seed) for seed in range(20)}


def check(made: Sample, rows: Mapping[str, Sequence[Cell]]) -> None:
    """Every sure cell of every calculation is what SQLite says over the cells of the events."""
    noisy = [evaluate(made.table, {"": made.ledger}, "day", made.as_of, Random(noise)) for noise in (1, 2)]
    exact = evaluate(made.table, {"": made.ledger}, "day", made.as_of)
    columns = {event: [value for value, _ in rows[event]] for event in EVENTS}
    for name, tree in made.trees.items():
        for place, expected in enumerate(answers(tree, columns)):
            cell = rows[name][place]
            if stable(exact.rows[name][place], noisy, name, place):
                assert close(cell, (expected, cell[1]), 1e-9), f"{tree} in period {place}: {cell}, SQLite {expected}"


@pytest.mark.parametrize("made", SAMPLES.values(), ids=SAMPLES)
def test_second_evaluator(made: Sample) -> None:
    check(made, evaluate(made.table, {"": made.ledger}, "day", made.as_of).rows)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> metricsql.Project:
    tables = {name: (made.table, {"": ledger_text(made.ledger)}) for name, made in SAMPLES.items()}
    return metricsql.load(tables_project(tmp_path_factory.mktemp("sqlite"), tables))


@pytest.mark.parametrize("name", [
    pytest.param(name, marks=() if number < 5 else pytest.mark.exhaustive) for number, name in enumerate(SAMPLES)
])
def test_program(name: str, project: metricsql.Project) -> None:
    made = SAMPLES[name]
    check(made, shown(project, name, "day", made.as_of).rows[None])
