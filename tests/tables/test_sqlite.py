"""Where SQLite and the rules agree by definition, all evaluators say the same."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from random import Random

import pytest

from .evaluator import evaluate
from .expressions import Node
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


@pytest.mark.parametrize("seed", range(20))
def test_second_evaluator(seed: int) -> None:
    random = Random(f"sqlite {seed}")
    ledger, as_of = panel(random)
    made = trees(random, 25)
    writer = Writer({event: event for event in EVENTS}, random)
    rows = [{"event": event} for event in EVENTS]
    rows += [{"name": name, "calculation": writer.write(tree)} for name, tree in made.items()]
    noises = (None, Random(1), Random(2))
    found, *noisy = (evaluate({"rows": rows}, {"": ledger}, "day", as_of, noise) for noise in noises)
    columns = {event: [value for value, _ in found.rows[event]] for event in EVENTS}
    for name, tree in made.items():
        for place, expected in enumerate(answers(tree, columns)):
            cell = found.rows[name][place]
            if stable(cell, noisy, name, place):
                assert close(cell, (expected, cell[1]), 1e-9), f"{tree} in period {place}: {cell}, SQLite {expected}"
