"""Puts computed values into the tables of the built file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from metricsql.build.compute import Piece
from metricsql.build.engine import Engine, quoted
from metricsql.build.moved import Moved
from metricsql.build.temporary import drop
from metricsql.plan.spans import Span, days_of, union
from metricsql.sql import writes
from metricsql.sql.context import Context
from metricsql.sql.sources import records_name

PATCHED = "patched rows"
CHANGED = "changed values"
MOST_CELLS = 0.5
"""The share of values up to which they are updated in place; measured."""
FEW_ROWS = 0.1
"""The share of changed rows up to which a metric is updated by itself, and not together with others."""
MOST_DAYS = 0.3
"""The share of days from which on the whole table is written again, which several threads do, instead of a part."""


def columns_of(engine: Engine, model: str) -> list[str]:
    """The metric columns of a built table, in order; empty if there is no such table."""
    return [name for name in engine.columns(writes.built_table(model)) if name not in ("record", "day")]


def add_metrics(engine: Engine, model: str, metrics: Sequence[str]) -> None:
    """Add the columns of new metrics; the table, too, if the model had none."""
    table = writes.built_table(model)
    if model not in engine.tables(writes.METRICS_SCHEMA):
        engine.run(f"CREATE TABLE IF NOT EXISTS {table} (record VARCHAR, day DATE)")
    known = {name.lower() for name in columns_of(engine, model)}
    for name in metrics:
        if name.lower() not in known:
            engine.run(f"ALTER TABLE {table} ADD COLUMN {quoted(name)} DOUBLE")


def drop_metrics(engine: Engine, model: str, keep: Sequence[str]) -> None:
    """Remove the columns of metrics that are no longer declared."""
    for name in columns_of(engine, model):
        if name not in keep:
            engine.run(f"ALTER TABLE {writes.built_table(model)} DROP COLUMN {quoted(name)}")


def put_in_order(engine: Engine, model: str, metrics: Sequence[str]) -> None:
    """Write a table again if its columns stand in another order than the metrics are declared in."""
    found = columns_of(engine, model)
    if found and found != list(metrics):
        table = writes.built_table(model)
        chosen = ", ".join(quoted(name) for name in ("record", "day", *metrics))
        engine.run(f"CREATE OR REPLACE TABLE {table} AS SELECT {chosen} FROM {table}")


def drop_models(engine: Engine, keep: Iterable[str]) -> None:
    """Remove the tables of models without metrics, and what is shown of their last day; all of them frees their space."""
    kept = {name for model in keep for name in (model, model + writes.LATEST)}
    for table in engine.tables(writes.METRICS_SCHEMA):
        if table not in kept:
            engine.run(f"DROP TABLE {writes.built_table(table)}")
    for view in engine.views(writes.METRICS_SCHEMA):
        if view.endswith(writes.LATEST) and view not in kept:
            engine.run(f"DROP VIEW {writes.built_table(view)}")


def delete_days(engine: Engine, model: str, spans: Sequence[Span]) -> None:
    """Remove the rows of some days."""
    if spans:
        engine.run(f"DELETE FROM {writes.built_table(model)} WHERE {_within(spans)}")


def _days(spans: Sequence[Span]) -> int:
    return sum((last - first).days + 1 for first, last in spans)


def _within(spans: Sequence[Span]) -> str:
    return " OR ".join(f"day BETWEEN DATE '{first}' AND DATE '{last}'" for first, last in spans)


def delete_records(engine: Engine, context: Context, model: str, keys: Sequence[str] = (), condition: str = "FALSE") -> None:
    """Remove the rows of records, by key, or by a condition on the table of records."""
    chosen = f"SELECT key FROM {quoted(records_name(context, model))} WHERE {condition}"
    engine.run(f"DELETE FROM {writes.built_table(model)} WHERE LIST_CONTAINS(?, record) OR record IN ({chosen})", [list(keys)])


def patch(engine: Engine, context: Context, model: str, metrics: Sequence[str], pieces: Sequence[Piece],
          grid: Span) -> None:
    """Make the rows of the pieces' days those that the pieces hold; other columns stay as they are.

    `metrics` are the columns in their order; `grid` is the first and the last day of the whole table.
    """
    values = [_values(piece) for piece in pieces]
    old = columns_of(engine, model)
    spans = union(piece.span for piece in pieces)
    query = writes.patched(context, model, metrics, values, old)
    target = writes.built_table(model)
    if spans == [grid] or _days(spans) > MOST_DAYS * _days([grid]):
        if spans != [grid]:
            query += f"\nUNION ALL BY NAME SELECT * FROM {target} WHERE NOT ({_within(spans)})"
        engine.run(f"CREATE TABLE {writes.built_table(model + ' new')} AS {query}")
        engine.run(f"DROP TABLE IF EXISTS {target}")
        engine.run(f"ALTER TABLE {writes.built_table(model + ' new')} RENAME TO {quoted(model)}")
        return
    if set(old) >= {name for piece in pieces for name in piece.metrics} >= set(metrics) and len(pieces) == 1:
        delete_days(engine, model, spans)
        engine.run(f"INSERT INTO {target} BY NAME {query}")
        return
    drop(engine, PATCHED)
    engine.run(f"CREATE TEMP TABLE {quoted(PATCHED)} AS {query}")
    delete_days(engine, model, spans)
    engine.run(f"INSERT INTO {target} BY NAME SELECT * FROM {quoted(PATCHED)}")
    drop(engine, PATCHED)


@dataclass(frozen=True)
class Change:
    """What a metric's values on a day became: how many are others, and how many by more than rounding (1e-9).

    None for both where a day was written without being compared.
    """

    day: date
    values: int | None = None
    settled: int | None = None


def put_changes(engine: Engine, context: Context, model: str, metrics: Sequence[str], piece: Piece,
                grid: Span, moved: Moved) -> dict[str, list[Change]]:
    """Set the values of a piece that differ, in a table that has its rows; returns what changed of each metric.

    The piece need not have all records. `moved` learns of the records that changed.
    """
    large = len(piece.metrics) * _days([piece.span]) > MOST_CELLS * len(metrics) * _days([grid])
    if large or "rowid" in (name.lower() for name in metrics):  # such a column hides the numbers of the rows
        patch(engine, context, model, metrics, [piece], grid)
        moved.anything(model, piece.metrics)
        return {name: [Change(day) for day in days_of([piece.span])] for name in piece.metrics}
    engine.run(f"CREATE TEMP TABLE {quoted(CHANGED)} AS {writes.changed_values(context, model, _values(piece))}")
    rows, found = 0, dict[str, list[Change]]()
    for day, count, *counts in engine.rows(writes.changes_by_day(CHANGED, len(piece.metrics))):
        rows += count
        for name, values, settled in zip(piece.metrics, counts[::2], counts[1::2], strict=True):
            if values:
                found.setdefault(name, []).append(Change(day, values, settled))
    _update(engine, model, piece, {name: sum(one.values or 0 for one in some) / rows for name, some in found.items()})
    moved.metrics(model, piece.metrics, CHANGED)
    drop(engine, CHANGED)
    return found


def _update(engine: Engine, model: str, piece: Piece, shares: Mapping[str, float]) -> None:
    """Set the changed values; `shares` are the parts of all changed rows in which a metric changed."""
    together = [name for name, share in shares.items() if share > FEW_ROWS]
    for some in [together, *([name] for name in shares if name not in together)]:
        if some:
            engine.run(writes.update_changed(model, CHANGED, {name: piece.metrics.index(name) for name in some}))


def _values(piece: Piece) -> writes.Values:
    return writes.Values(piece.table, piece.metrics, *piece.span)


def count_rows(engine: Engine) -> dict[str, int]:
    """The number of rows per model that has a table."""
    models = [table for table in engine.tables(writes.METRICS_SCHEMA) if not table.endswith(writes.LATEST)]
    return {model: int(engine.value(f"SELECT COUNT(*) FROM {writes.built_table(model)}")) for model in models}
