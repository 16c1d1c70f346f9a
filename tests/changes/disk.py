"""A state as files. Only what changed is written, so that the other files keep their times."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb

from tests.changes.state import MODELS, Row, Source, State

RECORDS = {"company": "companies.csv", "enduser": "endusers.parquet", "asset": "assets.csv"}
PATTERN = {
    "csv": "{0}/*.csv",
    "parquet": "{0}/*.parquet",
    "ndjson": "{0}/*.ndjson",
    "sql": "{0}/*.csv",
    "csv.gz": "{0}.csv.gz",
}
EVENT_COLUMNS = ("action", "company", "enduser", "asset", "date", "count")
COLUMNS = ("record", "model", "name", "date", "value")
PROJECT = "metricsql.json"
DATABASE = "case.duckdb"
FULL = "full"
"""The same project with another database: its file and that of the database are called so."""


class Disk:
    """A project folder. It remembers what it wrote."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._written: dict[str, Any] = {}

    def write(self, state: State, only: set[str] | None = None) -> None:
        """Put a state on disk; with `only`, no other metrics than these."""
        contents: dict[str, Any] = {name: _records(state, model) for model, name in RECORDS.items()}
        contents |= {f"{model}_history.csv": _history(state, model) for model in MODELS}
        for source in state.sources.values():
            contents |= {name: (source.kind, _rows(source, rows)) for name, rows in source.files.items()}
        contents |= {f"formulas/{m.number}.json": ("json", m.formula) for m in state.metrics if m.in_file}
        contents["ledger.csv"] = (
            "csv",
            [["event", "time", "value"], *[[e, t.isoformat(), v] for e, t, v in state.output.ledger]],
        )
        project = _project(state, only)
        contents |= {
            PROJECT: ("json", {**project, "database": DATABASE}),
            f"{FULL}.json": ("json", {**project, "database": f"{FULL}.duckdb"}),
        }
        for name in self._written.keys() - contents.keys():
            (self.folder / name).unlink()
        for name, content in contents.items():
            if self._written.get(name) != content:
                self._write(name, content)
        for name in state.touched:
            if (self.folder / name).exists():
                os.utime(self.folder / name)
        state.touched.clear()
        self._written = contents

    def _write(self, name: str, content: Any) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        match content:
            case ("parquet" | "attach" | "table" as kind, rows):
                self._write_typed(path, kind, rows)
            case ("csv.gz", rows):
                path.write_bytes(gzip.compress(_csv(rows).encode()))
            case ("ndjson", [head, *rows]):
                path.write_text("".join(json.dumps(dict(zip(head, row, strict=True))) + "\n" for row in rows))
            case ("json", data):
                path.write_text(json.dumps(data, indent=1))
            case (_, rows):
                path.write_text(_csv(rows))

    def _write_typed(self, path: Path, kind: str, rows: list[list[Any]]) -> None:
        """Parquet, or a table of the database itself (`<schema>.<table>` is the file's name) or of another one."""
        head, body = rows[0], rows[1:]
        types = [
            "DOUBLE"
            if name in ("count", "value", "seats", "No of users")
            else "DATE"
            if name == "since" or (name == "date" and kind == "table")
            else "TIMESTAMP"
            if name == "date"
            else "VARCHAR"
            for name in head
        ]
        declared = ", ".join(f'"{name}" {type}' for name, type in zip(head, types, strict=True))
        if kind == "attach":
            path.unlink(missing_ok=True)
        target = {"parquet": ":memory:", "attach": str(path), "table": str(self.folder / DATABASE)}[kind]
        with duckdb.connect(target) as connection:
            connection.execute("CREATE SCHEMA IF NOT EXISTS raw")
            connection.execute(f"CREATE OR REPLACE TABLE raw.rows ({declared})")
            if body:
                connection.executemany(f"INSERT INTO raw.rows VALUES ({', '.join('?' * len(head))})", body)
            if kind == "parquet":
                connection.execute(f"COPY raw.rows TO '{path}' (FORMAT parquet)")
        if kind == "table":
            path.touch()  # stands for the table


def _csv(rows: list[list[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([["" if cell is None else cell for cell in row] for row in rows])
    return out.getvalue()


def _shown(at: date | datetime) -> str:
    return at.isoformat()


def _rows(source: Source, rows: list[Row]) -> list[list[Any]]:
    events = source.namespace == "activities"
    typed = source.kind in ("parquet", "attach", "table")
    made: list[list[Any]] = [list(EVENT_COLUMNS if events else COLUMNS)]
    for row in rows:
        at = None if typed else "soon" if row.bad == "day" else _shown(row.at)
        if typed and row.bad != "day":
            at = row.at  # type: ignore[assignment]
        value = "many" if row.bad == "value" else row.value
        if events:
            made.append([row.name, *(row.records.get(model) for model in MODELS), at, value])
        else:
            made += [[key, model, row.name, at, value] for model, key in row.records.items()]
    return made


def _records(state: State, model: str) -> tuple[str, list[list[Any]]]:
    kind = RECORDS[model].rpartition(".")[2]
    names = state.columns[model]
    head = ["id", *([] if model == "company" else ["company"]), "since", *names]
    made: list[list[Any]] = [head]
    for entity in state.records[model]:
        since = entity.since if kind == "parquet" or entity.since is None else _shown(entity.since)
        made.append(
            [
                entity.key,
                *([] if model == "company" else [entity.company]),
                since,
                *(entity.fields.get(n) for n in names),
            ]
        )
    return kind, made


def _history(state: State, model: str) -> tuple[str, list[list[Any]]]:
    rows = [[record, name, _shown(day), value] for (record, name, day), value in state.given[model].items()]
    return "csv", [["record", "field", "day", "value"], *rows]


def _project(state: State, only: set[str] | None) -> dict[str, Any]:
    """The project file. `start` and `trend` are there only when they are not the default."""
    models = {
        model: {
            "records": RECORDS[model],
            "since": "since",
            "history": f"{model}_history.csv",
            **({} if model == "company" else {"company": "company"}),
        }
        for model in MODELS
    }
    metrics = [_metric(m) for m in sorted(state.metrics, key=lambda m: m.place) if only is None or m.id in only]
    made: dict[str, Any] = {
        "version": 1,
        "name": "case",
        "models": models,
        "series": {name: _series(state, source) for name, source in state.sources.items()},
        "metrics": metrics,
    }
    made["tables"] = _tables(state, {metric["id"] for metric in metrics})
    if state.start is not None:
        made["start"] = _shown(state.start)
    for key, value, usual in (
        ("timezone", state.timezone, "UTC"),
        ("trend", state.trend, "ratio"),
        ("fields_before_tracking", state.before_tracking, "empty"),
    ):
        if value != usual:
            made[key] = value
    return made


def _tables(state: State, shown: set[str]) -> dict[str, Any]:
    """The table of the ledger, and that of metrics if any of its metrics is there."""
    output = state.output
    events: list[dict[str, Any]] = [
        {"event": event, "display": how, "kind": "stock" if event == "Cash" else "flow"}
        for event, how in output.displays.items()
    ]
    events.append({"name": "Rest", "calculation": "revenue - cost + lag(cash)"})
    made: dict[str, Any] = {"pnl": {"source": "ledger.csv", "interval": output.interval, "rows": events}}
    ids = {metric.number: metric.id for metric in state.metrics if metric.model == "company" and metric.id in shown}
    rows = [
        {
            "metric": ids[row.number],
            "over": row.over,
            "display": row.display,
            "name": f"Row {row.number}",
            **({"where": row.where.text()} if row.where else {}),
        }
        for row in output.rows
        if row.number in ids
    ]
    if rows:
        made["health"] = {"source": "metrics.company", "interval": output.interval, "rows": rows}
    return made


def _series(state: State, source: Source) -> dict[str, Any]:
    made: dict[str, Any] = {"source": _place(source)}
    if state.collapse.get(source.namespace):
        made["collapse"] = state.collapse[source.namespace]
    if source.namespace == "metrics" and state.zeros:
        made["zeros"] = state.zeros
    return made


def _place(source: Source) -> Any:
    if source.kind == "attach":
        return {"attach": f"{source.namespace}.duckdb", "table": "raw.rows"}
    if source.kind == "table":
        return {"table": "raw.rows"}
    pattern = PATTERN[source.kind].format(source.namespace)
    if source.kind == "sql":
        return {"sql": f"select * from read_csv('{pattern}', all_varchar = true, union_by_name = true)"}
    return pattern


def _metric(metric: Any) -> dict[str, Any]:
    made = {
        "id": metric.id,
        "model": metric.model,
        "formula": {"file": f"formulas/{metric.number}.json"} if metric.in_file else metric.formula,
    }
    if metric.missing_zero:
        made["missing"] = "zero"
    if metric.where is not None:
        made["where"] = metric.where.text()
    return made
