"""A dense grid in ClickHouse (`chdb`, in the process): one query over all series, window functions with `ROWS` frames.

The metrics are those of `window_queries` in ClickHouse's words, all in one query, with a subquery for each level of metrics
over others; the result is a Parquet file.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmarks.data import SERIES, START
from benchmarks.peers.window_queries import QUERIES, WINDOWS
from benchmarks.workload import Task, in_bytes

TITLE = "dense grid in ClickHouse"
PACKAGES = ("chdb",)

WORDS = (
    (r"last_value\(((?:[^()]|\([^()]*\))*) IGNORE NULLS\)", r"anyLast(\1)"),
    (r"list_avg\(\[(.*?)\]\)", r"arrayReduce('avgOrNull', [\1])"),
    (r"\blag\(", "lagInFrame("),
)
"""DuckDB's words and ClickHouse's; its aggregates leave out missing values."""


def run(task: Task) -> dict[str, Any]:
    import chdb

    output(task.folder).unlink(missing_ok=True)
    settings = "" if task.memory is None else f", max_memory_usage = {in_bytes(task.memory)}"
    chdb.query(f"INSERT INTO FUNCTION file('{output(task.folder)}', 'Parquet')\n{query(task)}\n"
               f"SETTINGS join_use_nulls = 1{settings}")
    return {"rows": int(chdb.query(f"SELECT count() FROM file('{output(task.folder)}', 'Parquet')", "TabSeparated").bytes())}


def output(folder: Path) -> Path:
    return folder / "clickhouse.parquet"


def values(task: Task, metric: str) -> str:
    return f"SELECT company AS record, day, \"{metric}\" AS value FROM '{output(task.folder)}'"


def query(task: Task) -> str:
    """One query with all metrics."""
    inner = _grid(task)
    for level in _levels(task.metrics):
        values = ",\n  ".join(f"CAST({_value(name)} AS Nullable(Float64)) AS `metric {name}`" for name in level)
        inner = f"(SELECT *,\n  {values}\nFROM {inner}\nWINDOW {_frames(values)})"
    names = ", ".join(f"`metric {name}` AS `{name}`" for name in task.metrics)
    return f"SELECT company, toDate32(day) AS day, {names} FROM {inner}"


def _levels(metrics: tuple[str, ...]) -> list[list[str]]:
    """Metrics, each behind the level of those that it uses."""
    depth: dict[str, int] = {}
    for name in metrics:
        depth[name] = max((depth[other] + 1 for other in re.findall(r"\[(\w+)\]", QUERIES[name])), default=0)
    return [[name for name in metrics if depth[name] == level] for level in range(max(depth.values()) + 1)]


def _value(metric: str) -> str:
    found = re.sub(r"\[(\w+)\]", r"`metric \1`", QUERIES[metric])
    for theirs, ours in WORDS:
        found = re.sub(theirs, ours, found)
    return found


def _frames(values: str) -> str:
    """The windows that are named in expressions; a look at an earlier day needs a frame that holds it."""
    frames = {name: rows.replace("ROWS ", "ROWS BETWEEN ") + " AND CURRENT ROW" for name, rows in WINDOWS.items() if rows}
    frames["by_day"] = "ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
    return ",\n  ".join(f"{name} AS (PARTITION BY company ORDER BY day {frame})" for name, frame in frames.items()
                        if f"OVER {name}" in values) or "ever AS (PARTITION BY company ORDER BY day)"


def _grid(task: Task) -> str:
    """Every company on every day, with the collapsed values of all series."""
    companies = f"file('{task.folder}/companies.csv', 'CSVWithNames')"
    days = f"SELECT toDate('{START}') + number AS day FROM numbers({task.size.days})"
    joined = "".join(f"\n  LEFT JOIN ({_by_day(task, name)}) AS {name} USING (company, day)" for name in ("activities", "metrics"))
    return (f"(SELECT company, day, seats, {', '.join(one.word for one in SERIES)}\n"
            f"  FROM (SELECT id AS company, seats, day FROM {companies} AS companies CROSS JOIN ({days}) AS days) AS grid{joined})")


def _by_day(task: Task, namespace: str) -> str:
    record, name, value = {"activities": ("companyExternalId", "action", "sumOrNullIf(count, {})"),
                           "metrics": ("externalId", "dimensionId", "argMaxOrNullIf(value, date, {})")}[namespace]
    columns = ", ".join(f"{value.format(f'{name} = {chr(39)}{one.name}{chr(39)}')} AS {one.word}"
                        for one in SERIES if one.namespace == namespace)
    return (f"SELECT {record} AS company, toDate(date) AS day, {columns} "
            f"FROM file('{task.folder}/{namespace}/*.parquet', 'Parquet') GROUP BY company, day")
