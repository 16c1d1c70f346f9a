"""A process that starts as a build does, and does nothing."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks.workload import Task

TITLE = "start-up of a build"
PACKAGES = ("duckdb",)


CODE = "import gc, os; gc.set_threshold(300_000); import metricsql.build.build, metricsql.cli.build_command, metricsql.api; os._exit(0)"
"""What every build does before it begins, and ending as the command does."""


def run(task: Task) -> dict[str, Any]:
    import metricsql.api
    import metricsql.build.build  # noqa: F401

    return {"rows": 0}


def command(task: Task) -> list[str]:
    return [sys.executable, "-c", CODE]


def said(output: str) -> dict[str, Any]:
    return {"rows": 0}


def output(folder: Path) -> Path:
    return folder / "start_up"


def values(task: Task, metric: str) -> str:
    raise LookupError("a process that only starts has no values")
