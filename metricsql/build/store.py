"""The built file: written beside itself and put in place whole; one writer at a time.

A build works on a private copy and renames it over the database when all is done. Readers keep the file
they opened; whatever stops a build, the last good file stays where it is
(`docs/decisions/side-file-and-rename.md`).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricsql.build.engine import WRITTEN, Engine, Limits, attach_written, open_reader, open_writer, quoted
from metricsql.build.state import create_state
from metricsql.diagnostics import Diagnostic, EngineError, ProjectError

if TYPE_CHECKING:
    import duckdb

LAST = "last build"
"""The name under which a build sees the file of the last one, to compare values with."""


class NothingToWrite(Exception):
    """Ends a build that found out that there is nothing to do; the database stays as it is."""


class Seen:
    """The database as a build finds it first, before it is its turn to write: an engine that reads it, over a connection if given."""

    def __init__(self, database: Path, folder: Path, limits: Limits, connection: duckdb.DuckDBPyConnection | None = None) -> None:
        self.database, self.folder, self.limits = database, folder, limits
        self._file = _identity(database)
        self.engine = open_reader(database, folder, connection, LAST, limits)

    def again(self) -> Engine:
        """An engine for the database as it is now: the same one, unless somebody else finished a build since."""
        if self._file != _identity(self.database):
            self.engine.close()
            self._file = _identity(self.database)
            self.engine = open_reader(self.database, self.folder, alias=LAST, limits=self.limits)
        return self.engine

    def take_in_log(self) -> None:
        """Write into the database what a program that crashed has left in the log beside it.

        The log belongs to this very file: it must not lie beside the next one, not even for a moment. While somebody
        reads the file, the engine cannot do that; then the log is copied too, and removed behind the rename.
        """
        if not self.database.exists():
            _log(self.database).unlink(missing_ok=True)
        elif _log(self.database).exists():
            self.engine.close()
            self._file = None
            with contextlib.suppress(EngineError):
                open_writer(self.database, self.folder).close()

    def close(self) -> None:
        self.engine.close()


def _identity(database: Path) -> tuple[int, ...] | None:
    """What tells whether a path still names the same file with the same content."""
    try:
        found = database.stat()
    except OSError:  # whoever opens it says what is wrong
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


class Side:
    """An engine that reads the database, and from `write` on writes a copy of it.

    The copy is made in the meantime. Nobody can write the database while the engine reads it, so the copy is whole.
    """

    def __init__(self, engine: Engine, database: Path, path: Path, lasting: bool) -> None:
        self.engine, self.database, self.path, self.lasting = engine, database, path, lasting
        self._written = False
        self._pool = ThreadPoolExecutor(1)
        self._copied = self._pool.submit(_copy, database, path)

    def write(self) -> None:
        """From here on the engine writes the copy, if it does not yet; the database itself is `LAST` for it."""
        if self._written:
            return
        self._written = True
        self._copied.result()
        attach_written(self.engine, self.path)
        create_state(self.engine)
        if self.lasting:
            self._pool.submit(_try_sync, self.path)  # the disk begins with it now, so that little is left to wait for at the end

    def finish(self) -> None:
        """All is written: let go of both files. The engine itself is taken apart while the new file takes its place."""
        self._pool.submit(_uncache, self.database)
        self.engine.run("CHECKPOINT")
        self.engine.run("USE memory")
        for name in (LAST, WRITTEN):
            self.engine.run(f"DETACH DATABASE IF EXISTS {quoted(name)}")
        self._pool.submit(self.engine.close)

    def close(self) -> None:
        self._pool.shutdown()
        self.engine.close()


@contextmanager
def writing(seen: Seen) -> Iterator[Side]:
    """A copy of the database, which takes its place if the block ends without an error."""
    database = seen.database
    with locked(database):
        path = database.with_name(f".{database.name}.building")
        _remove(path)
        try:
            seen.take_in_log()
            with closing(Side(seen.again(), database, path, True)) as side:
                yield side
                side.finish()
                _sync(path)
                os.replace(path, database)
                _log(database).unlink(missing_ok=True)
        except OSError as error:
            raise _os_error(error, database) from None
        finally:
            _remove(path)


@contextmanager
def trying(seen: Seen) -> Iterator[Side]:
    """A copy of the database that is thrown away afterwards; the database may be locked or not writable."""
    with tempfile.TemporaryDirectory(prefix="metricsql-") as temporary:
        try:
            with closing(Side(seen.again(), seen.database, Path(temporary) / seen.database.name, False)) as side:
                yield side
        except OSError as error:
            raise _os_error(error, seen.database) from None


def _copy(database: Path, path: Path) -> None:
    if database.exists():
        shutil.copyfile(database, path)
        if _log(database).exists():
            shutil.copyfile(_log(database), _log(path))


def _log(database: Path) -> Path:
    """The engine's log of what is not yet in a database file."""
    return database.with_name(database.name + ".wal")


def _remove(side: Path) -> None:
    for path in (side, _log(side)):
        with contextlib.suppress(FileNotFoundError, PermissionError):
            path.unlink()
    shutil.rmtree(side.with_name(side.name + ".tmp"), ignore_errors=True)


def _uncache(path: Path) -> None:
    """Let the system forget a file that is about to go. Doing so takes it time, which here nobody waits for."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)


def _try_sync(path: Path) -> None:
    with contextlib.suppress(OSError):  # whatever is wrong shows again when the file is finished
        _sync(path)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold the right to build a database. Raises `EngineError` with the holder's process id."""
    path = database.with_name(f".{database.name}.lock")
    try:
        database.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise _os_error(error, database) from None
    try:
        if not _take(descriptor):
            raise EngineError(Diagnostic("locked", f"{_holder(descriptor)} is building `{database.name}` already",
                                         hint="wait until it is done; nothing was changed"))
        try:
            _write(descriptor, str(os.getpid()))
        except OSError as error:
            raise _os_error(error, database) from None
        left = ""
        try:
            yield
        except (ProjectError, EngineError) as error:
            left = _failure(error.diagnostics)
            raise
        finally:
            with contextlib.suppress(OSError):
                _write(descriptor, left)
    finally:
        os.close(descriptor)


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode("utf-8"), 0)


def _failure(diagnostics: Sequence[Diagnostic]) -> str:
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    return json.dumps({"at": str(now), "codes": [found.code for found in diagnostics], "message": str(diagnostics[0])})


def last_attempt(database: Path) -> dict[str, Any]:
    """What the lock file tells: `running` (process and since when) or `failed` (when and why); empty after a good build."""
    path = database.with_name(f".{database.name}.lock")
    try:
        text, since = path.read_text(encoding="utf-8"), path.stat().st_mtime
    except (OSError, UnicodeDecodeError):
        return {}
    if text.isdigit():
        begun = str(datetime.fromtimestamp(since, UTC).replace(tzinfo=None, microsecond=0))
        return {"running": {"process": int(text), "since": begun}} if _is_alive(int(text)) else {}
    try:
        return {"failed": json.loads(text)} if text else {}
    except ValueError:
        return {}


def _is_alive(process: int) -> bool:
    if os.name == "nt":  # asking would end it
        return True
    try:
        os.kill(process, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True


def _holder(descriptor: int) -> str:
    """The process that holds the lock. It may have taken it just now, and not have written its id yet."""
    for _ in range(20):
        os.lseek(descriptor, 0, os.SEEK_SET)
        if (found := os.read(descriptor, 32).decode("ascii", "replace").strip()).isdigit():
            return f"process {found}"
        time.sleep(0.01)
    return "another process"


def _take(descriptor: int) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: its own lock has the same meaning, and also ends with the process
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _os_error(error: OSError, database: Path) -> EngineError:
    if isinstance(error, PermissionError) or error.errno in (30,):
        message = f"`{database.parent}` cannot be written to, so `{database.name}` stays as it is"
        return EngineError(Diagnostic("no-permission", message))
    if isinstance(error, NotADirectoryError | FileExistsError):
        return EngineError(Diagnostic("disk", f"`{database.name}` cannot be written: `{database.parent}` is not a folder"))
    if error.errno in (28, 122):
        return EngineError(Diagnostic("disk-full", f"there is no space left for `{database.name}`; nothing was changed"))
    return EngineError(Diagnostic("disk", f"`{database.name}` cannot be written: {(error.strerror or '').lower()}"))
