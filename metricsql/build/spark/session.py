"""A Spark session, opened the way this product needs it. The only place that turns its errors into ours.

Nothing here is used that Spark Connect does not have, so that a build runs the same on this machine, on a cluster and
behind a Connect server.
"""

from __future__ import annotations

import logging
import re
import socket
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from metricsql.diagnostics import Diagnostic, EngineError, one_line
from metricsql.project.definition import EngineDef
from metricsql.sql.dialects import spark as dialect

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

NEEDED = {
    **dialect.SETTINGS,
    "spark.sql.requireAllClusterKeysForCoPartition": "false",
    "spark.sql.constraintPropagation.enabled": "false",
    "spark.sql.maxConcurrentOutputFileWriters": "64",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
    "spark.sql.legacy.parquet.nanosAsLong": "false",
}
"""What is set besides: rows that are distributed by record stay where they are when days are joined to them; plans
with hundreds of columns are not searched for conditions that follow from others; a task writes the files of several
stretches of days side by side instead of sorting its rows."""
LOCAL = {"spark.master": "local[*]", "spark.ui.enabled": "false", "spark.driver.host": "127.0.0.1",
         "spark.ui.showConsoleProgress": "false", "spark.log.level": "OFF"}


class Spark:
    """One session. Names of tables are temporary views, made and dropped by a build."""

    def __init__(self, session: SparkSession) -> None:
        self.session = session
        self.views: list[str] = []
        self.kept: dict[str, DataFrame] = {}

    def sql(self, text: str) -> DataFrame:
        """A query, not yet run."""
        with errors():
            return self.session.sql(text)

    def view(self, name: str, frame: DataFrame) -> None:
        """Give a query a name."""
        with errors():
            frame.createOrReplaceTempView(quoted(name))
        self.views.append(name)

    def query(self, name: str, text: str) -> None:
        """The same for SQL."""
        self.view(name, self.sql(text))

    def keep(self, name: str, text: str) -> None:
        """The same; what it gives is put on the disks of the executors when it is first asked for."""
        from pyspark import StorageLevel

        self.release(name)
        frame = self.sql(text)
        with errors():
            self.kept[name] = frame.persist(StorageLevel.DISK_ONLY)
        self.view(name, self.kept[name])

    def release(self, name: str) -> None:
        """Give the space of what was kept back."""
        if name in self.kept:
            with errors():
                self.kept.pop(name).unpersist()

    def write(self, frame: DataFrame, folder: str, by: Sequence[str] = ()) -> None:
        """Run a query into Parquet files, in a folder for each value of some columns."""
        with errors():
            frame.write.mode("overwrite").partitionBy(*by).parquet(folder)

    def forget(self) -> None:
        """Drop everything that was made here."""
        for name in list(self.kept):
            self.release(name)
        for name in dict.fromkeys(self.views):
            with errors():
                self.session.sql(f"DROP VIEW IF EXISTS {quoted(name)}")
        self.views.clear()


def quoted(name: str) -> str:
    """A quoted identifier."""
    return "`" + name.replace("`", "``") + "`"


@contextmanager
def opened(engine: EngineDef) -> Iterator[Spark]:
    """A session; one that is there already is used and left alone. Raises `EngineError`."""
    session, own = _session(engine)
    spark = Spark(session)
    try:
        before: dict[str, str | None] = {name: session.conf.get(name, None) for name in NEEDED}
        with errors():
            for name, value in NEEDED.items():
                session.conf.set(name, value)
        try:
            yield spark
        finally:
            spark.forget()
            for name, old in before.items():
                session.conf.unset(name) if old is None else session.conf.set(name, old)
    finally:
        if own:
            session.stop()


def _session(engine: EngineDef) -> tuple[SparkSession, bool]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pyspark.sql import SparkSession
    except ImportError:
        raise EngineError(Diagnostic("no-spark", "PySpark is not installed, with which Spark is spoken to",
                                     hint="`pip install metricsql[spark]` installs it")) from None
    logging.getLogger("SQLQueryContextLogger").disabled = True
    there = SparkSession.getActiveSession()
    if there is not None:
        return there, False
    _check_reachable(engine)
    builder = SparkSession.builder.appName("metricsql")
    if engine.remote is not None:
        builder = builder.remote(engine.remote)
    else:
        for name, value in {**LOCAL, **({"spark.master": engine.master} if engine.master else {})}.items():
            builder = builder.config(name, value)
    for name, value in engine.conf.items():
        builder = builder.config(name, value)
    with errors():
        session = builder.getOrCreate()
    if engine.remote is None:
        session.sparkContext.setLogLevel("OFF")
    return session, True


def _check_reachable(engine: EngineDef) -> None:
    """Spark itself would try for many minutes."""
    found = re.match(r"(?:spark|sc)://([^/;,:]+)(?::(\d+))?", engine.remote or engine.master or "")
    if found is None or "," in (engine.master or ""):
        return
    try:
        socket.create_connection((found.group(1), int(found.group(2) or (15002 if engine.remote else 7077))), 10).close()
    except OSError:
        raise EngineError(Diagnostic("no-cluster", f"nothing answers at `{one_line(found.group())}`",
                                     hint="`engine:` in the project file names the cluster")) from None


@contextmanager
def errors() -> Iterator[None]:
    """Our words for what goes wrong inside Spark."""
    try:
        yield
    except (EngineError, KeyboardInterrupt):
        raise
    except Exception as error:
        raise EngineError(_finding(error)) from error


def _finding(error: Any) -> Diagnostic:
    text = str(error)
    if "JAVA_HOME" in text or "JAVA_GATEWAY_EXITED" in text:
        return Diagnostic("no-java", "Spark could not be started, because it needs Java 17 or newer",
                          hint="install a Java runtime, or name a Connect server at `engine: {spark: {remote: ...}}`")
    if "OutOfMemoryError" in text:
        return Diagnostic("out-of-memory", "the work does not fit into the memory of Spark",
                          hint="give it more at `conf:`, for example `spark.driver.memory: 4g`, or more executors")
    if "No space left" in text:
        return Diagnostic("disk-full", "there is no space left on the disk; nothing was changed")
    if re.search("UNAVAILABLE|Connection refused|Could not connect|All masters are unresponsive", text):
        return Diagnostic("no-cluster", "Spark cannot be reached under the address that the project names")
    found = re.search(r"\[([A-Z0-9_.]+)\]", text)
    return Diagnostic("spark", f"Spark failed ({found.group(1) if found else one_line(type(error).__name__)})",
                      hint="this is an internal error; please report it with the project that shows it")
