"""What no build can go below: reading every column of the sources once, and writing the built table once.

It reads the table from the database that the build left, so it runs after it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.workload import Task

TITLE = "read the sources once, write the result once"
PACKAGES = ("duckdb",)


def run(task: Task) -> dict[str, Any]:
    import duckdb

    with duckdb.connect(str(output(task.folder))) as connection:
        connection.execute("SET enable_progress_bar = false")
        if task.memory is not None:
            connection.execute(f"SET memory_limit = '{task.memory}'")
        for source in sorted({file.parent for file in task.folder.glob("*/*.parquet")}):
            connection.execute(f"SELECT {_sums(connection, source)} FROM '{source}/*.parquet'").fetchall()
        connection.execute(f"ATTACH '{task.folder / 'metricsql.duckdb'}' AS built (READ_ONLY)")
        made = connection.execute(f'CREATE TABLE result AS SELECT * FROM built.metrics."{task.model}"').fetchone()
    return {"rows": int(made[0]) if made else 0}


def _sums(connection: Any, source: Path) -> str:
    """A sum over each column, so that every value is read."""
    columns = connection.execute(f"DESCRIBE SELECT * FROM '{source}/*.parquet'").fetchall()
    numbers = {"VARCHAR": 'strlen("{}")', "TIMESTAMP": 'epoch_us("{}")', "DATE": 'epoch_us("{}")'}
    return ", ".join(f"sum({numbers.get(kind, chr(34) + '{}' + chr(34)).format(name)})" for name, kind, *_ in columns)


def output(folder: Path) -> Path:
    return folder / "physical_limit.duckdb"


def values(task: Task, metric: str) -> str:
    return f'SELECT record, day, "{metric}" AS value FROM result.result'
