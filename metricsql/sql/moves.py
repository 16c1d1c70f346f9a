"""Questions about the records whose values moved between two builds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from metricsql.bind.tree import SeriesRef
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.sources import records_name


def _sql(tree: exp.Expression) -> str:
    return syntax.render(tree, pretty=False)


def _name(name: str) -> str:
    return _sql(syntax.identifier(name))


def _text(value: str) -> str:
    return _sql(syntax.text(value))


def of_series(model: str, sources: Mapping[str, str], before: str, now: str) -> str:
    """`model, source, record, day` where two tables `record, day, <column>...` differ; `sources` gives the columns."""
    names = ", ".join(_text(source) for source in sources)
    differs = ", ".join(f"a.{_name(column)} IS DISTINCT FROM b.{_name(column)}" for column in sources.values())
    return f"""SELECT {_text(model)}, source, record, day
FROM (
    SELECT record, day, UNNEST([{names}]) AS source, UNNEST([{differs}]) AS differs
    FROM {_name(before)} AS b FULL JOIN {_name(now)} AS a USING (record, day)
)
WHERE differs"""


def of_metrics(model: str, sources: Sequence[str], changed: str) -> str:
    """`model, source, record, NULL` from a table of changed values (`writes.changed_values`)."""
    names = ", ".join(_text(source) for source in sources)
    any_of = ", ".join(f"BOOL_OR({_name(f'changed {i}')})" for i in range(len(sources)))
    return f"""SELECT {_text(model)}, source, record, NULL
FROM (
    SELECT record, UNNEST([{names}]) AS source, UNNEST([{any_of}]) AS differs
    FROM {_name(changed)} GROUP BY record
)
WHERE differs"""


def concerned(context: Context, series: SeriesRef, source: str, moved: str) -> str:
    """`record`: the records of a metric's model that a source of it concerns; for a child's series its companies."""
    query = f"SELECT record FROM {_name(moved)} WHERE model = {_text(series.model)} AND source = {_text(source)}"
    return companies_of(context, series.model, query) if series.rollup else query


def companies_of(context: Context, model: str, query: str) -> str:
    """`record`: the companies of the records of a child model that a query gives."""
    return f"""SELECT r.company AS record FROM ({query}) AS m
JOIN {_name(records_name(context, model))} AS r ON r.record = m.record
WHERE r.company IS NOT NULL"""
