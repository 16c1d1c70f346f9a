"""Reading the built file: values, builds, what is stale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from metricsql.build.compute import columns_of
from metricsql.build.engine import Engine, open_reader, quoted
from metricsql.diagnostics import Diagnostic, ProjectError
from metricsql.project.definition import Definition

if TYPE_CHECKING:
    import duckdb


def metric_relation(definition: Definition, model: str, metric: str,
                    connection: duckdb.DuckDBPyConnection | None = None) -> duckdb.DuckDBPyRelation:
    """`record, day, <metric>` of a built metric. Raises `ProjectError` if it is not built."""
    engine = open_built(definition, connection)
    if metric not in columns_of(engine, "metrics", model):
        raise not_built(f"the metric `{metric}` is not built yet")
    return engine.connection.sql(f'SELECT record, day, {quoted(metric)} FROM "metrics".{quoted(model)}')


def open_built(definition: Definition, connection: duckdb.DuckDBPyConnection | None = None) -> Engine:
    """A read-only engine on the built file. Raises `ProjectError` if there is none."""
    if not definition.database.is_file():
        raise not_built(f"`{definition.database.name}` does not exist yet")
    return open_reader(definition.database, definition.folder, connection)


def not_built(message: str) -> ProjectError:
    return ProjectError(Diagnostic("not-built", message, hint="`metricsql build` computes it"))
