"""The history form: all days of the grid at once, leaves as window functions with `ROWS` frames.

Per model: its inputs joined to every day, one SELECT for all windows, the rows of the grid, then layers of
arithmetic; windows over calculated metrics add another SELECT and more layers behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from metricsql import operators
from metricsql.bind.tree import Field, Leaf, SeriesRef
from metricsql.plan.nodes import ModelPlan, Plan, Stage
from metricsql.plan.planner import reads_row
from metricsql.sql import syntax
from metricsql.sql.arithmetic import Built, Layers
from metricsql.sql.canonical import day_sql
from metricsql.sql.context import Context
from metricsql.sql.fields import field_steps, timeline_names
from metricsql.sql.inputs import Inputs
from metricsql.sql.sources import records_name
from metricsql.sql.steps import Labels, Step
from metricsql.sql.syntax import column, named

DAY, RECORD = "day", "record"


def result_name(model: str) -> str:
    """The step (or table) with `record`, `day` and every planned metric of a model."""
    return f"{model} results"


def inputs_name(model: str) -> str:
    """The step with every input of a model on every day that its windows look at."""
    return f"{model} inputs"


def input_columns(context: Context, plan: ModelPlan, flags: Mapping[str, str]) -> dict[SeriesRef, str]:
    """The columns of `inputs_name` that hold the inputs of a plan, in the history form of that plan."""
    form = HistoryForm(context, plan, flags)
    form.steps()
    return {series: form.inputs.label(series) for series in plan.inputs}


def history_steps(context: Context, plan: Plan, flags: Mapping[str, str]) -> list[Step]:
    """The steps of a whole plan, records and rows excepted. `flags` names the column of each `where`."""
    return [step for model_plan in plan.models for step in HistoryForm(context, model_plan, flags).steps()]


def selection(model: str, metrics: Sequence[str]) -> Step:
    """The last step of a printed statement: the wanted metrics of a model."""
    query = syntax.select(*[column(name) for name in (RECORD, DAY, *metrics)]).from_(syntax.table(result_name(model)), copy=False)
    return Step("result", f"The values of {', '.join(metrics)} for every {model} and day.", query)


@dataclass
class Level:
    """One SELECT over the one before: new columns, and the window frames they use."""

    columns: dict[str, exp.Expression]
    comment: str
    frames: dict[str, exp.Window] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    """Columns that it takes from the level before besides those that its expressions mention."""
    beside: Callable[[str], list[Step]] | None = None
    """Makes the steps that it is joined with by record, from the name of the step before."""

    def reads(self) -> frozenset[str]:
        """The columns that its expressions mention."""
        return self.needs | {found.name for sql in self.columns.values() for found in sql.find_all(exp.Column)}


class HistoryForm:
    """The steps of one model."""

    def __init__(self, context: Context, plan: ModelPlan, flags: Mapping[str, str]) -> None:
        self.context, self.plan, self.flags, self.model = context, plan, flags, plan.model
        self.labels = Labels([RECORD, DAY, *(metric.id for metric in plan.metrics), *flags.values()])
        self.inputs = Inputs(context, plan, self.labels, result_name)
        self.metrics: dict[str, Built] = {}

    def steps(self) -> list[Step]:
        first, *later = self.plan.stages
        made = [*self.inputs.steps(), *field_steps(self.context, self.plan), self.days(), self.frame(),
                self.windows(first), self.grid(first)]
        levels = self.arithmetic(first)
        for stage in later:
            levels += [self.metric_windows(stage), *self.arithmetic(stage)]
        return [*made, *self.level_steps(levels)]

    # The grid

    def days(self) -> Step:
        """Every record on every day that a row or a window needs."""
        first = self.inputs.opening or self.inputs.frame_start
        one_day = exp.Interval(this=exp.Literal.number(1), unit=exp.Var(this="DAY"))
        days = syntax.function("GENERATE_SERIES", day_sql(self.context, first), day_sql(self.context, self.context.as_of), one_day)
        every = syntax.select(named(exp.cast(syntax.function("UNNEST", days), "date"), DAY))
        query = syntax.select(column(RECORD, "r"), column(DAY, "every"))
        query = query.from_(syntax.table(records_name(self.context, self.model), "r"), copy=False)
        query = query.join(exp.Subquery(this=every, alias=exp.TableAlias(this=syntax.identifier("every"))), join_type="cross", copy=False)
        return Step(f"{self.model} days", f"Every {self.model} on every day that its windows look at.", query)

    def frame(self) -> Step:
        """The grid with the inputs of the day."""
        query = syntax.select(column(RECORD, "d"), column(DAY, "d")).from_(syntax.table(f"{self.model} days", "d"), copy=False)
        comment = "What data says of each day; a day without data is NULL."
        return Step(inputs_name(self.model), comment, self.inputs.join(query, "d"))

    def windows(self, stage: Stage) -> Step:
        """All windows over inputs in one SELECT."""
        level = self.window_level(stage)
        kept = {name: column(name) for leaf in stage.leaves for name in self.columns_of(leaf) if name not in level.columns}
        query = syntax.select(column(RECORD), column(DAY), *[column(name) for name in kept],
                           *[named(sql, name) for name, sql in level.columns.items()])
        query = query.from_(syntax.table(inputs_name(self.model)), copy=False)
        _set_frames(query, level.frames)
        return Step(f"{self.model} windows", level.comment, query)

    def grid(self, stage: Stage) -> Step:
        """Only the rows that are written, with the fields as they were tracked for the day."""
        names = dict.fromkeys(name for leaf in stage.leaves for name in self.columns_of(leaf))
        query = syntax.select(column(RECORD, "w"), column(DAY, "w"), *[column(name, "w") for name in names])
        query = query.from_(syntax.table(f"{self.model} windows", "w"), copy=False)
        since = self.context.sources.models[self.model].since
        used = dict.fromkeys(self.flags[m.where] for m in self.plan.metrics if m.where is not None)
        if since is not None or used:
            query = query.join(syntax.table(records_name(self.context, self.model), "r"),
                               on=column(RECORD, "r").eq(column(RECORD, "w")), copy=False)
            query = query.select(*[column(flag, "r") for flag in used], copy=False)
        for tracked in self.plan.fields:
            query = self.join_field(query, tracked)
        first = day_sql(self.context, self.context.first_row(self.model))
        query = query.where(syntax.fill("{0} >= {1}", [column(DAY, "w"), first]), copy=False)
        if since is not None:
            query = query.where(syntax.fill("({0} >= {1} OR {1} IS NULL)", [column(DAY, "w"), column("since", "r")]), copy=False)
        return Step(f"{self.model} grid", "The rows to fill: from the first day of the project and of the record on.", query)

    def join_field(self, query: exp.Select, tracked: Field) -> exp.Select:
        name = timeline_names(self.plan, self.context)[tracked]
        day, begin, end = column(DAY, "w"), column("valid_from", name), column("valid_to", name)
        condition = syntax.all_of([column(RECORD, name).eq(column(RECORD, "w")), syntax.fill("{0} >= {1}", [day, begin]),
                                   syntax.fill("({0} < {1} OR {1} IS NULL)", [day, end])])
        query = query.join(syntax.table(name), on=condition, join_type="left", copy=False)
        return query.select(named(column("value", name), self.labels(tracked, str(tracked))))

    # Leaves

    def needs_window(self, leaf: Leaf) -> bool:
        return not (leaf.days == 1 and operators.window(leaf.op).same_day is not None)

    def label(self, leaf: Leaf) -> str:
        """The column that holds what the window of a leaf gives; leaves with the same window share it."""
        block = operators.window(leaf.op)
        key = (leaf.series, block.history, block.input, leaf.days)
        return self.labels(key, f"{leaf.series} {block.json}{'' if leaf.days is None else f' {leaf.days}d'}")

    def reads_input(self, leaf: Leaf) -> bool:
        """Whether a leaf reads an input of the model rather than a metric that is computed with it."""
        return not leaf.series.calculated or leaf.series.rollup or leaf.series.name in self.plan.given

    def input_label(self, leaf: Leaf) -> str:
        return self.inputs.label(leaf.series) if self.reads_input(leaf) else leaf.series.name

    def template(self, leaf: Leaf) -> str:
        block = operators.window(leaf.op)
        if not self.needs_window(leaf):
            return block.same_day or ""
        return block.modes[leaf.mode or ""] if block.modes else block.result

    def columns_of(self, leaf: Leaf) -> list[str]:
        """The columns that the value of a leaf is made of."""
        template = self.template(leaf)
        return [*([self.label(leaf)] if "{leaf}" in template else []),
                *([self.input_label(leaf)] if "{x}" in template else [])]

    def window_level(self, stage: Stage) -> Level:
        level = Level({}, _windows_comment(stage))
        for leaf in stage.leaves:
            if self.needs_window(leaf) and self.label(leaf) not in level.columns:
                level.columns[self.label(leaf)] = self.window(leaf, level.frames)
        return level

    def window(self, leaf: Leaf, frames: dict[str, exp.Window]) -> exp.Expression:
        block = operators.window(leaf.op)
        value: exp.Expression = column(self.input_label(leaf))
        if leaf.days is None and self.reads_input(leaf) and self.inputs.opening and leaf.series.namespace != "calculated":
            value = column(self.inputs.so_far_label(leaf))
        else:
            value = syntax.fill(block.input, x=value, day=column(DAY))
        aggregate = syntax.fill(block.history, x=value, n=exp.Literal.number(leaf.days or 0))
        name = "by day" if block.reads == "offset" else "all days" if leaf.days is None else f"{leaf.days} days"
        frames.setdefault(name, _frame(name, leaf.days, block.reads == "offset"))
        return exp.Window(this=aggregate, alias=syntax.identifier(name))

    def metric_windows(self, stage: Stage) -> Level:
        """Windows over metrics of earlier stages."""
        return self.window_level(stage)

    # Arithmetic

    def arithmetic(self, stage: Stage) -> list[Level]:
        layers = Layers(self.resolve, self.labels)
        self.metrics = {name: Built(column(name)) for name in self.metrics}
        layers.metrics = self.metrics
        for metric in stage.metrics:
            layers.metric(metric, None if metric.where is None else self.flags[metric.where])
        names = ", ".join(metric.id for metric in stage.metrics)
        return [Level(columns, _layer_comment(columns, names)) for columns in layers.columns]

    def resolve(self, node: Leaf | Field) -> Built:
        """A leaf or field as an expression over the columns at hand."""
        if isinstance(node, Field):
            return Built(column(self.labels(node, str(node))), kind="text" if node.kind == "text" else "number")
        if reads_row(node) and not self.reads_input(node):
            return self.metrics[node.series.name]
        block = operators.window(node.op)
        parts: dict[str, exp.Expression] = {"leaf": column(self.label(node)) if self.needs_window(node) else exp.Null(),
                 "x": column(self.input_label(node)), "day": column(DAY)}
        return Built(syntax.fill(self.template(node), (), **parts), may_overflow=block.overflows and self.needs_window(node))

    # Steps of levels

    def level_steps(self, levels: list[Level]) -> list[Step]:
        """Each level as a step that carries on just the columns that are still needed."""
        outputs = [metric.id for metric in self.plan.metrics]
        return self.carried(levels, f"{self.model} grid", self.grid_columns(), outputs, result_name(self.model))

    def carried(self, levels: list[Level], source: str, base: Sequence[str], outputs: Sequence[str], result: str,
                part: str = "step") -> list[Step]:
        """The steps of levels over a source with the columns `base`; the last one is `result`, with the outputs."""
        live: list[set[str]] = [set(outputs)]
        for level in reversed(levels):
            live.append((live[-1] - level.columns.keys()) | level.reads() - {RECORD, DAY})
        live.reverse()
        made: list[Step] = []
        for number, level in enumerate(levels, 1):
            last = number == len(levels)
            after = live[number]
            before = dict.fromkeys([*base, *(name for earlier in levels[:number - 1] for name in earlier.columns)])
            kept = [name for name in before if name in after and name not in level.columns]
            chosen = {**{name: column(name) for name in kept},
                      **{name: sql for name, sql in level.columns.items() if name in after}}
            ordered = {name: chosen[name] for name in outputs} if last else chosen
            query = syntax.select(column(RECORD), column(DAY), *[named(sql, name) for name, sql in ordered.items()])
            query = query.from_(syntax.table(source), copy=False)
            for step in level.beside(source) if level.beside else ():
                made.append(step)
                beside = syntax.table(step.name)
            if level.beside:
                query = query.join(beside, using=[syntax.identifier(RECORD)], join_type="left", copy=False)
            _set_frames(query, level.frames)
            source = result if last else f"{self.model} {part} {number}"
            made.append(Step(source, level.comment, query))
        return made

    def grid_columns(self) -> list[str]:
        """The columns of the grid besides record and day: leaves, fields, conditions."""
        grid = [name for leaf in self.plan.stages[0].leaves for name in self.columns_of(leaf)]
        grid += [self.labels(f, str(f)) for f in self.plan.fields]
        grid += [self.flags[m.where] for m in self.plan.metrics if m.where is not None]
        return list(dict.fromkeys(grid))


def _frame(name: str, days: int | None, offset: bool) -> exp.Window:
    spec = None if offset else exp.WindowSpec(
        kind="ROWS", start="UNBOUNDED" if days is None else exp.Literal.number(days - 1), start_side="PRECEDING",
        end="CURRENT ROW")
    return exp.Window(this=syntax.identifier(name), partition_by=[column(RECORD)],
                      order=exp.Order(expressions=[exp.Ordered(this=column(DAY))]), spec=spec)


def _set_frames(query: exp.Select, frames: Mapping[str, exp.Window]) -> None:
    if frames:
        query.set("windows", list(frames.values()))


def _windows_comment(stage: Stage) -> str:
    if stage.number == 1:
        return "Every question about one series over time, answered once, however many metrics ask it."
    return "Windows over metrics that are computed by now."


def _layer_comment(columns: Mapping[str, exp.Expression], names: str) -> str:
    parts = [name for name in columns if " part " in name]
    return "Parts that are needed more than once, or checked before use." if len(parts) == len(columns) else \
        f"The arithmetic of {names}; a result that is not finite is no value."
