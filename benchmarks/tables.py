"""`python -m benchmarks.tables`: an output table against DuckDB's own bare aggregation of the same ledger.

200 rows over ten years of daily executions, a million rows of Parquet. The bare aggregation is what the measures of the
table come from: sum, mean, smallest, largest, count and last value per event and period, grouped and fetched. Both run
in turn in one process; the medians and the fastest runs are compared, and so are the sums, cell by cell.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb

from metricsql.api import Project
from metricsql.build.output_tables.table import Table
from metricsql.project import load_definition

RESULTS = Path(__file__).parent / "results"
START = date(2015, 1, 1)
SUMS, OTHERS, STOCKS = 100, 20, 20
CALCULATIONS = (
    "event {a} / event {b}", "event {a} / lag(event {a}) - 1", "ytd(event {a})", "rolling_avg(event {a}, 3)", "yoy(event {a})",
    "iif(event {a} > event {b}, event {a} - event {b}, 0) / days()",
)


@dataclass(frozen=True)
class Size:
    """How many events, executions of each (one a day), and calculations."""

    events: int = 274
    days: int = 3650
    calculations: int = 60


def make(folder: Path, size: Size) -> Path:
    """A ledger and a project with one table over it; returns the ledger."""
    ledger = folder / "ledger.parquet"
    duckdb.execute(f"""COPY (
        SELECT 'Event ' || e AS event, TIMESTAMP '{START}' + INTERVAL (d) DAY + INTERVAL (e % 24) HOUR AS time,
               (HASH(e, d) % 100000) / 100 AS value
        FROM RANGE({size.events}) AS t(e), RANGE({size.days}) AS s(d) ORDER BY d, e) TO '{ledger}'""")
    rows: list[dict[str, Any]] = [{"event": f"Event {e}", "display": "sum"} for e in range(SUMS)]
    rows += [{"event": f"Event {e}", "display": ("average", "min", "max", "count")[e % 4]} for e in range(SUMS, SUMS + OTHERS)]
    rows += [{"event": f"Event {e}", "kind": "stock", "display": ("ending", "change")[e % 2]}
             for e in range(SUMS + OTHERS, SUMS + OTHERS + STOCKS)]
    rows += [{"name": f"Calculation {e}", "calculation": CALCULATIONS[e % len(CALCULATIONS)].format(a=e, b=e + 1)}
             for e in range(size.calculations)]
    until = START + timedelta(days=size.days - 1)
    tables = {"wide": {"source": ledger.name, "rows": rows}}
    project = {"version": 1, "name": "wide", "until": until.isoformat(), "tables": tables}
    (folder / "metricsql.json").write_text(json.dumps(project), encoding="utf-8")
    return ledger


def bare(ledger: Path, interval: str) -> list[tuple[Any, ...]]:
    """DuckDB's own aggregation."""
    with duckdb.connect() as connection:
        return connection.execute(f"""SELECT event, DATE_TRUNC('{interval}', time) AS period, SUM(value), AVG(value), MIN(value),
            MAX(value), COUNT(*), ARG_MAX(value, time) FROM '{ledger}' GROUP BY ALL""").fetchall()


def _timed(run: Callable[[], Any]) -> tuple[float, float, Any]:
    """Wall seconds, seconds of all processors, and the result."""
    begun, worked = time.perf_counter(), time.process_time()
    found = run()
    return time.perf_counter() - begun, time.process_time() - worked, found


def compare(folder: Path, size: Size, interval: str, runs: int) -> dict[str, Any]:
    """Seconds of both, and how many sums differ."""
    ledger, project = folder / "ledger.parquet", Project(load_definition(folder))
    own, other, own_cpu, other_cpu = [], [], [], []
    for _ in range(runs):
        seconds, worked, table = _timed(lambda: project.table("wide", interval))
        own.append(seconds)
        own_cpu.append(worked)
        seconds, worked, rows = _timed(lambda: bare(ledger, interval))
        other.append(seconds)
        other_cpu.append(worked)
    different = _different(table, rows)
    return {
        "interval": interval, "rows": len(table.rows), "periods": len(table.periods), "runs": runs,
        "seconds": round(statistics.median(own), 3), "bare_seconds": round(statistics.median(other), 3),
        "ratio": round(statistics.median(own) / statistics.median(other), 2), "ratio_of_fastest": round(min(own) / min(other), 2),
        "cpu_ratio": round(statistics.median(own_cpu) / statistics.median(other_cpu), 2), "cells_different": different,
    }


def _different(table: Table, rows: list[tuple[Any, ...]]) -> int:
    sums = {(event, period): total for event, period, total, *_ in rows}
    shown = {(row.title, period.start): cell.value for row in table.rows[:SUMS]
             for period, cell in zip(table.periods, row.cells, strict=True)}
    return sum(value is None or abs(value - sums[key]) > 1e-9 * abs(sums[key]) for key, value in shown.items())


def main(arguments: list[str] | None = None) -> int:
    """Returns 1 if a sum differs, else 0."""
    standard = Size()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("--events", type=int, default=standard.events)
    parser.add_argument("--days", type=int, default=standard.days)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--intervals", default="month,week,day")
    parser.add_argument("--results", default=str(RESULTS), help="where the JSON file goes")
    options = parser.parse_args(arguments)
    size = Size(options.events, options.days)
    load = round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
    with tempfile.TemporaryDirectory() as temporary:
        make(Path(temporary), size)
        found = [compare(Path(temporary), size, interval, options.runs) for interval in options.intervals.split(",")]
    for line in found:
        print(f"{line['interval']:<8} {line['rows']} rows x {line['periods']} periods: {line['seconds']:.3f} s, bare aggregation "
              f"{line['bare_seconds']:.3f} s, ratio {line['ratio']:.2f} "
              f"(fastest runs {line['ratio_of_fastest']:.2f}, processors {line['cpu_ratio']:.2f}), "
              f"{line['cells_different']} sums differ")
    target = Path(options.results)
    target.mkdir(parents=True, exist_ok=True)
    result = {"workload": "tables", "ledger_rows": size.events * size.days, "cores": os.cpu_count(), "load_before": load,
              "duckdb": duckdb.__version__, "intervals": found}
    (target / "tables.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 1 if any(line["cells_different"] for line in found) else 0


if __name__ == "__main__":
    raise SystemExit(main())
