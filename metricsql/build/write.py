"""Carries out the work of a build: computes values and puts them into the built file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext

from metricsql.build import change_points, memory
from metricsql.build.compute import Piece, day_queries, listed, only, run_day, run_task, tables_there, with_children
from metricsql.build.engine import Engine
from metricsql.build.patch import (
    add_metrics,
    columns_of,
    delete_days,
    delete_records,
    drop_metrics,
    drop_models,
    patch,
    put_in_order,
)
from metricsql.build.spread import Changed, spread
from metricsql.build.temporary import create, drop
from metricsql.build.work import Work
from metricsql.compiler import Compiled
from metricsql.diagnostics import EngineError
from metricsql.plan.affected import Task
from metricsql.plan.nodes import Plan
from metricsql.plan.spans import ONE_DAY
from metricsql.sql import writes
from metricsql.sql.change_points import points_name, result_steps
from metricsql.sql.context import Context
from metricsql.sql.history import result_name
from metricsql.sql.steps import needed

Told = Callable[[str], None]
Columns = Mapping[str, Sequence[str]]
"""Per model, its metrics in the order of their columns."""


def carry_out(engine: Engine, context: Context, compiled: Compiled, work: Work, told: Told) -> Changed | None:
    """Compute what the work says. Afterwards the tables hold what a build of everything would give.

    Returns the days on which the tasks changed values, if they were compared.
    """
    plan = compiled.plan(context.definition)
    columns = compiled.columns()
    changed: Changed | None = None
    if work.everything is not None:
        _everything(engine, context, compiled, plan, told)
    elif work.selected is not None:
        touched = {compiled.metrics[name].model for name in work.selected}
        change_points.make_tables(engine, sorted(touched & change_points.held(engine)))
        chosen = {model: [m for m in names if m in work.selected or m in columns_of(engine, model)]
                  for model, names in columns.items()}
        _tasks(engine, context, compiled, work.tasks, chosen, told)
    else:
        change_points.drop_held(engine, context.change_points)
        columns = {model: names for model, names in columns.items() if model not in context.change_points}
        filled = all(columns_of(engine, model) for model in columns)
        _prepare(engine, context, work, columns)
        change_points.update(engine, context, compiled, plan, work, told)
        if work.tasks and work.moved is not None and filled and _same_rows(engine, work, columns):
            changed = spread(engine, context, compiled, work, work.moved, columns, told)
        else:
            _tasks(engine, context, compiled, work.tasks, columns, told)
        _records(engine, context, compiled, work, columns, told)
        _days(engine, context, compiled, work, columns, told)
        for model, names in columns.items():
            put_in_order(engine, model, names)
    return changed


# Everything


def _everything(engine: Engine, context: Context, compiled: Compiled, plan: Plan, told: Told) -> None:
    """All metrics, in batches of companies where memory is short."""
    batches = memory.batches(engine, context, plan)
    while True:
        drop_models(engine, ())
        change_points.drop_held(engine)
        engine.run("CHECKPOINT")
        try:
            for batch in range(batches):
                chosen = {} if batches == 1 else with_children(context, f"COALESCE({{}}, 0) % {batches} = {batch}")
                with only(engine, context, chosen) if chosen else nullcontext(context) as part:
                    _all_models(engine, part, compiled, plan, batch == 0, told)
            change_points.make_views(engine, context, compiled, plan)
            return
        except EngineError as error:
            if error.diagnostics[0].code != "out-of-memory" or batches >= memory.MOST_BATCHES:
                raise
            batches *= 4
            for model in plan.models:
                drop(engine, result_name(model.model))
                drop(engine, points_name(model.model))


def _all_models(engine: Engine, context: Context, compiled: Compiled, plan: Plan, first: bool, told: Told) -> None:
    steps = result_steps(context, plan, compiled.flags)
    used_by_root = {s.model for p in plan.models for s in p.inputs if s.calculated and s.rollup}
    have = tables_there(context)
    for model in plan.models:
        told(f"compute {model.model}")
        result = result_name(model.model)
        if model.model in context.change_points:
            points = points_name(model.model)
            if model.model in used_by_root:
                create(engine, points, needed(steps, points, have), have)
                have.append(points)
            change_points.write(engine, context, compiled, model, first, points if points in have else None)
            continue
        if model.model in used_by_root:
            create(engine, result, needed(steps, result, have), have)
            have.append(result)
        write = writes.write_model if first else writes.add_to_model
        source = result if result in have else needed(steps, result, have)
        engine.run(write(context, model.model, compiled.columns()[model.model], source))
    for model in plan.models:
        drop(engine, result_name(model.model))
        drop(engine, points_name(model.model))


# What changed


def _prepare(engine: Engine, context: Context, work: Work, columns: Columns) -> None:
    """Tables with all columns, without metrics and records that are gone and days behind the last one."""
    drop_models(engine, columns)
    for model, names in columns.items():
        drop_metrics(engine, model, names)
        add_metrics(engine, model, names)
        if keys := work.gone.get(model):
            delete_records(engine, context, model, sorted(keys))
        if work.built_through is not None and work.built_through > context.as_of:
            delete_days(engine, model, [(context.as_of + ONE_DAY, work.built_through)])


def _tasks(engine: Engine, context: Context, compiled: Compiled, tasks: Sequence[Task], columns: Columns, told: Told) -> None:
    """Tasks in the history form, each with all that it uses."""
    by_model: dict[str, list[Task]] = {}
    for task in tasks:
        by_model.setdefault(task.model, []).append(task)
    for model, some in by_model.items():
        told(f"compute {model}")
        pieces = [run_task(engine, context, compiled, task, number) for number, task in enumerate(some, 1)]
        _put(engine, context, model, columns[model], pieces)


def _same_rows(engine: Engine, work: Work, columns: Columns) -> bool:
    """Whether the tables have just the columns and, on the days of the tasks, the rows that the tasks give."""
    through = work.same_rows_through
    return through is not None and all(task.span[1] <= through for task in work.tasks) and \
        all(columns_of(engine, task.model) == list(columns[task.model]) for task in work.tasks)


def _records(engine: Engine, context: Context, compiled: Compiled, work: Work, columns: Columns, told: Told) -> None:
    """Every day of some records."""
    if context.start > context.as_of:
        return
    root = context.definition.root
    if root is not None and root in columns and work.companies:
        told(f"compute {root}")
        with only(engine, context, with_children(context, f"{{}} IN {listed(work.companies)}")) as part:
            _whole(engine, part, compiled, root, columns[root])
    for model, numbers in work.children.items():
        if model in columns:
            told(f"compute {model}")
            with only(engine, context, {model: f"record IN {listed(numbers)}"}) as part:
                _whole(engine, part, compiled, model, columns[model])


def _whole(engine: Engine, context: Context, compiled: Compiled, model: str, metrics: Sequence[str]) -> None:
    piece = run_task(engine, context, compiled, Task(model, tuple(metrics), (context.start, context.as_of)), 1)
    delete_records(engine, context, model, condition="TRUE")
    engine.run(writes.add_to_model(context, model, metrics, piece.table))
    drop(engine, piece.table)


def _days(engine: Engine, context: Context, compiled: Compiled, work: Work, columns: Columns, told: Told) -> None:
    for day, metrics in sorted(work.days.items()):
        told(f"compute {day}")
        queries = (day_queries if work.ahead is None else work.ahead.queries)(context, compiled, metrics, day)
        for model, piece in run_day(engine, queries, day).items():
            _put(engine, context, model, columns[model], [piece])
        for model in columns:
            drop(engine, result_name(model))


def _put(engine: Engine, context: Context, model: str, metrics: Sequence[str], pieces: Iterable[Piece]) -> None:
    made = list(pieces)
    patch(engine, context, model, metrics, made, (context.start, context.as_of))
    for piece in made:
        if piece.table != result_name(model):
            drop(engine, piece.table)
