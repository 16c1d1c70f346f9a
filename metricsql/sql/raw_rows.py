"""The raw rows behind a series of one record, for `why`: those that a build reads, with how they were written."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from metricsql.bind.sources import BoundSeries
from metricsql.bind.tree import SeriesRef
from metricsql.project.definition import SourceDef
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.history import result_name
from metricsql.sql.sources import as_text, concerned, needs_order, row_models, rows_name, rows_steps
from metricsql.sql.steps import Step
from metricsql.sql.syntax import column, named, text

FILE, WRITTEN = "file of row", "date as written"
"""Columns that the rows of a namespace get in addition."""


def scoped_rows(context: Context, series: BoundSeries, names: Sequence[str], columns: Iterable[str]) -> list[Step]:
    """The rows of a namespace that name a record in question, with how they were written."""
    models = row_models(context, series)
    source = series.definition.source
    with_file = source.path is not None and FILE not in columns
    extra = [named(as_text(series.time), WRITTEN),
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
        """`day, rows, records, zeros, without`: how many rows count, of how many records, and how many do not."""
        usable, zero, unreadable = self._tests()
        query = exp.select(column("day"), syntax.filtered(exp.Count(this=exp.Star()), usable),
                           syntax.filtered(syntax.fill("COUNT(DISTINCT {0})", [self._record()]), usable),
                           syntax.filtered(exp.Count(this=exp.Star()), zero),
                           syntax.filtered(exp.Count(this=exp.Star()), unreadable))
        return syntax.render(self._from(query).group_by(column("day")))

    def rows(self, limit: int | None) -> str:
        """`day, value, record, file, date as written, <record of each model>...`, newest first."""
        chosen = [column("day"), named(self._value(), "value"), named(self._record(), "record"), *self._words()]
        query = self._from(exp.select(*chosen))
        query = query.where(self._tests()[0]).order_by(*self._order())
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
            return [exp.Null(), exp.Null()]
        return [column(FILE), column(WRITTEN), *[column(model) for model in self.models()]]

    def _order(self) -> list[exp.Expression]:
        newest = [column("at"), column("position")] if not self.series.calculated and needs_order(self._bound) else []
        rest = [self._value()] if self.series.calculated else [column(WRITTEN), column(FILE), self._value()]
        falling = [exp.Ordered(this=found, desc=True) for found in (column("day"), *newest, *rest)]
        return [*falling, exp.Ordered(this=self._record())] if self.series.rollup else list(falling)

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
            asked = exp.In(this=day, expressions=[syntax.day(one) for one in self.days])
            query = query.where(asked if self.days else exp.false())
        if self.series.calculated:
            return query.from_(syntax.table(result_name(self.series.model)))
        columns = concerned(self.context, self._bound, self.series.model)
        concerns = syntax.fill("{0} IS NOT NULL", columns) if self.series.rollup else _any_is(columns, self.key)
        query = query.from_(syntax.table(rows_name(self.series.namespace)))
        return query.where(column("name").eq(text(self.series.name)), concerns)


def _any_is(columns: Sequence[exp.Expression], key: str) -> exp.Expression:
    return exp.In(this=text(key), expressions=[found.copy() for found in columns])


def source_name(source: SourceDef, namespace: str) -> str:
    """What a source is called where its rows do not say which file they are from."""
    return f"the query of {namespace}" if source.sql is not None else str(source)
