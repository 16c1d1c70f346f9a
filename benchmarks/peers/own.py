"""The package itself: one build of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.workload import Task

TITLE = "metricsql build"
PACKAGES = ("duckdb",)


def run(task: Task) -> dict[str, Any]:
    import metricsql

    report = metricsql.load(task.folder / "metricsql.yml").build(as_of=task.size.until, memory_limit=task.memory)
    if report.unusable:
        raise RuntimeError(f"the project is not clean: {report.unusable}")
    return {"rows": sum(report.rows.values()), "stages": {k: round(v, 3) for k, v in report.seconds.items()}}


def output(folder: Path) -> Path:
    return folder / "metricsql.duckdb"


def values(task: Task, metric: str) -> str:
    return f'SELECT record, day, "{metric}" AS value FROM result.metrics."{task.model}"'
