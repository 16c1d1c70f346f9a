"""Puts computed values into the tables of the built file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from metricsql.build.compute import Piece
from metricsql.build.engine import Engine, quoted
from metricsql.build.state import tables_of
from metricsql.build.temporary import drop
from metricsql.plan.spans import Span, union
from metricsql.sql import writes
from metricsql.sql.context import Context
from metricsql.sql.sources import records_name

PATCHED = "patched rows"
MOST_CELLS = 0.5
"""The share of values up to which they are updated in place; measured."""
MOST_DAYS = 0.3
"""The share of days from which on the whole table is written again, which several threads do, instead of a part."""


def columns_of(engine: Engine, model: str) -> list[str]:
    """The metric columns of a built table, in order; empty if there is no such table."""
    return [name for name in engine.columns(writes.built_table(model)) if name not in ("record", "day")]


def add_metrics(engine: Engine, model: str, metrics: Sequence[str]) -> None:
    """Add the columns of new metrics; the table, too, if the model had none."""
    table = writes.built_table(model)
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
    """Remove the tables of models without metrics; all of them frees their space."""
    kept = {name for model in keep for name in (model, model + writes.LATEST)}
    for table in tables_of(engine, writes.METRICS_SCHEMA):
        if table not in kept:
            engine.run(f"DROP TABLE {writes.built_table(table)}")


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
          grid: Span, same_rows: bool = False) -> None:
    """Make the rows of the pieces' days those that the pieces hold; other columns stay as they are.

    `metrics` are the columns in their order; `grid` is the first and the last day of the whole table. With `same_rows`
    the table has just the rows that the pieces have.
    """
    values = [writes.Values(piece.table, piece.metrics, *piece.span) for piece in pieces]
    old = columns_of(engine, model)
    cells = sum(len(piece.metrics) * _days([piece.span]) for piece in pieces)
    if same_rows and old == list(metrics) and cells < MOST_CELLS * len(metrics) * _days([grid]):
        for value in values:
            engine.run(writes.update_model(context, model, value))
        return
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


def count_rows(engine: Engine) -> dict[str, int]:
    """The number of rows per model."""
    models = [table for table in tables_of(engine, writes.METRICS_SCHEMA) if not table.endswith(writes.LATEST)]
    return {model: int(engine.value(f"SELECT COUNT(*) FROM {writes.built_table(model)}")) for model in models}
