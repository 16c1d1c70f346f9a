"""Projects with many tables for tests, and what the program says about them in the shape of the second evaluator."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import yaml

import metricsql

from .measurements import EMPTY, NOTHING, UNAVAILABLE, Cell


@dataclass(frozen=True)
class Shown:
    """A rendered table: the beginnings of its periods, which are partial, and the cells of each row by segment."""

    starts: list[datetime]
    partial: list[bool]
    rows: dict[str | None, dict[str, list[Cell]]]
    unavailable: set[str]


def ledger_text(ledger: Sequence[tuple[str, datetime, float]]) -> str:
    """A ledger as CSV, in the order given."""
    lines = ["event,time,value"]
    for event, moment, value in ledger:
        quoted = event.replace('"', '""')
        lines.append(f'"{quoted}",{moment.isoformat()},{value!r}')
    return "\n".join(lines) + "\n"


def texts(ledgers: Mapping[str, Sequence[tuple[str, datetime, float]]]) -> dict[str, str]:
    """CSV by the name of the source."""
    return {source: ledger_text(ledger) for source, ledger in ledgers.items()}


def tables_project(
    folder: Path, tables: Mapping[str, tuple[Mapping[str, Any], Mapping[str, str]]], **options: Any
) -> Path:
    """A project of tables: each is what its part of the project file says, and CSV by the name of the source."""
    project: dict[str, Any] = {"version": 1, "name": "case", "database": "case.duckdb", **options, "tables": {}}
    for name, (table, ledgers) in tables.items():
        files = {}
        for source, text in ledgers.items():
            files[source] = f"{name}{source and '_'}{source}.csv"
            (folder / files[source]).write_text(text, encoding="utf-8")
        sources = {"source": files[""]} if list(files) == [""] else {"sources": files} if files else {}
        project["tables"][name] = {**sources, **table}
    file = folder / "metricsql.yml"
    file.write_text(yaml.safe_dump(project, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return file


def kind_of(reason: str | None) -> str | None:
    """The kind of a reason, which may also name the row or what was wrong with it."""
    kinds = {"no value": EMPTY, "no executions": EMPTY, "unavailable": UNAVAILABLE, "no branch holds": NOTHING,
             "the two are equal": NOTHING}
    return next((kind for words, kind in kinds.items() if reason is not None and reason.startswith(words)), reason)


def shown(project: metricsql.Project, name: str, interval: str, as_of: date) -> Shown:
    """What the program shows."""
    table = project.table(name, interval=interval, as_of=as_of)
    rows: dict[str | None, dict[str, list[Cell]]] = {}
    for row in table.rows:
        rows.setdefault(row.segment, {})[row.title] = [(cell.value, kind_of(cell.reason)) for cell in row.cells]
    return Shown(
        [period.start for period in table.periods],
        [period.is_partial for period in table.periods],
        rows,
        {row.title for row in table.rows if row.unavailable},
    )
