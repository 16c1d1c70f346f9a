"""`scale`: the data of `standard` for 1, 2, 4 and 8 times as many companies, with one memory limit for all."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.data import Size
from benchmarks.workload import OWN, Bar, Entry, Lines, Options, Prepared, Workload, in_bytes
from benchmarks.workloads.standard import make, task

FACTORS = (1, 2, 4, 8)
MEMORY = "3GB"


def _prepare(folder: Path, options: Options) -> Prepared:
    size = options.size(Size(companies=2500))
    memory = options.memory or MEMORY
    entries, rows = [], 0
    for factor in FACTORS:
        larger = replace(size, companies=size.companies * factor)
        rows = make(folder / str(factor), larger)
        entries.append(Entry(f"x{factor}", OWN, task(folder / str(factor), larger, memory)))
    entries.append(Entry("start_up", "start_up", entries[0].task))
    limit = in_bytes(memory)

    def peak(lines: Lines) -> float:
        return max(line.peak for line in lines.values()) / limit

    return Prepared(entries, rows, [Bar("time grows no faster than n^1.1", exponent, 1.1),
                                    Bar("peak memory as a share of the limit", peak, 1)], _facts)


def exponent(lines: Lines) -> float | None:
    """The slope of time over companies on logarithmic scales, by least squares; the time to start is left out."""
    known = [factor for factor in FACTORS if f"x{factor}" in lines]
    if len(known) < 2 or "start_up" not in lines:
        return None
    start = lines["start_up"].seconds
    points = [(math.log(factor), math.log(max(lines[f"x{factor}"].seconds - start, 1e-3))) for factor in known]
    x, y = (sum(values) / len(points) for values in zip(*points, strict=True))
    return float(sum((a - x) * (b - y) for a, b in points) / sum((a - x) ** 2 for a, _ in points))


def _facts(lines: Lines) -> dict[str, Any]:
    return {"exponent": exponent(lines)}


WORKLOAD = Workload("1, 2, 4 and 8 times as many companies", _prepare)
