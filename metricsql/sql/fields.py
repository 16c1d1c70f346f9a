"""Steps for fields: what each was on each day, from stored, given and current values (section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlglot import exp

from metricsql.bind.sources import BoundModel
from metricsql.bind.tree import Field
from metricsql.plan.nodes import ModelPlan
from metricsql.sql import syntax
from metricsql.sql.canonical import canonical_field_values
from metricsql.sql.context import Context
from metricsql.sql.sources import FIELD, as_number, as_text, day_of, filled_text, records_name, source_steps
from metricsql.sql.steps import Labels, Step
from metricsql.sql.syntax import column, named, number, text

STORE_SCHEMA, STORE_TABLE = "_metricsql", "fields"
LONG_AGO = date(1, 1, 1)
GIVEN, STORED, CURRENT = 1, 2, 3
"""Which value wins where several are known for one day."""


def values_name(model: str) -> str:
    """The step with every known value of a model's used fields."""
    return f"{model} field values"


def timeline_names(plan: ModelPlan, context: Context | None = None) -> dict[Field, str]:
    """The steps with the values of each field and the days for which they hold; in a build, the tables."""
    labels = Labels()
    return {field: (context and context.timelines.get(field)) or labels(field, f"{field} over time") for field in plan.fields}


def field_steps(context: Context, plan: ModelPlan) -> list[Step]:
    """The steps for all fields of a plan; none without fields."""
    if not plan.fields:
        return []
    if context.canonical:
        return [canonical_field_values(plan.model, values_name(plan.model)),
                *[_timeline(context, plan.model, f, name) for f, name in timeline_names(plan, context).items()]]
    model = context.sources.models[plan.model]
    given_steps, given = _given(context, model)
    parts = [*given, *_stored(context, model, plan.fields), *_current(context, model, plan.fields)]
    union: exp.Expression = parts[0]
    for part in parts[1:]:
        union = exp.Union(this=union, expression=part, distinct=False)
    everything = exp.Subquery(this=union, alias=exp.TableAlias(this=syntax.identifier("known")))
    query = syntax.select(*[column(name) for name in ("record", "field", "day", "number", "text")]).from_(everything, copy=False)
    best = syntax.fill("ROW_NUMBER() OVER (PARTITION BY {0}, {1}, {2} ORDER BY {3}) = 1",
                       [column("record"), column("field"), column("day"), column("priority")])
    query.set("qualify", exp.Qualify(this=best))
    values = Step(values_name(plan.model), f"Every value that is known of the fields of a {plan.model}, and since when.", query)
    return [*given_steps, values, *[_timeline(context, plan.model, f, name) for f, name in timeline_names(plan, context).items()]]


def _row(record: exp.Expression, field: exp.Expression, day: exp.Expression, value: exp.Expression,
         words: exp.Expression, priority: int) -> exp.Select:
    return syntax.select(named(record, "record"), named(field, "field"), named(day, "day"), named(value, "number"),
                      named(words, "text"), named(number(priority), "priority"))


def _stored(context: Context, model: BoundModel, fields: Sequence[Field]) -> list[exp.Expression]:
    if not context.catalog.has_store:
        return []
    key = column("key" if context.numbered else "record", "r")
    query = _row(column("record", "r"), column("field", "f"), column("day", "f"), column("number", "f"),
                 column("text", "f"), STORED).from_(syntax.table(STORE_TABLE, "f", STORE_SCHEMA), copy=False)
    query = query.join(syntax.table(records_name(context, model.name), "r"), on=key.eq(column("record", "f")), copy=False)
    names = exp.In(this=column("field", "f"), expressions=[text(field.name) for field in fields])
    return [query.where(column("model", "f").eq(text(model.name)), names, copy=False)]


def _current(context: Context, model: BoundModel, fields: Sequence[Field]) -> list[exp.Expression]:
    """Today's values hold from the as-of day on, unless newer ones are stored already."""
    stored_until = context.catalog.stored_until
    if stored_until is not None and context.as_of < stored_until:
        fields = []
    present = {field.name for field in model.fields}
    made: list[exp.Expression] = []
    for field in fields:
        if field.name in present:
            words = column(f"{FIELD}{field.name}", "r")
            value = exp.TryCast(this=words, to=exp.DataType.build("double"))
            made.append(_row(column("record", "r"), text(field.name), syntax.day(context.as_of), value, words, CURRENT)
                        .from_(syntax.table(records_name(context, model.name), "r"), copy=False))
    if not made and not context.catalog.has_store and model.history is None:
        nothing = [exp.cast(exp.Null(), kind) for kind in ("text", "text", "date", "double", "text")]
        made.append(_row(*nothing, CURRENT).where(exp.false(), copy=False))  # type: ignore[arg-type, call-arg]
    return made


def _given(context: Context, model: BoundModel) -> tuple[list[Step], list[exp.Expression]]:
    declared = model.definition.history
    if declared is None or model.history is None:
        return [], []
    columns = model.history
    before, table = source_steps(declared, f"{model.name} history source", f"The given field history of {model.name}.")
    key = column("key" if context.numbered else "record", "r")
    query = _row(column("record", "r"), as_text(columns["field"]), day_of(columns["day"], context.definition.timezone),
                 as_number(columns["value"]), filled_text(columns["value"]), GIVEN)
    query = query.from_(syntax.aliased(table, "s"), copy=False)
    query = query.join(syntax.table(records_name(context, model.name), "r"), on=key.eq(as_text(columns["record"])), copy=False)
    day = day_of(columns["day"], context.definition.timezone)
    return before, [query.where(syntax.fill("{0} IS NOT NULL", [day]), copy=False)]


def _timeline(context: Context, model: str, field: Field, name: str) -> Step:
    value = column("text" if field.kind == "text" else "number")
    known: exp.Expression = syntax.select(column("record"), column("day"), named(value, "value")) \
        .from_(syntax.table(values_name(model)), copy=False).where(column("field").eq(text(field.name)), copy=False)
    if context.definition.fields_before_tracking == "constant":
        first = syntax.filtered(syntax.fill("ARG_MIN({0}, {1})", [value, column("day")]),
                                syntax.fill("{0} IS NOT NULL", [value]))
        before = syntax.select(column("record"), named(syntax.day(LONG_AGO), "day"), named(first, "value")) \
            .from_(syntax.table(values_name(model)), copy=False).where(column("field").eq(text(field.name)), copy=False) \
            .group_by(column("record"), copy=False)
        known = exp.Union(this=known, expression=before, distinct=False)
    source = exp.Subquery(this=known, alias=exp.TableAlias(this=syntax.identifier("known")))
    following = syntax.fill("LEAD({0}) OVER (PARTITION BY {1} ORDER BY {0})", [column("day"), column("record")])
    query = syntax.select(column("record"), named(column("day"), "valid_from"), named(following, "valid_to"),
                       column("value")).from_(source, copy=False)
    return Step(name, f"The field `{field.name}`: each value with the days for which it holds.", query)
