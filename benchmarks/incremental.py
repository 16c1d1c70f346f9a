"""`python -m benchmarks.incremental`: what a build costs after a change, as a share of the full build in the same run.

| change | what happens to the data of `standard` |
|---|---|
| `nothing` | nothing |
| `day` | one more day arrives |
| `late` | a day 200 days back gets rows of one series that every company has |
| `late_all` | the same day gets rows of every series |
| `edit` | one formula is edited that other metrics use |

Every build is a process of its own, started as a user starts it. `share` is its time divided by that of the full build;
`net` is the same without the time that a process takes to start.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.data import Size, make_data
from benchmarks.workloads import WORKLOADS

RESULTS = Path(__file__).parent / "results"
DATABASE = "metricsql.duckdb"
DAYS_BACK = 200
EDITED = ("rolling_sum(activities.login, 7)", "rolling_sum(activities.login, 8)")
START_UP = ("import gc, os; gc.set_threshold(100_000); "
            "import metricsql.build.build, metricsql.cli.build_command, metricsql.api; os._exit(0)")
"""What every build does before it begins, and ending as the command does."""
TIPPING = ("at_risk",)
"""Metrics that compare averages: the last bit of one can tip a value over, also between two full builds."""
LIMITS = {"nothing": 0.01, "day": 0.05, "late": 0.25}
"""The shares that builds should stay below, start-up not counted."""


def main(arguments: list[str] | None = None) -> int:
    """Returns 1 if an incremental build left other values than a full one, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.incremental", description=main.__doc__)
    parser.add_argument("--companies", type=int, default=5000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--runs", type=int, default=1, help="of every build; medians are shown")
    parser.add_argument("--results", default=str(RESULTS))
    options = parser.parse_args(arguments)
    size = Size(companies=options.companies, days=options.days)
    with tempfile.TemporaryDirectory() as temporary:
        found = _Benchmark(Path(temporary), size).run(options.runs)
    result = {"workload": "incremental", "date": date.today().isoformat(), "runs": options.runs, "size": asdict(size),
              "load_before": round(os.getloadavg()[0], 1), **found}
    _print(result)
    Path(options.results).mkdir(parents=True, exist_ok=True)
    (Path(options.results) / "incremental.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 1 if any(change["different"] for change in found["changes"].values()) else 0


class _Benchmark:
    """A folder with the project and its data as they were at the last full build, kept apart for every change."""

    def __init__(self, folder: Path, size: Size) -> None:
        self.size, self.live, self.base, self.later = size, folder / "live", folder / "base", folder / "later"
        self.base.mkdir()
        WORKLOADS["standard"].prepare(self.base, size)
        self.later.mkdir()
        make_data(self.later, replace(size, days=size.days + 1))

    def run(self, runs: int) -> dict[str, Any]:
        changes: dict[str, tuple[Callable[[], None], date]] = {
            "nothing": (lambda: None, self.size.until), "day": (self.next_day, self.size.until + timedelta(days=1)),
            "late": (lambda: self.late_rows("login"), self.size.until), "late_all": (self.late_rows, self.size.until),
            "edit": (self.edit, self.size.until),
        }
        full: list[float] = []
        start_up: list[float] = []
        seconds: dict[str, list[float]] = {name: [] for name in changes}
        different: dict[str, int] = {}
        for number in range(runs):
            self.reset()
            start_up.append(_seconds([sys.executable, "-c", START_UP], self.live))
            (self.base / DATABASE).unlink(missing_ok=True)
            full.append(_seconds(_build(), self.base))
            for name, (change, as_of) in changes.items():
                self.reset()
                change()
                seconds[name].append(_seconds(_build("--as-of", str(as_of)), self.live))
                if number == 0:
                    different[name] = self.different(as_of)
        begin, whole = statistics.median(start_up), statistics.median(full)
        return {"start_up": round(begin, 2), "full": round(whole, 2), "changes": {
            name: {"seconds": round(statistics.median(some), 2), "share": round(statistics.median(some) / whole, 4),
                   "net": round(max(0.0, statistics.median(some) - begin) / (whole - begin), 4), "limit": LIMITS.get(name),
                   "different": different[name]} for name, some in seconds.items()}}

    def reset(self) -> None:
        """The live folder as the full build left it."""
        shutil.rmtree(self.live, ignore_errors=True)
        shutil.copytree(self.base, self.live)
        if (self.live / DATABASE).exists():
            _seconds(_build(), self.live)  # takes down that the files stand in another folder now

    def next_day(self) -> None:
        for namespace in ("activities", "metrics"):
            shutil.copytree(self.later / namespace, self.live / namespace, dirs_exist_ok=True, copy_function=_if_different)

    def late_rows(self, series: str | None = None) -> None:
        """One more row of every company that has one on that day already."""
        day = self.size.until - timedelta(days=DAYS_BACK)
        for namespace, name in (("activities", "action"), ("metrics", "dimensionId")):
            file = self.live / namespace / f"{day:%Y-%m}.parquet"
            again = f"SELECT * REPLACE (\"date\" + INTERVAL 1 SECOND AS \"date\") FROM old WHERE \"date\"::DATE = DATE '{day}'"
            chosen = again if series is None else f"{again} AND {name} = '{series}'"
            with duckdb.connect() as connection:
                connection.execute(f"CREATE TABLE old AS SELECT * FROM read_parquet('{file}')")
                connection.execute(f"COPY (SELECT * FROM old UNION ALL {chosen}) TO '{file}' (FORMAT parquet)")

    def edit(self) -> None:
        project = self.live / "metricsql.yml"
        text = project.read_text(encoding="utf-8")
        assert EDITED[0] in text
        project.write_text(text.replace(*EDITED, 1), encoding="utf-8")

    def different(self, as_of: date) -> int:
        """How many values differ from those of a full build, by more than 1e-9."""
        other = self.live / "full.duckdb"
        shutil.move(self.live / DATABASE, other)
        _seconds(_build("--as-of", str(as_of)), self.live)
        with duckdb.connect() as connection:
            connection.execute(f"ATTACH '{other}' AS a (READ_ONLY); ATTACH '{self.live / DATABASE}' AS b (READ_ONLY)")
            columns = [row[0] for row in connection.execute(
                "SELECT column_name FROM duckdb_columns() WHERE database_name = 'a' AND schema_name = 'metrics' "
                "AND table_name = 'company' AND data_type = 'DOUBLE'").fetchall() if row[0] not in TIPPING]
            same = " AND ".join(f'(a."{c}" IS NOT DISTINCT FROM b."{c}" OR ABS(a."{c}" - b."{c}") <= 1e-9 * ABS(b."{c}"))'
                                for c in columns)
            return int(connection.execute(
                f"SELECT COUNT(*) FILTER (WHERE ({same}) IS NOT TRUE) FROM a.metrics.company AS a "
                "FULL JOIN b.metrics.company AS b USING (record, day)").fetchall()[0][0])


def _if_different(source: str, target: str) -> None:
    if not Path(target).exists() or Path(source).read_bytes() != Path(target).read_bytes():
        shutil.copy(source, target)


def _build(*options: str) -> list[str]:
    return [str(Path(sys.executable).with_name("metricsql")), "build", *options]


def _seconds(command: list[str], folder: Path) -> float:
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return time.perf_counter() - begun


def _print(result: dict[str, Any]) -> None:
    print(f"full build {result['full']} s, start-up {result['start_up']} s, load {result['load_before']}, "
          f"peak {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6:.1f} GB")
    print(f"{'':<12}{'seconds':>9}{'share':>9}{'net':>9}{'limit':>9}{'different':>11}")
    for name, change in result["changes"].items():
        limit = f"{change['limit']:.0%}" if change["limit"] else ""
        print(f"{name:<12}{change['seconds']:>9}{change['share']:>9.1%}{change['net']:>9.1%}{limit:>9}{change['different']:>11}")


if __name__ == "__main__":
    sys.exit(main())
