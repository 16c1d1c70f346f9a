"""Reading the built file: values, builds, what is stale."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from metricsql.build.engine import Engine, open_reader, quoted
from metricsql.build.patch import columns_of
from metricsql.diagnostics import Diagnostic, ProjectError, did_you_mean
from metricsql.project.definition import Definition

if TYPE_CHECKING:
    import duckdb


def metric_relation(definition: Definition, model: str, metric: str,
                    connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
    """`record, day, <metric>` of a built metric. Raises `ProjectError` if it is not built."""
    engine = open_built(definition, connection)
    if metric not in columns_of(engine, model):
        raise not_built(f"the metric `{metric}` is not built yet")
    return engine.connection.sql(f'SELECT record, day, {quoted(metric)} FROM "metrics".{quoted(model)}')


def metric_rows(definition: Definition, model: str, metric: str, records: Sequence[str] | None = None,
                first: date | None = None, last: date | None = None, limit: int | None = None) -> list[tuple[Any, ...]]:
    """Built rows by record and day; with a limit, those of the newest days. Raises for an unknown record."""
    engine = open_built(definition)
    try:
        table = f'"metrics".{quoted(model)}'
        if metric not in columns_of(engine, model):
            raise not_built(f"the metric `{metric}` is not built yet")
        _check_records(engine, table, model, records or [])
        tests = [("record IN (SELECT UNNEST(?::VARCHAR[]))", list(records) if records else None), ("day >= ?", first), ("day <= ?", last)]
        where = " AND ".join(test for test, value in tests if value is not None) or "TRUE"
        cut = f"ORDER BY day DESC, record LIMIT {int(limit)}" if limit is not None else ""
        sql = f"SELECT * FROM (SELECT record, day, {quoted(metric)} FROM {table} WHERE {where} {cut}) ORDER BY record, day"
        return engine.rows(sql, [value for _, value in tests if value is not None])
    finally:
        engine.close()


def _check_records(engine: Engine, table: str, model: str, records: Sequence[str]) -> None:
    for record in records:
        if not engine.value(f"SELECT COUNT(*) FROM {table} WHERE record = ?", [record]):
            known = [row[0] for row in engine.rows(f"SELECT DISTINCT record FROM {table} LIMIT 100000")]
            raise ProjectError(Diagnostic("unknown-record", f"no {model} with the key `{record}` has built values",
                                          hint=did_you_mean(record, known)))


def open_built(definition: Definition, connection: duckdb.DuckDBPyConnection | None = None) -> Engine:
    """A read-only engine on the built file. Raises `ProjectError` if there is none."""
    if not definition.database.exists():
        raise not_built(f"`{definition.database.name}` does not exist yet")
    return open_reader(definition.database, definition.folder, connection)


def not_built(message: str) -> ProjectError:
    return ProjectError(Diagnostic("not-built", message, hint="`metricsql build` computes it"))


def stored_values(definition: Definition, model: str, metric: str,
                  records: Sequence[str]) -> dict[tuple[str, date], float | None]:
    """The built values of some records, by record and day; records without rows are just not there."""
    engine = open_built(definition)
    try:
        sql = f'SELECT record, day, {quoted(metric)} FROM "metrics".{quoted(model)} ' \
              "WHERE record IN (SELECT UNNEST(?::VARCHAR[]))"
        return {(record, day): value for record, day, value in engine.rows(sql, [list(records)])}
    finally:
        engine.close()
