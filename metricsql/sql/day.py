"""The day form: one day, leaves as grouped aggregates over the days they look back to, no windows.

It shares inputs, fields and all arithmetic with the history form. Windows over calculated metrics read the
stored history of those metrics, and today's values from the step before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from sqlglot import exp

from metricsql import operators
from metricsql.bind.tree import Leaf
from metricsql.plan.nodes import ModelPlan, Plan, Stage
from metricsql.plan.planner import days_before
from metricsql.project.definition import CALCULATED, ZERO_FILLED
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.fields import field_steps
from metricsql.sql.history import DAY, RECORD, HistoryForm, Level, inputs_name, result_name
from metricsql.sql.inputs import METRICS_SCHEMA, Feed
from metricsql.sql.sources import records_name
from metricsql.sql.steps import Step
from metricsql.sql.syntax import column, named


def day_steps(context: Context, plan: Plan, flags: Mapping[str, str], day: date) -> list[Step]:
    """The steps of a whole plan for one day, records and rows excepted."""
    on_day = replace(context, as_of=day, day=day)
    return [step for model_plan in plan.models for step in _DayForm(on_day, model_plan, flags).steps()]


@dataclass(frozen=True)
class Part:
    """A step that answers some leaves of a feed: from where, under which name, and from which day on (None: all days)."""

    source: str
    name: str
    leaves: Sequence[Leaf]
    first: date | None = None


def tiers(leaves: Sequence[Leaf]) -> dict[int, list[Leaf]]:
    """Bounded leaves by the days that are read for them: the longest look-back, then those of at most half of it, and so on."""
    found: dict[int, list[Leaf]] = {}
    for leaf in sorted(leaves, key=lambda leaf: -(days_before(leaf) or 0)):
        days = (days_before(leaf) or 0) + 1
        fitting = min(found, default=None)
        if fitting is None or 2 * days <= fitting:
            fitting = days
        found.setdefault(fitting, []).append(leaf)
    return found


class _DayForm(HistoryForm):
    """The steps of one model for one day."""

    def __init__(self, context: Context, plan: ModelPlan, flags: Mapping[str, str]) -> None:
        super().__init__(context, plan, flags)
        assert context.day is not None
        self.day = context.day
        self.inputs.result_name = lately_name

    def steps(self) -> list[Step]:
        first, *later = self.plan.stages
        dense = [feed for feed in self.inputs.feeds if feed.namespace in ZERO_FILLED]
        made = [*self.children_lately(), *self.inputs.steps(), *field_steps(self.context, self.plan)]
        if dense:
            made += [self.days(), self.dense_frame(dense)]
        for feed in self.inputs.feeds:
            made += [self.at_once(part) for part in self.parts(feed, first)]
        made += [self.windows(first), self.grid(first)]
        levels = self.arithmetic(first)
        for stage in later:
            levels += [self.metric_windows(stage), *self.arithmetic(stage)]
        return [*made, *self.level_steps(levels)]

    # Inputs

    def children_lately(self) -> list[Step]:
        """Calculated values of children: the stored ones of the look-back, and today's."""
        made = []
        for feed in self.inputs.feeds:
            if feed.namespace == CALCULATED:
                names = [series.name for series in feed.series]
                leaves = [leaf for leaf in self.plan.stages[0].leaves if leaf.series in feed.series]
                made.append(self.lately(feed.model, names, result_name(feed.model), self.first_read(leaves), lately_name(feed.model)))
        return made

    def lately(self, model: str, names: list[str], today: str, first: date | None, name: str) -> Step:
        """`record, day, <metric>...` of a model: stored for the days before, computed for today."""
        key = column("key" if self.context.numbered else RECORD, "r")
        stored = syntax.select(column(RECORD, "r"), column(DAY, "m"), *[column(n, "m") for n in names])
        stored = stored.from_(syntax.table(model, "m", METRICS_SCHEMA), copy=False)
        stored = stored.join(syntax.table(records_name(self.context, model), "r"), on=key.eq(column(RECORD, "m")), copy=False)
        stored = stored.where(syntax.fill("{0} < {1}", [column(DAY, "m"), syntax.day(self.day)]), copy=False)
        if first is not None:
            stored = stored.where(syntax.fill("{0} >= {1}", [column(DAY, "m"), syntax.day(first)]), copy=False)
        now = syntax.select(column(RECORD), column(DAY), *[column(n) for n in names]).from_(syntax.table(today), copy=False)
        return Step(name, f"Metrics of {model}: stored ones of the days before, and those of the day.",
                    exp.Union(this=stored, expression=now, distinct=False))

    def first_read(self, leaves: list[Leaf]) -> date | None:
        """The earliest day that any of the leaves reads; None for all days."""
        before = [days_before(leaf) for leaf in leaves]
        if None in before:
            return None
        return self.first_day(max((days for days in before if days is not None), default=0))

    def first_day(self, before: int) -> date:
        """The day that lies so many days before the day of the form, or the first one there is."""
        return self.day - timedelta(days=min(before, self.day.toordinal() - 1))

    def dense_frame(self, feeds: list[Feed]) -> Step:
        """Conversations and tasks on every day, because a day without them counts as 0."""
        query = syntax.select(column(RECORD, "d"), column(DAY, "d")).from_(syntax.table(f"{self.model} days", "d"), copy=False)
        return Step(inputs_name(self.model), "Every day of the look-back, with 0 where nothing happened.",
                    self.inputs.join(query, "d", feeds))

    # Leaves

    def parts(self, feed: Feed, stage: Stage) -> list[Part]:
        """The steps that answer the leaves of a feed.

        What reads from the beginning is apart, so that the days of the look-back are all that is read of the rest. That is
        cut into tiers of look-backs, so that a short window does not pass over the days of a long one; measured, four tiers
        up to 90 days take a quarter of the time of one step with a filter per leaf.
        """
        leaves = [leaf for leaf in stage.leaves if leaf.series in feed.series]
        if feed.namespace in ZERO_FILLED:
            return [Part(inputs_name(self.model), at_once_name(feed), leaves)]
        if not self.inputs.has_data(feed):
            return []
        ever = [leaf for leaf in leaves if leaf.days is None]
        found = [Part(self.inputs.frame_step(feed), f"{at_once_name(feed)} {days}d", some, self.first_day(days - 1))
                 for days, some in tiers([leaf for leaf in leaves if leaf.days is not None]).items()]
        return found + ([Part(self.inputs.whole_step(feed), f"{feed.step} so far", ever)] if ever else [])

    def at_once(self, part: Part) -> Step:
        """Leaves of a feed, one row per record."""
        query = syntax.select(column(RECORD)).from_(syntax.table(part.source), copy=False)
        for label, sql in self.aggregates(part.leaves, part.first).items():
            query = query.select(named(sql, label), copy=False)
        if part.first is not None:
            query = query.where(syntax.fill("{0} >= {1}", [column(DAY), syntax.day(part.first)]), copy=False)
        return Step(part.name, "What the days of the look-back amount to, per record.", query.group_by(column(RECORD), copy=False))

    def aggregates(self, leaves: Sequence[Leaf], first: date | None = None) -> dict[str, exp.Expression]:
        """Column -> grouped aggregate over the days from the first on, for every column that the leaves are made of."""
        made: dict[str, exp.Expression] = {}
        for leaf in leaves:
            if self.needs_window(leaf) and self.label(leaf) not in made:
                made[self.label(leaf)] = self.aggregate(leaf, first)
            if "{x}" in self.template(leaf) and self.input_label(leaf) not in made:
                value, today = column(self.input_label(leaf)), syntax.fill("{0} = {1}", [column(DAY), syntax.day(self.day)])
                made[self.input_label(leaf)] = syntax.filtered(syntax.fill("MAX({x})", x=value), today)
        return made

    def aggregate(self, leaf: Leaf, start: date | None) -> exp.Expression:
        block = operators.window(leaf.op)
        value: exp.Expression = column(self.input_label(leaf))
        if leaf.days is None and self.reads_input(leaf) and self.is_opened(leaf):
            value = column(self.inputs.so_far_label(leaf))
        else:
            value = syntax.fill(block.input, x=value, day=column(DAY))
        tests = [syntax.fill("{0} IS NOT NULL", [value])] if "{day}" in block.day else []
        if leaf.days is not None:
            first = self.first_read([leaf])
            assert first is not None
            sign = "{0} = {1}" if block.reads == "offset" else "{0} >= {1}"
            reaches = block.reads != "offset" or leaf.days < self.day.toordinal()
            if block.reads == "offset" or first != start:
                tests.append(syntax.fill(sign, [column(DAY), syntax.day(first)]) if reaches else exp.false())
        aggregate = syntax.fill(block.day, x=value, day=column(DAY))
        test = syntax.all_of(tests)
        return aggregate if test is None else syntax.filtered(aggregate, test)

    def is_opened(self, leaf: Leaf) -> bool:
        """Whether a leaf that reads everything finds older days summed up."""
        return any(leaf.series in feed.series and (self.inputs.is_opened(feed) or self.inputs.totals(feed) is not None)
                   for feed in self.inputs.feeds)

    def windows(self, stage: Stage) -> Step:
        """Every record with its leaves."""
        day = named(syntax.day(self.day), DAY)
        query = syntax.select(column(RECORD, "r"), day).from_(syntax.table(records_name(self.context, self.model), "r"), copy=False)
        for number, feed in enumerate(self.inputs.feeds, 1):
            leaves = [leaf for leaf in stage.leaves if leaf.series in feed.series]
            columns = {name: self.nothing(name, leaves) for leaf in leaves for name in self.columns_of(leaf)}
            for tier, part in enumerate(self.parts(feed, stage), 1):
                alias = f"s{number} {tier}"
                columns |= {name: column(name, alias) for leaf in part.leaves for name in self.columns_of(leaf)}
                same = column(RECORD, alias).eq(column(RECORD, "r"))
                query = query.join(syntax.table(part.name, alias), join_type="left", on=same, copy=False)
            for name, value in columns.items():
                query = query.select(named(self.with_empty(name, leaves, value), name), copy=False)
        return Step(f"{self.model} windows", "Every question about one series over time, answered for the day.", query)

    def nothing(self, name: str, leaves: list[Leaf]) -> exp.Expression:
        dated = [leaf for leaf in leaves if "{day}" in operators.window(leaf.op).input and self.label(leaf) == name]
        return exp.cast(exp.Null(), "date" if dated else "double")

    def with_empty(self, name: str, leaves: list[Leaf], value: exp.Expression) -> exp.Expression:
        """LENGTH of a record without any row is 0."""
        for leaf in leaves:
            empty = operators.window(leaf.op).empty
            if self.needs_window(leaf) and self.label(leaf) == name and empty is not None:
                return syntax.fill("COALESCE({0}, {1})", [value, syntax.number(empty)])
        return value

    def metric_windows(self, stage: Stage) -> Level:
        """Windows over metrics: their stored history and the day's own values, aggregated beside the level before."""
        made = self.aggregates(list(stage.leaves))
        labels = {self.label(leaf) for leaf in stage.leaves}
        names = list(dict.fromkeys(leaf.series.name for leaf in stage.leaves))

        def beside(source: str) -> list[Step]:
            lately = self.lately(self.model, names, source, self.first_read(list(stage.leaves)), f"{self.model} lately {stage.number}")
            query = syntax.select(column(RECORD), *[named(sql, name) for name, sql in made.items() if name in labels])
            query = query.from_(syntax.table(lately.name), copy=False).group_by(column(RECORD), copy=False)
            return [lately, Step(f"{self.model} at once {stage.number}", "What these days amount to, per record.", query)]

        columns: dict[str, exp.Expression] = {name: column(name) for name in made if name in labels}
        return Level(columns, "Windows over metrics that are computed by now.", needs=frozenset(names), beside=beside)


def lately_name(model: str) -> str:
    """The step with a model's metrics over the days of a look-back."""
    return f"{model} results lately"


def at_once_name(feed: Feed) -> str:
    """The step with the leaves of a feed."""
    return f"{feed.step} at once"
