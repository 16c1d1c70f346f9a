"""Keeps the series that metrics read, collapsed to one value per record and day, in the built file.

Everything that is computed starts from these tables, so that raw rows are read once: a build only collapses
again the days that changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

from metricsql.build.engine import Engine, quoted
from metricsql.build.moved import Moved
from metricsql.build.rows import Reading, load
from metricsql.build.state import SCHEMA, state
from metricsql.build.temporary import drop
from metricsql.plan.nodes import Plan
from metricsql.sql import writes
from metricsql.sql.context import Context
from metricsql.sql.inputs import kept_name
from metricsql.sql.sources import concerned

Columns = Mapping[tuple[str, str], Mapping[str, str]]
"""Per model and namespace, the column of each series by name."""
BEFORE, AFTER = "kept before", "kept after"
MOST_DAYS = 0.5
"""The share of changed days from which on a table is made anew."""
FEW_DAYS = 10
"""So many changed days never are reason enough."""


@dataclass(frozen=True)
class Need:
    """What one table must hold, and the days that must be collapsed again (None: all)."""

    model: str
    namespace: str
    columns: Mapping[str, str]
    days: frozenset[date] | None

    @property
    def key(self) -> tuple[str, str]:
        return self.model, self.namespace


def read_columns(engine: Engine) -> Columns:
    """What the tables of the last build hold."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for model, namespace, name, label in engine.rows(f"SELECT * FROM {state('inputs')}"):
        found.setdefault((model, namespace), {})[name] = label
    return found


def used_series(context: Context, plan: Plan) -> dict[tuple[str, str], list[str]]:
    """Per model and namespace, the names of the raw series that a plan reads, as far as any row can carry them."""
    found: dict[tuple[str, str], list[str]] = {}
    for series in (s for model in plan.models for s in model.inputs if not s.calculated):
        bound = context.sources.series.get(series.namespace)
        if bound is not None and concerned(context, bound, series.model):
            names = found.setdefault((series.model, series.namespace), [])
            if series.name not in names:
                names.append(series.name)
    return found


def needs(context: Context, plan: Plan, before: Columns, readings: Mapping[str, Reading]) -> list[Need]:
    """One need per table that metrics read from."""
    found = []
    for (model, namespace), names in used_series(context, plan).items():
        known, changed = before.get((model, namespace), {}), readings[namespace].changed
        if changed is None or not set(names) <= known.keys():
            found.append(Need(model, namespace, {name: f"s{i}" for i, name in enumerate(names, 1)}, None))
        else:
            days = frozenset().union(*(changed.get(name, frozenset()) for name in known))
            found.append(Need(model, namespace, known, days))
    return found


def refresh(engine: Engine, context: Context, wanted: Sequence[Need], readings: Mapping[str, Reading],
            gone: Mapping[str, Iterable[str]], moved: Moved | None = None) -> None:
    """Bring the tables up to date. `gone` are keys of removed records per model.

    `moved` learns of the records whose values differ on the days that are collapsed again.
    """
    kept = {kept_name(*need.key) for need in wanted}
    for table in engine.tables(SCHEMA):
        if table.endswith(kept_name("", "")[1:]) and " " in table and table not in kept:
            engine.run(f"DROP TABLE {state(table)}")
    by_namespace: dict[str, list[Need]] = {}
    for need in wanted:
        by_namespace.setdefault(need.namespace, []).append(need)
    for namespace, some in by_namespace.items():
        _refresh_namespace(engine, context, readings[namespace], some, gone, moved)
    note_columns(engine, wanted)


def columns_of(wanted: Sequence[Need]) -> Columns:
    """What the tables hold when they are up to date."""
    return {need.key: need.columns for need in wanted}


def note_columns(engine: Engine, wanted: Sequence[Need]) -> None:
    """Remember which series the tables hold, and in which columns."""
    if read_columns(engine) == columns_of(wanted):
        return
    engine.run(f"DELETE FROM {state('inputs')}")
    for need in wanted:
        engine.run(f"INSERT INTO {state('inputs')} SELECT ?, ?, UNNEST(?::VARCHAR[]), UNNEST(?::VARCHAR[])",
                   [need.model, need.namespace, list(need.columns), list(need.columns.values())])


def _refresh_namespace(engine: Engine, context: Context, found: Reading, wanted: Sequence[Need],
                       gone: Mapping[str, Iterable[str]], moved: Moved | None) -> None:
    anew = [need for need in wanted if need.days is None or _most(engine, need)]
    some = [need for need in wanted if need not in anew]
    if anew and not found.whole:
        load(engine, context, found)
    for need in anew:
        engine.run(writes.keep_all(context, need.model, need.namespace, need.columns))
    for need in some:
        if keys := list(gone.get(need.model, ())):
            engine.run(writes.forget_records(need.model, need.namespace, keys))
        if need.days:
            files = found.files_with(engine, need.columns, need.days)
            if not found.whole and not files <= (found.loaded or frozenset()):
                load(engine, context, found, files, sorted(need.days))
            with _compared(engine, need, sorted(need.days), moved):
                engine.run(writes.forget_days(need.model, need.namespace, sorted(need.days)))
                if files or found.whole:
                    engine.run(writes.keep_days(context, need.model, need.namespace, need.columns, sorted(need.days)))


@contextmanager
def _compared(engine: Engine, need: Need, days: Sequence[date], moved: Moved | None) -> Iterator[None]:
    """Notes which values of some days of a table the block changes."""
    if moved is None:
        yield
        return
    engine.run(f"CREATE TEMP TABLE {quoted(BEFORE)} AS {writes.kept_days(need.model, need.namespace, days)}")
    yield
    engine.run(f"CREATE TEMP TABLE {quoted(AFTER)} AS {writes.kept_days(need.model, need.namespace, days)}")
    moved.series(need.model, need.namespace, need.columns, BEFORE, AFTER)
    drop(engine, BEFORE)
    drop(engine, AFTER)


def _most(engine: Engine, need: Need) -> bool:
    """Whether so many days changed that the whole table is collapsed again."""
    changed = len(need.days or ())
    if changed <= FEW_DAYS:
        return False
    return changed > MOST_DAYS * int(engine.value(f"SELECT COUNT(DISTINCT day) FROM {state(kept_name(*need.key))}"))
