"""Changes of the files that rows stand in."""

from __future__ import annotations

import random

from tests.changes.formulas import SERIES
from tests.changes.pieces import by_name, free_name, shown, some_day, some_glob, some_source
from tests.changes.start import clean, some_row
from tests.changes.state import Source, State


def add_a_file(rng: random.Random, state: State) -> str:
    """A new file in a glob, with late rows; its name may come before all others."""
    source = some_glob(rng, state)
    name = free_name(rng, source)
    rows = [some_row(rng, state, source, some_day(rng, state)) for _ in range(rng.randint(1, 6))]
    source.files[name] = rows
    return f"new file {name}: {shown(source, rows)}"


def remove_a_file(rng: random.Random, state: State) -> str | None:
    """A whole file goes away."""
    source = some_glob(rng, state)
    if len(source.files) < 2:
        return None
    name = rng.choice(sorted(source.files))
    rows = source.files.pop(name)
    return f"file {name} removed, with {len(rows)} rows"


def rename_a_file(rng: random.Random, state: State) -> str:
    """A file has another name: its rows may come before or after others of the same time now."""
    source = some_glob(rng, state)
    old = rng.choice(sorted(source.files))
    new = free_name(rng, source)
    source.files[new] = source.files.pop(old)
    return f"file {old} is {new} now"


def swap_files(rng: random.Random, state: State) -> str | None:
    """Two files change their names."""
    source = some_glob(rng, state)
    if len(source.files) < 2:
        return None
    first, second = rng.sample(sorted(source.files), 2)
    source.files[first], source.files[second] = source.files[second], source.files[first]
    return f"files {first} and {second} swapped"


def split_a_file(rng: random.Random, state: State) -> str | None:
    """The rows of a file stand in two."""
    source = some_glob(rng, state)
    old = rng.choice(sorted(source.files))
    rows = source.files[old]
    if len(rows) < 4:
        return None
    new, cut = free_name(rng, source), rng.randint(1, len(rows) - 1)
    source.files[old], source.files[new] = rows[:cut], rows[cut:]
    return f"file {old} split, the rows after the {cut}th are in {new}"


def join_files(rng: random.Random, state: State) -> str | None:
    """The rows of two files stand in one."""
    source = some_glob(rng, state)
    if len(source.files) < 2:
        return None
    first, second = rng.sample(sorted(source.files), 2)
    source.files[first] = source.files[first] + source.files.pop(second)
    return f"file {second} put at the end of {first}"


def reorder_a_file(rng: random.Random, state: State) -> str:
    """The rows of a file stand in another order."""
    source = some_source(rng, state)
    name = rng.choice(sorted(source.files))
    rng.shuffle(source.files[name])
    return f"rows of {name} in another order"


def touch_a_file(rng: random.Random, state: State) -> str:
    """A file has a new time, and nothing else."""
    source = some_source(rng, state)
    name = rng.choice([*sorted(source.files), "companies.csv", "endusers.parquet", "company_history.csv"])
    state.touched.append(name)
    return f"file {name} touched"


def change_kind(rng: random.Random, state: State) -> str | None:
    """The same rows come from files of another kind, or through a query."""
    others = {"csv": "sql", "sql": "csv", "parquet": "ndjson", "ndjson": "parquet"}
    source = some_glob(rng, state)
    source.kind = others[source.kind]
    suffix = "csv" if source.kind == "sql" else source.kind
    source.files = {name.rpartition(".")[0] + f".{suffix}": rows for name, rows in source.files.items()}
    clean(state, source)
    return f"{source.namespace} are read as {source.kind} now"


def new_source(rng: random.Random, state: State) -> str | None:
    """A namespace more, with rows of any day."""
    free = [space for space in SERIES if space not in state.sources]
    if not free:
        return None
    source = Source(rng.choice(free), "csv.gz", {})
    rows = [some_row(rng, state, source, some_day(rng, state)) for _ in range(rng.randint(1, 9))]
    source.files[f"{source.namespace}.csv.gz"] = rows
    state.sources[source.namespace] = source
    return f"new source of {source.namespace}: {shown(source, rows)}"


FILE_CHANGES = by_name(
    add_a_file,
    remove_a_file,
    rename_a_file,
    swap_files,
    split_a_file,
    join_files,
    reorder_a_file,
    touch_a_file,
    change_kind,
    new_source,
)
