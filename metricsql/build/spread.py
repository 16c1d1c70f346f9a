"""Computes what late data and edits change, and lets it spread only as far as values really differ.

Metrics are computed behind those that they use. Where a value turns out to be what it was, nothing that reads it is
computed again on its account: late data may reach to the last day by the formula, and end after a week in fact. Where it
concerns few records, only these are computed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext

from metricsql.bind.metrics import upstream
from metricsql.bind.tree import leaves
from metricsql.build.compute import only, run_task
from metricsql.build.engine import Engine
from metricsql.build.moved import Moved
from metricsql.build.patch import Change, put_changes
from metricsql.build.temporary import drop
from metricsql.build.work import Work
from metricsql.compiler import Compiled
from metricsql.plan.affected import Affected, Task, by_level, make_tasks, still_affected
from metricsql.plan.spans import Span, common, of_days
from metricsql.sql.context import Context

Changed = Mapping[str, Sequence[Change]]
"""Per metric, what became of its values on the days on which any of them is another one now."""


def spread(engine: Engine, context: Context, compiled: Compiled, work: Work, moved: Moved, columns: Mapping[str, Sequence[str]],
           told: Callable[[str], None]) -> Changed:
    """Compute the tasks of a build whose tables have just the rows that the tasks give; returns what changed."""
    changed: dict[str, list[Change]] = {}
    for names in by_level(compiled.metrics, work.early):
        spans = {name: of_days(change.day for change in some) for name, some in changed.items()}
        for task, chosen in _tasks(context, compiled, work, moved, names, spans):
            told(f"compute {task.model}")
            with only(engine, context, chosen) if chosen else nullcontext(context) as part:
                piece = run_task(engine, part, compiled, task, 1, _given(context, compiled, task))
            grid = (context.start, context.as_of)
            for name, some in put_changes(engine, context, task.model, columns[task.model], piece, grid, moved).items():
                changed.setdefault(name, []).extend(some)
            drop(engine, piece.table)
    return changed


def _tasks(context: Context, compiled: Compiled, work: Work, moved: Moved, names: Sequence[str],
           changed: Mapping[str, Sequence[Span]]) -> Iterator[tuple[Task, Mapping[str, str]]]:
    """The tasks of metrics whose used metrics are right by now, each with conditions on records (none: all of them)."""
    last = max(task.span[1] for task in work.tasks)
    some: dict[str, Affected] = {}
    everyone: dict[str, Affected] = {}
    queries: dict[str, str] = {}
    for name in names:
        metric = compiled.metrics[name]
        spans = common(still_affected(metric, work.differences, changed, last), work.early[name].spans)
        if spans:
            query = moved.concerned(context, metric, work.differences)
            few = query is not None and moved.few(context, metric.model, [query]) is not None
            (some if few else everyone)[name] = Affected(tuple(spans), ())
            if query is not None:
                queries[name] = query
    for task in make_tasks(compiled.metrics, everyone, last):
        yield task, {}
    for task in make_tasks(compiled.metrics, some, last):
        yield task, moved.few(context, task.model, [queries[name] for name in task.metrics]) or {}


def _given(context: Context, compiled: Compiled, task: Task) -> set[str]:
    """The metrics that a task may read as they are stored: not those of which somebody reads all days; of a child model
    all or none.
    """
    metrics = compiled.metrics
    used = upstream(metrics, task.metrics) - set(task.metrics)
    ever = {leaf.series.name for name in used | set(task.metrics) for leaf in leaves(metrics[name].tree)
            if leaf.days is None and leaf.series.calculated}
    found = used - ever
    for model in context.definition.children():
        of_model = {name for name in used if metrics[name].model == model}
        if not of_model <= found:
            found -= of_model
    return found
