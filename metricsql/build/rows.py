"""Reads the rows of every namespace: only files that changed, reduced to what can be compared with the last build."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from metricsql.bind.sources import BoundSeries
from metricsql.build import files
from metricsql.build.catalog import attach
from metricsql.build.engine import Engine, quoted, reading
from metricsql.build.report import Unusable
from metricsql.build.state import state
from metricsql.build.temporary import create, drop
from metricsql.sql import differences, problems
from metricsql.sql.context import Context
from metricsql.sql.sources import Part, is_csv, needs_order, row_models, rows_name, rows_steps

FILE = "file of row"
"""The column for the file of a row while it is read; no source is expected to have one of this name."""
Days = Mapping[str, frozenset[date]]
"""Days by the name of a series."""


@dataclass
class Reading:
    """What a build knows of the rows of one namespace."""

    series: BoundSeries
    stamps: Mapping[str, str] | None
    """Every file with its stamp; None for a source that is not made of files."""
    loaded: frozenset[str] | None = None
    """The files whose rows are loaded; None for all."""
    kept: Sequence[str] | None = None
    """The files that are as they were, whose days the state tells; None if all were read."""
    changed: Days | None = None
    """Days with usable rows that are new, changed or gone; None for all of them."""
    rejected: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Per file that was read, the lines that are no rows."""

    @property
    def whole(self) -> bool:
        return self.loaded is None

    def files_with(self, engine: Engine, names: Iterable[str], days: Iterable[date]) -> frozenset[str]:
        """The files that hold usable rows of some series on some days."""
        rows = engine.rows(f"SELECT DISTINCT file FROM {quoted(differences.days_now(self.series))} WHERE {differences.USABLE} "
                           "AND LIST_CONTAINS(?, name) AND LIST_CONTAINS(?, day)", [list(names), list(days)])
        return frozenset(row[0] for row in rows)


class Reader:
    """Reads rows into a table, and asks what only they can tell. This one does it with DuckDB."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def load(self, context: Context, found: Reading, chosen: frozenset[str] | None = None) -> None:
        """Fill the table of rows from some files (None: all)."""
        load(self.engine, context, found, chosen)

    def fingerprints(self, context: Context, found: Reading) -> str:
        """A query for the days of the rows that are loaded."""
        folder = context.definition.folder.resolve().as_posix() + "/"
        return differences.fingerprints(context, found.series, found.stamps is not None, folder)

    def rejects(self, found: Reading, paths: Sequence[str]) -> Mapping[str, Sequence[str]]:
        """Per CSV file, the lines that are no rows."""
        return {path: files.rejects(self.engine, found.series.definition.source, path) for path in paths}

    def tied(self, context: Context, found: Reading, days: str) -> list[tuple[str, date]]:
        """`name, day` of those days in a table on which the order of rows matters."""
        return [(name, day) for name, day in self.engine.rows(differences.tied_days(context, found.series, days))]


def read_rows(reader: Reader, context: Context, series: BoundSeries, before: Mapping[str, str] | None,
              anew: bool) -> Reading:
    """Load the rows of changed files (of all with `anew`) and note what every day holds now.

    `before` is what the last build read: each file with its stamp; None if nothing can be compared with it.
    """
    engine = reader.engine
    source = series.definition.source
    with reading(str(source), source.place):
        attach(engine, source)
        found = Reading(series, files.files_of(context.definition, source))
        if anew or before is None or found.stamps is None:
            reader.load(context, found)
        else:
            now = found.stamps
            reader.load(context, found, frozenset(name for name, stamp in now.items() if before.get(name) != stamp))
        _note_days(reader, context, found)
        _note_rejected(reader, context, found)
    if before is not None:
        found.changed = _changed(reader, context, found)
    return found


def load(engine: Engine, context: Context, found: Reading, chosen: frozenset[str] | None = None,
         days: Sequence[date] | None = None) -> None:
    """Fill the table of rows from some files (None: all) and days (None: all)."""
    series = found.series
    found.loaded = chosen if days is None else frozenset()
    if chosen is not None and not chosen:
        return
    models = row_models(context, series)
    drop(engine, rows_name(series.namespace))
    folder = context.definition.folder.resolve().as_posix()
    names = None if chosen is None else [name if name.startswith("/") or ":" in name[:3] else f"{folder}/{name}" for name in sorted(chosen)]
    part = Part(FILE if found.stamps is not None else None, names, days)
    create(engine, rows_name(series.namespace),
           rows_steps(context, series, models, None, problems.row_problems(context, series, models), part))


def _note_days(reader: Reader, context: Context, found: Reading) -> None:
    """The temporary table of all days: those of the files that were read, and of all others as they were."""
    engine, name = reader.engine, quoted(differences.days_now(found.series))
    engine.run(f"CREATE TEMP TABLE {name} AS SELECT * FROM {state('days')} LIMIT 0")
    if found.loaded is None or found.loaded:
        engine.run(f"INSERT INTO {name} {reader.fingerprints(context, found)}")
    if found.loaded is not None:
        found.kept = sorted((found.stamps or {}).keys() - found.loaded)
        engine.run(f"INSERT INTO {name} SELECT * FROM {state('days')} WHERE namespace = ? AND LIST_CONTAINS(?, file)",
                   [found.series.namespace, found.kept])


def _note_rejected(reader: Reader, context: Context, found: Reading) -> None:
    source = found.series.definition.source
    if is_csv(source):
        paths = {files.shown(context.definition, path): path for path in files.paths_of(source)}
        chosen = paths.keys() if found.loaded is None else found.loaded
        read = {paths[name]: name for name in sorted(chosen) if name in paths}
        found.rejected = {read[path]: lines for path, lines in reader.rejects(found, list(read)).items()}


def _changed(reader: Reader, context: Context, found: Reading) -> Days:
    engine = reader.engine
    series, before, now = found.series, state("days"), quoted(differences.days_now(found.series))
    engine.run(f"CREATE OR REPLACE TEMP TABLE {differences.TOUCHED} AS {differences.touched_days(before, now, series.namespace)}",
               [found.kept or []])
    rows = engine.rows(differences.changed_days(before, now, series.namespace))
    if needs_order(series):
        engine.run(f"CREATE OR REPLACE TEMP TABLE \"reordered days\" AS {differences.reordered_days(before, now, series.namespace)}")
        rows += engine.rows('SELECT name, day FROM "reordered days" WHERE moved')
        if engine.value('SELECT COUNT(*) FROM "reordered days" WHERE NOT moved'):
            rows += reader.tied(context, found, '"reordered days"')
    days: dict[str, set[date]] = {}
    for name, day in rows:
        if name is not None and day is not None:
            days.setdefault(name, set()).add(day)
    return {name: frozenset(found) for name, found in days.items()}


def unusable(engine: Engine, readings: Iterable[Reading]) -> list[Unusable]:
    """Every row that is not used, also of files that were read by an earlier build."""
    found = []
    for one in readings:
        source = str(one.series.definition.source)
        table = quoted(differences.days_now(one.series))
        sql = f"SELECT problem, SUM(rows)::BIGINT, LIST_SORT(LIST_DISTINCT(FLATTEN(LIST(culprits))))[:{differences.EXAMPLES}] " \
              f"FROM {table} WHERE problem IS NOT NULL GROUP BY 1 ORDER BY 1"
        found += [Unusable(source, problem, rows, tuple(examples or ())) for problem, rows, examples in engine.rows(sql)]
        found += _lines(engine, one, source)
    return found


def _lines(engine: Engine, one: Reading, source: str) -> list[Unusable]:
    counts = {name: (len(lines), list(lines[: files.EXAMPLES])) for name, lines in one.rejected.items()}
    if one.loaded is not None:
        rows = engine.rows(f"SELECT file, lines, examples FROM {state('files')} WHERE source = ?", [f"series {one.series.namespace}"])
        counts |= {file: (lines, examples or []) for file, lines, examples in rows
                   if file not in counts and file in (one.stamps or {})}
    total = sum(count for count, _ in counts.values())
    examples = [example for _, some in sorted(counts.values(), key=str) for example in some][: files.EXAMPLES]
    return [Unusable(source, "line", total, tuple(examples))] if total else []


def forget(engine: Engine, namespace: str) -> None:
    """Give the space of loaded rows back."""
    drop(engine, rows_name(namespace))
