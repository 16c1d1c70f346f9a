"""The workloads, one module each: what is computed on which data, by whom, and what should be reached."""

from __future__ import annotations

from importlib import import_module
from typing import cast

from benchmarks.workload import Workload

NAMES = ("standard", "metricflow")


def workload(name: str) -> Workload:
    """The workload of a name."""
    return cast(Workload, import_module(f"benchmarks.workloads.{name}").WORKLOAD)
