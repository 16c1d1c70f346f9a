"""Statements that tell what sources hold now from what they held at the last build, without keeping the rows.

Rows are reduced to a count and an order-free hash per file, name and day. Equal sums mean equal rows, whatever
file they moved to; only rows of one record, name and moment count in their order where a day keeps its last value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from metricsql.bind.sources import BoundSeries
from metricsql.plan.nodes import ModelPlan
from metricsql.project.definition import EVENTS
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.facts import named_models, not_dropped
from metricsql.sql.fields import timeline_names
from metricsql.sql.sources import company_of, concerned, needs_order, records_name, row_models, rows_name
from metricsql.sql.syntax import text

USABLE = "(problem IS NULL OR problem = 'unknown')"
"""Rows that count: good ones, and those of which one of several names is not known."""
EXAMPLES = 3


def _sql(tree: exp.Expression) -> str:
    return syntax.render(tree, pretty=False)


def _name(name: str) -> str:
    return _sql(syntax.identifier(name))


def days_now(series: BoundSeries) -> str:
    """The temporary table with the days of a namespace as they are now."""
    return f"{series.namespace} days"


def fingerprints(context: Context, series: BoundSeries, of_files: bool, folder: str) -> str:
    """`namespace, file, name, day, problem, rows, hash, ordered, models, culprits` of the rows that are loaded.

    Files below the folder go by their paths in it; the rows of other sources have no `file`.
    """
    file = f"CASE WHEN STARTS_WITH(file, {_sql(text(folder))}) THEN SUBSTR(file, {len(folder) + 1}) ELSE file END" if of_files else "''"
    ordered = needs_order(series)
    seen = [*_records(context, series), *(["at"] if ordered else []), "value"]
    hashed = f"HASH({', '.join(_name(name) for name in seen)})"
    order = "SUM((hashed % 4294967296)::HUGEINT * position) - MIN(position) * SUM((hashed % 4294967296)::HUGEINT)" \
        if ordered else "NULL::HUGEINT"
    kept = " AND ".join(_sql(condition) for condition in not_dropped(series)) or "TRUE"
    models = ", ".join(f"CASE WHEN BOOL_OR({_concerns(context, series, model)} AND {kept}) THEN {_sql(text(model))} END"
                       for model in named_models(context, series)) or "NULL"
    return f"""SELECT {_sql(text(series.namespace))} AS namespace, {file} AS file, name, day, problem, COUNT(*) AS rows,
    SUM(hashed::HUGEINT) AS hash, {order} AS ordered, LIST_FILTER([{models}], LAMBDA m: m IS NOT NULL)::VARCHAR[] AS models,
    (LIST_SORT(LIST(DISTINCT culprit) FILTER (WHERE problem IS NOT NULL AND culprit IS NOT NULL)))[:{EXAMPLES}] AS culprits
FROM (SELECT *, {hashed} AS hashed FROM {_name(rows_name(series.namespace))}) AS r
GROUP BY {"r.file, " if of_files else ""}name, day, problem"""


def _records(context: Context, series: BoundSeries) -> list[str]:
    """The columns of the rows that say which records a row concerns."""
    models = row_models(context, series)
    children = [m for m in models if m != context.definition.root] if series.namespace == EVENTS else []
    return [*models, *(company_of(child) for child in children)]


def _concerns(context: Context, series: BoundSeries, model: str) -> str:
    named_by = concerned(context, series, model)
    return f"({USABLE} AND {_sql(syntax.fill('COALESCE({args}) IS NOT NULL', named_by))})"


TOUCHED = '"touched days"'
"""The temporary table with the `name, day` that files have which were read, or are gone."""


def touched_days(before: str, now: str, namespace: str) -> str:
    """The days of all files that are not those of a list, the parameter. The others cannot have changed."""
    return f"""SELECT DISTINCT name, day FROM (SELECT * FROM {now} UNION ALL SELECT * FROM {before})
WHERE namespace = {_sql(text(namespace))} AND NOT LIST_CONTAINS(?, file)"""


_TOUCHED = f"AS t SEMI JOIN {TOUCHED} AS d ON d.name IS NOT DISTINCT FROM t.name AND d.day IS NOT DISTINCT FROM t.day"


def changed_days(before: str, now: str, namespace: str) -> str:
    """`name, day` on which usable rows are new, changed or gone. `before` and `now` are tables."""
    def days(table: str) -> str:
        return f"SELECT name, day, SUM(rows) AS rows, SUM(hash) AS hash FROM {table} {_TOUCHED} " \
               f"WHERE namespace = {_sql(text(namespace))} AND {USABLE} GROUP BY name, day"
    return f"""SELECT COALESCE(a.name, b.name), COALESCE(a.day, b.day) FROM ({days(now)}) AS a
FULL JOIN ({days(before)}) AS b ON a.name = b.name AND a.day = b.day
WHERE (a.rows, a.hash) IS DISTINCT FROM (b.rows, b.hash)"""


def reordered_days(before: str, now: str, namespace: str) -> str:
    """`name, day, moved` of days with the same rows in another order, or (`moved`) in other files."""
    def days(table: str) -> str:
        return f"SELECT name, day, SUM(rows) AS rows, SUM(hash) AS hash, LIST_SORT(LIST((file, rows, hash))) AS places, " \
               f"LIST_SORT(LIST((file, problem, ordered))) AS orders FROM {table} {_TOUCHED} " \
               f"WHERE namespace = {_sql(text(namespace))} AND {USABLE} GROUP BY name, day"
    return f"""SELECT a.name, a.day, a.places IS DISTINCT FROM b.places AS moved FROM ({days(now)}) AS a JOIN ({days(before)}) AS b
ON a.name = b.name AND a.day = b.day AND a.rows = b.rows AND a.hash = b.hash
WHERE (a.places, a.orders) IS DISTINCT FROM (b.places, b.orders)"""


def tied_days(context: Context, series: BoundSeries, days: str) -> str:
    """`name, day` of the table `days` on which the order of loaded rows matters: one record, one moment, two values."""
    records = ", ".join(f"r.{_name(name)}" for name in _records(context, series))
    return f"""SELECT DISTINCT name, day FROM (
    SELECT r.name, r.day FROM {_name(rows_name(series.namespace))} AS r
    JOIN {days} AS d ON d.name = r.name AND d.day = r.day
    WHERE {USABLE} GROUP BY {records}, r.name, r.day, r.at HAVING MIN(r.value) IS DISTINCT FROM MAX(r.value))"""


def records_now(context: Context, model: str, flags: Mapping[str, str]) -> str:
    """`model, number, record, company, since, flags` of a model; `flags` gives the column of each condition."""
    bound = context.sources.models[model]
    company = "company" if bound.company is not None else "NULL"
    since = "since" if bound.since is not None else "NULL"
    held = ", ".join(f"CASE WHEN {_name(label)} THEN {_sql(text(where))} END" for where, label in sorted(flags.items())) or "NULL"
    return f"""SELECT {_sql(text(model))} AS model, record AS number, key AS record, {company}::INTEGER AS company,
    {since}::DATE AS since, LIST_FILTER([{held}], LAMBDA f: f IS NOT NULL)::VARCHAR[] AS flags
FROM {_name(records_name(context, model))}"""


def timelines(context: Context, plan: ModelPlan) -> list[str]:
    """Per field of a plan, `model, field, record, day, value` wherever the value of a record changes."""
    return [f"""SELECT {_sql(text(field.model))} AS model, {_sql(text(field.name))} AS field, r.key AS record,
    t.valid_from AS day, t.value::VARCHAR AS value
FROM {_name(table)} AS t JOIN {_name(records_name(context, plan.model))} AS r ON r.record = t.record
QUALIFY t.value IS DISTINCT FROM LAG(t.value) OVER (PARTITION BY t.record ORDER BY t.valid_from)"""
            for field, table in timeline_names(plan, context).items()]


def changed_fields(before: str, now: str, records_before: str, records: str) -> str:
    """`model, field, day`: the first day from which a record that was there before has another value."""
    there = f"SELECT a.model, a.record FROM {records} AS a JOIN {records_before} AS b ON a.model = b.model AND a.record = b.record"
    return f"""SELECT model, field, MIN(day) FROM (
    (SELECT * FROM {now} EXCEPT SELECT * FROM {before}) UNION ALL (SELECT * FROM {before} EXCEPT SELECT * FROM {now})
) AS changed SEMI JOIN ({there}) AS there ON there.model = changed.model AND there.record = changed.record
GROUP BY model, field"""


def newest_names(tables: Sequence[str]) -> str:
    """`namespace, name, model, first day` of the usable rows in tables of days."""
    union = " UNION ALL ".join(f"SELECT * FROM {_name(table)}" for table in tables)
    return f"SELECT namespace, name, UNNEST(models) AS model, MIN(day) FROM ({union}) WHERE {USABLE} GROUP BY 1, 2, 3"


