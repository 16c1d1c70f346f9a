"""`python -m benchmarks WORKLOAD`: makes the data, runs the build and its peers, compares and reports."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from dataclasses import asdict, replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.compare import Agreement, compare
from benchmarks.data import Size
from benchmarks.measure import GIGABYTE, Measured, measure
from benchmarks.peers import OWN, contender
from benchmarks.workloads import WORKLOADS, Workload, metrics_of

RESULTS = Path(__file__).parent / "results"


def main(arguments: list[str] | None = None) -> int:
    """Returns 1 if a peer's values differ, else 0."""
    options = _options(arguments)
    workload = WORKLOADS[options.workload]
    size = Size(options.companies, options.days, options.series, options.metrics, options.seed)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(options.folder or temporary).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        _say(f"making the data of `{workload.name}`")
        raw = workload.prepare(folder, size)
        load = _load()
        runs = _run(workload, folder, size, options.runs, options.memory)
        agreements = {}
        for peer in workload.peers:
            _say(f"comparing the values of {contender(peer).TITLE}")
            agreements[peer] = compare(peer, folder, [m.id for m in metrics_of(size)], options.sample)
    result = _result(workload, size, raw, runs, agreements, options.memory) | {"load_before": load}
    _print(result)
    target = Path(options.results)
    target.mkdir(parents=True, exist_ok=True)
    (target / f"{workload.name}.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 1 if any(agreement.different for agreement in agreements.values()) else 0


def _options(arguments: list[str] | None) -> argparse.Namespace:
    standard = Size()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("workload", choices=sorted(WORKLOADS))
    parser.add_argument("--companies", type=int, default=standard.companies)
    parser.add_argument("--days", type=int, default=standard.days)
    parser.add_argument("--series", type=int, default=standard.series)
    parser.add_argument("--metrics", type=int, default=standard.metrics)
    parser.add_argument("--seed", type=int, default=standard.seed)
    parser.add_argument("--runs", type=int, default=1, help="runs of each contender, in turn; medians are reported")
    parser.add_argument("--sample", type=int, default=200, help="how many companies are compared cell by cell")
    parser.add_argument("--memory", help="memory limit of every contender, for example 4GB")
    parser.add_argument("--folder", help="where data and databases are made and kept; data of the same size stay")
    parser.add_argument("--results", default=str(RESULTS), help="where the JSON file goes")
    return parser.parse_args(arguments)


def _run(workload: Workload, folder: Path, size: Size, runs: int, memory: str | None) -> dict[str, list[Measured]]:
    """All contenders in turn, so that a busy minute does not hit one of them alone."""
    found: dict[str, list[Measured]] = {name: [] for name in (OWN, *workload.peers)}
    for number in range(1, runs + 1):
        for name, measured in found.items():
            _say(f"run {number} of {runs}: {contender(name).TITLE}")
            contender(name).output(folder).unlink(missing_ok=True)
            measured.append(measure(name, folder, size, memory))
    return found


def _middle(measured: list[Measured]) -> Measured:
    """The run with the median time (of two in the middle the faster one), and the highest peak of all."""
    middle = sorted(measured, key=lambda m: m.seconds)[(len(measured) - 1) // 2]
    return replace(middle, peak=max(m.peak for m in measured))


def _result(workload: Workload, size: Size, raw: int, runs: dict[str, list[Measured]],
            agreements: dict[str, Agreement], memory: str | None) -> dict[str, Any]:
    own = _middle(runs[OWN])
    contenders = []
    for name, measured in runs.items():
        middle = _middle(measured)
        line: dict[str, Any] = {
            "name": name, "title": contender(name).TITLE, "ratio": round(middle.seconds / own.seconds, 3),
            "cpu_ratio": round(middle.cpu / own.cpu, 3), "seconds": round(middle.seconds, 2),
            "cpu_seconds": round(middle.cpu, 2), "peak_gb": round(middle.peak / GIGABYTE, 2), "rows": middle.rows,
            "file_mb": round(middle.size / 1e6, 1), **middle.details,
        }
        if name in agreements:
            line |= {"cells_compared": agreements[name].cells, "cells_different": agreements[name].different}
        contenders.append(line)
    packages = dict.fromkeys(package for name in runs for package in contender(name).PACKAGES)
    return {
        "workload": workload.name, "date": date.today().isoformat(), "runs": len(runs[OWN]), "size": asdict(size),
        "raw_rows": raw, "memory_limit": memory, "cores": _cores(),
        "versions": {"metricsql": _version(), "python": platform.python_version(),
                     **{package: version(package) for package in packages}},
        "contenders": contenders,
    }


def _print(result: dict[str, Any]) -> None:
    size, versions = result["size"], ", ".join(f"{name} {text}" for name, text in result["versions"].items())
    print(f"{result['workload']}: {WORKLOADS[result['workload']].title}")
    print(f"{size['companies']} companies, {size['days']} days, {size['series']} series, {size['metrics']} metrics, "
          f"{result['raw_rows']} raw rows\n{result['cores']} cores, "
          f"load {result['load_before']} before, {versions}")
    print(f"\n{'':<30}{'seconds':>9}{'ratio':>8}{'CPU s':>9}{'ratio':>8}{'peak GB':>9}{'rows':>12}{'file MB':>9}"
          "  values")
    for line in result["contenders"]:
        different = line.get("cells_different")
        verdict = "" if different is None else \
            f"equal in {line['cells_compared']} cells" if not different else f"DIFFERENT: {different}"
        print(f"{line['title']:<30}{line['seconds']:>9.2f}{line['ratio']:>8.2f}{line['cpu_seconds']:>9.2f}"
              f"{line['cpu_ratio']:>8.2f}{line['peak_gb']:>9.2f}{line['rows']:>12}{line['file_mb']:>9.1f}  {verdict}")
        if "stages" in line:
            print("  " + ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in line["stages"].items()))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _load() -> float | None:
    """How many processes wanted a core during the last minute: much more than none means a busy machine."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None


def _version() -> str:
    from metricsql.version import __version__

    return __version__


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
