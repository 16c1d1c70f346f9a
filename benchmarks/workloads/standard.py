"""`standard`: metrics as a customer-success team has them, as a project file over the generated data.

Each peer says in its own language what a metric is. Metrics stand in build order, so that the first n of them are a
workload, too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.data import START, Size, make_data
from benchmarks.workload import OWN, Bar, Entry, Options, Prepared, Task, Workload, times

PEERS = ("polars", "polars_over", "pandas", "window_queries", "clickhouse")
TIPPING = ("at_risk",)


@dataclass(frozen=True)
class Metric:
    """A calculated metric of a workload."""

    id: str
    formula: str
    missing: str = "null"


def _same_day(metric: str) -> str:
    """The value of another metric on the same day."""
    return f"rolling_last(calculated.{metric}, 1)"


STANDARD = (
    # use
    Metric("logins_7d", "rolling_sum(activities.login, 7)", "zero"),
    Metric("logins_30d", "rolling_sum(activities.login, 30)", "zero"),
    Metric("logins_per_week", "7 * rolling_avg(activities.login, 30)"),
    Metric("logins_week_over_week", "rolling_sum(activities.login, 7) "
           "/ subtract(rolling_sum(activities.login, 14), rolling_sum(activities.login, 7))"),
    Metric("logins_against_last_week", "trend(activities.login, 7)"),
    Metric("logins_total", "total_sum(activities.login)"),
    Metric("quiet_days", "days_since(activities.login)"),
    Metric("busiest_day_90d", "100 * rolling_max(activities.login, 90) / rolling_sum(activities.login, 90)"),
    Metric("views_14d", 'rolling_sum("activities.page view", 14)'),
    Metric("views_per_login", 'rolling_sum("activities.page view", 30) / rolling_sum(activities.login, 30)'),
    Metric("views_against_quarter",
           '100 * rolling_avg("activities.page view", 7) / rolling_avg("activities.page view", 90)'),
    Metric("api_calls_per_seat", 'rolling_sum("activities.api call", 30) / company.custom.seats'),
    Metric("api_peak", 'rolling_max("activities.api call", 30) / rolling_avg("activities.api call", 30)'),
    Metric("searches_against_month", "rolling_avg(activities.search, 7) - rolling_avg(activities.search, 30)"),
    Metric("report_days_30d", 'rolling_count("activities.report opened", 30)'),
    Metric("days_since_report", 'days_since("activities.report opened")'),
    Metric("comments_quarter_pace", "rolling_sum(activities.comment, 30) - rolling_sum(activities.comment, 90) / 3"),
    Metric("exports_90d", "rolling_sum(activities.export, 90)", "zero"),
    Metric("users_created_total", 'total_sum("activities.user created")'),
    Metric("users_created_pace",
           '3 * rolling_sum("activities.user created", 30) / rolling_sum("activities.user created", 90)'),
    Metric("features_in_use", " + ".join(
        f'if(rolling_count("activities.{name}", 30) > 0, 1, 0)'
        for name in ("report opened", "comment", "export", "user created", "invite", "integration run"))),
    Metric("days_since_growth", 'min(days_since("activities.user created"), days_since(activities.invite), '
           'days_since("activities.integration run"))'),
    # seats, money, voice
    Metric("active_seats", 'rolling_last("metrics.active seats", 7)'),
    Metric("seat_use", '100 * rolling_last("metrics.active seats", 7) / rolling_last("metrics.bought seats", 90)'),
    Metric("seats_free", 'if(has_value(rolling_last("metrics.active seats", 7)), subtract('
           'rolling_last("metrics.bought seats", 90), rolling_last("metrics.active seats", 7)), company.custom.seats)'),
    Metric("minutes_per_seat", 'rolling_sum(metrics.minutes, 7) / rolling_avg("metrics.active seats", 7)'),
    Metric("minutes_steadiness", "rolling_min(metrics.minutes, 14) / rolling_max(metrics.minutes, 14) "
           "* trend(metrics.minutes, 7)"),
    Metric("storage_growth", 'rolling_last(metrics.storage, 7) - rolling_avg(metrics.storage, 90)'),
    Metric("errors_per_job", "rolling_sum(metrics.errors, 30) / rolling_sum(metrics.jobs, 30)"),
    Metric("error_spread_14d", "(rolling_max(metrics.errors, 14) - rolling_min(metrics.errors, 14)) "
           "/ rolling_avg(metrics.errors, 14)"),
    Metric("tickets", 'rolling_last("metrics.open tickets", 14)', "zero"),
    Metric("tickets_worst_90d", 'rolling_max("metrics.open tickets", 90) - rolling_avg("metrics.open tickets", 30)'),
    Metric("monthly_revenue", 'rolling_last("metrics.monthly revenue", 90)'),
    Metric("satisfaction",
           "if(rolling_count(metrics.satisfaction, 90) + rolling_count(metrics.recommendation, 90) > 1, avg("
           "rolling_avg(metrics.satisfaction, 90), rolling_last(metrics.recommendation, 90)), 50)"),
    # over other metrics
    Metric("revenue_growth", "100 * trend(calculated.monthly_revenue, 30) - 100"),
    Metric("use_score", f"if({_same_day('quiet_days')} > 14, 0, "
           f"min(100, {_same_day('logins_30d')} / company.custom.seats * 10))"),
    Metric("health", f"avg({_same_day('use_score')}, {_same_day('seat_use')}, {_same_day('satisfaction')})"),
    Metric("health_30d", "rolling_avg(calculated.health, 30)"),
    Metric("health_low_90d", "rolling_min(calculated.health, 90)"),
    Metric("at_risk", f"if({_same_day('health')} < 0.8 * {_same_day('health_30d')} "
           f"or {_same_day('quiet_days')} > 30, 1, 0)"),
)


def metrics_of(size: Size) -> tuple[Metric, ...]:
    """The metrics that a size asks for."""
    if size.metrics > len(STANDARD):
        raise ValueError(f"there are {len(STANDARD)} metrics, found {size.metrics}")
    return STANDARD[:size.metrics]


def project(size: Size, wanted: Sequence[str] | None = None) -> dict[str, Any]:
    """The project file over the generated data, with the wanted metrics only (None: all of the size)."""
    return {
        "version": 1, "name": "benchmark", "database": "metricsql.duckdb", "fields_before_tracking": "constant",
        "start": str(START), "until": str(size.until),
        "models": {"company": {"records": "companies.csv", "key": "id"}},
        "series": {"activities": "activities/*.parquet", "metrics": "metrics/*.parquet"},
        "metrics": [{"id": m.id, "formula": m.formula, "missing": m.missing} for m in metrics_of(size)
                    if wanted is None or m.id in wanted],
    }


def make(folder: Path, size: Size, wanted: Sequence[str] | None = None) -> int:
    """Data and project; returns the number of raw rows."""
    rows = make_data(folder, size)
    (folder / "metricsql.yml").write_text(json.dumps(project(size, wanted), indent=2), encoding="utf-8")
    return rows


def task(folder: Path, size: Size, memory: str | None = None) -> Task:
    """All metrics of a size."""
    return Task(folder, size, "company", tuple(metric.id for metric in metrics_of(size)), memory)


def _prepare(folder: Path, options: Options) -> Prepared:
    size = options.size(Size())
    rows = make(folder, size)
    told = task(folder, size, options.memory)
    return Prepared(
        [Entry(OWN, OWN, told), Entry("limit", "physical_limit", told), *(Entry(peer, peer, told, OWN) for peer in PEERS)], rows,
        [Bar("at most 1.3 times the time of Polars", lambda lines: times(lines, OWN, "polars"), 1.3),
         Bar("at least 2 times faster than one query per metric", lambda lines: times(lines, "window_queries"), 2, at_least=True)])


WORKLOAD = Workload("all metrics for every company and day", _prepare, TIPPING)
