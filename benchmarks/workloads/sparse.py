"""`sparse`: end users who are there on one day of a hundred, as in a product with many occasional users.

On a day with anything an end user logs in, and may do more; every other day has no row. All metrics look at bounded
windows or ask for days since.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.data import NOTE, START, Series, Size, months
from benchmarks.workload import OWN, Bar, Entry, Lines, Options, Prepared, Task, Workload, times

SHARE_OF_DAYS = 0.01
SERIES = {
    Series("activities", "login"): 1.0, Series("activities", "page view"): 0.8, Series("activities", "search"): 0.4,
    Series("activities", "export"): 0.2, Series("metrics", "minutes"): 0.5,
}
"""How many of the days with anything have each series."""

METRICS = {
    "logins_7d": "rolling_sum(activities.login, 7)",
    "logins_30d": "rolling_sum(activities.login, 30)",
    "active_30d": "if(rolling_sum(activities.login, 30) > 0, 1, 0)",
    "login_days_90d": "rolling_count(activities.login, 90)",
    "quiet_days": "days_since(activities.login)",
    "gone": "if(days_since(activities.login) > 60, 1, 0)",
    "views_90d": 'rolling_sum("activities.page view", 90)',
    "views_per_login": 'rolling_sum("activities.page view", 30) / rolling_sum(activities.login, 30)',
    "most_searches_30d": "rolling_max(activities.search, 30)",
    "searches_against_quarter": "rolling_avg(activities.search, 14) - rolling_avg(activities.search, 90)",
    "days_since_export": "days_since(activities.export)",
    "minutes_last": "rolling_last(metrics.minutes, 30)",
    "minutes_per_login": "rolling_sum(metrics.minutes, 30) / rolling_sum(activities.login, 30)",
}


def make(folder: Path, size: Size) -> int:
    """Write `endusers.csv`, `companies.csv`, the rows by month and the project; returns the number of raw rows."""
    (folder / "metricsql.yml").write_text(json.dumps(project(size), indent=2), encoding="utf-8")
    note = folder / NOTE
    written = [size.companies, size.days, size.seed]
    if note.exists() and (known := json.loads(note.read_text()))["size"] == written:
        return int(known["rows"])
    import duckdb

    with duckdb.connect() as connection:
        rows = _write(connection, folder, size)
    note.write_text(json.dumps({"size": written, "rows": rows}))
    return rows


def _write(connection: Any, folder: Path, size: Size) -> int:
    connection.execute(f"""
        CREATE MACRO chance(what, s, u, d) AS hash({int(size.seed)}, what, s, u, d) / 18446744073709551616.0;
        CREATE TABLE series (number INTEGER, namespace VARCHAR, name VARCHAR, share DOUBLE);
        COPY (SELECT 'c-' || c AS id FROM range({size.companies // 100 + 1}) AS t(c)) TO '{folder}/companies.csv' (HEADER);
        COPY (SELECT 'u-' || lpad(u::VARCHAR, 7, '0') AS id, 'c-' || (u // 100) AS company
              FROM range({size.companies}) AS t(u)) TO '{folder}/endusers.csv' (HEADER)""")
    connection.executemany("INSERT INTO series VALUES (?, ?, ?, ?)", [
        (number, series.namespace, series.name, share) for number, (series, share) in enumerate(SERIES.items())])
    rows = 0
    for first, last in months(size):
        connection.execute(f"""CREATE OR REPLACE TABLE points AS
            SELECT s.namespace, s.name, 'u-' || lpad(u::VARCHAR, 7, '0') AS enduser,
                   DATE '{first}' + d::INT + to_seconds((86000 * chance('second', s.number, u, d + {(first - START).days}))::INT) AS time,
                   1 + (9 * chance('value', s.number, u, d + {(first - START).days}))::INT AS value
            FROM range({size.companies}) AS t(u) CROSS JOIN range({(last - first).days + 1}) AS r(d) CROSS JOIN series AS s
            WHERE chance('day', 0, u, d + {(first - START).days}) < {SHARE_OF_DAYS}
              AND chance('there', s.number, u, d + {(first - START).days}) < s.share""")
        for namespace, columns in _COLUMNS.items():
            (folder / namespace).mkdir(exist_ok=True)
            made = connection.execute(f"COPY (SELECT {columns} FROM points WHERE namespace = '{namespace}' ORDER BY time, enduser, name) "
                                      f"TO '{folder}/{namespace}/{first:%Y-%m}.parquet' (FORMAT parquet)").fetchone()
            rows += int(made[0]) if made else 0
    return rows


_COLUMNS = {"activities": 'name AS action, enduser AS "euExtId", time AS "date", value AS count',
            "metrics": 'name AS "dimensionId", enduser AS "externalId", \'enduser\' AS model, time AS "date", value / 4 AS value'}


def project(size: Size) -> dict[str, Any]:
    """The project file over the data."""
    return {
        "version": 1, "name": "sparse", "database": "metricsql.duckdb", "start": str(START), "until": str(size.until),
        "models": {"company": {"records": "companies.csv"}, "enduser": {"records": "endusers.csv", "company": "company"}},
        "series": {"activities": "activities/*.parquet", "metrics": "metrics/*.parquet"},
        "metrics": [{"id": name, "model": "enduser", "formula": formula} for name, formula in METRICS.items()],
    }


def _smaller(lines: Lines, dense: str) -> float | None:
    """How many times as large as ours the file of another entry is."""
    return lines[dense].size / lines[OWN].size if {dense, OWN} <= lines.keys() else None


def _prepare(folder: Path, options: Options) -> Prepared:
    size = options.size(Size(companies=100_000))
    rows = make(folder, size)
    told = Task(folder, size, "enduser", tuple(METRICS), options.memory)
    return Prepared(
        [Entry(OWN, OWN, told), Entry("own_dense", "own_dense", told, OWN), Entry("dense_grid", "sparse_grid", told, OWN),
         Entry("polars", "sparse_polars", told, OWN)], rows,
        [Bar("at least 10 times faster than the dense grid in DuckDB", lambda lines: times(lines, "dense_grid"), 10, at_least=True),
         Bar("at least 3 times faster than Polars", lambda lines: times(lines, "polars"), 3, at_least=True),
         Bar("the file at least 10 times smaller than a dense one", lambda lines: _smaller(lines, "own_dense"), 10, at_least=True)],
        facts=lambda lines: {"the table of the dense grid alone, times our whole file": _smaller(lines, "dense_grid")})


WORKLOAD = Workload("end users with rows on 1 % of the days (`companies` are end users)", _prepare)
