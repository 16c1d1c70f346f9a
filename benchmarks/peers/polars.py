"""A script in Polars, tuned by hand: everything in memory, a folder of Parquet files.

Records are integer codes. They stand one below the other on one dense grid, each with as many blank days in front as the
longest window is long: no window reaches into the record before, so a rolling function runs over a whole column at once,
without `over`. Batches of records keep the columns of all windows in the cache. What was tried stands in the README.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.workload import Task

TITLE = "Polars, tuned by hand"
PACKAGES = ("polars", "numpy")


def run(task: Task) -> dict[str, Any]:
    from benchmarks.peers.polars_grid import Windows, compute
    from benchmarks.peers.polars_metrics import STANDARD

    return compute(task, output(task.folder), STANDARD, Windows(blank=90), batch=500)


def output(folder: Path) -> Path:
    return folder / "polars"


def values(task: Task, metric: str) -> str:
    return f"SELECT record, day, \"{metric}\" AS value FROM '{output(task.folder)}/*.parquet'"
