"""Steps that bring data to one row per record and day: the inputs of a model's windows.

Raw rows are collapsed and pivoted in one pass over each source; series of children are summed per company;
metrics of children come from their own result.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

from sqlglot import exp

from metricsql import operators
from metricsql.bind.tree import Leaf, SeriesRef
from metricsql.plan.nodes import ModelPlan
from metricsql.project.definition import CALCULATED, ZERO_FILLED
from metricsql.sql import syntax
from metricsql.sql.canonical import canonical_pivot, day_sql
from metricsql.sql.context import Context
from metricsql.sql.sources import concerned, records_name, rows_name
from metricsql.sql.steps import Labels, Step
from metricsql.sql.syntax import column, named, text

if TYPE_CHECKING:
    from metricsql.sql.totals import Totals

COLLAPSE: dict[str, str] = {"sum": "SUM({x})", "min": "MIN({x})", "max": "MAX({x})", "avg": "AVG({x})",
                            "last": "ARG_MAX({x}, {moment})"}
KEPT_SCHEMA = "_metricsql"


def kept_name(model: str, namespace: str) -> str:
    """The table of the built file with the series of a model and namespace by record and day."""
    return f"{model} {namespace} by day"


METRICS_SCHEMA = "metrics"
"""The schema of the built tables, which hold the history of calculated metrics."""


def _of_metrics(node: exp.Expression) -> exp.Expression:
    return column(node.name, "m") if isinstance(node, exp.Column) else node


@dataclass(frozen=True)
class Feed:
    """The inputs of one model and namespace, which come from one step."""

    model: str
    namespace: str
    series: tuple[SeriesRef, ...]
    rollup: bool

    @property
    def step(self) -> str:
        return f"{self.model} {self.namespace} by {'company and day' if self.rollup else 'day'}"


def collapsed(context: Context, model: str, namespace: str, columns: Mapping[str, str],
              days: Sequence[exp.Expression]) -> exp.Select:
    """`record, day, <column>...`: the points of a day collapsed to one value per series (section 1.3).

    `columns` gives the column of each series by name; `days` are conditions on the day.
    """
    declared = context.definition.series[namespace]
    ordered = any(declared.collapse_of(name) == "last" for name in columns)
    query = syntax.select(column("record"), column("day")).from_(_rows(context, model, namespace, ordered), copy=False)
    for name, label in columns.items():
        aggregate = syntax.fill(COLLAPSE[declared.collapse_of(name)], x=column("value"),
                                moment=syntax.moment(column("at"), column("position")))
        wanted: exp.Expression = column("name").eq(text(name))
        if declared.drops_zeros(name):
            wanted = exp.And(this=wanted, expression=syntax.fill("{0} <> 0", [column("value")]))
        query = query.select(named(syntax.filtered(aggregate, wanted), label), copy=False)
    if context.all_names:
        query = query.where(exp.In(this=column("name"), expressions=[text(name) for name in columns]), copy=False)
    query = query.where(syntax.fill("{0} IS NOT NULL", [column("record")]), *days, syntax.function("ISFINITE", column("value")), copy=False)
    return query.group_by(column("record"), column("day"), copy=False)


def _rows(context: Context, model: str, namespace: str, ordered: bool) -> exp.Expression:
    """The rows that count for a model. An event counts once for every company it concerns."""
    extra = [column("at"), column("position")] if ordered else []
    columns = concerned(context, context.sources.series[namespace], model)
    record = columns[0] if len(columns) == 1 else syntax.function(
        "UNNEST", syntax.function("LIST_DISTINCT", exp.Array(expressions=columns)))
    inner = syntax.select(named(record, "record"), column("name"), column("day"), *extra, column("value"))
    return exp.Subquery(this=inner.from_(syntax.table(rows_name(namespace)), copy=False), alias=exp.TableAlias(this=syntax.identifier("r")))


class Inputs:
    """The inputs of one model's plan, and the steps that make them."""

    def __init__(self, context: Context, plan: ModelPlan, labels: Labels, result_name: Callable[[str], str]) -> None:
        self.context, self.plan, self.labels, self.result_name = context, plan, labels, result_name
        self.start = context.start
        self.frame_start = context.frame_start(plan)
        self.opening = self.frame_start - timedelta(days=1) if context.needs_opening(plan) else None
        keys = dict.fromkeys((s.model, s.namespace, s.rollup) for s in plan.inputs)
        self.feeds = [Feed(m, n, tuple(s for s in plan.inputs if (s.model, s.namespace, s.rollup) == (m, n, r)), r)
                      for m, n, r in keys]

    def context_day(self, value: date) -> exp.Expression:
        return day_sql(self.context, value)

    def label(self, series: SeriesRef) -> str:
        """The column of an input."""
        return self.labels(("input", series), str(series))

    def so_far_label(self, leaf: Leaf) -> str:
        """The column for a leaf that reads everything, with what lies before the frame on the opening day."""
        return self.labels(("so far", leaf.series, leaf.op), f"{leaf.series} {operators.window(leaf.op).json} input")

    def has_data(self, feed: Feed) -> bool:
        """Whether any source can carry the series of a feed."""
        if feed.namespace == CALCULATED or self.context.canonical:
            return True
        series = self.context.sources.series.get(feed.namespace)
        return series is not None and bool(concerned(self.context, series, feed.model))

    def everything_leaves(self, feed: Feed) -> list[Leaf]:
        """The leaves of a feed that read all days."""
        found = [leaf for leaf in self.plan.stages[0].leaves if leaf.days is None and leaf.series in feed.series]
        return list(dict.fromkeys(found))

    # Steps

    def steps(self) -> list[Step]:
        """All steps up to the sources of the frame."""
        made: list[Step] = []
        for feed in self.feeds:
            if feed.namespace == CALCULATED:
                made += self.metric_steps(feed)
            elif self.has_data(feed):
                made += self.raw_steps(feed)
            if feed.rollup and feed.namespace in ZERO_FILLED:
                made.append(self.first_days(feed))
        return list({step.name: step for step in made}.values())

    def metric_steps(self, feed: Feed) -> list[Step]:
        """Calculated values: of children, as they are computed here or stored; of the model itself, stored ones."""
        if not all(series.name in self.plan.given for series in feed.series):
            return [self.by_company(feed, self.result_name(feed.model))]
        names = {s.name: s.name if feed.rollup else self.label(s) for s in feed.series}
        query = syntax.select(column("record", "r"), column("day", "m"), *[named(column(n, "m"), label) for n, label in names.items()])
        query = query.from_(syntax.table(feed.model, "m", METRICS_SCHEMA), copy=False)
        same = column("key", "r").eq(column("record", "m"))
        query = query.join(syntax.table(records_name(self.context, feed.model), "r"), on=same, copy=False)
        query = query.where(*[condition.transform(_of_metrics) for condition in self.days_read(feed)], copy=False)
        stored = Step(f"{feed.model} metrics kept" if feed.rollup else feed.step, f"Stored values of metrics of {feed.model}.", query)
        return [stored, self.by_company(feed, stored.name)] if feed.rollup else [stored]

    def raw_steps(self, feed: Feed) -> list[Step]:
        pivot = self.pivot(feed)
        made = [pivot]
        if self.is_narrow(feed):
            totals = self.totals(feed)
            made.append(self.ever(feed) if totals is None else self.with_totals(feed, totals))
        if feed.rollup:
            made.append(self.by_company(feed, pivot.name))
        if self.is_opened(feed):
            made.append(self.with_opening(feed))
        return made

    def is_opened(self, feed: Feed) -> bool:
        """Whether older days than the frame come as one day before it."""
        dense = feed.namespace in ZERO_FILLED
        opened = self.opening is not None and feed.namespace != CALCULATED and bool(self.everything_leaves(feed))
        return opened and (dense or self.context.day is None)

    def is_narrow(self, feed: Feed) -> bool:
        """Whether older days are read apart, and only the series that need them: the kept table makes that cheap."""
        return (self.opening is not None and not feed.rollup and (feed.model, feed.namespace) in self.context.kept
                and bool(self.everything_leaves(feed)))

    def whole_step(self, feed: Feed) -> str:
        """The step with all days of the series that leaves read from the beginning."""
        return f"{feed.step} from the beginning" if self.is_narrow(feed) else self.frame_step(feed)

    def frame_step(self, feed: Feed) -> str:
        """The step with the days of the frame."""
        return feed.step if feed.rollup or feed.namespace == CALCULATED else self.pivot_name(feed)

    def pivot(self, feed: Feed) -> Step:
        """`record, day, <series>...`: the points of a day collapsed to one value each."""
        if self.context.canonical:
            return canonical_pivot(self.context, feed.model, feed.series, self.label, self.pivot_name(feed))
        if (columns := self.context.kept.get((feed.model, feed.namespace))) is not None:
            return self.kept(feed, columns)
        columns = {series.name: self.label(series) for series in feed.series}
        query = collapsed(self.context, feed.model, feed.namespace, columns, self.days_read(feed))
        return Step(self.pivot_name(feed), f"One row per {feed.model} and day: the values of {feed.namespace}.", query)

    def kept(self, feed: Feed, columns: Mapping[str, str]) -> Step:
        """The same from the built file, which keeps what an earlier step of the build made of the rows."""
        query = syntax.select(column("record"), column("day"),
                           *[named(column(columns[series.name]), self.label(series)) for series in feed.series])
        query = query.from_(syntax.table(kept_name(feed.model, feed.namespace), schema=KEPT_SCHEMA), copy=False)
        query = query.where(*self.days_read(feed), *self.chosen(feed.model), copy=False)
        return Step(self.pivot_name(feed), f"One row per {feed.model} and day: the values of {feed.namespace}.", query, inline=True)

    def ever(self, feed: Feed) -> Step:
        """All days of the series that leaves read from the beginning."""
        columns = self.context.kept[feed.model, feed.namespace]
        wanted = {leaf.series.name: self.label(leaf.series) for leaf in self.everything_leaves(feed)}
        query = syntax.select(column("record"), column("day"), *[named(column(columns[name]), label) for name, label in wanted.items()])
        query = query.from_(syntax.table(kept_name(feed.model, feed.namespace), schema=KEPT_SCHEMA), copy=False)
        so_far = syntax.fill("{0} <= {1}", [column("day"), self.context_day(self.context.as_of)])
        query = query.where(so_far, *self.chosen(feed.model), copy=False)
        return Step(self.whole_step(feed), "The series that are read from the beginning.", query, inline=True)

    def totals(self, feed: Feed) -> Totals | None:
        """What the built file keeps of the days through some day, for leaves that read everything; for the day form."""
        return self.context.totals.get((feed.model, feed.namespace)) if self.context.day is not None and self.is_narrow(feed) else None

    def with_totals(self, feed: Feed, totals: Totals) -> Step:
        """The days that are not in the totals, and these, as what the leaves that read everything take in."""
        columns, leaves = self.context.kept[feed.model, feed.namespace], self.everything_leaves(feed)
        later, before = syntax.select(column("record")), syntax.select(column("record"))
        for leaf in leaves:
            name, label = leaf.series.name, self.so_far_label(leaf)
            value = syntax.fill(operators.window(leaf.op).input, x=column(columns[name]), day=column("day"))
            later = later.select(named(value, label), copy=False)
            before = before.select(named(column(totals.columns[name, leaf.op]), label), copy=False)
        later = later.from_(syntax.table(kept_name(feed.model, feed.namespace), schema=KEPT_SCHEMA), copy=False)
        days = [syntax.fill("{0} > {1}", [column("day"), syntax.day(totals.through)]),
                syntax.fill("{0} <= {1}", [column("day"), self.context_day(self.context.as_of)])]
        later = later.where(*days, *self.chosen(feed.model), copy=False)
        before = before.from_(syntax.table(totals.table, schema=KEPT_SCHEMA), copy=False).where(*self.chosen(feed.model), copy=False)
        return Step(self.whole_step(feed), f"The days since {totals.through}, and what is kept of the days before.",
                    exp.Union(this=later, expression=before, distinct=False))

    def chosen(self, model: str) -> list[exp.Expression]:
        """The condition on the records, where only some are computed."""
        if not self.context.restricted:
            return []
        chosen = syntax.select(column("record")).from_(syntax.table(records_name(self.context, model)), copy=False)
        return [exp.In(this=column("record"), query=exp.Subquery(this=chosen))]

    def pivot_name(self, feed: Feed) -> str:
        return f"{feed.model} {feed.namespace} by day" + (f" for {self.plan.model}" if feed.rollup else "")

    def days_read(self, feed: Feed) -> list[exp.Expression]:
        # with an opening all older days count, but not what is no day at all (`-infinity`, years before the first)
        from_rows = self.opening is not None and feed.namespace != CALCULATED
        older = from_rows and bool(self.everything_leaves(feed)) and not self.is_narrow(feed)
        first_day = date.min if older else self.frame_start
        return [syntax.fill("{0} >= {1}", [column("day"), self.context_day(first_day)]),
                syntax.fill("{0} <= {1}", [column("day"), self.context_day(self.context.as_of)])]

    def by_company(self, feed: Feed, source: str) -> Step:
        """The values of children summed per company and day; NULL when no child has one."""
        query = syntax.select(named(column("company", "r"), "record"), column("day", "v"))
        query = query.from_(syntax.table(source, "v"), copy=False)
        query = query.join(syntax.table(records_name(self.context, feed.model), "r"),
                           on=column("record", "r").eq(column("record", "v")), copy=False)
        for series in feed.series:
            value = column(series.name if series.calculated else self.label(series), "v")
            query = query.select(named(syntax.fill("SUM({0})", [value]), self.label(series)), copy=False)
        query = query.where(syntax.fill("{0} IS NOT NULL", [column("company", "r")]), copy=False)
        query = query.group_by(column("company", "r"), column("day", "v"), copy=False)
        return Step(feed.step, f"Values of each {feed.model}, summed per {self.plan.model} and day.", query)

    def with_opening(self, feed: Feed) -> Step:
        """Adds to each record one day before the frame that holds what older data amounts to."""
        assert self.opening is not None
        opening = syntax.day(self.opening)
        frame = syntax.select(column("record"), column("day"), *[column(self.label(series)) for series in feed.series])
        before = syntax.select(column("record"), named(opening, "day"),
                            *[named(syntax.double(exp.Null()), self.label(series)) for series in feed.series])
        for leaf in self.everything_leaves(feed):
            block = operators.window(leaf.op)
            value = syntax.fill(block.input, x=column(self.label(leaf.series)), day=column("day"))
            frame = frame.select(named(value, self.so_far_label(leaf)), copy=False)
            before = before.select(named(syntax.fill(block.day, x=value, day=column("day")), self.so_far_label(leaf)), copy=False)
        frame = frame.from_(syntax.table(self.frame_step(feed)), copy=False)
        frame = frame.where(syntax.fill("{0} > {1}", [column("day"), opening]), copy=False)
        before = before.from_(syntax.table(self.whole_step(feed)), copy=False)
        before = before.where(syntax.fill("{0} <= {1}", [column("day"), opening]), copy=False).group_by(column("record"), copy=False)
        return Step(f"{feed.step} with opening", "All older days as one day before the first one.",
                    exp.Union(this=frame, expression=before, distinct=False))

    def first_days(self, feed: Feed) -> Step:
        """From which day on a company has a child in the grid."""
        since = self.since(feed.model, "r")
        first = syntax.fill("MIN({0})", [since])
        query = syntax.select(named(column("company", "r"), "record"), named(first, "first_day"))
        query = query.from_(syntax.table(records_name(self.context, feed.model), "r"), copy=False)
        query = query.where(syntax.fill("{0} IS NOT NULL", [column("company", "r")]), copy=False)
        query = query.group_by(column("company", "r"), copy=False)
        return Step(self.first_days_name(feed), f"From which day on there is a {feed.model}.", query)

    def first_days_name(self, feed: Feed) -> str:
        return f"{feed.model} first days"

    def since(self, model: str, alias: str) -> exp.Expression:
        """First day of a record's grid."""
        start = self.context_day(self.start)
        if self.context.sources.models[model].since is None:
            return start
        return syntax.fill("GREATEST({0}, {1})", [column("since", alias), start])

    def last_step(self, feed: Feed) -> str:
        """The step that the frame joins for a feed."""
        return f"{feed.step} with opening" if self.is_opened(feed) else self.frame_step(feed)

    # The frame

    def join(self, query: exp.Select, frame: str, only: Sequence[Feed] | None = None) -> exp.Select:
        """Add every input (of some feeds) as a column to the frame."""
        if self.needs_own_since():
            query = self.left_join(query, records_name(self.context, self.plan.model), "r", frame, day=False)
        for number, feed in enumerate(self.feeds if only is None else only, 1):
            alias = f"s{number}"
            if self.has_data(feed):
                query = self.left_join(query, self.last_step(feed), alias, frame)
            if feed.rollup and feed.namespace in ZERO_FILLED:
                query = self.left_join(query, self.first_days_name(feed), f"f{number}", frame, day=False)
            query = query.select(*self.columns(feed, alias, frame, f"f{number}"), copy=False)
        return query

    def needs_own_since(self) -> bool:
        return self.context.sources.models[self.plan.model].since is not None and any(
            feed.namespace in ZERO_FILLED and not feed.rollup for feed in self.feeds)

    def left_join(self, query: exp.Select, step: str, alias: str, frame: str, day: bool = True) -> exp.Select:
        keys = ["record", "day"] if day else ["record"]
        condition = syntax.all_of([column(key, alias).eq(column(key, frame)) for key in keys])
        return query.join(syntax.table(step, alias), on=condition, join_type="left", copy=False)

    def columns(self, feed: Feed, alias: str, frame: str, first: str) -> list[exp.Expression]:
        made = []
        for series in feed.series:
            label = self.label(series)
            made.append(named(self.zero_filled(feed, self.value(feed, label, alias), frame, first), label))
        if self.is_opened(feed):
            for leaf in self.everything_leaves(feed):
                label = self.so_far_label(leaf)
                value = self.value(feed, label, alias)
                if operators.window(leaf.op).input == "{x}":
                    value = self.zero_filled(feed, value, frame, first)
                elif not self.has_data(feed):
                    value = exp.cast(exp.Null(), "date")
                made.append(named(value, label))
        return made

    def value(self, feed: Feed, label: str, alias: str) -> exp.Expression:
        return column(label, alias) if self.has_data(feed) else syntax.double(exp.Null())

    def zero_filled(self, feed: Feed, value: exp.Expression, frame: str, first: str) -> exp.Expression:
        """Conversations and tasks: no data is 0 on days of the grid, and only there (section 1.3)."""
        if feed.namespace not in ZERO_FILLED:
            return value
        begins = column("first_day", first) if feed.rollup else self.since(self.plan.model, "r")
        filled = syntax.fill("COALESCE({0}, 0)", [value])
        whole_frame = self.frame_start >= self.start and self.opening is None
        if not feed.rollup and not self.needs_own_since() and whole_frame:
            return filled
        return syntax.fill("CASE WHEN {0} >= {1} THEN {2} ELSE {3} END", [column("day", frame), begins, filled, value])
