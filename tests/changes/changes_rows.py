"""Changes of the rows of series."""

from __future__ import annotations

import random
from datetime import timedelta

from tests.changes.formulas import SERIES
from tests.changes.pieces import by_name, day_of, shown, some_day, some_file, some_rows, some_source
from tests.changes.start import KEYS, VALUES, clean, moment, some_row
from tests.changes.state import MODELS, Row, State

MOST_DAYS = 45
COUNTED = ("activities", "conversations", "tasks")


def later(rng: random.Random, state: State) -> str:
    """Some days more, with data for them in new files or in those there are."""
    days = rng.choice((1, 1, 1, 2, 3))
    for _ in range(days):
        state.as_of += timedelta(days=1)
        for source in state.sources.values():
            added = [some_row(rng, state, source, state.as_of) for _ in range(rng.randint(0, 6))]
            if added:
                some_file(rng, source, new=0.3).extend(added)
    return f"as-of day {state.as_of}, {days} later"


def earlier(rng: random.Random, state: State) -> str:
    """The as-of day goes back."""
    state.as_of -= timedelta(days=rng.randint(1, 6))
    return f"as-of day goes back to {state.as_of}"


def empty_day(rng: random.Random, state: State) -> str:
    """A day more without data."""
    state.as_of += timedelta(days=rng.choice((1, 2)))
    return f"as-of day {state.as_of}, without data"


def late_rows(rng: random.Random, state: State) -> str:
    """Rows of days that were built already, or of days to come."""
    source = some_source(rng, state)
    rows = [some_row(rng, state, source, some_day(rng, state)) for _ in range(rng.choice((1, 1, 2, 5)))]
    for row in rows:
        file = some_file(rng, source)
        file.insert(rng.randint(0, len(file)), row)
    return f"late rows: {shown(source, rows)}"


def known_late_row(rng: random.Random, state: State) -> str | None:
    """One row of a known record and a name that formulas use."""
    source = some_source(rng, state)
    model = rng.choice(MODELS)
    if not state.records[model]:
        return None
    key = rng.choice(state.records[model]).key
    row = some_row(rng, state, source, some_day(rng, state), model, key)
    some_file(rng, source).append(row)
    return f"a late row: {shown(source, [row])}"


def first_of_a_name(rng: random.Random, state: State) -> str:
    """A row of a name that had none."""
    source = state.sources["metrics"]
    row = some_row(rng, state, source, some_day(rng, state), name="comes later")
    some_file(rng, source).append(row)
    return f"a row of a rare name: {shown(source, [row])}"


def rows_before_all(rng: random.Random, state: State) -> str | None:
    """A row before all data there is."""
    days = [day_of(row) for source in state.sources.values() for row in source.rows()]
    first = min(days) - timedelta(days=rng.choice((1, 3, 10)))
    if (state.as_of - first).days > MOST_DAYS:
        return None
    source = some_source(rng, state)
    row = some_row(rng, state, source, first)
    some_file(rng, source).append(row)
    return f"a row before all data: {shown(source, [row])}"


def remove_rows_of_a_name(rng: random.Random, state: State) -> str | None:
    """All rows of a name, or of a record in a name, go away."""
    source = some_source(rng, state)
    name = rng.choice(SERIES[source.namespace])
    key = rng.choice((None, *KEYS["company"][:4]))
    gone = 0
    for file, rows in source.files.items():
        kept = [row for row in rows if not (row.name == name and (key is None or key in row.records.values()))]
        gone += len(rows) - len(kept)
        source.files[file] = kept
    clean(state, source)
    return f"{gone} rows of {source.namespace}.{name} of {key or 'everybody'} removed" if gone else None


def forget_the_oldest(rng: random.Random, state: State) -> str | None:
    """The first days of all data go away, as where a system keeps only the newest."""
    days = sorted({day_of(row) for source in state.sources.values() for row in source.rows()})
    if len(days) < 12:
        return None
    first = days[rng.randint(1, 5)] if (state.as_of - days[0]).days <= MOST_DAYS else state.as_of - timedelta(days=25)
    for source in state.sources.values():
        source.files = {file: [row for row in rows if day_of(row) >= first] for file, rows in source.files.items()}
        clean(state, source)
    return f"no data before {first} any more"


def change_values(rng: random.Random, state: State) -> str | None:
    """Values of one to three rows are other ones now, 0 or missing included."""
    found = some_rows(rng, state, rng.choice((1, 1, 3)))
    for _, row in found:
        row.value = rng.choice((None, 0.0, 2.0, float(rng.choice(VALUES))))
    return f"new values: {shown(found[0][0], [row for _, row in found])}" if found else None


def remove_rows(rng: random.Random, state: State) -> str | None:
    """One to four rows go away."""
    found = some_rows(rng, state, rng.choice((1, 1, 4)))
    for source, gone in found:
        for name, rows in source.files.items():
            source.files[name] = [row for row in rows if row is not gone]
        clean(state, source)
    return f"removed: {shown(found[0][0], [row for _, row in found])}" if found else None


def move_a_row(rng: random.Random, state: State) -> str | None:
    """A row is of another day, time or record than it said before."""
    found = some_rows(rng, state, 1)
    if not found:
        return None
    ((source, row),) = found
    before = shown(source, [row])
    if rng.random() < 0.5:
        row.at = moment(rng, source, some_day(rng, state))
    else:
        model = rng.choice(list(row.records))
        row.records = {**row.records, model: rng.choice(KEYS[model])}
    return f"a row moved: {before} -> {shown(source, [row])}"


def repeat_a_row(rng: random.Random, state: State) -> str | None:
    """A row is there twice: a count of two, a hash that cancels out in careless hands."""
    found = some_rows(rng, state, 1)
    if not found:
        return None
    ((source, row),) = found
    copies = rng.choice((1, 1, 2))
    some_file(rng, source).extend(Row(row.name, row.at, row.value, dict(row.records), row.bad) for _ in range(copies))
    return f"repeated {copies} times: {shown(source, [row])}"


def swap_values(rng: random.Random, state: State) -> str | None:
    """Two rows of a series change their values, so that the sum of everything stays."""
    found = some_rows(rng, state, 2)
    if len(found) < 2 or found[0][1].value == found[1][1].value:
        return None
    first, second = found[0][1], found[1][1]
    first.value, second.value = second.value, first.value
    return f"values swapped: {shown(found[0][0], [first, second])}"


def mend_or_break(rng: random.Random, state: State) -> str | None:
    """A row that could not be read can be now, or the other way round."""
    found = [(s, row) for s, row in some_rows(rng, state, 400) if s.times == "texts"]
    broken = [pair for pair in found if pair[1].bad]
    if not found:
        return None
    source, row = rng.choice(broken if broken and rng.random() < 0.7 else found)
    row.bad = None if row.bad else rng.choice(("day", "value"))
    return f"{'mended' if not row.bad else 'broken'}: {shown(source, [row])}"


def change_a_tie(rng: random.Random, state: State) -> str | None:
    """Two points of one time, with different values: which one counts is a question of their order."""
    source = rng.choice([source for name, source in state.sources.items() if name not in COUNTED])
    rows = [row for row in source.rows() if row.bad is None]
    if not rows:
        return None
    row = rng.choice(rows)
    twin = Row(row.name, row.at, (row.value or 0.0) + rng.choice((1.0, 2.0)), dict(row.records))
    file = some_file(rng, source)
    file.insert(rng.choice((0, len(file))), twin)
    return f"a second point of the same time: {shown(source, [twin])}"


ROW_CHANGES = by_name(
    later,
    earlier,
    empty_day,
    late_rows,
    known_late_row,
    first_of_a_name,
    rows_before_all,
    remove_rows_of_a_name,
    forget_the_oldest,
    change_values,
    remove_rows,
    move_a_row,
    repeat_a_row,
    swap_values,
    mend_or_break,
    change_a_tie,
)
