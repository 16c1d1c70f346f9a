"""A good script in pandas: one dense frame of records and days, `rolling` over whole columns, one Parquet file.

Each record has as many blank days in front as the longest window is long, so that no window reaches into the record before:
`groupby(...).rolling(...)` says the same and is many times slower. Every window is computed once.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.data import SERIES, START
from benchmarks.workload import Task

TITLE = "pandas"
PACKAGES = ("pandas", "numpy", "pyarrow")
BLANK = 90
SOURCES = {"activities": ("companyExternalId", "action", "count"), "metrics": ("externalId", "dimensionId", "value")}
"""Per namespace the columns of records, names and values."""


def run(task: Task) -> dict[str, Any]:
    companies = pd.read_csv(task.folder / "companies.csv")
    length = BLANK + task.size.days
    columns = {one.word: values for namespace in SOURCES for one, values in _columns(task, companies, namespace, length)}
    number = np.tile(np.arange(-BLANK, task.size.days), len(companies))
    made = _metrics(_Windows(columns, number, length), pd.Series(np.repeat(companies["seats"].to_numpy(), length)))
    there = number >= 0
    days = (np.datetime64(START) + number[there]).astype("datetime64[s]")
    written = pd.DataFrame({"record": pd.Categorical.from_codes(np.repeat(np.arange(len(companies)), task.size.days), companies["id"]),
                            "day": days, **{name: made[name].to_numpy()[there] for name in task.metrics}})
    written.to_parquet(output(task.folder), compression="lz4", index=False)
    return {"rows": len(written)}


def output(folder: Path) -> Path:
    return folder / "pandas.parquet"


def values(task: Task, metric: str) -> str:
    return f"SELECT record, CAST(day AS DATE) AS day, \"{metric}\" AS value FROM '{output(task.folder)}'"


def _columns(task: Task, companies: pd.DataFrame, namespace: str, length: int) -> Any:
    """Each series of a namespace with one value a day, on the dense grid."""
    record, name, value = SOURCES[namespace]
    rows = pd.read_parquet(task.folder / namespace, read_dictionary=[record, name])
    cell = rows[record].cat.set_categories(companies["id"]).cat.codes.to_numpy(np.int64) * length + BLANK
    cell += (rows["date"].to_numpy("datetime64[D]") - np.datetime64(START)).astype(np.int64)
    rows = pd.DataFrame({"cell": cell, "name": rows[name], "date": rows["date"], "value": rows[value]})
    if namespace == "metrics":
        rows = rows.sort_values("date")
    for one in (one for one in SERIES if one.namespace == namespace):
        chosen = rows[rows["name"] == one.name]
        dense = np.full(len(companies) * length, np.nan)
        if namespace == "metrics":
            chosen = chosen.drop_duplicates("cell", keep="last")
            dense[chosen["cell"]] = chosen["value"]
        else:
            sums = chosen.groupby("cell", sort=False)["value"].sum()
            dense[sums.index] = sums
        yield one, pd.Series(dense)


class _Windows:
    """Windows over the columns of all records, each computed once."""

    def __init__(self, columns: dict[str, pd.Series], number: Any, length: int) -> None:
        self.columns, self.number, self.length = columns, pd.Series(number), length
        self.cell = pd.Series(np.arange(len(number)))
        self.rolled = cache(self._rolled)
        self.age = cache(self._age)
        self.last = cache(self._last)

    def _rolled(self, name: str, operation: str, days: int) -> pd.Series:
        found: pd.Series = getattr(self.columns[name].rolling(days, min_periods=1), operation)()
        return found

    def sum(self, name: str, days: int) -> pd.Series:
        return self.rolled(name, "sum", days)

    def mean(self, name: str, days: int) -> pd.Series:
        return self.rolled(name, "mean", days)

    def count(self, name: str, days: int) -> pd.Series:
        return self.columns[name].notna().rolling(days, min_periods=1).sum()

    def _age(self, name: str, positive: bool = False) -> pd.Series:
        """Days since there was a value (above 0), missing where there was none in the record."""
        values = self.columns[name]
        days = self.cell - self.cell.where(values > 0 if positive else values.notna()).ffill()
        return days.where(days <= self.number)

    def _last(self, name: str, days: int) -> pd.Series:
        return self.columns[name].ffill().where(self.age(name) < days)

    def since(self, name: str) -> pd.Series:
        return self.age(name, True)

    def total(self, name: str) -> pd.Series:
        sums = np.cumsum(self.columns[name].fillna(0).to_numpy().reshape(-1, self.length), axis=1).ravel()
        return pd.Series(sums).where(self.age(name).notna())

    def trend(self, name: str, days: int) -> pd.Series:
        return _ratio(self.columns[name], self.columns[name].shift(days))


def _ratio(a: pd.Series, b: pd.Series) -> pd.Series:
    """A quotient, without a value where the denominator is 0."""
    return a / b.where(b != 0)


def _mean(*parts: pd.Series) -> pd.Series:
    """The mean of the values that are there."""
    count = sum(part.notna().astype(int) for part in parts)
    return sum(part.fillna(0) for part in parts) / count.where(count > 0)


def _metrics(w: _Windows, seats: pd.Series) -> dict[str, pd.Series]:
    made = _raw_metrics(w, seats)
    active, bought = w.last("active_seats", 7), w.last("bought_seats", 90)
    made |= {
        "active_seats": active,
        "seat_use": _ratio(100 * active, bought),
        "seats_free": (bought - active).where(active.notna(), seats),
        "monthly_revenue": w.last("monthly_revenue", 90),
        "satisfaction": _mean(w.mean("satisfaction", 90), w.last("recommendation", 90))
        .where(w.count("satisfaction", 90) + w.count("recommendation", 90) > 1, 50),
    }
    revenue = made["monthly_revenue"]
    made["revenue_growth"] = 100 * _ratio(revenue, revenue.shift(30)) - 100
    made["use_score"] = (_ratio(made["logins_30d"], seats) * 10).clip(upper=100).where(~(made["quiet_days"] > 14), 0)
    health = _mean(made["use_score"], made["seat_use"], made["satisfaction"]).where(w.number >= 0)
    month = health.rolling(30, min_periods=1).mean()
    return made | {
        "health": health, "health_30d": month, "health_low_90d": health.rolling(90, min_periods=1).min(),
        "at_risk": ((health < 0.8 * month) | (made["quiet_days"] > 30)).astype(float),
    }


def _raw_metrics(w: _Windows, seats: pd.Series) -> dict[str, pd.Series]:
    """The metrics over one namespace each."""
    parts = ("report_opened", "comment", "export", "user_created", "invite", "integration_run")
    growth = pd.concat([w.since(name) for name in ("user_created", "invite", "integration_run")], axis=1).min(axis=1)
    return {
        "logins_7d": w.sum("login", 7).fillna(0),
        "logins_30d": w.sum("login", 30).fillna(0),
        "logins_per_week": 7 * w.mean("login", 30),
        "logins_week_over_week": _ratio(w.sum("login", 7), w.sum("login", 14) - w.sum("login", 7).fillna(0)),
        "logins_against_last_week": w.trend("login", 7),
        "logins_total": w.total("login"),
        "quiet_days": w.since("login"),
        "busiest_day_90d": _ratio(100 * w.rolled("login", "max", 90), w.sum("login", 90)),
        "views_14d": w.sum("page_view", 14),
        "views_per_login": _ratio(w.sum("page_view", 30), w.sum("login", 30)),
        "views_against_quarter": _ratio(100 * w.mean("page_view", 7), w.mean("page_view", 90)),
        "api_calls_per_seat": _ratio(w.sum("api_call", 30), seats),
        "api_peak": _ratio(w.rolled("api_call", "max", 30), w.mean("api_call", 30)),
        "searches_against_month": w.mean("search", 7) - w.mean("search", 30),
        "report_days_30d": w.count("report_opened", 30),
        "days_since_report": w.since("report_opened"),
        "comments_quarter_pace": w.sum("comment", 30) - w.sum("comment", 90) / 3,
        "exports_90d": w.sum("export", 90).fillna(0),
        "users_created_total": w.total("user_created"),
        "users_created_pace": _ratio(3 * w.sum("user_created", 30), w.sum("user_created", 90)),
        "features_in_use": sum((w.age(name) < 30).astype(float) for name in parts),
        "days_since_growth": growth,
        "minutes_per_seat": _ratio(w.sum("minutes", 7), w.mean("active_seats", 7)),
        "minutes_steadiness": _ratio(w.rolled("minutes", "min", 14), w.rolled("minutes", "max", 14)) * w.trend("minutes", 7),
        "storage_growth": w.last("storage", 7) - w.mean("storage", 90),
        "errors_per_job": _ratio(w.sum("errors", 30), w.sum("jobs", 30)),
        "error_spread_14d": _ratio(w.rolled("errors", "max", 14) - w.rolled("errors", "min", 14), w.mean("errors", 14)),
        "tickets": w.last("open_tickets", 14).fillna(0),
        "tickets_worst_90d": w.rolled("open_tickets", "max", 90) - w.mean("open_tickets", 30),
    }
