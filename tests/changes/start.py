"""The state that a run of changes begins with, and the random pieces that changes are made of."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, time, timedelta, timezone

from tests.changes.formulas import PLANS, SERIES, first_metrics, new_metric
from tests.changes.state import (
    FIRST_COLUMNS,
    LOOSE_FIELD,
    MODELS,
    NUMBER_FIELDS,
    TEXT_FIELD,
    Cell,
    Entity,
    Row,
    Source,
    State,
)

KEYS = {
    "company": ("a", "A", "007", "7", "O'Brien; --", 'the "b"', "ünï", "co,mma"),
    "enduser": ("a", "e1", "E1", "007", "it's", 'x "y"; z', "later"),
    "asset": ("a", "s1", "s 2", "007"),
}
STRANGER = "ghost"
VALUES = (0, 0, 1, 1, 2, 3, 5, 7, 12, -1, -4, 0.25, 0.5, 1.75, -2.5)
CLOCKS = (time(0, 0), time(9, 30), time(9, 30), time(14, 0), time(23, 59, 59))
OFFSETS = (UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8)))
AS_OF = date(2025, 1, 20)
"""No clock goes back or forth in the time that these projects live in."""
KEEPER = "left long ago"
"""A record of the given history whose texts make a field a text for ever."""


def first_state(rng: random.Random) -> State:
    """A project before its first build: a few records, some twenty days of rows in five namespaces."""
    kinds = some_kinds(rng)
    state = State(AS_OF + timedelta(days=rng.randint(0, 3)), {}, {}, {}, first_metrics(rng, list(kinds)), made=100)
    companies = rng.sample(KEYS["company"], 4)
    for model in MODELS:
        keys = companies if model == "company" else rng.sample(KEYS[model], 3)
        state.records[model] = [some_entity(rng, state, model, key) for key in keys]
        state.given[model] = {(KEEPER, TEXT_FIELD, date(2024, 1, 1)): "Gold"}
    for record, name, back in (("a", "seats", 5), (companies[0], "seats", 30), (companies[1], TEXT_FIELD, 8)):
        state.given["company"][record, name, state.as_of - timedelta(days=back)] = field_value(rng, name)
    for namespace, kind in kinds.items():
        state.sources[namespace] = _source(rng, state, namespace, kind)
    for _ in range(3):
        state.metrics.append(new_metric(rng, state))
    return state


def some_kinds(rng: random.Random) -> dict[str, str]:
    """Five namespaces and the kinds of their sources, other ones from seed to seed."""
    usual = ["csv", "parquet", "ndjson"]
    rng.shuffle(usual)
    spaces = list(SERIES)
    return dict(
        zip(
            [*spaces[:3], *rng.sample(spaces[3:], 2)],
            [*usual, *rng.sample(("table", "attach", "sql", "csv.gz"), 2)],
            strict=True,
        )
    )


def _source(rng: random.Random, state: State, namespace: str, kind: str) -> Source:
    source = Source(namespace, kind, {})
    names = (
        [part_name(source, n) for n in (10, 20, 30)]
        if source.is_glob
        else [{"table": "raw.rows", "attach": f"{namespace}.duckdb", "csv.gz": f"{namespace}.csv.gz"}[kind]]
    )
    source.files = {name: [] for name in names}
    for model in MODELS:
        for entity in state.records[model]:
            for name in SERIES[namespace]:
                if name not in ("never sent", "comes later") and rng.random() < 0.5:
                    for back in range(-2, 19):
                        if rng.random() < 0.2:
                            day = state.as_of - timedelta(days=back)
                            row = some_row(rng, state, source, day, model, entity.key, name)
                            source.files[rng.choice(names)].append(row)
                            if rng.random() < 0.3:  # another value at the same moment: their order decides
                                twin = Row(row.name, row.at, float(rng.choice(VALUES)), dict(row.records))
                                source.files[rng.choice(names)].append(twin)
    for name in names:
        source.files[name].append(some_row(rng, state, source, state.as_of - timedelta(days=rng.randint(0, 9))))
    return source


def part_name(source: Source, number: int) -> str:
    """A file of a glob."""
    suffix = "csv" if source.kind == "sql" else source.kind
    return f"{source.namespace}/part{number:03}.{suffix}"


def some_entity(rng: random.Random, state: State, model: str, key: str) -> Entity:
    """A record with random fields."""
    first = rng.choice((None, None, state.as_of - timedelta(days=rng.randint(0, 25)), state.as_of + timedelta(days=2)))
    fields = {name: field_value(rng, name) for name in state.columns.get(model, FIRST_COLUMNS[model])}
    return Entity(key, some_company(rng, state) if model != "company" else None, first, fields)


def some_company(rng: random.Random, state: State) -> Cell:
    """A company for a child; now and then none, or one that nobody knows."""
    known = [entity.key for entity in state.records["company"]]
    return rng.choice((*known, *known, *known, None, STRANGER, *KEYS["company"]))


def field_value(rng: random.Random, name: str) -> Cell:
    """A value for a field."""
    if name == TEXT_FIELD:
        return rng.choice((*PLANS, None))
    if name == LOOSE_FIELD:
        return rng.choice(("12", "x9", None, None))
    assert name in NUMBER_FIELDS or name.startswith("extra")
    return rng.choice(("1", "2", "3", "5", "10", "0", "2.5", "-1", None))


def some_row(
    rng: random.Random,
    state: State,
    source: Source,
    day: date,
    model: str | None = None,
    key: str | None = None,
    name: str | None = None,
) -> Row:
    """A row of a day; of any model, record and name where these are not given."""
    model = model or rng.choice(MODELS)
    key = key or rng.choice((*(entity.key for entity in state.records[model]), *KEYS[model], STRANGER))
    records = {model: key}
    if source.namespace == "activities":
        for other in MODELS:
            if other != model and rng.random() < 0.2:
                records[other] = rng.choice((*KEYS[other], STRANGER))
    value = None if rng.random() < 0.1 else float(rng.choice(VALUES))
    bad = rng.choice(("day", "value")) if source.kind in ("csv", "csv.gz", "sql") and rng.random() < 0.04 else None
    return Row(name or rng.choice(SERIES[source.namespace]), moment(rng, source, day), value, records, bad)


def moment(rng: random.Random, source: Source, day: date) -> date | datetime:
    """A time of a day, in one of the ways that the source can hold."""
    if source.times == "days":
        return day
    if source.times == "texts" and rng.random() < 0.25:
        return day
    at = datetime.combine(day, rng.choice(CLOCKS))
    return at.replace(tzinfo=rng.choice(OFFSETS)) if source.times == "texts" and rng.random() < 0.3 else at


def clean(state: State, source: Source) -> None:
    """A source that reads JSON keeps a row in every file."""
    for name, rows in list(source.files.items()):
        if source.kind == "ndjson" and not rows:
            if len(source.files) > 1:
                del source.files[name]
            else:
                rows.append(
                    Row(SERIES[source.namespace][0], datetime.combine(state.as_of, time()), 1.0, {"company": STRANGER})
                )
