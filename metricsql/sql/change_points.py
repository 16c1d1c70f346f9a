"""The change-point form: values only on the days on which they can change, for records that rarely have data.

It is the history form on another grid. Windows are `RANGE` frames over the days that are there, and each is answered
from its own days, so the values are those of the history form. What holds until the next change is then spread over its
days, and only the arithmetic of metrics that move every day is done there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from metricsql import operators
from metricsql.bind.tree import Leaf
from metricsql.plan.change_points import change_days, constant, moving
from metricsql.plan.nodes import ModelPlan, Plan, Stage
from metricsql.project.definition import ZERO_FILLED
from metricsql.sql import syntax
from metricsql.sql.canonical import day_sql
from metricsql.sql.context import Context
from metricsql.sql.fields import field_steps, timeline_names
from metricsql.sql.history import DAY, RECORD, HistoryForm, Level, result_name
from metricsql.sql.inputs import Feed
from metricsql.sql.sources import records_name
from metricsql.sql.steps import Step
from metricsql.sql.syntax import column, named

VALID_TO = "valid to"
"""The day of the next change point, on which a row holds no more; NULL without one. No metric has a name with a space."""
DAYS_AFTER = "days after"
DAY_ZERO = "DATE '1970-01-01'"


def points_name(model: str) -> str:
    """The step (or stored table) with the change points of a model."""
    return f"{model} change points"


def change_days_name(model: str) -> str:
    """The step with the days on which a value of a record may change."""
    return f"{model} days"


def change_point_steps(context: Context, plan: ModelPlan, flags: Mapping[str, str]) -> list[Step]:
    """The steps of a model up to `points_name`."""
    return ChangePointForm(context, plan, flags).points()


def result_steps(context: Context, plan: Plan, flags: Mapping[str, str]) -> list[Step]:
    """The steps of a whole plan, each model in the form in which the build holds it; records and rows excepted."""
    forms = [(ChangePointForm if p.model in context.change_points else HistoryForm)(context, p, flags) for p in plan.models]
    return [step for form in forms for step in form.steps()]


class ChangePointForm(HistoryForm):
    """The steps of one model whose plan has a single stage (`plan.change_points.why_not` is None)."""

    def __init__(self, context: Context, plan: ModelPlan, flags: Mapping[str, str]) -> None:
        super().__init__(context, plan, flags)
        self.labels.taken |= {VALID_TO, DAYS_AFTER}
        self.moving: list[Level] = []

    def steps(self) -> list[Step]:
        made = self.points()
        return [*made, *self.expanded(syntax.table(points_name(self.model)))]

    # Change points

    def points(self) -> list[Step]:
        """The steps up to the change points."""
        (stage,) = self.plan.stages
        base = [*self.inputs.steps(), *field_steps(self.context, self.plan), self.days(), self.frame(),
                self.windows(stage), self.grid(stage)]
        steady = self.arithmetic(Stage(stage.number, stage.leaves, constant(self.plan)))
        names = moving(self.plan)
        later = tuple(metric for metric in self.plan.metrics if metric.id in names)
        self.moving = self.arithmetic(Stage(stage.number, stage.leaves, later)) if later else []
        levels = steady or [Level({}, "What values that move every day are made of.")]
        grid = [VALID_TO, *self.grid_columns()]
        return [*base, *self.carried(levels, f"{self.model} grid", grid, [VALID_TO, *self.stored()], points_name(self.model))]

    def stored(self) -> list[str]:
        """The columns of the change points: metrics that hold until the next one, and what the others are made of."""
        names = moving(self.plan)
        made = {name for level in self.moving for name in level.columns}
        read = {name for level in self.moving for name in level.reads()} - made - {RECORD, DAY}
        steady = [metric.id for metric in self.plan.metrics if metric.id not in names]
        return [*steady, *(name for name in self.grid_columns() if name in read and name not in steady)]

    def window_level(self, stage: Stage) -> Level:
        """The windows of the leaves, and the day until which they hold, which is known from the same order."""
        level = super().window_level(stage)
        following = syntax.fill("LEAD({0})", [column(DAY)])
        level.columns[VALID_TO] = exp.Window(this=following, alias=syntax.identifier("all days"))
        level.frames.setdefault("all days", _frame("all days", None, False))
        return level

    def grid(self, stage: Stage) -> Step:
        made = super().grid(stage)
        assert isinstance(made.query, exp.Select)
        return replace(made, query=made.query.select(column(VALID_TO, "w")))

    def days(self) -> Step:
        """The days on which any value of a record may change."""
        first = self.inputs.opening or self.inputs.frame_start
        begins = [self.inputs.since(self.model, "r"), day_sql(self.context, self.context.first_row(self.model))]
        rows = syntax.select(column(RECORD, "r"), named(syntax.function("GREATEST", *begins), DAY))
        parts: list[exp.Select] = [rows.from_(syntax.table(records_name(self.context, self.model), "r"))]
        for feed in self.inputs.feeds:
            if self.inputs.has_data(feed):
                parts += self.data_days(feed)
            if feed.rollup and feed.namespace in ZERO_FILLED:
                first_days = syntax.table(self.inputs.first_days_name(feed))
                parts.append(syntax.select(column(RECORD), named(column("first_day"), DAY)).from_(first_days))
        for name in timeline_names(self.plan, self.context).values():
            query = syntax.select(column(RECORD), named(column("valid_from"), DAY)).from_(syntax.table(name))
            parts.append(query.where(*self.inputs.chosen(self.model), copy=False))
        union: exp.Expression = parts[0]
        for part in parts[1:]:
            union = exp.Union(this=union, expression=part, distinct=False)
        query = syntax.select(column(RECORD), column(DAY)).distinct()
        query = query.from_(exp.Subquery(this=union, alias=exp.TableAlias(this=syntax.identifier("change"))))
        query = query.where(syntax.fill("{0} BETWEEN {1} AND {2}", [
            column(DAY), day_sql(self.context, first), day_sql(self.context, self.context.as_of)]), copy=False)
        return Step(change_days_name(self.model), f"The days on which a value of a {self.model} may change.", query)

    def data_days(self, feed: Feed) -> list[exp.Select]:
        """Days with data, and the days after them on which the data leaves a window."""
        most = max((self.context.as_of - self.inputs.frame_start).days, 0)
        groups: dict[tuple[int, ...], list[exp.Expression]] = {}
        for series, days in change_days(self.plan).items():
            if series in feed.series:
                test = syntax.fill("{0} IS NOT NULL", [column(self.inputs.label(series))])
                groups.setdefault(tuple(n for n in days if n <= most) or (0,), []).append(test)
        if self.inputs.is_opened(feed):
            assert self.inputs.opening is not None
            groups.setdefault((0,), []).append(syntax.fill("{0} = {1}", [column(DAY), syntax.day(self.inputs.opening)]))
        made = []
        for days, tests in groups.items():
            after = syntax.function("UNNEST", exp.Array(expressions=[exp.Literal.number(n) for n in days]))
            day = column(DAY) if days == (0,) else exp.cast(syntax.fill("{0} + {1}", [column(DAY), after]), "date")
            query = syntax.select(column(RECORD), named(day, DAY)).from_(syntax.table(self.inputs.last_step(feed)))
            made.append(query.where(exp.or_(*tests), copy=False))
        return made

    # Leaves

    def window(self, leaf: Leaf, frames: dict[str, exp.Window]) -> exp.Expression:
        """As in the history form, over a range of days: only some of them are there."""
        made = super().window(leaf, {})
        block = operators.window(leaf.op)
        if block.reads == "offset":
            made.set("this", syntax.fill(block.day, x=column(self.input_label(leaf)), day=column(DAY)))
        name = "all days" if leaf.days is None else f"{leaf.days} days {'ago' if block.reads == 'offset' else ''}".strip()
        frames.setdefault(name, _frame(name, leaf.days, block.reads == "offset"))
        made.set("alias", syntax.identifier(name))
        return made

    # Every day

    def expanded(self, source: exp.Table, metrics: Sequence[str] | None = None) -> list[Step]:
        """From the change points to every day, with the values that move. `metrics` are the columns in their order."""
        names = self.stored()
        end = syntax.fill("COALESCE({0}, {1} + 1)", [column(VALID_TO), day_sql(self.context, self.context.as_of)])
        count = syntax.function("UNNEST", syntax.function("RANGE", syntax.fill("{0} - {1}", [end, column(DAY)])))
        points = syntax.select(column(RECORD), column(DAY), named(count, DAYS_AFTER), *[column(name) for name in names])
        inner = exp.Subquery(this=points.from_(source), alias=exp.TableAlias(this=syntax.identifier("p")))
        day = syntax.fill("{0} + CAST({1} AS INTEGER)", [column(DAY), column(DAYS_AFTER)])
        query = syntax.select(column(RECORD), named(day, DAY), *[column(name) for name in names]).from_(inner)
        whole = Step(f"{self.model} every day", "Each value on every day for which it holds.", query)
        levels = self.moving or [Level({}, "All values hold until the next change.")]
        outputs = metrics or [metric.id for metric in self.plan.metrics]
        return [whole, *self.carried(levels, whole.name, names, outputs, result_name(self.model), "moving step")]


def _frame(name: str, days: int | None, offset: bool) -> exp.Window:
    number = syntax.fill("{0} - " + DAY_ZERO, [column(DAY)])
    start = "UNBOUNDED" if days is None else exp.Literal.number(days if offset else days - 1)
    spec = exp.WindowSpec(kind="ROWS" if days is None else "RANGE", start=start, start_side="PRECEDING",
                          end=exp.Literal.number(days) if offset and days is not None else "CURRENT ROW",
                          end_side="PRECEDING" if offset else None)
    return exp.Window(this=syntax.identifier(name), partition_by=[column(RECORD)],
                      order=exp.Order(expressions=[exp.Ordered(this=number)]), spec=spec)

