"""Steps about one record, for `why`: the steps of a build, narrowed to a record and its children.

Nothing is read in another way than a build reads it. Raw rows carry how they were written in addition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlglot import exp

from metricsql.bind.sources import BoundModel, BoundSeries
from metricsql.bind.tree import Field, SeriesRef
from metricsql.plan.nodes import ModelPlan
from metricsql.project.definition import SourceDef
from metricsql.sql import syntax
from metricsql.sql.conditions import Condition
from metricsql.sql.context import Context
from metricsql.sql.fields import STORE_SCHEMA, STORE_TABLE, field_steps, values_name
from metricsql.sql.history import result_name
from metricsql.sql.sources import (
    FIELD,
    as_text,
    concerned,
    needs_order,
    records_name,
    records_steps,
    row_models,
    rows_name,
    rows_steps,
)
from metricsql.sql.steps import Step, needed, statement
from metricsql.sql.syntax import column, named, text

FILE, WRITTEN, GIVEN = "file of row", "date as written", "value as written"
"""Columns that the rows of a namespace get in addition."""
STORED = "stored fields"
"""The table that stands for the stored field history of the records in question."""
LOADED = "temp"
"""The schema of the tables that hold what was loaded."""
EVERY_DAY = 10**7
"""A look-back that reaches to the first day with data."""


# Records


def scoped_records(context: Context, model: BoundModel, conditions: Sequence[tuple[str, Condition]],
                   by: str | None, key: str) -> list[Step]:
    """The records whose column `by` (`record` or `company`) holds a key, with all their fields; none without `by`."""
    steps = records_steps(context, model, [field.name for field in model.fields], conditions)
    wanted: exp.Expression = exp.false() if by is None else column(by).eq(text(key))
    query = exp.select(exp.Star()).from_(syntax.table(records_name(context, model.name))).where(wanted)
    return [*steps, Step(f"{model.name} in question", "", query)]


def one_record(context: Context, model: str, key: str) -> Step:
    """The step of a model's records with a single one of those that were loaded."""
    name = records_name(context, model)
    query = exp.select(exp.Star()).from_(syntax.table(name, schema=LOADED)).where(column("record").eq(text(key)))
    return Step(name, "", query)


def all_keys(context: Context, model: BoundModel) -> str:
    """The keys of every record of a model."""
    steps = records_steps(context, model)
    query = exp.select(column("record")).from_(syntax.table(records_name(context, model.name)))
    return statement([*steps, Step("keys", "", query)])


def field_column(name: str) -> str:
    """The column of the loaded records that holds a field."""
    return f"{FIELD}{name}"


def fields_asked(condition: Condition, model: BoundModel) -> list[str]:
    """The fields that a condition looks at."""
    known = {field.name for field in model.fields}
    return list(dict.fromkeys(c.name for c in condition.find_all(exp.Column) if c.name in known))


# Fields


def scoped_store(context: Context, model: str) -> str:
    """What is stored of the fields of the loaded records, without what a build of the as-of day would replace."""
    query = exp.select(exp.Star()).from_(syntax.table(STORE_TABLE, schema=STORE_SCHEMA))
    query = query.where(column("model").eq(text(model)))
    keys = exp.select(column("record")).from_(syntax.table(records_name(context, model), schema=LOADED))
    query = query.where(exp.In(this=column("record"), query=exp.Subquery(this=keys)))
    until = context.catalog.stored_until
    if until is None or context.as_of >= until:
        query = query.where(column("day").neq(syntax.day(context.as_of)))
    return syntax.render(query)


def known_values(context: Context, plan: ModelPlan) -> list[Step]:
    """Every known value of the used fields, with what it comes from (`priority`)."""
    steps = scoped_field_steps(context, plan)
    values = next(step for step in steps if step.name == values_name(plan.model))
    assert isinstance(values.query, exp.Select)
    return [*steps, replace(values, name=f"{values.name} and origins", query=values.query.copy().select(column("priority")))]


def scoped_field_steps(context: Context, plan: ModelPlan) -> list[Step]:
    """The steps for the fields of a plan, over the stored values of the records in question."""
    return [_on_scoped_store(step) for step in field_steps(context, plan)]


def _on_scoped_store(step: Step) -> Step:
    if isinstance(step.query, str):
        return step

    def replaced(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Table) and node.name == STORE_TABLE and node.db == STORE_SCHEMA:
            return syntax.table(STORED, node.alias or None)
        return node

    return replace(step, query=step.query.transform(replaced))


def timeline(table: str, key: str) -> str:
    """`day, value` of one field: since when it is what."""
    query = exp.select(column("valid_from"), column("value")).from_(syntax.table(table))
    return syntax.render(query.where(column("record").eq(text(key))).order_by(column("valid_from")))


def origins(table: str, field: Field, key: str) -> str:
    """`day, priority` of the known values of a field."""
    query = exp.select(column("day"), column("priority")).from_(syntax.table(table))
    return syntax.render(query.where(column("record").eq(text(key)), column("field").eq(text(field.name))))


# Inputs and results


def whole_past(plan: ModelPlan) -> ModelPlan:
    """The plan with inputs on every day since the first one with data."""
    return replace(plan, look_back=EVERY_DAY, unbounded=False)


def values_of_record(table: str, key: str, columns: Iterable[str]) -> str:
    """`day` and columns of a result for one record."""
    query = exp.select(column("day"), *[column(name) for name in columns]).from_(syntax.table(table))
    return syntax.render(query.where(column("record").eq(text(key))))


# Raw rows


def scoped_rows(context: Context, series: BoundSeries, names: Sequence[str], columns: Iterable[str]) -> list[Step]:
    """The rows of a namespace that name a record in question, with how they were written."""
    models = row_models(context, series)
    source = series.definition.source
    with_file = source.path is not None and FILE not in columns
    written = exp.cast(exp.Null(), "varchar") if series.value is None else as_text(series.value)
    extra = [named(as_text(series.time), WRITTEN), named(written, GIVEN),
             named(column(FILE, "s") if with_file else exp.cast(exp.Null(), "varchar"), FILE)]
    steps = rows_steps(context, series, models, names, extra)
    if with_file:
        steps = [_with_file(step) for step in steps]
    query = exp.select(exp.Star()).from_(syntax.table(rows_name(series.namespace)))
    query = query.where(syntax.fill("COALESCE({args}) IS NOT NULL", [column(model) for model in models]))
    return [*steps, Step(f"{series.namespace} in question", "", query)]


def _with_file(step: Step) -> Step:
    """Let the function that reads files say which one each row is from."""
    assert isinstance(step.query, exp.Expression)
    query = step.query.copy()
    for found in query.find_all(exp.Table):
        if isinstance(found.this, exp.Anonymous) and found.this.name.startswith("READ_"):
            found.this.append("expressions", exp.PropertyEQ(this=exp.to_identifier("filename"), expression=text(FILE)))
    return Step(step.name, step.comment, query)


def first_row_day(namespaces: Iterable[str]) -> str:
    """The first day of any loaded row."""
    days = [exp.select(named(syntax.fill("MIN({0})", [column("day")]), "day")).from_(syntax.table(rows_name(namespace)))
            .where(syntax.function("ISFINITE", column("value")), syntax.function("ISFINITE", column("day")))
            for namespace in namespaces]
    union: exp.Expression = days[0]
    for part in days[1:]:
        union = exp.Union(this=union, expression=part, distinct=False)
    everything = exp.Subquery(this=union, alias=exp.TableAlias(this=syntax.identifier("days")))
    return syntax.render(exp.select(syntax.fill("MIN({0})", [column("day")])).from_(everything))


@dataclass(frozen=True)
class RowQuery:
    """The rows behind one series of one record, as SQL. `days` narrows what lies between `first` and `last`."""

    context: Context
    series: SeriesRef
    key: str
    first: date
    last: date
    days: tuple[date, ...] | None = None

    def counts(self) -> str:
        """`day, rows, records, zeros, unreadable`: how many rows count, of how many records, and how many do not."""
        usable, zero, unreadable = self._tests()
        query = exp.select(column("day"), syntax.filtered(exp.Count(this=exp.Star()), usable),
                           syntax.filtered(syntax.fill("COUNT(DISTINCT {0})", [self._record()]), usable),
                           syntax.filtered(exp.Count(this=exp.Star()), zero),
                           syntax.filtered(exp.Count(this=exp.Star()), unreadable))
        return syntax.render(self._from(query).group_by(column("day")))

    def rows(self, limit: int | None) -> str:
        """`day, value, record, file, date as written, value as written, <record of each model>...`, newest first."""
        query = self._from(exp.select(column("day"), named(self._value(), "value"), named(self._record(), "record"), *self._words()))
        query = query.where(self._tests()[0]).order_by(*[exp.Ordered(this=e, desc=True) for e in self._order()])
        return syntax.render(query if limit is None else query.limit(limit))

    def models(self) -> list[str]:
        """The models whose records a row may name."""
        return [] if self.series.calculated else row_models(self.context, self._bound)

    @property
    def _bound(self) -> BoundSeries:
        return self.context.sources.series[self.series.namespace]

    def _value(self) -> exp.Expression:
        return column(self.series.name if self.series.calculated else "value")

    def _record(self) -> exp.Expression:
        if self.series.calculated:
            return column("record")
        return column(self.series.model) if self.series.rollup else text(self.key)

    def _words(self) -> list[exp.Expression]:
        if self.series.calculated:
            return [exp.Null() for _ in (FILE, WRITTEN, GIVEN)]
        return [column(FILE), column(WRITTEN), column(GIVEN), *[column(model) for model in self.models()]]

    def _order(self) -> list[exp.Expression]:
        if self.series.calculated:
            return [column("day"), column(self.series.name)]
        ordered = [column("at"), column("position")] if needs_order(self._bound) else []
        return [column("day"), *ordered, column(WRITTEN), column(FILE), column("value")]

    def _tests(self) -> tuple[exp.Expression, exp.Expression, exp.Expression]:
        """Whether a row counts; is a zero that is read as no data; has no readable value."""
        readable = syntax.fill("COALESCE(ISFINITE({0}), FALSE)", [self._value()])
        drops = not self.series.calculated and self._bound.definition.drops_zeros(self.series.name)
        zero = syntax.fill("{0} = 0", [self._value()]) if drops else exp.false()
        usable = syntax.fill("{0} AND NOT {1}", [readable, zero])
        return usable, exp.And(this=readable, expression=zero), exp.Not(this=readable)

    def _from(self, query: exp.Select) -> exp.Select:
        day = column("day")
        query = query.where(syntax.fill("{0} >= {1}", [day, syntax.day(self.first)]),
                            syntax.fill("{0} <= {1}", [day, syntax.day(self.last)]))
        if self.days is not None:
            query = query.where(exp.In(this=day, expressions=[syntax.day(d) for d in self.days]) if self.days else exp.false())
        if self.series.calculated:
            return query.from_(syntax.table(result_name(self.series.model)))
        columns = concerned(self.context, self._bound, self.series.model)
        concerns = syntax.fill("{0} IS NOT NULL", columns) if self.series.rollup else _any_is(columns, self.key)
        return query.from_(syntax.table(rows_name(self.series.namespace))).where(column("name").eq(text(self.series.name)), concerns)


def _any_is(columns: Sequence[exp.Expression], key: str) -> exp.Expression:
    return exp.In(this=text(key), expressions=[found.copy() for found in columns])


def source_name(source: SourceDef, namespace: str) -> str:
    """What a source is called where its rows do not say which file they are from."""
    return f"the query of {namespace}" if source.sql is not None else str(source)


__all__ = ["RowQuery", "needed"]
