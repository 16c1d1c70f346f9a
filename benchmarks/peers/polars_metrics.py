"""The metrics of `standard` in Polars, over a dense grid of records and days."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl
from polars import Expr, col

from benchmarks.data import SERIES
from benchmarks.peers.polars_grid import Problem, Windows, ratio


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


STANDARD = Problem(
    "companies.csv", ("seats",), SERIES,
    {"activities": ("companyExternalId", "action", col("count").sum().cast(pl.Float64)),
     "metrics": ("externalId", "dimensionId", col("value").max_by("date"))}, stages)
