"""Results that lie outside the built file, as Parquet in folders by stretches of days.

The built file says which folders make up a table, and shows them as views; so they change with it in one moment.
"""

from __future__ import annotations

import calendar
import glob
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from metricsql.build.engine import Engine, literal, quoted
from metricsql.build.state import replace_rows, state
from metricsql.sql import writes


@dataclass(frozen=True)
class Stretch:
    """The rows of a table for some days, in a folder. Days without any row have no folder."""

    table: str
    first: date
    last: date
    folder: str


def stretches(engine: Engine, database: str | None = None) -> list[Stretch]:
    """All folders that the built file (or an attached one) names."""
    where = f"{quoted(database)}." if database is not None else ""
    return [Stretch(*row) for row in engine.rows(f'SELECT "table", first, last, folder FROM {where}{state("stretches")} ORDER BY 1, 2, 4')]


def note_stretches(engine: Engine, found: Iterable[Stretch]) -> None:
    """Make these the folders of the built file."""
    replace_rows(engine, "stretches", [(one.table, one.first, one.last, one.folder) for one in found])


def show(engine: Engine, model: str, metrics: Sequence[str], found: Iterable[Stretch]) -> None:
    """Make the view of a model's metrics over the files of some folders."""
    drop_shown(engine, model)
    chosen = ", ".join(f"CAST({quoted(name)} AS {kind}) AS {quoted(name)}" for name, kind in
                       [("record", "VARCHAR"), ("day", "DATE"), *((name, "DOUBLE") for name in metrics)])
    files = [str(file) for one in found for file in sorted(Path(one.folder).glob("*.parquet"))]
    if files:
        listed = ", ".join(literal(glob.escape(file)) for file in files)
        source = f"SELECT {chosen} FROM READ_PARQUET([{listed}], hive_partitioning = false)"
    else:
        nothing = ", ".join(["NULL::VARCHAR AS record", "NULL::DATE AS day", *(f"NULL::DOUBLE AS {quoted(name)}" for name in metrics)])
        source = f"SELECT {nothing} WHERE FALSE"
    engine.run(f"CREATE VIEW {writes.built_table(model)} AS {source}")


def pattern(folder: Path) -> str:
    """The Parquet files of a folder, for DuckDB."""
    return f"{glob.escape(str(folder))}/*.parquet"


def exactly(file: str) -> str:
    """A path as DuckDB reads it when no sign in it shall stand for others."""
    return glob.escape(file)


def found_in(table: str, folder: Path, column: str) -> list[Stretch]:
    """The months for which there are rows in a folder that Spark wrote."""
    made = []
    for part in sorted(folder.glob(f"{column}=*")):
        first = date.fromisoformat(part.name.partition("=")[2])
        made.append(Stretch(table, first, last_of_month(first), str(part)))
    return made


def last_of_month(day: date) -> date:
    """The last day of the month of a day."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def drop_shown(engine: Engine, name: str) -> None:
    """Remove what is shown of a model, be it a view or a table that DuckDB filled."""
    kind = "TABLE" if name in engine.tables(writes.METRICS_SCHEMA) else "VIEW"
    engine.run(f"DROP {kind} IF EXISTS {writes.built_table(name)}")


def shown(engine: Engine) -> list[str]:
    """The names of all views of results."""
    return list(engine.views(writes.METRICS_SCHEMA))


def forget(engine: Engine) -> None:
    """Remove the views over folders, and what is known of these: the tables are filled by DuckDB again."""
    models = {one.table.removeprefix("records.") for one in stretches(engine) if one.table.startswith("records.")}
    for name in shown(engine):
        if name.removesuffix(writes.LATEST) in models:
            engine.run(f"DROP VIEW {writes.built_table(name)}")
    engine.run(f"DELETE FROM {state('stretches')}")


def unused(output: Path, *used: Iterable[Stretch]) -> list[Path]:
    """The folders of builds below `output` that nobody needs any more."""
    needed = {Path(one.folder).relative_to(output).parts[0] for some in used for one in some if Path(one.folder).is_relative_to(output)}
    return [folder for folder in sorted(output.glob("build-*")) if folder.name not in needed] if output.is_dir() else []


def remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


__all__ = ["Stretch", "drop_shown", "forget", "note_stretches", "remove", "show", "shown", "stretches", "unused"]
