"""Questions that lint asks of the data: how often a series has data, and whether there are records.

They are asked of the sources as they stand, without looking up who a row names: cheap, and exact enough.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from metricsql.bind.sources import BoundModel, BoundSeries
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.sources import as_number, as_text, day_of, filled_text, names_model, source_steps
from metricsql.sql.steps import Step, statement
from metricsql.sql.syntax import column, named, text


def record_counts(model: BoundModel, conditions: Sequence[exp.Expression]) -> str:
    """One row: how many rows of a records source have a key, and for how many of them each condition holds."""
    before, table = source_steps(model.definition.records, "source", "")
    has_key = syntax.fill("{0} IS NOT NULL", [filled_text(model.key)])
    query = exp.select(exp.Count(this=exp.Star())).from_(syntax.aliased(table, "s")).where(has_key)
    for condition in conditions:
        query = query.select(syntax.filtered(exp.Count(this=exp.Star()), condition.copy()))
    return statement([*before, Step("counts", "", query)])


def median_gaps(context: Context, series: BoundSeries, wanted: Mapping[str, Sequence[str]], every_nth: int = 1) -> str:
    """`model, name, gap`: the median number of days between two days with data of a record.

    `wanted` holds names per model. With `every_nth` only so many of the records are looked at; which ones does not
    depend on the order of rows.
    """
    before, table = source_steps(series.definition.source, "source", "")
    days = _days_with_data(context, series, wanted, every_nth).from_(syntax.aliased(table, "s"))
    keys = [column("model"), column("name")]
    gap = syntax.fill("{0} - LAG({0}) OVER (PARTITION BY {1}, {2}, {3} ORDER BY {0})",
                      [column("day"), *keys, column("record")])
    gaps = exp.select(*keys, named(gap, "gap")).from_(syntax.table("days"))
    query = exp.select(*keys, syntax.fill("MEDIAN({0})", [column("gap")])).from_(syntax.table("gaps")).group_by(*keys)
    return statement([*before, Step("days", "", days), Step("gaps", "", gaps), Step("rhythm", "", query)])


def _days_with_data(context: Context, series: BoundSeries, wanted: Mapping[str, Sequence[str]],
                    every_nth: int) -> exp.Select:
    """`model, name, record, day` of every day with data, each once; still without its FROM."""
    assert series.record is not None
    name, record, value = as_text(series.name), as_text(series.record), as_number(series.value or series.name)
    day = day_of(series.time, context.definition.timezone)
    cases = [exp.If(this=exp.And(this=names_model(context, series, model), expression=_among(name, names)),
                    true=text(model)) for model, names in wanted.items()]
    query = exp.select(named(exp.Case(ifs=cases), "model"), named(name, "name"), named(record, "record"),
                       named(day, "day")).distinct()
    everything = sorted({one for names in wanted.values() for one in names})
    zeros = [one for one in everything if series.definition.drops_zeros(one)]
    query = query.where(_among(name, everything), syntax.function("ISFINITE", value),
                        syntax.fill("ISFINITE({0})", [day]), syntax.fill("{0} IS NOT NULL", [record]))
    if zeros:
        query = query.where(syntax.fill("({0} <> 0 OR NOT ({1}))", [value, _among(name, zeros)]))
    if every_nth > 1:
        query = query.where(syntax.fill("HASH({0}) % {n} = 0", [record], n=exp.Literal.number(every_nth)))
    return query


def _among(value: exp.Expression, names: Sequence[str]) -> exp.Expression:
    return exp.In(this=value.copy(), expressions=[text(name) for name in names])
