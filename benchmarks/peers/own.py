"""The package itself: one build of the project."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from benchmarks.workload import Task

TITLE = "metricsql build"
PACKAGES = ("duckdb",)


def run(task: Task) -> dict[str, Any]:
    import metricsql

    return known(metricsql.load(task.folder / "metricsql.yml").build(as_of=task.size.until, memory_limit=task.memory).to_dict())


def command(task: Task) -> list[str]:
    """What a user types."""
    limit = [] if task.memory is None else ["--memory-limit", task.memory]
    return [str(Path(sys.executable).with_name("metricsql")), "build", "--as-of", str(task.size.until), "--format", "json", *limit]


def said(output: str) -> dict[str, Any]:
    """What is known from the words of the command."""
    return known(json.loads(output))


def known(report: dict[str, Any]) -> dict[str, Any]:
    if report["unusable"]:
        raise RuntimeError(f"the project is not clean: {report['unusable']}")
    return {"rows": sum(report["rows"].values()), "stages": {k: round(v, 3) for k, v in report["seconds"].items()}}


def output(folder: Path) -> Path:
    return folder / "metricsql.duckdb"


def values(task: Task, metric: str) -> str:
    return f'SELECT record, day, "{metric}" AS value FROM result.metrics."{task.model}"'
