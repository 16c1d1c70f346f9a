"""Questions about sources and stored fields that must be answered before formulas can be bound."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlglot import exp

from metricsql.bind.sources import BoundSeries, Column
from metricsql.project.definition import SourceDef
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.fields import STORE_SCHEMA, STORE_TABLE
from metricsql.sql.sources import (
    as_number,
    concerned,
    day_of,
    filled_text,
    records_steps,
    row_models,
    rows_name,
    rows_steps,
    source_steps,
)
from metricsql.sql.steps import Step, needed, statement
from metricsql.sql.syntax import column, named, text


def everything(source: SourceDef) -> str:
    """All rows of a source."""
    before, table = source_steps(source, "source", "")
    query = exp.select(exp.Star()).from_(table)
    return statement([*before, Step("all", "", query)])


def describe(source: SourceDef) -> str:
    """`column_name, column_type, ...` of a source."""
    return "DESCRIBE " + everything(source)


def field_kinds(source: SourceDef, columns: Sequence[Column]) -> str:
    """One row with two values per column: how many values it has, and one that is no number."""
    before, table = source_steps(source, "source", "")
    query = exp.Select().from_(syntax.aliased(table, "s"))
    for number, found in enumerate(columns):
        words = filled_text(found)
        query = query.select(named(syntax.fill("COUNT({0})", [words]), f"count {number}"), copy=False)
        query = query.select(named(_not_a_number(words, as_number(found)), f"example {number}"), copy=False)
    return statement([*before, Step("kinds", "", query)])


def tried(source: SourceDef, condition: exp.Expression) -> str:
    """A query that computes a condition for every record; it fails where the engine would fail later."""
    before, table = source_steps(source, "source", "")
    query = exp.select(exp.Count(this=exp.Star())).from_(syntax.aliased(table, "s")).where(condition.copy())
    return statement([*before, Step("tried", "", query)])


def given_kinds(source: SourceDef, field: Column, value: Column) -> str:
    """`field, count, example` of a given field history."""
    before, table = source_steps(source, "source", "")
    words = filled_text(value)
    query = exp.select(named(filled_text(field), "field"), named(syntax.fill("COUNT({0})", [words]), "count"),
                       named(_not_a_number(words, as_number(value)), "example"))
    query = query.from_(syntax.aliased(table, "s")).group_by(exp.Literal.number(1))
    return statement([*before, Step("kinds", "", query)])


def newest_given(source: SourceDef, day: Column, zone: str) -> str:
    """The newest day of a given field history."""
    before, table = source_steps(source, "source", "")
    found = day_of(day, zone)
    query = exp.select(syntax.fill("MAX({0})", [found])).from_(syntax.aliased(table, "s"))
    query = query.where(syntax.in_calendar(found), copy=False)
    return statement([*before, Step("newest", "", query)])


def stored_kinds(without: date | None) -> str:
    """`model, field, count, example` of the stored field history, without what is stored of a day."""
    words = column("text")
    query = exp.select(column("model"), column("field"), named(syntax.fill("COUNT({0})", [words]), "count"),
                       named(_not_a_number(words, column("number")), "example"))
    query = query.from_(syntax.table(STORE_TABLE, schema=STORE_SCHEMA)).group_by(column("model"), column("field"))
    if without is not None:
        query.where(syntax.fill("{0} <> {1}", [column("day"), syntax.day(without)]), copy=False)
    return syntax.render(query)


def _not_a_number(words: exp.Expression, value: exp.Expression) -> exp.Expression:
    odd = syntax.fill("{0} IS NOT NULL AND ({1} IS NULL OR NOT ISFINITE({1}))", [words, value])
    return syntax.filtered(syntax.fill("MIN({0})", [words]), odd)


def named_models(context: Context, series: BoundSeries) -> list[str]:
    """The models for which a namespace can carry series."""
    return [model for model in context.sources.models if concerned(context, series, model)]


def names_and_days(context: Context, series: BoundSeries) -> str:
    """`name`, then the first usable day per model of `named_models`: which series there are, and since when."""
    usable = [syntax.function("ISFINITE", column("value")), syntax.in_calendar(column("day")),
              *not_dropped(series)]
    query = exp.select(column("name")).from_(syntax.table(rows_name(series.namespace)))
    for model in named_models(context, series):
        first = syntax.fill("MIN({0})", [column("day")])
        concerns = syntax.fill("COALESCE({args}) IS NOT NULL", concerned(context, series, model))
        query = query.select(named(syntax.filtered(first, concerns), f"first {model}"), copy=False)
    query = query.where(*usable).group_by(column("name"))
    steps = [
        *[step for model in sorted(context.sources.models.values(), key=lambda m: m.name != context.definition.root)
          for step in records_steps(context, model)],
        *rows_steps(context, series, row_models(context, series), None),
    ]
    every = [*steps, Step("facts", "", query)]
    return statement(needed(every, "facts"))


def not_dropped(series: BoundSeries) -> list[exp.Expression]:
    """The condition that leaves out zeros that are read as no data."""
    declared = series.definition
    special = [name for name in declared.zeros if name != "default"
               and declared.drops_zeros(name) != declared.drops_zeros("default")]
    if not special and not declared.drops_zeros("default"):
        return []
    differs = exp.In(this=column("name"), expressions=[text(name) for name in special]) if special else exp.false()
    drops: exp.Expression = differs if not declared.drops_zeros("default") else exp.Not(this=differs)
    return [syntax.fill("({0} <> 0 OR NOT ({1}))", [column("value"), drops])]
