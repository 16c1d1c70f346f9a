"""Statements of a build on Spark: what it asks of rows, and how results and kept series are laid out.

The steps themselves are those of every engine; only what moves data between engines and folders stands here.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from metricsql.bind.sources import BoundSeries
from metricsql.plan.spans import Span
from metricsql.project.definition import EVENTS
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.dialects import SPARK
from metricsql.sql.differences import EXAMPLES, USABLE
from metricsql.sql.facts import named_models, not_dropped
from metricsql.sql.history import result_name
from metricsql.sql.inputs import KEPT_SCHEMA, METRICS_SCHEMA, kept_name
from metricsql.sql.sources import POSITION, company_of, concerned, needs_order, records_name, row_models, rows_name
from metricsql.sql.steps import Step, statement
from metricsql.sql.syntax import text

FILE = "file of row"
NUMBER = "number of record"
"""The column with the number of a record beside its key, so that a later stage need not look it up."""
STRETCH = "stretch"
"""The column by whose values rows go to folders: the first day of the stretch."""


def _sql(tree: exp.Expression) -> str:
    return syntax.render(tree, SPARK, pretty=False)


def _name(name: str) -> str:
    return _sql(syntax.identifier(name))


def kept_view(model: str, namespace: str) -> str:
    """The view that stands for a table of kept series."""
    return f"{KEPT_SCHEMA}.{kept_name(model, namespace)}"


def metrics_view(model: str) -> str:
    """The view that stands for the table of a model's metrics."""
    return f"{METRICS_SCHEMA}.{model}"


def spread(source: str, partitions: int) -> str:
    """The rows of a view, distributed by record: what is joined to them by record needs no further move."""
    return f"SELECT /*+ REPARTITION({partitions}, record) */ * FROM {_name(source)}"


def fingerprints(context: Context, series: BoundSeries, folder: str) -> str:
    """As `differences.fingerprints`: `namespace, file, name, day, problem, rows, hash, ordered, models, culprits`."""
    ordered = needs_order(series)
    hashed = f"XXHASH64({', '.join(_name(name) for name in [*_records(context, series), *(['at'] if ordered else []), 'value'])})"
    weighed, place = "CAST(PMOD(hashed, 4294967296) AS DECIMAL(10, 0))", f"CAST({_name('position')}.number AS DECIMAL(20, 0))"
    order = f"CAST(SUM({weighed} * {place}) - MIN({place}) * SUM({weighed}) AS STRING)" if ordered else "CAST(NULL AS STRING)"
    kept = " AND ".join(_sql(condition) for condition in not_dropped(series)) or "TRUE"
    models = ", ".join(f"CASE WHEN BOOL_OR({_concerns(context, series, model)} AND {kept}) THEN {_sql(text(model))} END"
                       for model in named_models(context, series)) or "CAST(NULL AS STRING)"
    file = f"CASE WHEN STARTSWITH(file, {_sql(text(folder))}) THEN SUBSTRING(file, {len(folder) + 1}) ELSE file END"
    return f"""SELECT {_sql(text(series.namespace))} AS namespace, {file} AS file, name, day, problem, COUNT(*) AS rows,
    CAST(SUM(CAST(hashed AS DECIMAL(20, 0))) AS STRING) AS hash, {order} AS ordered, ARRAY_COMPACT(ARRAY({models})) AS models,
    SLICE(ARRAY_SORT(COLLECT_SET(culprit) FILTER (WHERE problem IS NOT NULL AND culprit IS NOT NULL)), 1, {EXAMPLES}) AS culprits
FROM (SELECT *, {hashed} AS hashed FROM {_name(rows_name(series.namespace))}) AS r
GROUP BY r.file, name, day, problem"""


def _records(context: Context, series: BoundSeries) -> list[str]:
    models = row_models(context, series)
    children = [m for m in models if m != context.definition.root] if series.namespace == EVENTS else []
    return [*models, *(company_of(child) for child in children)]


def _concerns(context: Context, series: BoundSeries, model: str) -> str:
    return f"({USABLE} AND {_sql(syntax.fill('COALESCE({args}) IS NOT NULL', concerned(context, series, model)))})"


def tied_days(context: Context, series: BoundSeries, days: str) -> str:
    """As `differences.tied_days`, of the days in a view."""
    records = ", ".join(f"r.{_name(name)}" for name in _records(context, series))
    return f"""SELECT DISTINCT name, day FROM (
    SELECT r.name, r.day FROM {_name(rows_name(series.namespace))} AS r
    JOIN {_name(days)} AS d ON d.name = r.name AND d.day = r.day
    WHERE {USABLE} GROUP BY {records}, r.name, r.day, r.at HAVING MIN(r.value) IS DISTINCT FROM MAX(r.value))"""


def query(steps: Sequence[Step]) -> str:
    """The last of some steps with those that it needs."""
    return statement(steps, SPARK)


def in_stretches(source: str) -> str:
    """A query with, for every row, the month that it is kept with."""
    return f"SELECT *, CAST(TRUNC(day, 'MONTH') AS STRING) AS {STRETCH} FROM (\n{source}\n)"


def within(spans: Sequence[Span]) -> str:
    """The condition on the day of a row."""
    return " OR ".join(f"day BETWEEN {_sql(syntax.day(first))} AND {_sql(syntax.day(last))}" for first, last in spans) or "FALSE"


def some_days(source: str, spans: Sequence[Span]) -> str:
    """The rows of a view on some days."""
    return f"SELECT * FROM {_name(source)} WHERE {within(spans)}"


def results(context: Context, model: str, metrics: Sequence[str], span: Span) -> str:
    """`record, number, day, <metric>...` of the result of a model on some days, with keys for numbers."""
    columns = "".join(f", m.{_name(metric)}" for metric in metrics)
    return f"""SELECT r.key AS record, m.record AS {_name(NUMBER)}, m.day{columns}
FROM {_name(result_name(model))} AS m
JOIN {_name(records_name(context, model))} AS r ON r.record = m.record
WHERE m.{within([span])}"""


def numbered(source: str, metrics: Sequence[str]) -> str:
    """The other way: written results as a step of the next model reads them."""
    columns = "".join(f", {_name(metric)}" for metric in metrics)
    return f"SELECT {_name(NUMBER)} AS record, day{columns} FROM {_name(source)}"


__all__ = ["FILE", "NUMBER", "POSITION", "STRETCH", "fingerprints", "in_stretches", "kept_view", "metrics_view", "numbered", "query",
           "results", "some_days", "spread", "tied_days"]
