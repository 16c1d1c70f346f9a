"""DuckDB, opened the way this product needs it. The only place that turns its errors into ours."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from metricsql.build.aside import aside
from metricsql.diagnostics import Diagnostic, EngineError, Place, ProjectError, one_line

WRITTEN = "built file"
"""The name of the file that a build writes."""
KEEPS_CATALOG = ("SELECT ", "INSERT ", "DELETE ", "UPDATE ", "SET ", "CHECKPOINT",
                 "CREATE TEMP TABLE ", "CREATE OR REPLACE TEMP TABLE ", "DROP TABLE IF EXISTS temp.")
"""How statements begin that leave the tables and views of all files as they are."""


class Engine:
    """One connection. Paths in SQL are relative to `folder`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
        self.connection = connection
        self._catalog: dict[str, list[tuple[Any, ...]]] = {}
        """What the engine said of its tables and views, which it takes its time for, while it holds."""
        self.run("SET TimeZone = 'UTC'")
        self.run(f"SET file_search_path = {literal(str(folder.resolve()))}")
        self.run("SET enable_progress_bar = false")

    def run(self, sql: str, parameters: Sequence[Any] | None = None) -> None:
        """Execute a statement. Raises `EngineError` for what the machine cannot do, `KeyboardInterrupt` for Ctrl+C."""
        if not sql.startswith(KEEPS_CATALOG):
            self._catalog.clear()
        try:
            self.connection.execute(sql, parameters) if parameters else self.connection.execute(sql)
        except duckdb.Error as error:
            raise engine_error(error) from None
        except RuntimeError as error:
            if str(error) == INTERRUPTED:
                raise KeyboardInterrupt from None
            raise

    def rows(self, sql: str, parameters: Sequence[Any] | None = None) -> list[tuple[Any, ...]]:
        """Execute a query and fetch its rows."""
        self.run(sql, parameters)
        return self.connection.fetchall()

    def value(self, sql: str, parameters: Sequence[Any] | None = None) -> Any:
        """The first value of a query."""
        found = self.rows(sql, parameters)
        return found[0][0] if found else None

    def tables(self, schema: str) -> list[str]:
        """The tables in a schema of the current database, in the order of their names."""
        found = self._cataloged("SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = current_catalog() ORDER BY 2")
        return [name for one, name in found if one == schema]

    def views(self, schema: str) -> dict[str, str]:
        """The views in a schema of the current database, with their SQL, likewise."""
        found = self._cataloged("SELECT schema_name, view_name, sql FROM duckdb_views() WHERE database_name = current_catalog() ORDER BY 2")
        return {name: text for one, name, text in found if one == schema}

    def _cataloged(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query about the catalog."""
        if sql not in self._catalog:
            self._catalog[sql] = self.rows(sql)
        return self._catalog[sql]

    def types(self, table: str) -> dict[str, str]:
        """Column -> type of a table of a file (its quoted name), in their order; empty if there is no such table."""
        if table not in self._catalog:
            try:
                self._catalog[table] = self.connection.execute(f"DESCRIBE {table}").fetchall()
            except duckdb.CatalogException:
                self._catalog[table] = []
            except duckdb.Error as error:
                raise engine_error(error) from None
        return {row[0]: row[1] for row in self._catalog[table]}

    def columns(self, table: str) -> list[str]:
        """The columns of a table, likewise."""
        return list(self.types(table))

    def memory_limit(self) -> float:
        """The memory that the engine may fill, in bytes."""
        found = re.fullmatch(r"([\d.]+) ?(\w+)", str(self.value("SELECT current_setting('memory_limit')")))
        return float(found.group(1)) * _UNITS.get(found.group(2), 1 << 30) if found else float(1 << 40)

    def close_outside(self) -> None:
        """From here on nothing that runs can read or write another file than those of results outside the built file."""
        if "stretches" in self.tables("_metricsql") and (folders := self.rows('SELECT DISTINCT folder FROM "_metricsql"."stretches"')):
            self.run(f"SET allowed_directories = [{', '.join(literal(folder) for folder, in folders)}]")
        self.run("SET enable_external_access = false")

    def close(self) -> None:
        self.connection.close()


ENGINES_SHARE = 0.88
"""The part of a memory limit that the engine may fill: the rest is taken by Python, and by pieces too small to be used; measured."""
_UNITS = {"bytes": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


@dataclass(frozen=True)
class Limits:
    """What a build may use. `memory` is an amount such as `4GB`, of the whole process."""

    memory: str | None = None
    threads: int | None = None

    def apply(self, engine: Engine) -> None:
        """Set them on an engine that has done nothing yet. Raises `ProjectError` for what is no amount, and closes it."""
        if self.memory is not None:
            try:
                engine.run(f"SET memory_limit = {literal(self.memory)}")
            except EngineError:
                engine.close()
                raise ProjectError(Diagnostic("bad-value", f"`{one_line(self.memory)}` is no amount of memory",
                                              hint="for example `4GB` or `500MB`")) from None
            try:
                engine.run(f"SET memory_limit = '{int(ENGINES_SHARE * engine.memory_limit())}B'")
            except EngineError:  # not even this fits
                engine.close()
                raise
        if self.threads is not None:
            engine.run(f"SET threads = {int(self.threads)}")


INTERRUPTED = "Query interrupted"
"""What the engine says in place of the exception that the handler of a signal raised."""


def starting() -> Future[duckdb.DuckDBPyConnection]:
    """A connection that is being opened: this takes a while, in which other things can be loaded."""
    return aside(duckdb.connect)


def open_reader(database: Path, folder: Path, connection: duckdb.DuckDBPyConnection | None = None,
                alias: str | None = None, limits: Limits = Limits()) -> Engine:
    """A connection that sees the built file read-only (if there is one) as its current database.

    The file is attached, not opened: a process that holds results of an older build open keeps them, and
    still finds the newest file when it asks again.
    """
    engine = Engine(connection or duckdb.connect(), folder)
    limits.apply(engine)
    if database.exists():
        alias = alias or f"built {database.stat().st_ino}"
        attached = {row[0] for row in engine.rows("SELECT database_name FROM duckdb_databases()")}
        if alias not in attached:
            attach_built(engine, database, alias)
        engine.run(f"USE {quoted(alias)}")
    return engine


def attach_built(engine: Engine, database: Path, alias: str) -> None:
    """Let an engine read a built file. Raises `EngineError` if it is none, or if somebody writes it just now."""
    if not database.is_file():
        raise EngineError(Diagnostic("not-a-database", f"`{database.name}` is a folder, not a DuckDB database"))
    try:
        engine.run(f"ATTACH {literal(str(database.resolve()))} AS {quoted(alias)} (READ_ONLY)")
    except EngineError as error:
        if error.diagnostics[0].code == "no-permission":
            raise EngineError(Diagnostic("no-permission", f"`{database.name}` may not be read by this user")) from None
        if error.diagnostics[0].code not in ("not-a-database", "damaged-database", "engine"):
            raise
        raise EngineError(Diagnostic("not-a-database", f"`{database.name}` is not a DuckDB database, or is damaged",
                                     hint="name another file at `database:`, or move this one away; the history of fields "
                                     "that only it holds is lost then")) from None


def open_writer(database: Path, folder: Path) -> Engine:
    """A connection that writes a file of its own."""
    engine = Engine(duckdb.connect(), folder)
    try:
        attach_written(engine, database)
    except EngineError:
        engine.close()
        raise
    return engine


def attach_written(engine: Engine, database: Path) -> None:
    """Let an engine write a file, as its current database, which nobody else sees before it is done.

    So it needs no log of what was written: without one, every statement is spared a wait for the disk.
    """
    engine.run(f"SET temp_directory = {literal(str(database.resolve()) + '.tmp')}")
    engine.run(f"ATTACH {literal(str(database.resolve()))} AS {quoted(WRITTEN)} (RECOVERY_MODE no_wal_writes)")
    engine.run(f"USE {quoted(WRITTEN)}")


def quoted(name: str) -> str:
    """A quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(value: str) -> str:
    """A text literal."""
    return "'" + value.replace("'", "''") + "'"


@contextmanager
def reading(source: str, place: Place) -> Iterator[None]:
    """Turns what can go wrong while a source is read into a finding about that source."""
    try:
        yield
    except EngineError as error:
        cause = error.__context__
        if isinstance(cause, duckdb.Error) and error.diagnostics[0].code in ("engine", "no-permission"):
            raise ProjectError(_source_finding(source, place, cause)) from None
        raise


def engine_error(error: duckdb.Error) -> EngineError:
    """Our words for an error of the engine."""
    text = str(error)
    pid = re.search(r"PID (\d+)", text)
    if "lock" in text.lower() and pid:
        found = Diagnostic("locked", f"process {pid.group(1)} has the database open for writing",
                           hint="close it there, or wait until it is done")
    elif isinstance(error, duckdb.OutOfMemoryException):
        found = Diagnostic("out-of-memory", "the work does not fit into the memory that the engine may use",
                           hint="give it more with `--memory-limit`, or fewer `--threads`")
    elif "No space left" in text or "disk quota" in text.lower():
        found = Diagnostic("disk-full", "there is no space left on the disk; nothing was changed")
    elif isinstance(error, duckdb.IOException) and "not a valid DuckDB database" in text:
        found = Diagnostic("not-a-database", "the database file is not a DuckDB database")
    elif "Corrupt database file" in text or (isinstance(error, duckdb.IOException) and "Could not read" in text):
        found = Diagnostic("damaged-database", "the database file is damaged",
                           hint="put an older copy of the file in its place, or move it away and build anew")
    elif isinstance(error, duckdb.IOException) and ("Permission denied" in text or "Read-only file system" in text):
        found = Diagnostic("no-permission", "the file may not be read or written here")
    else:
        found = Diagnostic("engine", f"the engine failed ({type(error).__name__})",
                           hint="this is an internal error; please report it with the project that shows it")
    return EngineError(found)


def _source_finding(source: str, place: Place, error: duckdb.Error) -> Diagnostic:
    text = str(error)
    if "No files found" in text:
        pattern = re.search(r'pattern "([^"]+)"', text) if source == QUERY else None
        return Diagnostic("missing-file", f"no file matches `{one_line(pattern.group(1) if pattern else source)}`", place)
    attached, _, _ = source.partition(": ")
    if "Permission denied" in text:
        return Diagnostic("unreadable-file", f"`{one_line(attached)}` may not be read by this user", place)
    if "database does not exist" in text:
        return Diagnostic("missing-file", f"there is no database `{one_line(attached)}`", place)
    if "not a valid DuckDB database" in text or "in-memory database in read-only mode" in text:
        return Diagnostic("bad-source", f"`{one_line(attached)}` is not a DuckDB database", place)
    if source == QUERY:
        return _query_finding(text, place, error)
    if "is a directory" in text.lower():
        return Diagnostic("unreadable-file", f"`{one_line(attached)}` is a folder", place, "name the files in it, for example with `*.csv`")
    if isinstance(error, duckdb.CatalogException):
        return Diagnostic("bad-source", f"there is no table `{one_line(source)}`", place)
    kinds = {".parquet": "a Parquet file", ".json": "JSON", ".ndjson": "JSON lines", ".gz": "a gzip file"}
    kind = next((kinds[end] for end in kinds if source.lower().endswith(end)), "a table with a header line")
    how = "cannot be fetched" if "://" in source else f"cannot be read as {kind}"
    return Diagnostic("unreadable-file", f"`{one_line(source)}` {how}", place)


QUERY = "the query"
"""How a source that is a query of the project calls itself."""
_MISSING = (
    (r'Table with name "?([^\s"!]+)', "the table `{}`, which is not there"),
    (r"Function with name (\S+) does not exist", "the function `{}`, which is not there"),
    (r'column(?: named)? "([^"]+)"(?: was)? not found|column named "([^"]+)"', "the column `{}`, which is not there"),
    (r"column (\S+) not found|Referenced table \"([^\"]+)\"", "`{}`, which is not there"),
)


def _query_finding(text: str, place: Place, error: duckdb.Error) -> Diagnostic:
    for pattern, words in _MISSING:
        if found := re.search(pattern, text):
            name = one_line(next(group for group in found.groups() if group))
            return Diagnostic("bad-source", f"the query of this source uses {words.format(name)}", place)
    if isinstance(error, duckdb.ParserException | duckdb.BinderException | duckdb.CatalogException):
        near = re.search(r'at or near "([^"]*)"', text)
        word = near.group(1).split() if near else []
        hint = f"the fault is at or near `{one_line(word[0], 60)}`" if word else "DuckDB says more when the query is run there"
        return Diagnostic("bad-source", "the query of this source is not valid SQL", place, hint)
    value = re.search(r"Could not convert string '([^']*)' to (\w+)", text)
    hint = f"the text `{one_line(value.group(1), 60)}` is no {value.group(2)}" if value else \
        "DuckDB says more when the query is run there, from the project folder"
    return Diagnostic("bad-source", "the query of this source fails while it runs", place, hint)
