"""Reads every source once into typed tables of numbered records, and counts what could not be used."""

from __future__ import annotations

import glob as globbing
from collections.abc import Mapping, Sequence
from pathlib import Path

from metricsql.bind.sources import BoundModel
from metricsql.build.catalog import attach
from metricsql.build.engine import Engine, literal, quoted, reading
from metricsql.build.report import Unusable
from metricsql.project.definition import Definition, SourceDef
from metricsql.sql import problems
from metricsql.sql.conditions import Condition
from metricsql.sql.context import Context
from metricsql.sql.sources import is_csv, records_name, records_steps, row_models, rows_name, rows_steps
from metricsql.sql.steps import Step, needed, statement

Flags = Mapping[str, Sequence[tuple[str, Condition]]]
EXAMPLES = 3


def load_records(engine: Engine, context: Context, flags: Flags) -> list[Unusable]:
    """One table per model; the root first, because children look their company up in it."""
    root = context.definition.root
    found: list[Unusable] = []
    for model in sorted(context.sources.models.values(), key=lambda m: m.name != root):
        declared = model.definition
        names = [field.name for field in model.fields]
        steps = records_steps(context, model, names, flags.get(model.name, ()), problems.record_problems(model))
        with reading(str(declared.records), declared.records.place):
            attach(engine, declared.records)
            create(engine, records_name(context, model.name), steps)
            found += _record_problems(engine, context, model)
            found += _rejected_lines(engine, declared.records, context)
    return found


def load_rows(engine: Engine, context: Context) -> list[Unusable]:
    """One table per namespace."""
    found: list[Unusable] = []
    for series in context.sources.series.values():
        source = series.definition.source
        models = row_models(context, series)
        steps = rows_steps(context, series, models, None, problems.row_problems(context, series, models))
        with reading(str(source), source.place):
            attach(engine, source)
            create(engine, rows_name(series.namespace), steps)
            found += _row_problems(engine, rows_name(series.namespace), str(source))
            found += _rejected_lines(engine, source, context)
    return found


def create(engine: Engine, name: str, steps: Sequence[Step], have: Sequence[str] = ()) -> None:
    """Run the last of the steps, with what it needs, into a temporary table."""
    wanted = needed(steps, steps[-1].name, have)
    engine.run(f"CREATE TEMP TABLE {quoted(name)} AS\n{statement(wanted)}")


def _row_problems(engine: Engine, table: str, source: str) -> list[Unusable]:
    counts = engine.rows(f"SELECT problem, COUNT(*) FROM {quoted(table)} WHERE problem IS NOT NULL GROUP BY ALL ORDER BY 1")
    return [Unusable(source, reason, rows, _examples(engine, table, reason)) for reason, rows in counts]


def _examples(engine: Engine, table: str, reason: str) -> tuple[str, ...]:
    sql = f"SELECT DISTINCT culprit FROM {quoted(table)} WHERE problem = ? AND culprit IS NOT NULL ORDER BY 1 LIMIT {EXAMPLES}"
    return tuple(row[0] for row in engine.rows(sql, [reason]))


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
    return [*found, *_row_problems(engine, table, source)]


def _repeated(engine: Engine, model: BoundModel) -> tuple[str, ...]:
    return tuple(row[0] for row in engine.rows(problems.repeated_keys(model, EXAMPLES)))


def _rejected_lines(engine: Engine, source: SourceDef, context: Context) -> list[Unusable]:
    """Lines of CSV files that do not have the columns of their header."""
    if not is_csv(source):
        return []
    count = 0
    examples: list[str] = []
    for path in _files(engine, source.location):
        lines = _rejects(engine, source, path)
        count += len(lines)
        examples += lines[: EXAMPLES - len(examples)]
    return [Unusable(str(source), "line", count, tuple(examples))] if count else []


def _files(engine: Engine, path: str) -> list[str]:
    return [row[0] for row in engine.rows(f"SELECT file FROM glob({literal(path)}) ORDER BY 1")]


def _rejects(engine: Engine, source: SourceDef, path: str) -> list[str]:
    engine.rows(problems.count_lines(source, path))
    lines = engine.rows("SELECT DISTINCT line, csv_line FROM reject_errors ORDER BY 1 LIMIT 1000000")
    engine.run("DROP TABLE reject_errors; DROP TABLE reject_scans")
    return [str(line) for _, line in lines]


def note_sources(engine: Engine, context: Context, build: int) -> None:
    """Remember which files were read, by name, size and time."""
    definition = context.definition
    engine.run('DELETE FROM "_metricsql"."sources"')
    for source in sources_of(definition):
        engine.run('INSERT INTO "_metricsql"."sources" VALUES (?, ?, ?)',
                   [str(source), fingerprint(definition, source), build])


def sources_of(definition: Definition) -> list[SourceDef]:
    """Every source that a project declares."""
    found = [m.records for m in definition.models.values()]
    found += [m.history for m in definition.models.values() if m.history]
    return found + [s.source for s in definition.series.values()]


def fingerprint(definition: Definition, source: SourceDef) -> str | None:
    """Names, sizes and times of the files of a source; None where it is not made of files."""
    if source.path is None or "://" in source.path:
        return None
    files = sorted(definition.folder.glob(source.path)) if not Path(source.path).is_absolute() \
        else sorted(Path(p) for p in globbing.glob(source.path))
    stats = [(file.name, file.stat()) for file in files if file.is_file()]
    return ";".join(f"{name}|{stat.st_size}|{stat.st_mtime_ns}" for name, stat in stats)
