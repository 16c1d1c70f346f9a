"""Models that the built file holds as change points: which ones, and how they are brought up to date.

`_metricsql."<model> change points"` has a row where a value of a record can change; `metrics.<model>` is a view that
gives every day.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import date

from metricsql.build.compute import listed, only, tables_there, with_children
from metricsql.build.engine import Engine, quoted
from metricsql.build.moved import MOVED
from metricsql.build.state import SCHEMA, state
from metricsql.build.temporary import create, drop
from metricsql.build.work import PointsTask, Work
from metricsql.compiler import Compiled
from metricsql.plan.affected import Task
from metricsql.plan.change_points import change_days, why_not
from metricsql.plan.nodes import ModelPlan, Plan
from metricsql.plan.spans import ONE_DAY
from metricsql.sql import moves, stored_points
from metricsql.sql.change_points import change_days_name, change_point_steps, points_name
from metricsql.sql.context import Context
from metricsql.sql.inputs import METRICS_SCHEMA, kept_name
from metricsql.sql.sources import records_name
from metricsql.sql.steps import needed
from metricsql.sql.writes import built_table
from metricsql.version import __version__

LEAST_CELLS = 1_000_000
"""Models with fewer records times days are held day by day, as everybody expects tables to be."""
MOST_SHARE = 0.2
"""The share of days that may be change points; measured."""
INERTIA = 1.3
"""By how much the share must pass that limit before a model that is held in one way is held in the other."""


# Which models


def held(engine: Engine) -> frozenset[str]:
    """The models that the built file holds as change points."""
    end = points_name("")
    return frozenset(table.removesuffix(end) for table in engine.tables(SCHEMA) if table.endswith(end))


def still_held(engine: Engine, plan: Plan) -> frozenset[str]:
    """Those of them that can go on so."""
    able = frozenset(model.model for model in plan.models if why_not(model) is None)
    return able & held(engine) if able else able


def choose(engine: Engine, context: Context, compiled: Compiled, work: Work) -> frozenset[str]:
    """The models that are held as change points from now on. A selection of metrics leaves them as they are."""
    plan, chosen = compiled.plan(context.definition), set()
    before = still_held(engine, plan)
    if work.selected is not None:
        return before
    for model in plan.models:
        if why_not(model) is None and _rarely(engine, context, model, model.model in before):
            chosen.add(model.model)
    return frozenset(chosen)


def refused(engine: Engine, context: Context, plan: Plan) -> dict[str, str]:
    """Why models that rarely have data are held day by day all the same."""
    reasons = {model: reason for model in plan.models if (reason := why_not(model)) is not None}
    return {model.model: reason for model, reason in reasons.items()
            if not any(series.calculated for series in model.inputs) and _rarely(engine, context, model, False)}


def _rarely(engine: Engine, context: Context, plan: ModelPlan, before: bool) -> bool:
    """Whether a model is large, and few of its days are change points; one that is held so stays so a bit longer."""
    cells = _records(engine, context, plan) * _days(context)
    limit = MOST_SHARE * (INERTIA if before else 1 / INERTIA) * cells
    return (before or cells >= LEAST_CELLS) and _least(engine, context, plan) <= limit and estimate(engine, context, plan) <= limit


def counts(engine: Engine, models: Iterable[str]) -> dict[str, int]:
    """The number of change points per model that is held so."""
    return {model: int(engine.value(f"SELECT COUNT(*) FROM {stored_points.points_table(model)}")) for model in sorted(models)}


def count_rows(engine: Engine, models: Iterable[str], through: date | None) -> dict[str, int]:
    """The number of rows per model that has a view, told from its points where all views go through one day."""
    queries = {model: f"SELECT COUNT(*) FROM {built_table(model)}" if through is None else stored_points.count_days(model, through)
               for model in sorted(models)}
    return {model: int(engine.value(query)) for model, query in queries.items()}


def estimate(engine: Engine, context: Context, plan: ModelPlan) -> int:
    """The number of change points of a model, at most."""
    total = _records(engine, context, plan)
    days = change_days(plan)
    for model, namespace in dict.fromkeys((s.model, s.namespace) for s in plan.inputs):
        if (columns := context.kept.get((model, namespace))) is not None:
            used = [series for series in plan.inputs if (series.model, series.namespace) == (model, namespace)]
            rows, *counts = engine.rows(stored_points.count_data(model, namespace, [columns[s.name] for s in used]))[0]
            together = rows * len({day for series in used for day in days[series]})
            total += min(together, sum(count * len(days[series]) for count, series in zip(counts, used, strict=True)))
    timelines = [name for field in plan.fields if (name := context.timelines.get(field))]
    return total + sum(int(engine.value(f"SELECT COUNT(*) FROM {quoted(name)}")) for name in timelines)


def _least(engine: Engine, context: Context, plan: ModelPlan) -> int:
    """The number of days with data in the fullest of the kept tables, which costs no reading: `estimate` gives no less.

    Every row has a value of one of the series that are kept; so this tells nothing of tables that hold further series.
    """
    used = Counter((series.model, series.namespace) for series in dict.fromkeys(plan.inputs))
    whole = [one for one, count in used.items() if len(context.kept.get(one, ())) == count]
    return max((int(engine.value(f"SELECT COUNT(*) FROM {state(kept_name(*one))}")) for one in whole), default=0)


def _records(engine: Engine, context: Context, plan: ModelPlan) -> int:
    return int(engine.value(f"SELECT COUNT(*) FROM {quoted(records_name(context, plan.model))}"))


def _days(context: Context) -> int:
    return max((context.as_of - context.start).days + 1, 0)


# What to do


def arranged(engine: Engine, work: Work, context: Context, compiled: Compiled, now: Mapping[str, str],
             before: Mapping[str, str]) -> Work:
    """The work with the models apart that are held as change points, and with every day of those that were.

    `now` and `before` are the digests of their plans, now and at the last build.
    """
    if work.everything is not None or work.selected is not None:
        return work
    held_now, chosen = held(engine), context.change_points
    plan, columns = compiled.plan(context.definition), compiled.columns()
    points = []
    for model in (one for one in plan.models if one.model in chosen):
        name = digest_name(model.model)
        same = model.model in held_now and before.get(name) == now[name]
        if (found := _some(work, context, compiled, model) if same else PointsTask(model.model)) is not None:
            points.append(found)
    back = held_now - chosen
    apart = chosen | back
    tasks = [task for task in work.tasks if task.model not in apart]
    tasks += [Task(model, tuple(columns[model]), (context.start, context.as_of)) for model in sorted(back)
              if model in columns and context.start <= context.as_of]
    days = {day: some for day, names in work.days.items()
            if (some := [name for name in names if compiled.metrics[name].model not in apart])}
    return replace(work, tasks=tasks, days=days, points=points)


def _some(work: Work, context: Context, compiled: Compiled, plan: ModelPlan) -> PointsTask | None:
    """What must be written of a model whose metrics are the same as before; None for nothing."""
    model, through = plan.model, work.built_through
    if through is None or through > context.as_of:
        return PointsTask(model)
    since = through + ONE_DAY
    first = [one.spans[0][0] for name, one in work.affected.items() if compiled.metrics[name].model == model]
    queries = _moved(work, context, plan, since) if any(day < since for day in first) else []
    if queries is None:
        return PointsTask(model)
    numbers = work.companies if model == context.definition.root else work.children.get(model)
    return PointsTask(model, since, tuple(queries)) if first or numbers or work.gone.get(model) else None


def _moved(work: Work, context: Context, plan: ModelPlan, since: date) -> list[str] | None:
    """Queries for the records whose data of settled days changed; None if that is not known."""
    found = work.differences
    if work.moved is None or any(found.fields.get((f.model, f.name), since) < since for f in plan.fields):
        return None
    queries = []
    for series in plan.inputs:
        if series.namespace in found.namespaces:
            return None
        if any(day < since for day in found.series.get((series.namespace, series.name), ())):
            source = f"{series.namespace}.{series.name}"
            if (series.model, source) not in work.moved.known:
                return None
            queries.append(moves.concerned(context, series, source, MOVED))
    return queries


def digest_name(model: str) -> str:
    """The name under which the digest of a model is noted."""
    return f"change points {model}"


def digests(context: Context, compiled: Compiled, plan: Plan) -> dict[str, str]:
    """One text per model for all that decides which columns its change points have, and what they mean."""
    return {digest_name(model.model): hashlib.sha256(repr([__version__, model, sorted(compiled.flags.items())]).encode()).hexdigest()
            for model in plan.models if model.model in context.change_points}


# Writing


def update(engine: Engine, context: Context, compiled: Compiled, plan: Plan, work: Work, told: Callable[[str], None]) -> None:
    """Bring the change points of models up to date: all of them, or those of records that changed."""
    for task in work.points:
        told(f"compute {task.model}")
        found = plan.model(task.model)
        assert found is not None
        if task.since is not None:
            _replace_some(engine, context, compiled, found, task, task.since, work)
            continue
        write(engine, context, compiled, found)
        if work.moved is not None:
            work.moved.anything(task.model, [metric.id for metric in found.metrics])
    make_views(engine, context, compiled, plan)


def write(engine: Engine, context: Context, compiled: Compiled, plan: ModelPlan, first: bool = True, source: str | None = None) -> None:
    """Write the change points of all records, or add those of a further batch; `source` is a table that has them already."""
    steps = change_point_steps(context, plan, compiled.flags)
    columns = stored_points.stored_columns(context, plan, compiled.flags)
    statement = stored_points.write_points if first else stored_points.add_points
    engine.run(statement(context, plan.model, columns, source or needed(steps, points_name(plan.model), tables_there(context))))


def _replace_some(engine: Engine, context: Context, compiled: Compiled, plan: ModelPlan, task: PointsTask, since: date,
                  work: Work) -> None:
    root, changed = context.definition.root, "changed records"
    numbers = work.companies if plan.model == root else work.children.get(plan.model, frozenset())
    steps = needed(change_point_steps(context, plan, compiled.flags), change_days_name(plan.model), tables_there(context))
    create(engine, changed, [*steps, stored_points.changed_since(change_days_name(plan.model), since)])
    for query in task.queries:
        engine.run(f"INSERT INTO temp.{quoted(changed)} {query}")
    condition = f"({{0}} IN (SELECT record FROM {quoted(changed)})" + (f" OR {{0}} IN {listed(numbers)})" if numbers else ")")
    chosen = with_children(context, condition) if plan.model == root else {plan.model: condition.format("record")}
    with only(engine, context, chosen) as part:
        engine.run(stored_points.remove_points(part, plan.model), [sorted(work.gone.get(plan.model, ()))])
        write(engine, part, compiled, plan, first=False)
    if work.moved is not None:
        work.moved.some(plan.model, [metric.id for metric in plan.metrics], f"SELECT record FROM {quoted(changed)}")
    drop(engine, changed)


def make_views(engine: Engine, context: Context, compiled: Compiled, plan: Plan) -> None:
    """Make `metrics.<model>` of every model that is held as change points, through the as-of day."""
    for model in plan.models:
        if model.model in context.change_points:
            engine.run(stored_points.view_of(context, model, compiled.flags, compiled.columns()[model.model]))


def on_last_day(context: Context, compiled: Compiled, work: Work) -> dict[str, str]:
    """Per model that is held as change points, a query for its values of the as-of day."""
    if work.selected is not None:
        return {}
    return {model.model: stored_points.last_day(context, model, compiled.flags)
            for model in compiled.plan(context.definition).models if model.model in context.change_points}


def differing(engine: Engine, last: str, model: str, digests: Mapping[str, str]) -> str | None:
    """A table of the records whose change points are others than in the file `last`; None where that cannot be told."""
    options = "SELECT COUNT(*) FROM duckdb_tables() WHERE database_name = ? AND schema_name = ? AND table_name IN ('options', ?)"
    if digest_name(model) not in digests or model not in held(engine) \
            or engine.value(options, [last, SCHEMA, points_name(model)]) != 2:
        return None
    before = engine.value(f"SELECT value FROM {quoted(last)}.{state('options')} WHERE name = ?", [digest_name(model)])
    if before != digests[digest_name(model)]:
        return None
    table = quoted(f"{points_name(model)} that differ")
    engine.run(f"CREATE TEMP TABLE IF NOT EXISTS {table} AS {stored_points.different_records(model, quoted(last))}")
    return table


def drop_held(engine: Engine, keep: Iterable[str] = ()) -> None:
    """Remove the views and change points of models that are no longer held so."""
    kept = set(keep)
    for name, text in engine.views(METRICS_SCHEMA).items():
        if name not in kept and points_name(name) in text:
            engine.run(f"DROP VIEW {built_table(name)}")
    for model in held(engine) - kept:
        engine.run(f"DROP TABLE {stored_points.points_table(model)}")


def make_tables(engine: Engine, models: Iterable[str]) -> None:
    """Turn views into tables with the same rows, which can be changed day by day."""
    for model in models:
        table, new = built_table(model), built_table(f"{model} new")
        engine.run(f"CREATE TABLE {new} AS SELECT * FROM {table}")
        engine.run(f"DROP VIEW {table}")
        engine.run(f"DROP TABLE {stored_points.points_table(model)}")
        engine.run(f"ALTER TABLE {new} RENAME TO {quoted(model)}")
