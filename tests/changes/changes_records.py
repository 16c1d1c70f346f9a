"""Changes of records, of their fields and of what is known of the past of these."""

from __future__ import annotations

import random
from datetime import date, timedelta

from tests.changes.pieces import by_name
from tests.changes.start import KEEPER, KEYS, STRANGER, field_value, some_company, some_entity
from tests.changes.state import COLUMNS, EXTRA_FIELDS, LOOSE_FIELD, MODELS, Entity, State


def new_record(rng: random.Random, state: State) -> str | None:
    """A record more; rows that name it may be there already."""
    model = rng.choice(MODELS)
    free = [key for key in (*KEYS[model], STRANGER) if key not in state.of_model(model)]
    if not free or len(state.records[model]) > 6:
        return None
    entity = some_entity(rng, state, model, rng.choice(free))
    state.records[model].insert(rng.randint(0, len(state.records[model])), entity)
    return f"new {model}: {entity}"


def remove_record(rng: random.Random, state: State) -> str | None:
    """A record goes away; its rows and children stay."""
    model = rng.choice(MODELS)
    if len(state.of_model(model)) < (3 if model == "company" else 1):
        return None
    key = rng.choice(list(state.of_model(model)))
    state.records[model] = [entity for entity in state.records[model] if entity.key != key]
    return f"{model} {key!r} removed"


def repeat_record(rng: random.Random, state: State) -> str | None:
    """A second row with the key of a record: the later one counts."""
    model, entity = _some_record(rng, state)
    if len(state.records[model]) > 7:
        return None
    made = some_entity(rng, state, model, entity.key)
    state.records[model].insert(rng.randint(0, len(state.records[model])), made)
    return f"a second row of {model} {entity.key!r}: {made}"


def change_case_of_key(rng: random.Random, state: State) -> str | None:
    """A key is written in other letters: it is another record."""
    model, entity = _some_record(rng, state)
    swapped = entity.key.swapcase()
    if swapped == entity.key or swapped in state.of_model(model):
        return None
    old = entity.key
    for other in state.records[model]:
        if other.key == old:
            other.key = swapped
    return f"{model} {old!r} is {swapped!r} now"


def reorder_records(rng: random.Random, state: State) -> str:
    """The rows of the records stand in another order."""
    model = rng.choice(MODELS)
    if len(state.of_model(model)) == len(state.records[model]):
        rng.shuffle(state.records[model])
    else:
        state.records[model] = list(state.of_model(model).values())
    return f"rows of {model} in another order, each key once"


def swap_keys(rng: random.Random, state: State) -> str | None:
    """Two records of a model change their keys, and with them all their rows."""
    model = rng.choice(MODELS)
    if len(state.of_model(model)) < 2:
        return None
    first, second = rng.sample(list(state.of_model(model)), 2)
    for entity in state.records[model]:
        entity.key = {first: second, second: first}.get(entity.key, entity.key)
    return f"{model} {first!r} and {second!r} have each other's keys"


def change_since(rng: random.Random, state: State) -> str:
    """A record begins earlier, later, or with the project."""
    model, entity = _some_record(rng, state)
    entity.since = rng.choice((None, state.as_of - timedelta(days=rng.randint(0, 25)), state.as_of + timedelta(days=1)))
    return f"{model} {entity.key!r} begins {entity.since}"


def move_child(rng: random.Random, state: State) -> str | None:
    """A child belongs to another company, for all days."""
    model = rng.choice(MODELS[1:])
    if not state.records[model]:
        return None
    entity = rng.choice(state.records[model])
    entity.company = some_company(rng, state)
    return f"{model} {entity.key!r} belongs to {entity.company!r}"


def change_field(rng: random.Random, state: State) -> str:
    """A field of one record has another value or none."""
    model, entity = _some_record(rng, state)
    name = rng.choice(state.columns[model])
    before, entity.fields[name] = (
        entity.fields.get(name),
        rng.choice((None, field_value(rng, name), field_value(rng, name))),
    )
    return f"{name} of {model} {entity.key!r}: {before} -> {entity.fields[name]}"


def change_column(rng: random.Random, state: State) -> str:
    """A field of all records of a model has other values."""
    model = rng.choice(MODELS)
    name = rng.choice(state.columns[model])
    for entity in state.records[model]:
        entity.fields[name] = field_value(rng, name)
    return f"{name} of all of {model}: {[entity.fields[name] for entity in state.records[model]]}"


def new_column(rng: random.Random, state: State) -> str | None:
    """The records of a model have a field more, new or known from before."""
    model = rng.choice(MODELS)
    free = [name for name in (*COLUMNS, *EXTRA_FIELDS) if name not in state.columns[model]]
    if not free:
        return None
    name = rng.choice(free)
    state.columns[model].insert(rng.randint(0, len(state.columns[model])), name)
    for entity in state.records[model]:
        entity.fields[name] = field_value(rng, name)
    return f"{model} has a field {name}"


def remove_column(rng: random.Random, state: State) -> str | None:
    """The records of a model have a field less; its past stays known."""
    model = rng.choice(MODELS)
    tested = {metric.where.field for metric in state.metrics if metric.where and metric.model == model}
    tested |= {row.where.field for row in state.output.rows if row.where and model == "company"}
    known = {name for (of, _, name), past in state.stored.items() if of == model and past}
    free = [name for name in state.columns[model] if name not in tested and name in known]
    used = {field for metric in state.metrics for field in known if f"{model}.custom.{field}'" in str(metric.formula)}
    # A field that formulas use and that was stored today only would be forgotten by a second build of today.
    young = {name for name in used if not _stored_before(state, model, name)}
    free = [name for name in free if name not in young]
    if not free:
        return None
    name = rng.choice(free)
    state.columns[model].remove(name)
    return f"{model} has no field {name} any more"


def _stored_before(state: State, model: str, name: str) -> bool:
    return any(
        day != state.as_of
        for (of, _, field), past in state.stored.items()
        if (of, field) == (model, name)
        for day in past
    )


def give_history(rng: random.Random, state: State) -> str:
    """A row more in a given history, or another value in it; seldom of a day to come."""
    model = rng.choice(MODELS)
    record = rng.choice((*(entity.key for entity in state.records[model]), STRANGER))
    name = rng.choice([name for name in state.columns[model] if name != LOOSE_FIELD])
    day = state.as_of - timedelta(days=rng.choice((-1, 0, 1, 2, 5, 10, 20, 40)))
    value = field_value(rng, name)
    state.given[model][record, name, day] = value
    return f"given: {name} of {model} {record!r} on {day} is {value}"


def change_history(rng: random.Random, state: State) -> str | None:
    """A row of a given history says something else, or goes away."""
    model = rng.choice(MODELS)
    rows: list[tuple[str, str, date]] = [key for key in state.given[model] if key[0] != KEEPER]
    if not rows:
        return None
    record, name, day = rng.choice(rows)
    if rng.random() < 0.5:
        del state.given[model][record, name, day]
        return f"no longer given: {name} of {model} {record!r} on {day}"
    state.given[model][record, name, day] = field_value(rng, name)
    return f"given: {name} of {model} {record!r} on {day} is {state.given[model][record, name, day]} now"


def change_tested_field(rng: random.Random, state: State) -> str | None:
    """A record enters or leaves the condition of a metric."""
    tested = [metric for metric in state.metrics if metric.where is not None and state.records[metric.model]]
    if not tested:
        return None
    metric = rng.choice(tested)
    assert metric.where is not None
    entity = rng.choice(state.records[metric.model])
    inside = metric.where.holds(entity)
    value = metric.where.value
    out, within = ("Silver", str(value)) if isinstance(value, str) else ("-1", "99")
    now = out if inside and out != value else within if not inside else None
    entity.fields[metric.where.field] = now
    return f"{metric.model} {entity.key!r} has {metric.where.field} = {now}; tested by {metric.id}"


def _some_record(rng: random.Random, state: State) -> tuple[str, Entity]:
    model = rng.choice([model for model in MODELS if state.records[model]])
    return model, rng.choice(state.records[model])


RECORD_CHANGES = by_name(
    new_record,
    remove_record,
    repeat_record,
    change_case_of_key,
    swap_keys,
    reorder_records,
    change_since,
    move_child,
    change_field,
    change_column,
    new_column,
    remove_column,
    give_history,
    change_history,
    change_tested_field,
)
