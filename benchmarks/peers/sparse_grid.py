"""The metrics of `sparse` over a dense grid in DuckDB: one query, a row for every end user and day, `ROWS` frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.data import START
from benchmarks.workload import Task

TITLE = "dense grid in DuckDB"
PACKAGES = ("duckdb",)

QUERIES = {
    "logins_7d": "sum(login) OVER week",
    "logins_30d": "sum(login) OVER month",
    "active_30d": "CASE WHEN sum(login) OVER month > 0 THEN 1 ELSE 0 END",
    "login_days_90d": "count(login) OVER quarter",
    "quiet_days": "number - last_value(CASE WHEN login > 0 THEN number END IGNORE NULLS) OVER ever",
    "gone": "CASE WHEN number - last_value(CASE WHEN login > 0 THEN number END IGNORE NULLS) OVER ever > 60 THEN 1 ELSE 0 END",
    "views_90d": "sum(page_view) OVER quarter",
    "views_per_login": "sum(page_view) OVER month / nullif(sum(login) OVER month, 0)",
    "most_searches_30d": "max(search) OVER month",
    "searches_against_quarter": "avg(search) OVER fortnight - avg(search) OVER quarter",
    "days_since_export": "number - last_value(CASE WHEN export > 0 THEN number END IGNORE NULLS) OVER ever",
    "minutes_last": "last_value(minutes IGNORE NULLS) OVER month",
    "minutes_per_login": "sum(minutes) OVER month / nullif(sum(login) OVER month, 0)",
}
ACTIONS = ("login", "page view", "search", "export")
WINDOWS = {"week": "6", "fortnight": "13", "month": "29", "quarter": "89", "ever": "UNBOUNDED"}


def run(task: Task) -> dict[str, Any]:
    import duckdb

    with duckdb.connect(str(output(task.folder))) as connection:
        connection.execute("SET enable_progress_bar = false")
        if task.memory is not None:
            connection.execute(f"SET memory_limit = '{task.memory}'")
        made = connection.execute(query(task)).fetchone()
    return {"rows": int(made[0]) if made else 0}


def output(folder: Path) -> Path:
    return folder / "sparse_grid.duckdb"


def values(task: Task, metric: str) -> str:
    return f'SELECT record, day, "{metric}" AS value FROM result.result'


def query(task: Task) -> str:
    """The statement that fills the table; end users and days are numbers until the end."""
    metrics = ",\n  ".join(f"CAST({QUERIES[name]} AS DOUBLE) AS {name}" for name in task.metrics)
    windows = ",\n  ".join(f"{name} AS (PARTITION BY code ORDER BY number ROWS {rows} PRECEDING)" for name, rows in WINDOWS.items())
    sums = ", ".join(f"sum(count) FILTER (action = '{name}') AS {name.replace(' ', '_')}" for name in ACTIONS)
    return f"""CREATE TABLE result AS
WITH users AS (SELECT id, row_number() OVER () AS code FROM read_csv('{task.folder}/endusers.csv')),
activities AS (SELECT "euExtId" AS id, CAST("date" AS DATE) - DATE '{START}' AS number, {sums}
  FROM read_parquet('{task.folder}/activities/*.parquet') GROUP BY ALL),
metrics AS (SELECT "externalId" AS id, CAST("date" AS DATE) - DATE '{START}' AS number, arg_max(value, "date") AS minutes
  FROM read_parquet('{task.folder}/metrics/*.parquet') GROUP BY ALL),
inputs AS (SELECT code, number, login, page_view, search, export, minutes
  FROM activities FULL JOIN metrics USING (id, number) JOIN users USING (id)),
grid AS (SELECT code, number, login, page_view, search, export, minutes
  FROM (SELECT code, d.number FROM users CROSS JOIN range({task.size.days}) AS d(number)) LEFT JOIN inputs USING (code, number)),
windows AS (SELECT code, number,
  {metrics}
  FROM grid WINDOW {windows})
SELECT id AS record, DATE '{START}' + number::INTEGER AS day, windows.* EXCLUDE (code, number) FROM windows JOIN users USING (code)"""
