"""One DuckDB query per metric, as a person who knows window functions writes them.

Every query reads the raw series it needs from the files (one scan per namespace, only the rows of its own
series), collapses them to one value a day, joins them to a grid of every company and day, and writes a table
of its own. A metric over other metrics reads the tables that are there already.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from benchmarks.data import SERIES, START, Series, Size
from benchmarks.workload import Task

TITLE = "one DuckDB query per metric"
PACKAGES = ("duckdb",)

WINDOWS = {
    "week": "ROWS 6 PRECEDING",
    "fortnight": "ROWS 13 PRECEDING",
    "month": "ROWS 29 PRECEDING",
    "quarter": "ROWS 89 PRECEDING",
    "ever": "ROWS UNBOUNDED PRECEDING",
    "by_day": "",
}


def _days_since(series: str) -> str:
    return f"day - last_value(CASE WHEN {series} > 0 THEN day END IGNORE NULLS) OVER ever"


QUERIES = {
    "logins_7d": "coalesce(sum(login) OVER week, 0)",
    "logins_30d": "coalesce(sum(login) OVER month, 0)",
    "logins_per_week": "7 * avg(login) OVER month",
    "logins_week_over_week":
        "sum(login) OVER week / nullif(sum(login) OVER fortnight - coalesce(sum(login) OVER week, 0), 0)",
    "logins_against_last_week": "login / nullif(lag(login, 7) OVER by_day, 0)",
    "logins_total": "sum(login) OVER ever",
    "quiet_days": _days_since("login"),
    "busiest_day_90d": "100 * max(login) OVER quarter / nullif(sum(login) OVER quarter, 0)",
    "views_14d": "sum(page_view) OVER fortnight",
    "views_per_login": "sum(page_view) OVER month / nullif(sum(login) OVER month, 0)",
    "views_against_quarter": "100 * avg(page_view) OVER week / nullif(avg(page_view) OVER quarter, 0)",
    "api_calls_per_seat": "sum(api_call) OVER month / nullif(seats, 0)",
    "api_peak": "max(api_call) OVER month / nullif(avg(api_call) OVER month, 0)",
    "searches_against_month": "avg(search) OVER week - avg(search) OVER month",
    "report_days_30d": "count(report_opened) OVER month",
    "days_since_report": _days_since("report_opened"),
    "comments_quarter_pace": "sum(comment) OVER month - sum(comment) OVER quarter / 3",
    "exports_90d": "coalesce(sum(export) OVER quarter, 0)",
    "users_created_total": "sum(user_created) OVER ever",
    "users_created_pace": "3 * sum(user_created) OVER month / nullif(sum(user_created) OVER quarter, 0)",
    "features_in_use": " + ".join(f"(count({series}) OVER month > 0)::INTEGER" for series in (
        "report_opened", "comment", "export", "user_created", "invite", "integration_run")),
    "days_since_growth":
        f"least({_days_since('user_created')}, {_days_since('invite')}, {_days_since('integration_run')})",
    "active_seats": "last_value(active_seats IGNORE NULLS) OVER week",
    "seat_use": "100 * last_value(active_seats IGNORE NULLS) OVER week "
                "/ nullif(last_value(bought_seats IGNORE NULLS) OVER quarter, 0)",
    "seats_free": "CASE WHEN last_value(active_seats IGNORE NULLS) OVER week IS NOT NULL "
                  "THEN last_value(bought_seats IGNORE NULLS) OVER quarter "
                  "- last_value(active_seats IGNORE NULLS) OVER week ELSE seats END",
    "minutes_per_seat": "sum(minutes) OVER week / nullif(avg(active_seats) OVER week, 0)",
    "minutes_steadiness": "min(minutes) OVER fortnight / nullif(max(minutes) OVER fortnight, 0) "
                          "* (minutes / nullif(lag(minutes, 7) OVER by_day, 0))",
    "storage_growth": "last_value(storage IGNORE NULLS) OVER week - avg(storage) OVER quarter",
    "errors_per_job": "sum(errors) OVER month / nullif(sum(jobs) OVER month, 0)",
    "error_spread_14d":
        "(max(errors) OVER fortnight - min(errors) OVER fortnight) / nullif(avg(errors) OVER fortnight, 0)",
    "tickets": "coalesce(last_value(open_tickets IGNORE NULLS) OVER fortnight, 0)",
    "tickets_worst_90d": "max(open_tickets) OVER quarter - avg(open_tickets) OVER month",
    "monthly_revenue": "last_value(monthly_revenue IGNORE NULLS) OVER quarter",
    "satisfaction":
        "CASE WHEN count(satisfaction) OVER quarter + count(recommendation) OVER quarter > 1 "
        "THEN list_avg([avg(satisfaction) OVER quarter, last_value(recommendation IGNORE NULLS) OVER quarter]) "
        "ELSE 50 END",
    "revenue_growth": "100 * [monthly_revenue] / nullif(lag([monthly_revenue], 30) OVER by_day, 0) - 100",
    "use_score": "CASE WHEN [quiet_days] > 14 THEN 0 ELSE least(100, [logins_30d] / nullif(seats, 0) * 10) END",
    "health": "list_avg([[use_score], [seat_use], [satisfaction]])",
    "health_30d": "avg([health]) OVER month",
    "health_low_90d": "min([health]) OVER quarter",
    "at_risk": "CASE WHEN [health] < 0.8 * [health_30d] OR [quiet_days] > 30 THEN 1 ELSE 0 END",
}
"""The value of each metric. A word is a series, a word in brackets another metric, `seats` a column of companies."""


def run(task: Task) -> dict[str, Any]:
    import duckdb

    rows = 0
    with duckdb.connect(str(output(task.folder))) as connection:
        connection.execute("SET enable_progress_bar = false")
        if task.memory is not None:
            connection.execute(f"SET memory_limit = '{task.memory}'")
        for metric in task.metrics:
            made = connection.execute(query(metric, task.folder, task.size)).fetchone()
            rows = int(made[0]) if made else 0
        connection.execute("CHECKPOINT")
    return {"rows": rows}


def output(folder: Path) -> Path:
    return folder / "window_queries.duckdb"


def values(task: Task, metric: str) -> str:
    return f'SELECT company AS record, day, value FROM result."{metric}"'


def query(metric: str, folder: Path, size: Size) -> str:
    """The statement that fills the table of a metric."""
    value = QUERIES[metric]
    others = list(dict.fromkeys(re.findall(r"\[(\w+)\]", value)))
    value = re.sub(r"\[(\w+)\]", r"\1.value", value)
    words = set(re.findall(r"(?<![.\w])\w+(?![.\w(])", value))
    series = [s for s in SERIES if s.word in words]
    frames = [f"{name} AS (PARTITION BY company ORDER BY day {WINDOWS[name]})" for name in WINDOWS if name in words]
    parts, source = [], ""
    if series or not others:
        parts.append(_grid(folder, size, "seats" in words))
        namespaces = list(dict.fromkeys(s.namespace for s in series))
        parts += [collapsed(folder, name, [s for s in series if s.namespace == name]) for name in namespaces]
        source = "grid" + "".join(f" LEFT JOIN {name} USING (company, day)" for name in namespaces)
    else:
        source = others[0] + "".join(f" JOIN {other} USING (company, day)" for other in others[1:])
        if "seats" in words:
            source += f" JOIN (SELECT id AS company, seats FROM {_companies(folder)}) AS c USING (company)"
    ctes = "WITH " + ",\n".join(parts) + "\n" if parts else ""
    windows = "\nWINDOW " + ",\n  ".join(frames) if frames else ""
    head = f'CREATE TABLE "{metric}" AS\n{ctes}SELECT company, day, CAST({value} AS DOUBLE) AS value'
    return f"{head}\nFROM {source}{windows}"


def _companies(folder: Path) -> str:
    return f"read_csv('{folder}/companies.csv')"


def _grid(folder: Path, size: Size, seats: bool) -> str:
    return (f"grid AS (\n  SELECT c.id AS company, CAST(d.day AS DATE) AS day{', c.seats' if seats else ''}\n"
            f"  FROM {_companies(folder)} AS c\n"
            f"  CROSS JOIN generate_series(DATE '{START}', DATE '{size.until}', INTERVAL 1 DAY) AS d(day)\n)")


def collapsed(folder: Path, namespace: str, series: list[Series]) -> str:
    """The series of one namespace, one row per company and day, in one scan of its files."""
    record, name = ('"companyExternalId"', "action") if namespace == "activities" else ('"externalId"', '"dimensionId"')
    collapse = "sum(count)" if namespace == "activities" else 'arg_max(value, "date")'
    if len(series) == 1:
        columns = f"{collapse} AS {series[0].word}"
    else:
        columns = ", ".join(f"{collapse} FILTER ({name} = '{s.name}') AS {s.word}" for s in series)
    names = ", ".join(f"'{s.name}'" for s in series)
    return (f'{namespace} AS (\n  SELECT {record} AS company, CAST("date" AS DATE) AS day, {columns}\n'
            f"  FROM read_parquet('{folder}/{namespace}/*.parquet') WHERE {name} IN ({names}) GROUP BY ALL\n)")
