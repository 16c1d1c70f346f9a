"""Reads the records of every model into numbered tables, and tells which of them changed.

A record keeps its number from build to build, so that what is kept by number stays true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from metricsql.bind.sources import BoundModel
from metricsql.build.catalog import attach
from metricsql.build.engine import Engine, literal, quoted, reading
from metricsql.build.files import rejected_lines, take_rejects
from metricsql.build.report import Unusable
from metricsql.build.state import state
from metricsql.build.temporary import create, drop
from metricsql.diagnostics import ProjectError
from metricsql.project.definition import Definition
from metricsql.sql import differences, problems, writes
from metricsql.sql.conditions import Condition
from metricsql.sql.context import Context
from metricsql.sql.sources import lines_apart, load_source, records_name, records_steps
from metricsql.sql.steps import Step

Flags = Mapping[str, Sequence[tuple[str, Condition]]]
NOW = "records now"
"""The temporary table with the records of all models as they are now."""
AS_GIVEN = " as given"
"""Ends the name of a table with all that a source of records holds."""
EXAMPLES = 3


def read_once(engine: Engine, definition: Definition) -> Definition:
    """Reads the records of every model into a temporary table, so that a build sees them but once, and as they were then.

    A source that cannot be read so stays as it is; whoever reads it next says what is wrong.
    """
    models = {}
    for name, model in definition.models.items():
        models[name] = model
        with suppress(ProjectError), reading(str(model.records), model.records.place):
            attach(engine, model.records)
            engine.run(load_source(model.records, name + AS_GIVEN))
            rejected = tuple(take_rejects(engine)) if lines_apart(model.records) else None
            models[name] = replace(model, records=replace(model.records, loaded=name + AS_GIVEN, rejected=rejected))
    return replace(definition, models=models)


def load_records(engine: Engine, context: Context, flags: Flags, known: bool) -> dict[str, list[Unusable]]:
    """One table per model; the root first, because children look their company up in it. What could not be used, by model.

    With `known` the numbers are those of the last build.
    """
    root = context.definition.root
    found: dict[str, list[Unusable]] = {}
    for model in sorted(context.sources.models.values(), key=lambda m: m.name != root):
        declared = model.definition
        names = [field.name for field in model.fields]
        steps = records_steps(context, model, names, flags.get(model.name, ()), problems.record_problems(model))
        with reading(str(declared.records), declared.records.place):
            attach(engine, declared.records)
            create(engine, records_name(context, model.name), _renumbered(steps, model.name) if known else steps)
            found[model.name] = [*_record_problems(engine, context, model), *rejected_lines(engine, declared.records)]
        drop(engine, model.name + AS_GIVEN)
    return found


def take_records(engine: Engine, context: Context) -> None:
    """The same tables, from what the last build kept of them."""
    for model in context.sources.models:
        engine.run(writes.take_records(context, model))


def _renumbered(steps: Sequence[Step], model: str) -> list[Step]:
    """The steps of the records of a model, with the numbers of the last build for those that there were."""
    *before, last = steps
    found = replace(last, name=f"{last.name} as found")
    records = f"SELECT * FROM {state('records')} WHERE model = {literal(model)}"
    query = f"""SELECT (CASE WHEN k.number IS NOT NULL THEN k.number
        ELSE (SELECT COALESCE(MAX(number), 0) FROM ({records}) AS known)
            + ROW_NUMBER() OVER (PARTITION BY k.number IS NULL ORDER BY f.record)
        END)::INTEGER AS record, f.* EXCLUDE (record)
FROM {quoted(found.name)} AS f LEFT JOIN ({records}) AS k ON k.record = f.key"""
    return [*before, found, Step(last.name, "Records keep their numbers from build to build.", query, reads=frozenset({found.name}))]


@dataclass(frozen=True)
class RecordChanges:
    """Numbers of records per model. Changed: another company, first day or condition, none of which a field shows."""

    new: Mapping[str, frozenset[int]] = field(default_factory=dict)
    gone: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Keys, since their numbers mean nothing any more."""
    changed: Mapping[str, frozenset[int]] = field(default_factory=dict)
    companies: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Per child model, the companies that its new, gone or changed records belong or belonged to."""
    moved: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Per child model, the companies that a record came to or left, while it stayed."""

    @property
    def same_set(self) -> bool:
        """Whether the same records have the same companies as before, so that rows name the same records."""
        return not any(any(found.values()) for found in (self.new, self.gone, self.moved))

    def __bool__(self) -> bool:
        return any(any(found.values()) for found in (self.new, self.gone, self.changed))


def note_records(engine: Engine, context: Context, flags: Mapping[str, Mapping[str, str]]) -> None:
    """Make the table of all records as they are now. `flags` gives, per model, the column of each condition."""
    parts = [differences.records_now(context, model, flags.get(model, {})) for model in context.sources.models]
    engine.run(f"CREATE TEMP TABLE {quoted(NOW)} AS "
               + (" UNION ALL ".join(parts) or f"SELECT * FROM {state('records')} LIMIT 0"))


def record_changes(engine: Engine, wheres: Sequence[str]) -> RecordChanges:
    """What differs from the last build; conditions count where both builds know them (`wheres`)."""
    now = f"""SELECT n.*, b.number IS NULL AS new, b.company AS old_company, b.record IS NOT NULL AND (
    n.company IS DISTINCT FROM b.company OR n.since IS DISTINCT FROM b.since
    OR LIST_FILTER(n.flags, LAMBDA f: LIST_CONTAINS(?, f)) IS DISTINCT FROM LIST_FILTER(b.flags, LAMBDA f: LIST_CONTAINS(?, f))) AS changed
FROM {quoted(NOW)} AS n LEFT JOIN {state('records')} AS b USING (model, record)"""
    rows = engine.rows(f"SELECT model, number, company, old_company, new FROM ({now}) WHERE new OR changed",
                       [list(wheres), list(wheres)])
    gone = engine.rows(f"SELECT model, record, company FROM {state('records')} AS b ANTI JOIN {quoted(NOW)} AS n "
                       "ON n.model = b.model AND n.record = b.record")
    made: dict[str, dict[str, set[int]]] = {"new": {}, "changed": {}, "companies": {}, "moved": {}}
    lost: dict[str, set[str]] = {}
    for model, number, company, old, is_new in rows:
        made["new" if is_new else "changed"].setdefault(model, set()).add(number)
        around = {c for c in (company, old) if c is not None}
        made["companies"].setdefault(model, set()).update(around)
        if not is_new and company != old:
            made["moved"].setdefault(model, set()).update(around)
    for model, key, company in gone:
        lost.setdefault(model, set()).add(key)
        made["companies"].setdefault(model, set()).update({company} - {None})
    frozen = {kind: {model: frozenset(found) for model, found in per.items()} for kind, per in made.items()}
    return RecordChanges(frozen["new"], {m: frozenset(k) for m, k in lost.items()}, frozen["changed"],
                         frozen["companies"], frozen["moved"])


def _record_problems(engine: Engine, context: Context, model: BoundModel) -> list[Unusable]:
    source = str(model.definition.records)
    table = records_name(context, model.name)
    total, keyless = engine.rows(problems.keys_of(model))[0]
    kept = engine.value(f"SELECT COUNT(*) FROM {quoted(table)}")
    found = []
    if total - keyless > kept:
        found.append(Unusable(source, "duplicate", total - keyless - kept, _repeated(engine, model)))
    if keyless:
        found.append(Unusable(source, "key", keyless))
    counts = engine.rows(f"SELECT problem, COUNT(*) FROM {quoted(table)} WHERE problem IS NOT NULL GROUP BY ALL ORDER BY 1")
    return [*found, *(Unusable(source, reason, rows, _examples(engine, table, reason)) for reason, rows in counts)]


def _examples(engine: Engine, table: str, reason: str) -> tuple[str, ...]:
    sql = f"SELECT DISTINCT culprit FROM {quoted(table)} WHERE problem = ? AND culprit IS NOT NULL ORDER BY 1 LIMIT {EXAMPLES}"
    return tuple(row[0] for row in engine.rows(sql, [reason]))


def _repeated(engine: Engine, model: BoundModel) -> tuple[str, ...]:
    return tuple(row[0] for row in engine.rows(problems.repeated_keys(model, EXAMPLES)))
