"""The metrics of `standard` in Polars, over a dense grid of records and days: what both Polars scripts share."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars import Expr, col

from benchmarks.data import SERIES, START
from benchmarks.workload import Task

SOURCES = {
    "activities": ("companyExternalId", "action", col("count").sum().cast(pl.Float64)),
    "metrics": ("externalId", "dimensionId", col("value").max_by("date")),
}
"""Per namespace: the column of records, the column of names, and one value for several rows of a day."""
FIRST = (START - date(1970, 1, 1)).days


@dataclass(frozen=True)
class Windows:
    """Windows over a column of all records, with `blank` empty days in front of each record.

    Columns: `series.<name>`, `cell` (the number of the row), `number` (the day, from 0; negative while blank), `code`.
    """

    blank: int

    def within(self, rolled: Expr) -> Expr:
        """Keep a window within its record: the blank days do so already."""
        return rolled

    def sum(self, name: str, days: int) -> Expr:
        return self.within(series(name).rolling_sum(days, min_samples=1))

    def mean(self, name: str, days: int) -> Expr:
        return self.within(series(name).rolling_mean(days, min_samples=1))

    def max(self, name: str, days: int) -> Expr:
        return self.within(series(name).rolling_max(days, min_samples=1))

    def min(self, name: str, days: int) -> Expr:
        return self.within(series(name).rolling_min(days, min_samples=1))

    def count(self, name: str, days: int) -> Expr:
        return self.within(series(name).is_not_null().cast(pl.Int32).rolling_sum(days, min_samples=1))

    def age(self, name: str) -> Expr:
        """Days since there was a value; over `number` where the last one is of a record before."""
        return col("cell") - pl.when(series(name).is_not_null()).then("cell").forward_fill()

    def last(self, name: str, days: int) -> Expr:
        known = (self.age(name) < days) & (self.age(name) <= col("number"))
        return pl.when(known).then(series(name).forward_fill())

    def any(self, name: str, days: int) -> Expr:
        return ((self.age(name) < days) & (self.age(name) <= col("number"))).fill_null(False)

    def since(self, name: str) -> Expr:
        days = col("cell") - pl.when(series(name) > 0).then("cell").forward_fill()
        return pl.when(days <= col("number")).then(days)

    def total(self, name: str) -> Expr:
        return pl.when(self.age(name) <= col("number")).then(series(name).fill_null(0).cum_sum().over("code"))

    def before(self, name: str, days: int) -> Expr:
        return self.within(series(name).shift(days))

    def trend(self, name: str, days: int) -> Expr:
        return ratio(series(name), self.before(name, days))


@dataclass(frozen=True)
class WindowsOver(Windows):
    """Windows that are kept within their record by `over`."""

    def within(self, rolled: Expr) -> Expr:
        return rolled.over("code")


def series(name: str) -> Expr:
    return col(f"series.{name}")


def ratio(a: Expr, b: Expr) -> Expr:
    """A quotient, without a value where the denominator is 0."""
    return pl.when(b != 0).then(a / b)


def stages(w: Windows) -> Iterator[dict[str, Expr]]:
    """The metrics, those that others use before them."""
    seats, metric = col("seats"), col
    yield {
        "logins_7d": w.sum("login", 7).fill_null(0),
        "logins_30d": w.sum("login", 30).fill_null(0),
        "logins_per_week": 7 * w.mean("login", 30),
        "logins_week_over_week": ratio(w.sum("login", 7), w.sum("login", 14) - w.sum("login", 7).fill_null(0)),
        "logins_against_last_week": w.trend("login", 7),
        "logins_total": w.total("login"),
        "quiet_days": w.since("login"),
        "busiest_day_90d": ratio(100 * w.max("login", 90), w.sum("login", 90)),
        "views_14d": w.sum("page_view", 14),
        "views_per_login": ratio(w.sum("page_view", 30), w.sum("login", 30)),
        "views_against_quarter": ratio(100 * w.mean("page_view", 7), w.mean("page_view", 90)),
        "api_calls_per_seat": ratio(w.sum("api_call", 30), seats),
        "api_peak": ratio(w.max("api_call", 30), w.mean("api_call", 30)),
        "searches_against_month": w.mean("search", 7) - w.mean("search", 30),
        "report_days_30d": w.count("report_opened", 30),
        "days_since_report": w.since("report_opened"),
        "comments_quarter_pace": w.sum("comment", 30) - w.sum("comment", 90) / 3,
        "exports_90d": w.sum("export", 90).fill_null(0),
        "users_created_total": w.total("user_created"),
        "users_created_pace": ratio(3 * w.sum("user_created", 30), w.sum("user_created", 90)),
        "features_in_use": pl.sum_horizontal(*(w.any(name, 30) for name in (
            "report_opened", "comment", "export", "user_created", "invite", "integration_run"))),
        "days_since_growth": pl.min_horizontal(w.since("user_created"), w.since("invite"), w.since("integration_run")),
        "active_seats": w.last("active_seats", 7),
        "seat_use": ratio(100 * w.last("active_seats", 7), w.last("bought_seats", 90)),
        "seats_free": pl.when(w.last("active_seats", 7).is_not_null())
        .then(w.last("bought_seats", 90) - w.last("active_seats", 7)).otherwise(seats),
        "minutes_per_seat": ratio(w.sum("minutes", 7), w.mean("active_seats", 7)),
        "minutes_steadiness": ratio(w.min("minutes", 14), w.max("minutes", 14)) * w.trend("minutes", 7),
        "storage_growth": w.last("storage", 7) - w.mean("storage", 90),
        "errors_per_job": ratio(w.sum("errors", 30), w.sum("jobs", 30)),
        "error_spread_14d": ratio(w.max("errors", 14) - w.min("errors", 14), w.mean("errors", 14)),
        "tickets": w.last("open_tickets", 14).fill_null(0),
        "tickets_worst_90d": w.max("open_tickets", 90) - w.mean("open_tickets", 30),
        "monthly_revenue": w.last("monthly_revenue", 90),
        "satisfaction": pl.when(w.count("satisfaction", 90) + w.count("recommendation", 90) > 1)
        .then(pl.mean_horizontal(w.mean("satisfaction", 90), w.last("recommendation", 90))).otherwise(50),
    }
    yield {
        "revenue_growth": 100 * ratio(metric("monthly_revenue"), w.within(metric("monthly_revenue").shift(30))) - 100,
        "use_score": pl.when(metric("quiet_days") > 14).then(0)
        .otherwise(pl.min_horizontal(pl.lit(100.0), ratio(metric("logins_30d"), seats) * 10)),
    }
    yield {"health": pl.when(col("number") >= 0).then(pl.mean_horizontal("use_score", "seat_use", "satisfaction"))}
    yield {"health_30d": w.within(metric("health").rolling_mean(30, min_samples=1)),
           "health_low_90d": w.within(metric("health").rolling_min(90, min_samples=1))}
    yield {"at_risk": pl.when((metric("health") < 0.8 * metric("health_30d")) | (metric("quiet_days") > 30)).then(1).otherwise(0)}


def compute(task: Task, target: Path, windows: Windows, batch: int) -> dict[str, Any]:
    """All metrics of a task, in batches of records, as one Parquet file."""
    companies = pl.read_csv(task.folder / "companies.csv").select(
        record=col("id").cast(pl.Enum(pl.read_csv(task.folder / "companies.csv")["id"])), seats="seats")
    length = windows.blank + task.size.days
    grid = pl.DataFrame({f"series.{name}": column for name, column in _columns(task, companies, windows.blank)})
    parts = []
    for first in range(0, companies.height, batch):
        some = companies.slice(first, batch)
        rows = np.repeat(np.arange(some.height, dtype=np.int32), length)
        frame = grid.slice(first * length, some.height * length).with_columns(
            pl.Series("code", rows), pl.Series("cell", np.arange(len(rows), dtype=np.int32)),
            pl.Series("number", np.tile(np.arange(-windows.blank, task.size.days, dtype=np.int32), some.height)), *some[rows]).lazy()
        for stage in stages(windows):
            frame = frame.with_columns(**stage)
        day = (col("number") + FIRST).cast(pl.Date)
        parts.append(frame.filter(col("number") >= 0).select("record", *task.metrics, day=day).collect())
    result = pl.concat(parts)
    result.write_parquet(target, compression="lz4")
    return {"rows": result.height}


def _columns(task: Task, companies: pl.DataFrame, blank: int) -> Iterator[tuple[str, pl.Series]]:
    """The collapsed values of each series on the dense grid."""
    length = blank + task.size.days
    empty = np.full(companies.height * length, np.nan)
    collapsed = {namespace: _collapsed(task, companies, namespace, blank, length) for namespace in SOURCES}
    for one in SERIES:
        dense = empty.copy()
        if (found := collapsed[one.namespace].get((one.name,))) is not None:
            dense[found["cell"].to_numpy()] = found["value"].to_numpy()
        yield one.word, pl.Series(dense, nan_to_null=True)


def _collapsed(task: Task, companies: pl.DataFrame, namespace: str, blank: int, length: int) -> dict[tuple[Any, ...], pl.DataFrame]:
    """Per name of a namespace, the cells that have a value."""
    record, name, value = SOURCES[namespace]
    code = col(record).cast(companies["record"].dtype).to_physical().cast(pl.Int32)
    number = col("date").cast(pl.Date).cast(pl.Int32) - FIRST
    rows = pl.scan_parquet(task.folder / namespace / "*.parquet")
    cells = rows.group_by(name=col(name).cast(pl.Categorical), cell=code * length + number + blank).agg(value=value)
    return cells.collect(engine="streaming").partition_by("name", as_dict=True, include_key=False)
