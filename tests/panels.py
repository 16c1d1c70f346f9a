"""A panel of the oracle as a project on disk, so that both see the same data."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from tests.oracle import Panel
from tests.projects import write_project

FILES = {"company": "companies.csv", "enduser": "endusers.csv", "asset": "assets.csv", "project": "projects.csv"}
TWINS = {"Seats": "Seats (old)", "currency": "currency (old)"}
"""A CSV file cannot hold two columns that differ by case only; the history can, and is tested by hand."""


def without_twins(panel: Panel) -> Panel:
    """The panel with field names that a records file can hold."""
    models = {name: {key: replace(r, fields={TWINS.get(f, f): v for f, v in r.fields.items()}) for key, r in records.items()}
              for name, records in panel.models.items()}
    history = [(m, r, TWINS.get(f, f), d, v) for m, r, f, d, v in panel.history]
    metrics = [replace(m, formula=_renamed(m.formula)) for m in panel.metrics]
    return replace(panel, models=models, history=history, metrics=metrics)


def _renamed(data: Any) -> Any:
    match data:
        case {"type": "propertyValue", "prop": str(prop), **rest}:
            before, _, name = prop.rpartition(".custom.")
            return {**rest, "type": "propertyValue", "prop": f"{before}.custom.{TWINS.get(name, name)}"}
        case list():
            return [_renamed(item) for item in data]
        case _:
            return data


def write_panel(panel: Panel, folder: Path) -> Path:
    """The project of a panel."""
    files = {FILES[model]: _records(panel, model) for model in panel.models}
    histories = {model: [(r, f, d, v) for m, r, f, d, v in panel.history if m == model] for model in panel.models}
    files |= {f"{model}_history.csv": _csv(["record", "field", "day", "value"], rows) for model, rows in histories.items() if rows}
    namespaces = list(dict.fromkeys(point.namespace for point in panel.points))
    files |= {f"{namespace}.csv": _points(panel, namespace) for namespace in namespaces}
    models = {model: {"records": FILES[model], "since": "since",
                      **({} if model == panel.root else {"company": "company"}),
                      **({"history": f"{model}_history.csv"} if histories[model] else {})} for model in panel.models}
    options: dict[str, Any] = {"trend": panel.trend, "fields_before_tracking": panel.fields_before_tracking,
                               "until": panel.as_of, "models": models,
                               "series": {n: _series(panel, n) for n in namespaces}}
    if panel.start is not None:
        options["start"] = panel.start
    return write_project(folder, files, [_metric(panel, i) for i in range(len(panel.metrics))], **options)


def _metric(panel: Panel, position: int) -> dict[str, Any]:
    metric = panel.metrics[position]
    made: dict[str, Any] = {"id": metric.id, "model": metric.model, "formula": json.loads(json.dumps(metric.formula))}
    if metric.missing_zero:
        made["missing"] = "zero"
    if metric.where is not None:
        made["where"] = f"\"where {position}\" = 'in'"
    return made


def _records(panel: Panel, model: str) -> str:
    records = panel.models[model].values()
    fields = list(dict.fromkeys(name for record in records for name in record.fields))
    wheres = [i for i, metric in enumerate(panel.metrics) if metric.where is not None and metric.model == model]
    rows = [[r.key, r.company, r.since, *(r.fields.get(f) for f in fields),
             *("in" if r.key in (panel.metrics[i].where or ()) else "out" for i in wheres)] for r in records]
    return _csv(["id", "company", "since", *fields, *(f"where {i}" for i in wheres)], rows)


def _points(panel: Panel, namespace: str) -> str:
    points = [point for point in panel.points if point.namespace == namespace]
    if namespace == "activities":
        return _csv(["action", "company", "enduser", "asset", "project", "date", "count"],
                    [[p.name, *(p.records.get(m) for m in FILES), p.at.isoformat(), p.value] for p in points])
    rows = [[key, model, p.name, p.at.isoformat(), p.value] for p in points for model, key in p.records.items()]
    return _csv(["record", "model", "name", "date", "value"], rows)


def _series(panel: Panel, namespace: str) -> dict[str, Any]:
    collapse = {_rule_name(key, namespace): how for key, how in panel.collapse.items() if _belongs(key, namespace)}
    zeros = {_rule_name(key, namespace): "missing" for key in panel.zeros_missing if _belongs(key, namespace)}
    return {"source": f"{namespace}.csv", "collapse": collapse, **({"zeros": zeros} if zeros else {})}


def _belongs(key: str, namespace: str) -> bool:
    return key == namespace or key.startswith(f"{namespace}.")


def _rule_name(key: str, namespace: str) -> str:
    return "default" if key == namespace else key.removeprefix(f"{namespace}.")


def _csv(header: list[str], rows: Any) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([["" if v is None else repr(v) if isinstance(v, float) else v.isoformat() if isinstance(v, date) else v
                       for v in row] for row in rows])
    return out.getvalue()
