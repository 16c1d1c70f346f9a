"""A process that starts as a build does, and does nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.workload import Task

TITLE = "start-up of a build"
PACKAGES = ("duckdb",)


def run(task: Task) -> dict[str, Any]:
    import metricsql.api
    import metricsql.build.build  # noqa: F401

    return {"rows": 0}


def output(folder: Path) -> Path:
    return folder / "start_up"


def values(task: Task, metric: str) -> str:
    raise LookupError("a process that only starts has no values")
