"""Steps about one record, for `why`: the steps of a build, narrowed to a record and its children.

Nothing is read in another way than a build reads it; `raw_rows` does the same for rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from metricsql.bind.sources import BoundModel
from metricsql.bind.tree import Field, SeriesRef
from metricsql.plan.nodes import ModelPlan, Plan
from metricsql.sql import syntax
from metricsql.sql.conditions import Condition
from metricsql.sql.context import Context
from metricsql.sql.fields import STORE_SCHEMA, STORE_TABLE, field_steps, values_name
from metricsql.sql.history import history_steps, input_columns, inputs_name
from metricsql.sql.sources import FIELD, records_name, records_steps
from metricsql.sql.steps import Step, statement
from metricsql.sql.syntax import column, text

STORED = "stored fields"
"""The table that stands for the stored field history of the records in question."""
LOADED = "temp"
"""The schema of the tables that hold what was loaded."""
EVERY_DAY = 10**7
"""A look-back that reaches to the first day with data."""


# Records


def scoped_records(context: Context, model: BoundModel, conditions: Sequence[tuple[str, Condition]],
                   by: str | None, key: str) -> list[Step]:
    """The records whose column `by` (`record` or `company`) holds a key, with all their fields; none without `by`."""
    steps = records_steps(context, model, [field.name for field in model.fields], conditions)
    wanted: exp.Expression = exp.false() if by is None else column(by).eq(text(key))
    query = exp.select(exp.Star()).from_(syntax.table(records_name(context, model.name))).where(wanted)
    return [*steps, Step(f"{model.name} in question", "", query)]


def one_record(context: Context, model: str, key: str) -> Step:
    """The step of a model's records with a single one of those that were loaded."""
    name = records_name(context, model)
    query = exp.select(exp.Star()).from_(syntax.table(name, schema=LOADED)).where(column("record").eq(text(key)))
    return Step(name, "", query)


def all_keys(context: Context, model: BoundModel) -> str:
    """The keys of every record of a model."""
    steps = records_steps(context, model)
    query = exp.select(column("record")).from_(syntax.table(records_name(context, model.name)))
    return statement([*steps, Step("keys", "", query)])


def field_column(name: str) -> str:
    """The column of the loaded records that holds a field."""
    return f"{FIELD}{name}"


# Fields


def scoped_store(context: Context, model: str) -> str:
    """What is stored of the fields of the loaded records, without what a build of the as-of day would replace."""
    query = exp.select(exp.Star()).from_(syntax.table(STORE_TABLE, schema=STORE_SCHEMA))
    query = query.where(column("model").eq(text(model)))
    keys = exp.select(column("record")).from_(syntax.table(records_name(context, model), schema=LOADED))
    query = query.where(exp.In(this=column("record"), query=exp.Subquery(this=keys)))
    until = context.catalog.stored_until
    if until is None or context.as_of >= until:
        query = query.where(column("day").neq(syntax.day(context.as_of)))
    return syntax.render(query)


def origins_name(model: str) -> str:
    """The step with every known value of a model's used fields, and what it comes from."""
    return f"{values_name(model)} and origins"


def known_values(context: Context, plan: ModelPlan) -> list[Step]:
    """Every known value of the used fields, with what it comes from (`priority`)."""
    steps = scoped_field_steps(context, plan)
    values = next(step for step in steps if step.name == values_name(plan.model))
    assert isinstance(values.query, exp.Select)
    query = values.query.copy().select(column("priority"))
    return [*steps, replace(values, name=origins_name(plan.model), query=query)]


def scoped_field_steps(context: Context, plan: ModelPlan) -> list[Step]:
    """The steps for the fields of a plan, over the stored values of the records in question."""
    return [_on_scoped_store(step) for step in field_steps(context, plan)]


def _on_scoped_store(step: Step) -> Step:
    if isinstance(step.query, str):
        return step

    def replaced(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Table) and node.name == STORE_TABLE and node.db == STORE_SCHEMA:
            return syntax.table(STORED, node.alias or None)
        return node

    return replace(step, query=step.query.transform(replaced))


def timeline(table: str, key: str) -> str:
    """`day, value` of one field: since when it is what."""
    query = exp.select(column("valid_from"), column("value")).from_(syntax.table(table))
    return syntax.render(query.where(column("record").eq(text(key))).order_by(column("valid_from")))


def origins(table: str, field: Field, key: str) -> str:
    """`day, priority` of the known values of a field."""
    query = exp.select(column("day"), column("priority")).from_(syntax.table(table))
    return syntax.render(query.where(column("record").eq(text(key)), column("field").eq(text(field.name))))


# Inputs and results


def input_steps(context: Context, plan: ModelPlan, flags: Mapping[str, str],
                key: str) -> tuple[list[Step], list[SeriesRef]]:
    """`day` and every input of a record on every day since the first one with data; and which series they are."""
    whole = replace(plan, look_back=EVERY_DAY, unbounded=False)
    columns = input_columns(context, whole, flags)
    query = exp.select(column("day"), *[column(label) for label in columns.values()])
    query = query.from_(syntax.table(inputs_name(plan.model)))
    steps = [one_record(context, plan.model, key), *history_steps(context, Plan((whole,)), flags)]
    return [*steps, Step("inputs in question", "", query)], list(columns)


def results_of(table: str, key: str, metrics: Iterable[str]) -> str:
    """`day` and the values of metrics of one record."""
    query = exp.select(column("day"), *[column(name) for name in metrics]).from_(syntax.table(table))
    return syntax.render(query.where(column("record").eq(text(key))))


def loaded_record(context: Context, model: str, key: str, columns: Iterable[str]) -> str:
    """Columns of one loaded record."""
    table = syntax.table(records_name(context, model), schema=LOADED)
    query = exp.select(*[column(name) for name in columns]).from_(table)
    return syntax.render(query.where(column("record").eq(text(key))))
