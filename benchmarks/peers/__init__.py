"""The contenders: the package itself and what people would use instead, one module each.

A contender computes the metrics of a task in its folder and leaves them there. The harness runs it in a
process of its own and reads the values back through `values`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, cast

from benchmarks.workload import Task


class Contender(Protocol):
    """What a module in this folder provides."""

    TITLE: str
    PACKAGES: tuple[str, ...]
    """The packages it needs; their versions stand beside the figures."""

    def run(self, task: Task) -> dict[str, Any]:
        """Compute everything; returns what is known about the run beside its time, `rows` at least."""

    # A contender that is a command has `command(task)`, its words, and `said(output)`, what `run` returns from what it printed.

    def output(self, folder: Path) -> Path:
        """The file (or folder) that holds the result."""

    def values(self, task: Task, metric: str) -> str:
        """DuckDB SQL with the columns `record, day, value` for one metric; `result` is the attached output."""


def contender(name: str) -> Contender:
    """The module of a contender."""
    return cast(Contender, import_module(f"benchmarks.peers.{name}"))


def missing_packages(name: str) -> list[str]:
    """The packages that a contender needs and that are not installed."""
    try:
        return [package for package in contender(name).PACKAGES if find_spec(package) is None]
    except ModuleNotFoundError as missing:
        return [str(missing.name)]
