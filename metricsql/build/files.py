"""The files of a source: which there are, whether they changed, and lines of them that are no rows."""

from __future__ import annotations

import glob as globbing
import os
from collections.abc import Iterator
from pathlib import Path

from metricsql.build.engine import Engine
from metricsql.build.report import Unusable
from metricsql.project.definition import Definition, SourceDef
from metricsql.sql import problems
from metricsql.sql.sources import is_csv, is_glob

EXAMPLES = 3


def sources_of(definition: Definition) -> Iterator[tuple[str, SourceDef]]:
    """Every source that metrics and tables are made of, under a name that says what it is for."""
    for name, model in definition.models.items():
        yield f"records {name}", model.records
        if model.history is not None:
            yield f"history {name}", model.history
    for namespace, series in definition.series.items():
        yield f"series {namespace}", series.source
    for table in definition.tables.values():
        for name, ledger in table.ledgers.items():
            yield f"table {table.name} {name}".rstrip(), ledger


def files_of(definition: Definition, source: SourceDef) -> dict[str, str] | None:
    """Each file with its stamp; None where a source is not made of files of this machine, and may change unseen."""
    if source.path is None or "://" in source.path:
        return None
    stamps = {path: _stamp(path) for path in paths_of(source)}
    return {shown(definition, path): stamp for path, stamp in stamps.items() if stamp is not None}


def paths_of(source: SourceDef) -> list[str]:
    """The files of a source as the engine names them."""
    if not is_glob(source.path or ""):
        return [source.location]
    return sorted(globbing.glob(source.location, recursive=True, include_hidden=True))


def shown(definition: Definition, path: str) -> str:
    """A file by its path inside the project folder, so that a project can be moved."""
    folder = definition.folder.resolve().as_posix() + "/"
    return path.removeprefix(folder)


def _stamp(path: str) -> str | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ctime_ns}" if Path(path).is_file() else None


def rejected_lines(engine: Engine, source: SourceDef) -> list[Unusable]:
    """Lines of CSV files that do not have the columns of their header."""
    if not is_csv(source):
        return []
    count = 0
    examples: list[str] = []
    known = [source.rejected] if source.rejected is not None else (rejects(engine, source, path) for path in paths_of(source))
    for lines in known:
        count += len(lines)
        examples += lines[: EXAMPLES - len(examples)]
    return [Unusable(str(source), "line", count, tuple(examples))] if count else []


def rejects(engine: Engine, source: SourceDef, path: str) -> list[str]:
    """The lines of one CSV file that are no rows."""
    engine.rows(problems.count_lines(source, path))
    return take_rejects(engine)


def take_rejects(engine: Engine) -> list[str]:
    """The lines that the reading of a CSV file just left in `reject_errors`."""
    lines = engine.rows("SELECT DISTINCT line, csv_line FROM reject_errors ORDER BY 1 LIMIT 1000000")
    engine.run("DROP TABLE reject_errors; DROP TABLE reject_scans")
    return [str(line) for _, line in lines]
