"""A small project of output tables for tests."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import metricsql

LEDGER = [
    ("Revenue", "2025-01-10", 100), ("Revenue", "2025-01-20", 50), ("Revenue", "2025-03-05", 300),
    ("Net Income", "2025-01-31", 15), ("Net Income", "2025-02-01", -5), ("Net Income", "2025-03-05", 0),
    ("Checking Account", "2025-01-05", 1000), ("Checking Account", "2025-03-05", 1200), ("Checking Account", "2025-03-05", 1300),
]
ROWS: list[dict[str, Any]] = [
    {"event": "Revenue", "display": "sum"},
    {"event": "Net Income", "display": "sum"},
    {"event": "Checking Account", "kind": "stock"},
    {"name": "Net change in cash", "measure": "Checking Account", "display": "change"},
    {"name": "Profit Margin", "calculation": "net income / revenue", "format": "percent"},
    {"name": "Growth", "calculation": "revenue / lag(revenue) - 1", "format": "percent"},
]


def write(folder: Path, rows: Sequence[Mapping[str, Any]] = ROWS, ledger: Sequence[tuple[str, str, float]] = LEDGER,
          until: str = "2025-04-10", project: Mapping[str, Any] | None = None, **table: Any) -> Path:
    """A project with the table `pnl`; returns its file."""
    with (folder / "ledger.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("event", "time", "value"), *ledger])
    content = {"version": 1, "name": "pnl", "until": until, **(project or {}),
               "tables": {"pnl": {"source": "ledger.csv", "rows": list(rows), **table}}}
    path = folder / "metricsql.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def load(folder: Path, *rows: Any, **options: Any) -> metricsql.Project:
    """The same, loaded."""
    return metricsql.load(write(folder, *rows, **options))


def values(project: metricsql.Project, title: str, *arguments: Any, **options: Any) -> list[float | None]:
    """The values of a row."""
    table = project.table("pnl", *arguments, **options)
    return [cell.value for cell in next(row for row in table.rows if row.title == title).cells]
