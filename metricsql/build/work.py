"""Turns what changed into what must be computed: tasks in the history form, days in the day form, whole records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from metricsql.bind.metrics import BoundMetric, upstream
from metricsql.bind.tree import leaves
from metricsql.build.ahead import Ahead
from metricsql.build.changes import Changes
from metricsql.build.engine import Engine, quoted
from metricsql.build.moved import Moved
from metricsql.build.records import RecordChanges
from metricsql.compiler import Compiled
from metricsql.plan.affected import Affected, Cause, Differences, Task, affected, make_tasks
from metricsql.plan.spans import ONE_DAY, clip, count, days_of
from metricsql.project.definition import ZERO_FILLED
from metricsql.sql.context import Context
from metricsql.sql.sources import records_name

DAYS_IN_DAY_FORM = 8
"""So many last days are computed one by one; measured, a day costs about as much as 15 days of windows."""
MOST_RECORDS = 0.4
"""The share of new or changed records from which on everything is computed."""
MOST_CELLS = 0.8
"""The share of all values from which on computing everything is cheaper than picking them."""


@dataclass(frozen=True)
class PointsTask:
    """The change points of a model, all of them or (with a day) those of some records.

    Those are the records with a change point on the day or later, and the ones of queries.
    """

    model: str
    since: date | None = None
    queries: tuple[str, ...] = ()


@dataclass
class Work:
    """What a build computes, and why. With `everything` (a reason) all metrics, records and days."""

    everything: str | None = None
    differences: Differences = field(default_factory=Differences)
    affected: Mapping[str, Affected] = field(default_factory=dict)
    early: Mapping[str, Affected] = field(default_factory=dict)
    """What is affected without the days that are computed in the day form."""
    tasks: Sequence[Task] = ()
    days: Mapping[date, Sequence[str]] = field(default_factory=dict)
    """Metrics by day, for the last days, which are computed in the day form."""
    children: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Per child model, records whose every day is computed."""
    companies: frozenset[int] = frozenset()
    """Records of the root, likewise."""
    gone: Mapping[str, frozenset[str]] = field(default_factory=dict)
    removed: Sequence[str] = ()
    built_through: date | None = None
    selected: Sequence[str] | None = None
    moved: Moved | None = None
    """The records whose series changed, where the kept series were compared."""
    points: Sequence[PointsTask] = ()
    ahead: Ahead | None = None
    """The SQL of the days, as far as it is written."""

    @property
    def anything(self) -> bool:
        """Whether there is anything to compute or to remove."""
        return bool(self.everything or self.tasks or self.days or self.companies or self.removed or self.points
                    or any(self.children.values()) or any(self.gone.values()))

    @property
    def same_rows_through(self) -> date | None:
        """The last day through which every record has the rows that it had; None if records came, went or changed."""
        other = self.companies or any(self.children.values()) or any(self.gone.values())
        return None if other else self.built_through

    def described(self, context: Context, metrics: Mapping[str, BoundMetric], records: Mapping[str, int]) -> list[dict[str, Any]]:
        """What will be computed, in the order in which it is: for reports and `--dry-run`. Rows are counted at most."""
        whole = {"from": context.start, "to": context.as_of}
        days = max((context.as_of - context.start).days + 1, 0)
        if self.everything is not None:
            models = dict.fromkeys(metric.model for metric in metrics.values())
            return [{"form": "history", "metrics": "all", **whole, "rows": days * sum(records[model] for model in models)}]
        made: list[dict[str, Any]] = [
            {"form": "history", "model": task.model, "metrics": list(task.metrics), "from": task.span[0], "to": task.span[1],
             "rows": task.days * records[task.model]} for task in self.tasks]
        made += [{"form": "change points", "model": task.model, "metrics": "all", **whole, "rows": days * records[task.model]}
                 for task in self.points]
        numbers = [(model, chosen) for model, chosen in [(context.definition.root, self.companies), *self.children.items()]
                   if model not in context.change_points]
        made += [{"form": "history", "model": model, "metrics": "all", **whole, "records": len(chosen), "rows": days * len(chosen)}
                 for model, chosen in numbers if chosen]
        for day, some in sorted(self.days.items()):
            models = dict.fromkeys(metrics[name].model for name in some)
            made.append({"form": "day", "metrics": list(some), "from": day, "to": day, "rows": sum(records[m] for m in models)})
        return made


def plan_work(engine: Engine, context: Context, compiled: Compiled, changes: Changes, select: Sequence[str] | None) -> Work:
    """What to compute for some changes, or for a selection of metrics."""
    metrics = compiled.metrics
    if select is not None:
        return _selected(context, metrics, select)
    if changes.everything is not None:
        return Work(changes.everything)
    found = affected(metrics, changes.found, context.start, context.as_of)
    companies = _companies(context, metrics, changes.records)
    children = {model: changes.records.new.get(model, frozenset()) | changes.records.changed.get(model, frozenset())
                for model in context.definition.children()}
    for model, numbers in {**children, **({context.definition.root: companies} if context.definition.root else {})}.items():
        table = quoted(records_name(context, model or ""))
        if numbers and len(numbers) > MOST_RECORDS * int(engine.value(f"SELECT COUNT(*) FROM {table}")):
            return Work("many records are new or changed", changes.found, found, built_through=changes.found.built_through)
    early, days = _forms(found, context)
    tasks = make_tasks(metrics, early, min(days) - ONE_DAY if days and min(days) > context.start else context.as_of)
    if _cells(tasks) > MOST_CELLS * len(metrics) * ((context.as_of - context.start).days + 1):
        return Work("most values have changed", changes.found, found, built_through=changes.found.built_through)
    return Work(None, changes.found, found, early, tasks, days, {m: n for m, n in children.items() if n}, companies,
                changes.records.gone, changes.removed, changes.found.built_through)


def _selected(context: Context, metrics: Mapping[str, BoundMetric], select: Sequence[str]) -> Work:
    chosen = upstream(metrics, select)
    models: dict[str, list[str]] = {}
    for name in metrics:
        if name in chosen:
            models.setdefault(metrics[name].model, []).append(name)
    if context.start > context.as_of:
        return Work(selected=[name for name in metrics if name in chosen])
    order = [*context.definition.children(), context.definition.root]
    tasks = [Task(model, tuple(models[model]), (context.start, context.as_of)) for model in order if model in models]
    return Work(tasks=tasks, selected=[name for name in metrics if name in chosen])


def _forms(found: Mapping[str, Affected], context: Context) -> tuple[dict[str, Affected], dict[date, list[str]]]:
    """What is left to the history form, and the metrics of the last days in the day form, if these are few.

    Where a metric has its last days in the day form, all have: what reads it there is computed behind it.
    """
    last = context.as_of
    tail = max(context.start, last - timedelta(days=min(DAYS_IN_DAY_FORM - 1, last.toordinal() - 1)))
    ends = [one.spans[-1] for one in found.values()]
    first = min((end[0] for end in ends if end[0] >= tail and end[1] == last), default=None)
    if first is None:
        return dict(found), {}
    early: dict[str, Affected] = {}
    days: dict[date, list[str]] = {}
    for name, one in found.items():
        for day in days_of(clip(one.spans, first, last)):
            days.setdefault(day, []).append(name)
        if first > context.start and (before := clip(one.spans, context.start, first - ONE_DAY)):
            early[name] = Affected(tuple(before), one.causes)
    return early, days


def _cells(tasks: Sequence[Task]) -> int:
    return sum(task.days * len(task.metrics) for task in tasks)


def _companies(context: Context, metrics: Mapping[str, BoundMetric], records: RecordChanges) -> frozenset[int]:
    """The companies whose every day is computed: new and changed ones, and those of which children came, went or changed.

    Raw series of children that came or went show in the days on which they have rows; only what a child counts
    without rows (metrics, zeros of conversations and tasks) changes all days of its company.
    """
    root = context.definition.root
    if root is None:
        return frozenset()
    found = records.new.get(root, frozenset()) | records.changed.get(root, frozenset())
    for model in context.definition.children():
        used = [leaf.series for metric in metrics.values() if metric.model == root for leaf in leaves(metric.tree)
                if leaf.series.rollup and leaf.series.model == model]
        if any(series.calculated or series.namespace in ZERO_FILLED for series in used):
            found |= records.companies.get(model, frozenset())
        elif used:
            found |= records.moved.get(model, frozenset())
    return found


def settled_causes(work: Work) -> dict[str, list[Cause]]:
    """Per metric, why values of days that were built already may have changed."""
    through = work.built_through
    if through is None:
        return {}
    return {name: [cause for cause in one.causes if count(clip(cause.spans, date.min, through))]
            for name, one in work.affected.items()}
