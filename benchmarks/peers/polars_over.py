"""The Polars script as it is usually written: the same reading and the same grid, rolling functions with `over` the record."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.workload import Task

TITLE = "Polars with `over`"
PACKAGES = ("polars", "numpy")


def run(task: Task) -> dict[str, Any]:
    from benchmarks.peers.polars_grid import WindowsOver, compute
    from benchmarks.peers.polars_metrics import STANDARD

    return compute(task, output(task.folder), STANDARD, WindowsOver(blank=0), batch=task.size.companies)


def output(folder: Path) -> Path:
    return folder / "polars_over"


def values(task: Task, metric: str) -> str:
    return f"SELECT record, day, \"{metric}\" AS value FROM '{output(task.folder)}/*.parquet'"
