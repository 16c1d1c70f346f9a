"""Random tables over daily metrics: one awkward panel of records, and many tables over it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random
from typing import Any

from .expressions import OPTIONS, key_of
from .random_tables import VALUES, Known, random_tree
from .writing import Writer

FIRST, AS_OF = date(2024, 12, 20), date(2025, 2, 4)
SEGMENTS = {"a": "Big", "b": "Small", "c": "Small", "d": "it's", "e": "Big", "f": "Small", "g": None}
METRICS = ("m1", "m2")
INTERVALS = ("day", "week", "month", "quarter", "year")


def panel(random: Random) -> dict[str, dict[tuple[str, date], float | None]]:
    """A value or none for every metric, record and day; the first day has one, and one stretch has none at all."""
    days = [FIRST + timedelta(days=place) for place in range((AS_OF - FIRST).days + 1)]

    def value(record: str, day: date) -> float | None:
        if day == FIRST:
            return 1.0
        quiet = day.month == 1 and 10 <= day.day <= 20
        return None if quiet or random.random() < 0.6 else float(random.choice(VALUES))

    return {metric: {(record, day): value(record, day) for record in SEGMENTS for day in days} for metric in METRICS}


def random_metric_table(seed: int) -> dict[str, Any]:
    """Rows over the metrics with every way of adding up, and calculations over them."""
    random = Random(f"metrics {seed}")
    titles = ["Users", "Active Users", "Users Active", "Seats", "Rate", "Per seat", "Growth"]
    random.shuffle(titles)
    rows: list[dict[str, Any]] = [metric_row(random, title) for title in titles[:4]]
    known: Known = {key_of(title): ("",) for title in titles[:4]}
    writer = Writer({key_of(title): title for title in titles}, random)
    for title in titles[4:]:
        rows.append({"name": title, "calculation": writer.write(random_tree(random, known, random.randint(1, 3)))})
        known[key_of(title)] = ()
    random.shuffle(rows)
    table: dict[str, Any] = {"source": "metrics.company", "rows": rows}
    if random.random() < 0.5:
        table["by"] = "segment"
    if random.random() < 0.3:
        table["where"] = "segment = 'Small'"
    return table


def metric_row(random: Random, title: str) -> dict[str, Any]:
    choices: Mapping[str, tuple[Any, ...]] = {
        "over": ("sum", "average", "count"), "display": OPTIONS, "kind": ("stock", "flow"), "opening": (0, 7.5),
        "where": ("segment = 'Big'",),
    }
    chances = {"over": 0.7, "display": 0.8, "kind": 0.5, "opening": 0.2, "where": 0.2}
    row = {key: random.choice(values) for key, values in choices.items() if random.random() < chances[key]}
    return {"metric": random.choice(METRICS), "name": title, **row}
