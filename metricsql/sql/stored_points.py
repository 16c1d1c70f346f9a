"""Statements about the change points that the built file holds, and the view that spreads them over days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from sqlglot import exp

from metricsql.plan.nodes import ModelPlan
from metricsql.sql import syntax
from metricsql.sql.change_points import VALID_TO, ChangePointForm, points_name
from metricsql.sql.context import Context
from metricsql.sql.inputs import KEPT_SCHEMA, kept_name
from metricsql.sql.sources import records_name
from metricsql.sql.steps import Step, statement
from metricsql.sql.writes import built_table


def _name(name: str) -> str:
    return syntax.render(syntax.identifier(name), pretty=False)


def points_table(model: str) -> str:
    """The stored table of a model's change points."""
    return syntax.render(syntax.table(points_name(model), schema=KEPT_SCHEMA), pretty=False)


def stored_columns(context: Context, plan: ModelPlan, flags: Mapping[str, str]) -> list[str]:
    """The columns of the stored table, besides the record and its days."""
    form = ChangePointForm(context, plan, flags)
    form.points()
    return form.stored()


def write_points(context: Context, model: str, columns: Sequence[str], source: Sequence[Step] | str) -> str:
    """Make the table of a model's change points from its steps, or from a table that holds them already."""
    return f"CREATE OR REPLACE TABLE {points_table(model)} AS\n{_points(context, model, columns, source)}"


def add_points(context: Context, model: str, columns: Sequence[str], source: Sequence[Step] | str) -> str:
    """Add the change points of further records."""
    return f"INSERT INTO {points_table(model)} BY NAME\n{_points(context, model, columns, source)}"


def _points(context: Context, model: str, columns: Sequence[str], source: Sequence[Step] | str) -> str:
    chosen = ", ".join(f"p.{_name(column)}" for column in ("day", VALID_TO, *columns))
    values = _name(source) if isinstance(source, str) else f"(\n{statement(source)}\n)"
    return f"""SELECT r.key AS record, {chosen}
FROM {values} AS p
JOIN {_name(records_name(context, model))} AS r ON r.record = p.record
ORDER BY p.record, p.day"""


def remove_points(context: Context, model: str) -> str:
    """Remove the change points of the records that are in the table of records, and of those whose keys are given."""
    return f"""DELETE FROM {points_table(model)}
WHERE LIST_CONTAINS(?, record) OR record IN (SELECT key FROM {_name(records_name(context, model))})"""


def view_of(context: Context, plan: ModelPlan, flags: Mapping[str, str], metrics: Sequence[str]) -> str:
    """Make `metrics.<model>` the view that gives the values of every day."""
    form = ChangePointForm(context, plan, flags)
    form.points()
    steps = form.expanded(syntax.table(points_name(plan.model), schema=KEPT_SCHEMA), metrics)
    return f"CREATE OR REPLACE VIEW {built_table(plan.model)} AS\n{statement(steps)}"


def count_days(model: str, as_of: date) -> str:
    """The number of rows of the view."""
    end = f"COALESCE({_name(VALID_TO)}, {syntax.render(syntax.day(as_of))} + 1)"
    return f"SELECT COALESCE(SUM({end} - day), 0) FROM {points_table(model)}"


def last_day(context: Context, plan: ModelPlan, flags: Mapping[str, str]) -> str:
    """A query for the values of the as-of day: only points without an end are looked at."""
    form = ChangePointForm(context, plan, flags)
    form.points()
    names = [syntax.column(name) for name in ("record", VALID_TO, *form.stored())]
    query = exp.select(*names, syntax.named(syntax.day(context.as_of), "day"))
    query = query.from_(syntax.table(points_name(plan.model), schema=KEPT_SCHEMA))
    query = query.where(syntax.fill("{0} IS NULL", [syntax.column(VALID_TO)]))
    open_points = Step("open points", "The last change point of every record.", query)
    return statement([open_points, *form.expanded(syntax.table(open_points.name))])


def different_records(model: str, before: str) -> str:
    """The records whose change points are not those of the file `before`; others have the same values on all common days."""
    table = points_table(model)
    now, then = f"SELECT * FROM {table}", f"SELECT * FROM {before}.{table}"
    return f"SELECT DISTINCT record FROM (({now} EXCEPT {then}) UNION ALL ({then} EXCEPT {now})) AS d"


def changed_since(days: str, since: date) -> Step:
    """The records with a change point on a day or later."""
    query = exp.select(syntax.column("record")).distinct().from_(syntax.table(days))
    return Step("changed", "", query.where(syntax.fill("{0} >= {1}", [syntax.column("day"), syntax.day(since)])))


def count_data(model: str, namespace: str, columns: Sequence[str]) -> str:
    """The rows of a table of kept series, and per column how many have a value."""
    counts = ", ".join(f"COUNT({_name(column)})" for column in columns)
    kept = syntax.render(syntax.table(kept_name(model, namespace), schema=KEPT_SCHEMA), pretty=False)
    return f"SELECT COUNT(*), {counts} FROM {kept}"

