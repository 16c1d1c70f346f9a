"""What the harness measures: tasks, the entries of a workload, and the bars that it should reach."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.data import Size

if TYPE_CHECKING:
    from benchmarks.measure import Measured

OWN = "own"


@dataclass(frozen=True)
class Task:
    """What a contender is told: where the data are, how many, what to compute, and with how much memory (None: no limit)."""

    folder: Path
    size: Size
    model: str
    metrics: tuple[str, ...]
    memory: str | None = None


def nothing() -> None:
    """What is done before most runs."""


@dataclass(frozen=True)
class Entry:
    """A line of the results: a contender (a module in `peers/`) on a task.

    `before` is run before each run, unmeasured. `same_as` is the label of the entry whose values it must have.
    """

    label: str
    peer: str
    task: Task
    same_as: str | None = None
    before: Callable[[], None] = nothing
    fresh: bool = True
    """Whether what an earlier run left is removed first."""


Lines = Mapping[str, "Measured"]
"""The middle run of each entry that came to an end."""


@dataclass(frozen=True)
class Bar:
    """What a workload should reach: `value` of the results is at most (or at least) `limit`; None if an entry is missing."""

    says: str
    value: Callable[[Lines], float | None]
    limit: float
    at_least: bool = False

    def holds(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True)
class Prepared:
    """A workload whose data are made. The first entry is what the ratios refer to."""

    entries: Sequence[Entry]
    raw_rows: int
    bars: Sequence[Bar] = ()
    facts: Callable[[Lines], dict[str, Any]] = field(default=lambda lines: {})
    """What else follows from the measured lines."""


@dataclass(frozen=True)
class Options:
    """What the command line says; a workload has its own size for what is None."""

    companies: int | None = None
    days: int | None = None
    series: int | None = None
    metrics: int | None = None
    seed: int = 1
    memory: str | None = None
    metricflow_companies: int | None = None

    def size(self, usual: Size) -> Size:
        def chosen(given: int | None, otherwise: int) -> int:
            return otherwise if given is None else given

        return Size(chosen(self.companies, usual.companies), chosen(self.days, usual.days), chosen(self.series, usual.series),
                    chosen(self.metrics, usual.metrics), self.seed)


@dataclass(frozen=True)
class Workload:
    """One table of results. `prepare` fills a folder, unmeasured. Metrics in `tipping` compare values that are not exact:
    the last bit of one can tip a cell over, so single cells of them may differ."""

    title: str
    prepare: Callable[[Path, Options], Prepared]
    tipping: tuple[str, ...] = ()


def times(lines: Lines, label: str, basis: str = OWN) -> float | None:
    """How many times as long as the basis an entry took."""
    if label not in lines or basis not in lines:
        return None
    return lines[label].seconds / lines[basis].seconds


def in_bytes(memory: str) -> int:
    """An amount of memory such as `4GB`. Raises `ValueError`."""
    units = {"KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}
    match = re.fullmatch(r"([0-9.]+) *([A-Za-z]+)", memory.strip())
    if match is None or match[2].upper() not in units:
        raise ValueError(f"`{memory}` is no amount of memory, such as 4GB")
    return int(float(match[1]) * units[match[2].upper()])
