"""Steps over the canonical relations `records`, `series` and `fields`, for a formula without a project.

`docs/semantics.md` and `metricsql.canonical` say what the relations hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

from sqlglot import exp

from metricsql.bind.tree import SeriesRef
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.steps import Step
from metricsql.sql.syntax import column, named, text

RECORDS, SERIES, FIELDS = "records", "series", "fields"
FIRST_DAY, LAST_DAY = date(1, 1, 2), date(9999, 12, 30)
"""Stand for the first and the last day in `series`, which are not known when the SQL is written."""


def day_sql(context: Context, value: date) -> exp.Expression:
    """A day as a literal, or as a question where only the data knows it."""
    if context.canonical and value in (FIRST_DAY, LAST_DAY):
        extreme = "MIN" if value == FIRST_DAY else "MAX"
        question = exp.select(syntax.function(extreme, column("day"))).from_(syntax.table(SERIES))
        return exp.Subquery(this=question)
    return syntax.day(value)


def canonical_records(model: str, parent: bool) -> Step:
    """The records of one model, as every other step expects them."""
    query = exp.select(column("record"), *([column("company")] if parent else []), column("since"))
    query = query.from_(syntax.table(RECORDS)).where(column("model").eq(text(model)))
    return Step(model, f"The records of {model}.", query)


def canonical_pivot(context: Context, model: str, series: Sequence[SeriesRef], label: Callable[[SeriesRef], str],
                    name: str) -> Step:
    """`record, day, <series>...` of one model."""
    query = exp.select(column("record"), column("day")).from_(syntax.table(SERIES))
    props = [text(f"{s.namespace}.{s.name}") for s in series]
    for one, prop in zip(series, props, strict=True):
        value = syntax.filtered(syntax.fill("SUM({0})", [column("value")]), column("prop").eq(prop.copy()))
        query = query.select(named(value, label(one)))
    query = query.where(column("model").eq(text(model)), exp.In(this=column("prop"), expressions=props))
    query = query.group_by(column("record"), column("day"))
    return Step(name, f"One row per {model} and day.", query)


def canonical_field_values(model: str, name: str) -> Step:
    """Every known value of a model's fields."""
    query = exp.select(*[column(c) for c in ("record", "field", "day", "number", "text")])
    return Step(name, f"Every known value of the fields of a {model}.",
                query.from_(syntax.table(FIELDS)).where(column("model").eq(text(model))))
