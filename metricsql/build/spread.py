"""Computes what late data and edits change, and lets it spread only as far as values really differ.

Metrics are computed behind those that they use. Where a value turns out to be what it was, nothing that reads it is
computed again on its account: late data may reach to the last day by the formula, and end after a week in fact. Where it
concerns few records, only these are computed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial

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
from metricsql.plan.spans import Span, common, count, days_of, of_days
from metricsql.sql.context import Context

Changed = Mapping[str, Sequence[Change]]
"""Per metric, what became of its values on the days on which any of them is another one now."""


FEW_CELLS = 0.05
"""The share of all values up to which all that is left is computed at once: every step by itself costs more than it saves."""


def spread(engine: Engine, context: Context, compiled: Compiled, work: Work, moved: Moved, columns: Mapping[str, Sequence[str]],
           told: Callable[[str], None]) -> Changed:
    """Compute the tasks of a build whose tables have just the rows that the tasks give; returns what changed.

    `columns` are those of these tables. Metrics without a table are held as change points, and written by now.
    """
    apart = {name: one for name, one in work.early.items() if compiled.metrics[name].model not in columns}
    changed = {name: [Change(day) for day in days_of(one.spans)] for name, one in apart.items()}
    left = by_level(compiled.metrics, work.early.keys() - apart.keys())
    cells = len(compiled.metrics) * count([(context.start, context.as_of)])
    while left:
        known = {name: of_days(change.day for change in some) for name, some in changed.items()}
        spans = _spans(compiled, work, [name for names in left for name in names], known)
        few = sum(count(some) for some in spans.values()) <= FEW_CELLS * cells
        names, left = ([*spans], []) if few else ([name for name in left[0] if name in spans], left[1:])
        waiting = Counter[str]()
        tasks = list(_tasks(context, compiled, work, moved, {name: spans[name] for name in names}))
        waiting.update(name for task, _ in tasks for name in task.metrics)
        for task, chosen in tasks:
            told(f"compute {task.model}")
            with only(engine, context, chosen()) as part:
                piece = run_task(engine, part, compiled, task, 1, _given(context, compiled, task, waiting))
            waiting.subtract(task.metrics)
            grid = (context.start, context.as_of)
            for name, some in put_changes(engine, context, task.model, columns[task.model], piece, grid, moved).items():
                changed.setdefault(name, []).extend(some)
            drop(engine, piece.table)
    return changed


def _spans(compiled: Compiled, work: Work, names: Sequence[str], changed: Mapping[str, Sequence[Span]]) -> dict[str, list[Span]]:
    """The days of metrics that may change by what is known now, behind those they use."""
    last = max(task.span[1] for task in work.tasks)
    known, found = dict(changed), dict[str, list[Span]]()
    for name in names:
        spans = common(still_affected(compiled.metrics[name], work.differences, known, last), work.early[name].spans)
        if spans:
            known[name] = found[name] = spans
    return found


def _tasks(context: Context, compiled: Compiled, work: Work, moved: Moved,
           spans: Mapping[str, Sequence[Span]]) -> Iterator[tuple[Task, Callable[[], Mapping[str, str]]]]:
    """Tasks, short ones first, each with what gives the conditions on its records (none: all of them).

    What uses a metric is concerned on no fewer days than it; so tasks of the metrics that one uses come before it.
    """
    last = max(task.span[1] for task in work.tasks)
    queries: dict[str, str | None] = {}
    few: dict[bool, dict[str, Affected]] = {True: {}, False: {}}
    for name, some in spans.items():
        metric = compiled.metrics[name]
        query = queries[name] = moved.concerned(context, metric, work.differences, queries)
        is_few = query is not None and moved.few(context, metric.model, [query]) is not None
        few[is_few][name] = Affected(tuple(some), ())
    tasks = [(task, is_few) for is_few, wanted in few.items() for task in make_tasks(compiled.metrics, wanted, last)]
    for task, is_few in sorted(tasks, key=lambda one: (one[0].days, one[0].model == context.definition.root)):
        some_queries = [query for name in task.metrics if (query := queries[name]) is not None] if is_few else []
        yield task, partial(_chosen, context, moved, task.model, some_queries)


def _chosen(context: Context, moved: Moved, model: str, queries: Sequence[str]) -> Mapping[str, str]:
    return (moved.few(context, model, queries) if queries else None) or {}


def _given(context: Context, compiled: Compiled, task: Task, waiting: Mapping[str, int]) -> set[str]:
    """The metrics that a task may read as they are stored.

    Not those that still wait, nor those of which somebody reads all days; of a child model all or none.
    """
    metrics = compiled.metrics
    used = upstream(metrics, task.metrics) - set(task.metrics)
    ever = {leaf.series.name for name in used | set(task.metrics) for leaf in leaves(metrics[name].tree)
            if leaf.days is None and leaf.series.calculated}
    found = {name for name in used if waiting[name] <= 0 and name not in ever}
    for model in context.definition.children():
        of_model = {name for name in used if metrics[name].model == model}
        if not of_model <= found:
            found -= of_model
    return found
