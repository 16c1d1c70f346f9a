"""`python -m benchmarks.spark`: builds on Spark (two cores of this machine) at 1x, 2x, 4x and 8x of the records.

At 8x there are 100 000 end users over 365 days, of which 1 % have a row. Every build is a process of its own, started as
a user starts it; its memory and processor time are those of the process with all that it started, the Java machine
above all. `growth` is the exponent with which processor time grows between two sizes; the cost model
`fixed + slope * records` is drawn through 1x and 4x and compared with the others.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import yaml

RESULTS = Path(__file__).parent / "results" / "spark.json"
BASE, DAYS, DENSITY = 12_500, 365, 0.01
FIRST = "2025-01-01"
MEMORY = 6e9
"""What a build of the largest size may hold at most, in bytes."""
STEEPEST = 1.1
ENDUSER = {
    "use_7d": "rolling_sum(activities.use, 7)", "use_30d": "rolling_sum(activities.use, 30)", "use_90d": "rolling_sum(activities.use, 90)",
    "days_used_30d": "rolling_count(activities.use, 30)", "since": "days_since(activities.use)", "ever": "total_sum(activities.use)",
    "active": "if(rolling_last(calculated.use_30d, 1) > 0, 1, 0)",
    "share": "rolling_last(calculated.use_7d, 1) / rolling_last(calculated.use_30d, 1)",
    "trend": "rolling_avg(calculated.use_7d, 14)",
    "score": "coalesce(rolling_last(calculated.share, 1), 0) * 50 + rolling_last(calculated.active, 1) * 50",
}
COMPANY = {
    "use_30d_all": "rolling_sum(enduser.activities.use, 30)", "active_users": "rolling_last(enduser.calculated.active, 1)",
    "score_sum": "rolling_sum(enduser.calculated.score, 1)", "active_trend": "rolling_avg(calculated.active_users, 30)",
    "per_seat": "rolling_last(calculated.active_users, 1) / company.custom.seats",
}


def make(folder: Path, users: int) -> None:
    """The project and its data: one company for a hundred end users."""
    companies = max(users // 100, 1)
    with duckdb.connect() as connection:
        connection.execute("SELECT SETSEED(0.5)")
        connection.execute(f"COPY (SELECT 'c' || i AS id, i % 90 + 10 AS seats FROM RANGE({companies}) t(i)) TO '{folder}/companies.csv'")
        connection.execute(f"COPY (SELECT 'u' || i AS id, 'c' || (HASH(i) % {companies}) AS company FROM RANGE({users}) t(i)) "
                           f"TO '{folder}/endusers.parquet'")
        connection.execute(f"""COPY (SELECT 'use' AS action, 'u' || (HASH(i) % {users}) AS enduser,
            DATE '{FIRST}' + (HASH(i, 1) % {DAYS})::INTEGER AS date, (HASH(i, 2) % 5 + 1)::DOUBLE AS count
            FROM RANGE({round(users * DAYS * DENSITY)}) t(i)) TO '{folder}/activities.parquet'""")
    metrics = [{"id": name, "model": "enduser", "formula": formula} for name, formula in ENDUSER.items()]
    metrics += [{"id": name, "formula": formula} for name, formula in COMPANY.items()]
    conf = {"spark.driver.memory": "3g", "spark.sql.shuffle.partitions": 8}
    (folder / "metricsql.yml").write_text(yaml.safe_dump({
        "version": 1, "name": "bench", "start": FIRST, "until": "2025-12-31", "engine": {"spark": {"master": "local[2]", "conf": conf}},
        "models": {"company": {"records": "companies.csv"}, "enduser": {"records": "endusers.parquet", "company": "company"}},
        "series": {"activities": "activities.parquet"}, "metrics": metrics}, sort_keys=False))


def measured(folder: Path, engine: str) -> dict[str, Any]:
    """One build. Raises `RuntimeError` with what it said if it fails."""
    begun, peak, used = time.perf_counter(), 0, {}
    with (folder / "said.txt").open("w+") as said:
        command = [sys.executable, "-c", "from metricsql.cli import main; main()", "build", "--engine", engine, "--format", "json"]
        process = subprocess.Popen(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1]), "SPARK_LOCAL_IP": "127.0.0.1"})
        try:
            while process.poll() is None:
                now, times = _of_group(process.pid)
                peak, used = max(peak, now), {**used, **times}
                time.sleep(0.2)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
        said.seek(0)
        if process.returncode:
            raise RuntimeError(said.read())
    return {"seconds": round(time.perf_counter() - begun, 1), "cpu": round(sum(used.values()), 1), "peak": peak}


def _of_group(group: int) -> tuple[int, dict[int, float]]:
    """Bytes held by the processes of a group together, and the processor seconds of each."""
    held, times = 0, {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            fields = (path / "stat").read_text().rpartition(")")[2].split()
            if int(fields[2]) == group:
                held += int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
                times[int(path.name)] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, IndexError, ValueError):
            continue
    return held, times


def differing(folder: Path, other: Path) -> int:
    """The number of values that differ between two built files (1e-9, NULL exactly)."""
    count = 0
    with duckdb.connect() as connection:
        for name, place in (("a", folder), ("b", other)):
            connection.execute(f"ATTACH '{place}/bench.duckdb' AS {name} (READ_ONLY)")
        for model, metrics in (("enduser", ENDUSER), ("company", COMPANY)):
            odd = " + ".join(f"(CASE WHEN x.{m} IS NOT DISTINCT FROM y.{m} OR ABS(x.{m} - y.{m}) <= 1e-9 * GREATEST(1, ABS(x.{m})) "
                             "THEN 0 ELSE 1 END)" for m in metrics)
            count += connection.execute(f"SELECT SUM({odd}) FROM a.metrics.{model} x FULL JOIN b.metrics.{model} y USING (record, day)"
                                        ).fetchall()[0][0] or 0
    return int(count)


def main(arguments: list[str] | None = None) -> int:
    """Returns 1 if a value differs from DuckDB's, memory is too large or time grows too fast, else 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spark", description=main.__doc__)
    parser.add_argument("--factors", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--base", type=int, default=BASE, help="end users at 1x")
    parser.add_argument("--results", default=str(RESULTS))
    options = parser.parse_args(arguments)
    runs: dict[int, dict[str, Any]] = {}
    wrong = 0
    with tempfile.TemporaryDirectory() as temporary:
        for factor in options.factors:
            folder, twin = Path(temporary) / f"spark{factor}", Path(temporary) / f"duckdb{factor}"
            for place in (folder, twin):
                place.mkdir()
                make(place, options.base * factor)
            runs[factor] = {"endusers": options.base * factor, "spark": measured(folder, "spark"), "duckdb": measured(twin, "duckdb")}
            runs[factor]["differing"] = differing(folder, twin)
            wrong += runs[factor]["differing"]
            print(f"{factor}x: {runs[factor]}", flush=True)
    found = {"days": DAYS, "density": DENSITY, "cores": os.cpu_count(), "runs": runs, **_growth(runs)}
    Path(options.results).write_text(json.dumps(found, indent=1) + "\n")
    print({name: value for name, value in found.items() if name != "runs"})
    largest = max(run["spark"]["peak"] for run in runs.values())
    return int(bool(wrong) or largest > MEMORY or found["growth"] > STEEPEST)


def _growth(runs: dict[int, dict[str, Any]]) -> dict[str, Any]:
    cpu = {factor: run["spark"]["cpu"] for factor, run in runs.items()}
    first, last = min(cpu), max(cpu)
    if first == last:
        return {"growth": 0.0, "model": {}}
    middle = sorted(cpu)[len(cpu) // 2]
    slope = (cpu[middle] - cpu[first]) / (middle - first)
    model = {factor: round(cpu[first] + slope * (factor - first), 1) for factor in cpu}
    return {"growth": round(math.log(cpu[last] / cpu[first]) / math.log(last / first), 2), "model": model}


if __name__ == "__main__":
    sys.exit(main())
