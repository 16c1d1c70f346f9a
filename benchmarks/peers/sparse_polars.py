"""The metrics of `sparse` in Polars, tuned as the script of `standard`: a dense grid in batches, a folder of Parquet files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.workload import Task

if TYPE_CHECKING:
    from collections.abc import Iterator

    from polars import Expr

    from benchmarks.peers.polars_grid import Windows

TITLE = "Polars, tuned by hand"
PACKAGES = ("polars", "numpy")


def run(task: Task) -> dict[str, Any]:
    import polars as pl

    from benchmarks.peers.polars_grid import Problem, Windows, compute
    from benchmarks.workloads.sparse import SERIES

    sources = {"activities": ("euExtId", "action", pl.col("count").sum().cast(pl.Float64)),
               "metrics": ("externalId", "dimensionId", pl.col("value").max_by("date"))}
    return compute(task, output(task.folder), Problem("endusers.csv", (), tuple(SERIES), sources, _stages), Windows(blank=90), batch=2000)


def output(folder: Path) -> Path:
    return folder / "sparse_polars"


def values(task: Task, metric: str) -> str:
    return f"SELECT record, day, \"{metric}\" AS value FROM '{output(task.folder)}/*.parquet'"


def _stages(w: Windows) -> Iterator[dict[str, Expr]]:
    import polars as pl

    from benchmarks.peers.polars_grid import ratio

    yield {
        "logins_7d": w.sum("login", 7),
        "logins_30d": w.sum("login", 30),
        "active_30d": pl.when(w.sum("login", 30) > 0).then(1).otherwise(0),
        "login_days_90d": w.count("login", 90),
        "quiet_days": w.since("login"),
        "gone": pl.when(w.since("login") > 60).then(1).otherwise(0),
        "views_90d": w.sum("page_view", 90),
        "views_per_login": ratio(w.sum("page_view", 30), w.sum("login", 30)),
        "most_searches_30d": w.max("search", 30),
        "searches_against_quarter": w.mean("search", 14) - w.mean("search", 90),
        "days_since_export": w.since("export"),
        "minutes_last": w.last("minutes", 30),
        "minutes_per_login": ratio(w.sum("minutes", 30), w.sum("login", 30)),
    }
