"""The package itself: one build of the project."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.data import SERIES, Size

TITLE = "metricsql build"
PACKAGES = ("duckdb",)


def run(folder: Path, size: Size, memory: str | None) -> dict[str, Any]:
    import metricsql

    report = metricsql.load(folder / "metricsql.yml").build(memory_limit=memory)
    if report.unusable or (report.warnings and size.series == len(SERIES)):
        raise RuntimeError(f"the project is not clean: {[*report.unusable, *report.warnings]}")
    return {"rows": sum(report.rows.values()), "stages": {k: round(v, 3) for k, v in report.seconds.items()}}


def output(folder: Path) -> Path:
    return folder / "metricsql.duckdb"


def values(folder: Path, metric: str) -> str:
    return f'SELECT record, day, "{metric}" AS value FROM result.metrics.company'
