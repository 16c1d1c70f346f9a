"""The metrics of a state: a fixed set that has every kind of leaf and of dependence, and random ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from tests.changes.state import MODELS, NUMBER_FIELDS, TEXT_FIELD, Declared, State, Where, references
from tests.oracle.random_formulas import random_formula

SERIES = {
    "activities": ("Login", "v2.export"),
    "metrics": ("nps", "Process Runs", "load", "comes later"),
    "conversations": ("chat", "never sent"),
    "tasks": ("To.Do",),
    "system": ("health",),
    "revenue": ("mrr",),
    "email_events": ("sent",),
}
ROUGH_SERIES = ("metrics.load", "email_events.sent")
"""Their points may be averaged, so their values have bits that hang on the order of adding."""
PLANS = ("Gold", "Silver", "it's")

Formula = Any


def over(operation: str, days: int, prop: str, **more: str) -> Formula:
    return {"type": "metricOverTime", "op": operation, "days": days, "prop": prop, **more}


def total(prop: str) -> Formula:
    return {"type": "totalSum", "prop": prop}


def since(prop: str) -> Formula:
    return {"type": "daysSince", "prop": prop}


def field(name: str) -> Formula:
    return {"type": "propertyValue", "prop": name}


def number(value: float) -> Formula:
    return {"type": "rawNumber", "value": value}


FIRST: list[tuple[str, str, Formula]] = [
    ("eu_runs", "enduser", over("SUM", 3, "metrics.Process Runs")),
    ("eu_chats", "enduser", over("SUM", 7, "conversations.chat")),
    ("eu_quiet", "enduser", since("activities.Login")),
    ("eu_peak", "enduser", over("MAX", 4, "calculated.eu_runs")),
    ("eu_load", "enduser", over("AVERAGE", 5, "metrics.load")),
    ("as_total", "asset", total("metrics.nps")),
    ("as_seats", "asset", ["SUM", field("asset.custom.seats"), over("LENGTH", 3, "tasks.To.Do")]),
    ("as_old", "asset", over("LAST", 400, "calculated.as_total")),
    ("logins", "company", over("SUM", 7, "activities.Login")),
    ("nps_trend", "company", over("TREND", 3, "metrics.nps")),
    ("logins_trend", "company", over("TREND", 2, "calculated.logins", trend="difference")),
    ("user_logins", "company", total("enduser.activities.Login")),
    ("user_quiet", "company", since("enduser.conversations.chat")),
    ("chats", "company", over("SUM", 5, "enduser.calculated.eu_chats")),
    ("runs", "company", over("AVERAGE", 6, "enduser.metrics.Process Runs")),
    ("chats_low", "company", over("MIN", 4, "calculated.chats")),
    ("logins_ever", "company", total("calculated.logins")),
    ("chats_deep", "company", over("SUM", 30, "calculated.chats_low")),
    ("per_seat", "company", ["DIVISION", over("LAST", 1, "calculated.logins"), field("company.custom.seats")]),
    (
        "gold_mrr",
        "company",
        [
            "IF",
            field(f"company.custom.{TEXT_FIELD}"),
            "equal to",
            {"type": "rawValue", "value": "Gold"},
            over("LAST", 30, "revenue.mrr"),
            number(0),
        ],
    ),
    ("health", "company", over("LAST", 400, "system.health")),
    ("sent", "company", over("LENGTH", 10, "email_events.sent")),
    ("assets", "company", over("LAST", 1, "asset.calculated.as_total")),
    ("coded", "company", ["IF", field("company.custom.Code"), "has value", over("SUM", 2, "tasks.To.Do"), number(-1)]),
    ("peaks", "company", ["SUM", over("MAX", 9, "enduser.calculated.eu_peak"), over("LAST", 2, "metrics.comes later")]),
]
ROUGH_FIRST = ("eu_load", "nps_trend", "runs", "per_seat")


def first_metrics(rng: random.Random, namespaces: Sequence[str]) -> list[Declared]:
    """Some of the fixed metrics of these namespaces; now and then with `missing: zero`, `where`, a file of its own."""
    absent = tuple(
        f"'{prefix}{space}." for space in SERIES.keys() - set(namespaces) for prefix in ("", *(f"{m}." for m in MODELS))
    )
    possible: dict[str, Formula] = {}
    for name, _, formula in FIRST:
        if not any(word in str(formula) for word in absent) and references(formula) <= possible.keys():
            possible[name] = formula
    chosen = {name for name in possible if rng.random() < 0.6}
    for name, formula in reversed(possible.items()):
        chosen |= references(formula) if name in chosen else set()
    return [
        Declared(
            index,
            name,
            model,
            formula,
            name not in ROUGH_FIRST,
            rng.random(),
            rng.random() < 0.2,
            some_where(rng) if rng.random() < 0.15 else None,
            rng.random() < 0.15,
        )
        for index, (name, model, formula) in enumerate(FIRST, 1)
        if name in chosen
    ]


def some_where(rng: random.Random) -> Where:
    """A condition on a text or on a number."""
    if rng.random() < 0.5:
        return Where(TEXT_FIELD, rng.choice(PLANS[:2]))
    return Where(rng.choice(NUMBER_FIELDS), rng.choice((0, 2, 4)))


def some_formula(rng: random.Random, state: State, model: str, before: list[Declared], exact: bool) -> Formula:
    """A random formula of a model that may use the given metrics."""
    others = MODELS if model == "company" else (model,)
    names: list[str] = []
    rough: set[str] = set()
    for other in others:
        prefix = "" if other == model else f"{other}."
        names += [f"{prefix}{space}.{name}" for space in state.sources for name in SERIES[space]]
        rough |= {f"{prefix}{name}" for name in ROUGH_SERIES}
        calculated = [m for m in before if m.model == other]
        names += [f"{prefix}calculated.{m.id}" for m in calculated for _ in range(3)]
        rough |= {f"{prefix}calculated.{m.id}" for m in calculated if not m.exact}
    numbers = [name for name in state.columns[model] if name not in (TEXT_FIELD, "Code")]
    return random_formula(
        rng,
        series=names,
        fields=[f"{model}.custom.{name}" for name in numbers],
        text_fields=[f"{model}.custom.{TEXT_FIELD}"],
        depth=rng.randint(0, 3),
        exact=exact,
        rough=rough,
    )


def new_metric(rng: random.Random, state: State) -> Declared:
    """A metric that may use a few of those there are."""
    model = rng.choice((*MODELS, "company"))
    exact = rng.random() < 0.5
    before = rng.sample(state.metrics, min(len(state.metrics), 8))
    formula = some_formula(rng, state, model, before, exact)
    where = some_where(rng)
    state.made += 1
    return Declared(
        state.made,
        f"m{state.made}",
        model,
        formula,
        exact,
        rng.random(),
        rng.random() < 0.25,
        where if rng.random() < 0.25 and where.field in state.columns[model] else None,
        rng.random() < 0.2,
    )
