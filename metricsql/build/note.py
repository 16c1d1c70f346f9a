"""Writes down what a build did and saw, so that the next one knows what changed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime

from metricsql.build import outside
from metricsql.build.changes import TIMELINES, metric_digest, project_digest
from metricsql.build.engine import Engine, quoted
from metricsql.build.files import files_of, sources_of
from metricsql.build.patch import columns_of
from metricsql.build.records import NOW
from metricsql.build.report import BuildReport
from metricsql.build.rows import Reading
from metricsql.build.state import SCHEMA, replace_rows, state
from metricsql.build.work import Work
from metricsql.compiler import Compiled, described
from metricsql.project.definition import Definition
from metricsql.project.document import dump
from metricsql.sql import differences, writes
from metricsql.sql.context import Context
from metricsql.sql.sources import records_name
from metricsql.version import __version__


def store_fields(engine: Engine, context: Context, same_since: date | None) -> tuple[bool, bool]:
    """Store the value of every field that changed since the newest stored one; whether it was stored, and all as before.

    Section 5: unchanged values take no space; a day before the newest stored one stores nothing. `same_since` is the day
    of the last build if no record and no field has changed since.
    """
    stored_until = context.catalog.stored_until
    if stored_until is not None and context.as_of < stored_until:
        return False, True
    if stored_until is not None and same_since == stored_until < context.as_of:
        return True, True
    before = _stored(engine)
    engine.run(writes.forget_day(context))
    for model in context.sources.models.values():
        engine.run(writes.store_fields(context, model))
    return True, _stored(engine) == before


def _stored(engine: Engine) -> object:
    return engine.rows(f"SELECT COUNT(*), SUM(HASH(f)::HUGEINT) FROM {state('fields')} AS f")


def count_records(engine: Engine, context: Context) -> dict[str, int]:
    """The number of records per model."""
    return {model: int(engine.value(f"SELECT COUNT(*) FROM {quoted(records_name(context, model))}"))
            for model in context.sources.models}


def keep_records(engine: Engine, context: Context, same_records: bool) -> None:
    """Write down the records of every model, unless they are the `same_records` as before."""
    wanted = {model + writes.RECORDS: model for model in context.sources.models}
    there = engine.tables(SCHEMA)
    for table in there:
        if table.endswith(writes.RECORDS) and table not in wanted:
            engine.run(f"DROP TABLE {state(table)}")
    for table, model in wanted.items():
        if not same_records or table not in there:
            engine.run(writes.keep_records(context, model))


def write_latest(engine: Engine, context: Context, values: Mapping[str, str]) -> None:
    """`metrics.<model>_latest`: the fields of every record and its values on the last day.

    A view over the built values and the kept records. For models that are held as change points `values` has a query: of
    these the last day is made a table.
    """
    for model in context.sources.models:
        outside.drop_shown(engine, model + writes.LATEST)
        if metrics := columns_of(engine, model):
            facts = context.catalog.fields.get(model, {})
            engine.run(writes.write_latest(context, model, metrics, facts, values[model]) if model in values else
                       writes.show_latest(context, model, metrics, facts))


def note_metrics(engine: Engine, context: Context, compiled: Compiled, work: Work, build: int) -> None:
    """Remember what was built, from which definition and through which day."""
    chosen = [m for m in compiled.metrics.values() if work.selected is None or m.id in work.selected]
    rows = [(m.id, m.model, dump(described(m)), metric_digest(m)) for m in chosen]
    ids, models, texts, digests = [[row[i] for row in rows] for i in range(4)]
    if work.selected is None:
        engine.run(f"DELETE FROM {state('metrics')}")
    else:
        engine.run(f"DELETE FROM {state('metrics')} WHERE metric IN (SELECT UNNEST(?::VARCHAR[]))", [ids])
    engine.run(f"INSERT INTO {state('metrics')} SELECT UNNEST(?::VARCHAR[]), UNNEST(?::VARCHAR[]), UNNEST(?::VARCHAR[]), "
               "UNNEST(?::VARCHAR[]), ?, ?", [ids, models, texts, digests, context.as_of, build])


def note_state(engine: Engine, readings: Mapping[str, Reading], options: Mapping[str, str],
               stamps: Mapping[str, Mapping[str, str]], same_records: bool) -> None:
    """Remember options, files, days, and, unless they are what they were, records and fields as they are now."""
    kept = engine.rows(f"SELECT value FROM {state('options')} WHERE name = 'layout'")
    replace_rows(engine, "options", [("layout", kept[0][0]), *options.items()])
    lines = {(source, file): (count, examples) for source, file, count, examples in
             engine.rows(f"SELECT source, file, lines, examples FROM {state('files')}")}
    lines |= {(f"series {name}", file): (len(found), list(found[:3])) for name, one in readings.items()
              for file, found in one.rejected.items()}
    rows = [(source, file, stamp, *lines.get((source, file), (0, []))) for source, files in stamps.items()
            for file, stamp in files.items()]
    replace_rows(engine, "files", rows)
    engine.run(f"DELETE FROM {state('days')} WHERE NOT LIST_CONTAINS(?, namespace)", [list(readings)])
    for name, one in readings.items():
        engine.run(f"DELETE FROM {state('days')} WHERE namespace = ? AND NOT LIST_CONTAINS(?, file)", [name, one.kept or []])
        engine.run(f"INSERT INTO {state('days')} SELECT * FROM {quoted(differences.days_now(one.series))} WHERE NOT LIST_CONTAINS(?, file)",
                   [one.kept or []])
    for name, table in () if same_records else (("records", NOW), ("timelines", TIMELINES)):
        engine.run(f"DELETE FROM {state(name)}")
        engine.run(f"INSERT INTO {state(name)} SELECT * FROM {quoted(table)}")


def is_noted(engine: Engine, definition: Definition, stamps: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether the state knows the project and its files as they are now."""
    known = {(source, file, stamp) for source, file, stamp in engine.rows(f"SELECT source, file, stamp FROM {state('files')}")}
    now = {(source, file, stamp) for source, files in stamps.items() for file, stamp in files.items()}
    digest = engine.value(f"SELECT digest FROM {state('builds')} ORDER BY build DESC LIMIT 1")
    return known == now and bool(digest == project_digest(definition))


def note_same(engine: Engine, definition: Definition) -> None:
    """Remember that the project as it is now gives what the last build wrote, however differently it is written."""
    last = f"SELECT MAX(build) FROM {state('builds')}"
    engine.run(f"UPDATE {state('builds')} SET digest = ? WHERE build = ({last})", [project_digest(definition)])


def stamps_now(definition: Definition) -> dict[str, dict[str, str]]:
    """The files of all sources, to be taken down before anything is read from them."""
    return {name: files_of(definition, source) or {} for name, source in sources_of(definition)}


def note_build(engine: Engine, context: Context, work: Work, report: BuildReport, started: datetime, stores: bool) -> None:
    """Add a line to `_metricsql.builds`."""
    digest = project_digest(context.definition) if work.selected is None else None
    now = datetime.now(UTC).replace(tzinfo=None)
    engine.run(f"INSERT INTO {state('builds')} VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
               [next_build(engine), started, now, context.as_of, context.start, __version__, stores, digest, dump(report.to_dict())])


def next_build(engine: Engine) -> int:
    """The number of the build that is running."""
    return int(engine.value(f"SELECT COALESCE(MAX(build), 0) + 1 FROM {state('builds')}"))
