"""The package itself, made to hold every day as a row: what change points are compared with."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.peers import own
from benchmarks.workload import Task

TITLE = "metricsql build, day by day"
PACKAGES = own.PACKAGES
values = own.values


def run(task: Task) -> dict[str, Any]:
    from metricsql.api import Project
    from metricsql.build import change_points
    from metricsql.project import load_definition

    change_points.LEAST_CELLS = sys.maxsize
    definition = replace(load_definition(task.folder / "metricsql.yml"), database=output(task.folder))
    return own.known(Project(definition).build(as_of=task.size.until, memory_limit=task.memory).to_dict())


def output(folder: Path) -> Path:
    return folder / "dense.duckdb"
