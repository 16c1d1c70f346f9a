"""Runs the plan: fields first, then each model in one statement, and writes what is kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timezone

from metricsql.bind.catalog import FieldFacts
from metricsql.bind.metrics import BoundMetric
from metricsql.build.engine import Engine, quoted
from metricsql.build.load import create
from metricsql.plan.nodes import ModelPlan, Plan
from metricsql.project.document import dump
from metricsql.sql import writes
from metricsql.sql.context import Context
from metricsql.sql.fields import field_steps, timeline_names
from metricsql.sql.history import result_name
from metricsql.sql.steps import Step, needed


def store_fields(engine: Engine, context: Context) -> bool:
    """Store the value of every field that changed since the newest stored one; False if the day is too early.

    Section 5: unchanged values take no space; a day before the newest stored one stores nothing.
    """
    stored_until = context.catalog.stored_until
    if stored_until is not None and context.as_of < stored_until:
        return False
    engine.run(writes.forget_day(context))
    for model in context.sources.models.values():
        for field in model.fields:
            engine.run(writes.store_field(context, model, field.name))
    return True


def keep_field_steps(engine: Engine, context: Context, plan: Plan) -> list[str]:
    """Field histories as temporary tables, since they may read given files; returns their names."""
    made: list[str] = []
    for model_plan in plan.models:
        steps = field_steps(context, model_plan)
        for name in timeline_names(model_plan).values():
            create(engine, name, needed(steps, name, made), made)
            made.append(name)
    return made


def compute(engine: Engine, context: Context, plan: Plan, steps: Sequence[Step], have: Sequence[str],
            keep: Mapping[str, Sequence[str]], told: Callable[[str], None]) -> dict[str, int]:
    """Fill `metrics.<model>` for every model; returns the number of rows of each.

    `keep` holds, per model, the columns of the present table that are carried over.
    """
    rows: dict[str, int] = {}
    have = list(have)
    used_by_root = {s.model for p in plan.models for s in p.inputs if s.calculated and s.rollup}
    for model_plan in plan.models:
        told(model_plan.model)
        name = result_name(model_plan.model)
        if model_plan.model in used_by_root:
            create(engine, name, needed(steps, name, have))
            have.append(name)
        rows[model_plan.model] = _write(engine, context, model_plan, needed(steps, name, have), name in have,
                                        keep.get(model_plan.model, ()))
    return rows


def _write(engine: Engine, context: Context, plan: ModelPlan, steps: list[Step], computed: bool,
           kept: Sequence[str]) -> int:
    target, before = writes.built_table(plan.model), plan.model + writes.BEFORE
    if kept:
        engine.run(f"ALTER TABLE {target} RENAME TO {quoted(before)}")
    source = result_name(plan.model) if computed else steps
    engine.run(writes.write_model(context, plan.model, [metric.id for metric in plan.metrics], source, kept))
    if kept:
        engine.run(f"DROP TABLE {writes.built_table(before)}")
    return int(engine.value(f"SELECT COUNT(*) FROM {target}"))


def write_latest(engine: Engine, context: Context, model: str, facts: Mapping[str, FieldFacts]) -> None:
    """`metrics.<model>_latest`: the fields of every record and its values on the last day."""
    engine.run(writes.write_latest(context, model, columns_of(engine, writes.METRICS_SCHEMA, model), facts))


def columns_of(engine: Engine, schema: str, table: str) -> list[str]:
    """The metric columns of a built table, in order; empty if there is no such table."""
    rows = engine.rows(
        "SELECT column_name FROM information_schema.columns WHERE table_catalog = current_catalog() "
        "AND table_schema = ? AND table_name = ? ORDER BY ordinal_position", [schema, table])
    return [row[0] for row in rows if row[0] not in ("record", "day")]


def built_tables(engine: Engine) -> list[str]:
    """The tables in the schema `metrics`."""
    rows = engine.rows("SELECT table_name FROM information_schema.tables "
                       "WHERE table_catalog = current_catalog() AND table_schema = 'metrics' ORDER BY 1")
    return [row[0] for row in rows]


def drop_tables(engine: Engine, tables: Iterable[str]) -> None:
    """Remove built tables, so that their space can be used again."""
    for table in tables:
        engine.run(f"DROP TABLE {writes.built_table(table)}")
    engine.run("CHECKPOINT")


def note_metrics(engine: Engine, metrics: Iterable[BoundMetric], definitions: Mapping[str, object], as_of: date,
                 build: int) -> None:
    """Remember what was built, from which definition and through which day."""
    ids, models, texts = [], [], []
    for metric in metrics:
        ids.append(metric.id)
        models.append(metric.model)
        texts.append(dump(definitions[metric.id]))
    engine.run('DELETE FROM "_metricsql"."metrics" WHERE metric IN (SELECT UNNEST(?::VARCHAR[]))', [ids])
    engine.run('INSERT INTO "_metricsql"."metrics" SELECT UNNEST(?::VARCHAR[]), UNNEST(?::VARCHAR[]), UNNEST(?::VARCHAR[]), ?, ?',
               [ids, models, texts, as_of, build])


def next_build(engine: Engine) -> int:
    """The number of the build that is running."""
    return int(engine.value('SELECT COALESCE(MAX(build), 0) + 1 FROM "_metricsql"."builds"'))


def note_build(engine: Engine, build: int, started: datetime, context: Context, version: str, stores: bool,
               digest: str | None, report: str) -> None:
    """Add a line to `_metricsql.builds`."""
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    engine.run('INSERT INTO "_metricsql"."builds" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
               [build, started, now, context.as_of, context.start, version, stores, digest, report])
