"""`python -m benchmarks WORKLOAD`: makes the data, runs the build and its peers, compares and reports."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.compare import Agreement, compare
from benchmarks.measure import Measured, RunFailed, measure
from benchmarks.peers import contender, missing_packages
from benchmarks.report import load, middle, result, text
from benchmarks.workload import Entry, Options, Workload
from benchmarks.workloads import NAMES, workload

RESULTS = Path(__file__).parent / "results"
SLOW = 3
"""A contender that takes so many times as long as the first entry is slow."""


def main(arguments: list[str] | None = None) -> int:
    """Returns 1 if values differ, else 0."""
    told = _options(arguments)
    options = Options(told.companies, told.days, told.series, told.metrics, told.seed, told.memory, told.metricflow_companies)
    target = Path(told.results)
    target.mkdir(parents=True, exist_ok=True)
    differ = False
    for name in NAMES if told.workload == "all" else (told.workload,):
        with tempfile.TemporaryDirectory() as temporary:
            found = _measured(name, Path(told.folder or temporary).resolve() / name, options, told)
        print(text(found, workload(name).title) + "\n", flush=True)
        (target / f"{name}.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
        differ |= any(line.get("cells_different") for line in found["contenders"])
    return int(differ)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("workload", choices=[*NAMES, "all"])
    for word in ("companies", "days", "series", "metrics"):
        parser.add_argument(f"--{word}", type=int, help="the size; every workload has its own without it")
    parser.add_argument("--metricflow-companies", type=int, help="companies of the workload `metricflow`, for both sides")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--runs", type=int, default=1, help="runs of each contender, in turn; medians are reported")
    parser.add_argument("--runs-slow", type=int, default=1, help=f"runs of those that take over {SLOW} times as long as the build")
    parser.add_argument("--only", help="labels of the entries to run beside the first, with commas between")
    parser.add_argument("--sample", type=int, default=200, help="how many records are compared cell by cell")
    parser.add_argument("--memory", help="memory limit of the contenders that know one, for example 4GB")
    parser.add_argument("--folder", help="where data and databases are made and kept; data of the same size stay")
    parser.add_argument("--results", default=str(RESULTS), help="where the JSON files go")
    return parser.parse_args(arguments)


def _measured(name: str, folder: Path, options: Options, told: argparse.Namespace) -> dict[str, Any]:
    one = workload(name)
    folder.mkdir(parents=True, exist_ok=True)
    _say(f"making the data of `{name}`")
    prepared = one.prepare(folder, options)
    before = load()
    only = None if told.only is None else told.only.split(",")
    entries, left_out = _chosen(prepared.entries, only)
    runs = _run(entries, told.runs, told.runs_slow, left_out)
    agreements = _agreements(one, [entry for entry in entries if runs[entry.label]], told.sample)
    return result(name, prepared, runs, agreements, left_out) | {"load_before": before}


def _chosen(entries: Sequence[Entry], only: Sequence[str] | None) -> tuple[list[Entry], dict[str, str]]:
    """The entries to run, and why others are left out."""
    chosen, left_out = [], {}
    for entry in entries:
        missing = missing_packages(entry.peer)
        if missing:
            left_out[entry.label] = f"not installed: {', '.join(missing)}"
        elif only is None or entry is entries[0] or entry.label in only:
            chosen.append(entry)
    return chosen, left_out


def _run(entries: Sequence[Entry], runs: int, runs_slow: int, left_out: dict[str, str]) -> dict[str, list[Measured]]:
    """All entries in turn, so that a busy minute does not hit one of them alone. A peer that fails is left out."""
    found: dict[str, list[Measured]] = {entry.label: [] for entry in entries}
    for number in range(1, runs + 1):
        for entry in entries:
            known = found[entry.label]
            slow = known and middle(known).seconds > SLOW * middle(found[entries[0].label]).seconds
            if entry.label in left_out or (slow and len(known) >= runs_slow):
                continue
            _say(f"run {number} of {runs}: {entry.label}")
            entry.before()
            if entry.fresh:
                _remove(contender(entry.peer).output(entry.task.folder))
            try:
                known.append(measure(entry.peer, entry.task))
            except RunFailed as failure:
                if entry.peer == entries[0].peer:
                    raise
                _say(str(failure))
                left_out[entry.label] = str(failure).strip().splitlines()[-1][:300]
                known.clear()
    return found


def _agreements(one: Workload, entries: Sequence[Entry], sample: int) -> dict[str, Agreement]:
    by_label = {entry.label: entry for entry in entries}
    found = {}
    for entry in entries:
        if entry.same_as in by_label:
            _say(f"comparing the values of {entry.label} with those of {entry.same_as}")
            found[entry.label] = compare(entry, by_label[entry.same_as], sample, one.tipping)
    return found


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
