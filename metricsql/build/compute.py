"""Runs tasks: the values of some metrics for some days and records, as temporary tables."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

from metricsql.bind.tree import Field
from metricsql.build.engine import Engine, quoted
from metricsql.build.temporary import create, drop
from metricsql.compiler import Compiled
from metricsql.plan.affected import Task
from metricsql.plan.nodes import Plan
from metricsql.plan.reach import first_rows
from metricsql.plan.spans import Span
from metricsql.sql.change_points import result_steps
from metricsql.sql.context import Context
from metricsql.sql.day import day_steps
from metricsql.sql.fields import field_steps, timeline_names
from metricsql.sql.history import result_name
from metricsql.sql.sources import records_name
from metricsql.sql.steps import needed, statement
from metricsql.sql.writes import values_from

EVERYONE = " of everyone"
"""Ends the name of a table of records while only some of them are computed."""


@dataclass(frozen=True)
class Piece:
    """A temporary table `record, day, <metric>...` with every grid row of a stretch of days."""

    table: str
    metrics: tuple[str, ...]
    span: Span


def keep_timelines(engine: Engine, context: Context, plan: Plan) -> dict[Field, str]:
    """Field histories as temporary tables, since they may read given files; by field."""
    made: dict[Field, str] = {}
    for model_plan in plan.models:
        steps = field_steps(context, model_plan)
        for found, name in timeline_names(model_plan).items():
            create(engine, name, needed(steps, name, list(made.values())), list(made.values()))
            made[found] = name
    return made


def tables_there(context: Context) -> list[str]:
    """The names of steps that are tables by now."""
    return [*(records_name(context, model) for model in context.sources.models), *context.timelines.values()]


def run_task(engine: Engine, context: Context, compiled: Compiled, task: Task, number: int,
             given: Collection[str] = ()) -> Piece:
    """The values of a task in the history form; those of `given` metrics are read from the built file."""
    plan = compiled.plan(context.definition, task.metrics, given)
    first, last = task.span
    context = replace(context, as_of=last, rows_from=first_rows(plan, task.model, first, context.start))
    name = f"values {number}"
    steps = result_steps(context, plan, compiled.flags)
    steps.append(values_from(name, result_name(task.model), task.metrics, first))
    create(engine, name, steps, tables_there(context))
    return Piece(name, task.metrics, task.span)


@dataclass(frozen=True)
class DayQuery:
    """The SQL of a model's metrics on a day, for a temporary table that takes the place of its results."""

    model: str
    metrics: tuple[str, ...]
    sql: str


def day_queries(context: Context, compiled: Compiled, metrics: Sequence[str], day: date) -> list[DayQuery]:
    """The values of metrics on one day in the day form, a query per model, in the order in which they need each other."""
    plan = compiled.plan(context.definition, metrics)
    steps = day_steps(context, plan, compiled.flags, day)
    have, made = tables_there(context), []
    for model_plan in plan.models:
        result = result_name(model_plan.model)
        wanted = tuple(m.id for m in model_plan.metrics if m.id in set(metrics))
        made.append(DayQuery(model_plan.model, wanted, statement(needed(steps, result, have))))
        have.append(result)
    return made


def run_day(engine: Engine, queries: Sequence[DayQuery], day: date) -> dict[str, Piece]:
    """The values of metrics on one day, per model. All earlier days must be in the built file."""
    made = {}
    for query in queries:
        result = result_name(query.model)
        drop(engine, result)
        engine.run(f"CREATE TEMP TABLE {quoted(result)} AS\n{query.sql}")
        if query.metrics:
            made[query.model] = Piece(result, query.metrics, (day, day))
    return made


@contextmanager
def only(engine: Engine, context: Context, chosen: Mapping[str, str]) -> Iterator[Context]:
    """A context in which only some records are computed; `chosen` gives a condition on the records of each model.

    Without any condition all are.
    """
    if not chosen:
        yield context
        return
    tables = {records_name(context, model): condition for model, condition in chosen.items()}
    for table, condition in tables.items():
        engine.run(f"ALTER TABLE temp.{quoted(table)} RENAME TO {quoted(table + EVERYONE)}")
        engine.run(f"CREATE TEMP TABLE {quoted(table)} AS SELECT * FROM {quoted(table + EVERYONE)} WHERE {condition}")
    try:
        yield replace(context, restricted=True)
    finally:
        for table in tables:
            drop(engine, table)
            engine.run(f"ALTER TABLE temp.{quoted(table + EVERYONE)} RENAME TO {quoted(table)}")


def listed(numbers: Iterable[int]) -> str:
    """Numbers as the right side of IN."""
    return "(" + ", ".join(str(int(number)) for number in sorted(numbers)) + ")"


def with_children(context: Context, companies: str) -> dict[str, str]:
    """The conditions that choose companies and all that belongs to them; `companies` is a condition on `{0}`."""
    root = context.definition.root
    assert root is not None
    found = {root: companies.format("record")}
    for model in context.definition.children():
        if model in context.sources.models:
            found[model] = companies.format("company")
    return found


