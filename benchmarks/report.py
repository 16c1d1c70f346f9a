"""From measured runs to a table of ratios, as data for the JSON file and as text."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from benchmarks.compare import Agreement
from benchmarks.measure import Measured
from benchmarks.peers import contender
from benchmarks.workload import Entry, Prepared

GIGABYTE = 1e9
LIMIT = "limit"
"""The label of the entry that reads the sources once and writes the result once."""


def middle(measured: Sequence[Measured]) -> Measured:
    """The run with the median time (of two in the middle the faster one), and the highest peak of all."""
    chosen = sorted(measured, key=lambda m: m.seconds)[(len(measured) - 1) // 2]
    return replace(chosen, peak=max(m.peak for m in measured))


def result(name: str, prepared: Prepared, runs: Mapping[str, Sequence[Measured]], agreements: Mapping[str, Agreement],
           left_out: Mapping[str, str]) -> dict[str, Any]:
    """Everything that is known about a workload, ratios before seconds."""
    lines = {label: middle(measured) for label, measured in runs.items() if measured}
    basis = lines[prepared.entries[0].label]
    packages = dict.fromkeys(p for entry in prepared.entries if entry.label in lines for p in contender(entry.peer).PACKAGES)
    return {
        "workload": name, "date": date.today().isoformat(), "raw_rows": prepared.raw_rows, "cores": cores(),
        "versions": {"metricsql": _own_version(), "python": platform.python_version(), **{p: _version(p) for p in packages}},
        "facts": {key: _rounded(value) for key, value in prepared.facts(lines).items()},
        "bars": [{"says": bar.says, "value": _rounded(value), "limit": bar.limit, "reached": bar.holds(value)}
                 for bar in prepared.bars if (value := bar.value(lines)) is not None],
        "contenders": [_line(entry, lines, basis, len(runs[entry.label])) | _agreement(agreements.get(entry.label))
                       for entry in prepared.entries if entry.label in lines],
        "left_out": dict(left_out),
    }


def _line(entry: Entry, lines: Mapping[str, Measured], basis: Measured, runs: int) -> dict[str, Any]:
    own = lines[entry.label]
    limit = {"share_of_limit": round(lines[LIMIT].seconds / own.seconds, 4)} if LIMIT in lines and entry.label != LIMIT else {}
    size = entry.task.size
    return {
        "label": entry.label, "title": contender(entry.peer).TITLE, "ratio": round(own.seconds / basis.seconds, 3),
        "cpu_ratio": round(own.cpu / basis.cpu, 3), **limit, "seconds": round(own.seconds, 2), "cpu_seconds": round(own.cpu, 2),
        "peak_gb": round(own.peak / GIGABYTE, 2), "rows": own.rows, "file_mb": round(own.size / 1e6, 1), "runs": runs,
        "records": size.companies, "days": size.days, "metrics": len(entry.task.metrics), "memory_limit": entry.task.memory,
        **own.details,
    }


def _agreement(agreement: Agreement | None) -> dict[str, Any]:
    return {} if agreement is None else {"cells_compared": agreement.cells, "cells_different": agreement.different}


def text(found: Mapping[str, Any], title: str) -> str:
    """The table that is printed."""
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())
    lines = [f"{found['workload']}: {title}", f"{found['raw_rows']} raw rows, {found['cores']} cores, load {found['load_before']} before, "
             f"{versions}", "",
             f"{'':<12}{'ratio':>8}{'CPU':>8}{'of limit':>10}{'seconds':>9}{'CPU s':>9}{'peak GB':>9}{'rows':>12}{'file MB':>9}"
             f"{'runs':>6}  values"]
    for line in found["contenders"]:
        share = f"{line['share_of_limit']:.1%}" if "share_of_limit" in line else ""
        different = line.get("cells_different")
        verdict = "" if different is None else f"equal in {line['cells_compared']} cells" if not different else f"DIFFERENT: {different}"
        lines.append(f"{line['label']:<12}{line['ratio']:>8.2f}{line['cpu_ratio']:>8.2f}{share:>10}{line['seconds']:>9.2f}"
                     f"{line['cpu_seconds']:>9.2f}{line['peak_gb']:>9.2f}{line['rows']:>12}{line['file_mb']:>9.1f}{line['runs']:>6}"
                     f"  {verdict}")
        if "stages" in line:
            lines.append("  " + ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in line["stages"].items()))
    lines += [f"{label} was left out: {reason}" for label, reason in found["left_out"].items()]
    lines += [f"{name}: {value}" for name, value in found["facts"].items()]
    lines += [f"{'reached' if bar['reached'] else 'MISSED'}: {bar['says']}: {bar['value']}" for bar in found["bars"]]
    return "\n".join(lines)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def load() -> float | None:
    """How many processes wanted a core during the last minute: much more than none means a busy machine."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _own_version() -> str:
    from metricsql.version import __version__

    return __version__


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
