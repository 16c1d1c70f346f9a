"""Small projects for tests: written to a folder, built through the public API, read back as plain data."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import yaml

import metricsql

NAMESPACES = ("activities", "metrics", "conversations", "tasks", "system", "revenue")
MODELS = {"company": "companies.csv", "enduser": "endusers.csv", "asset": "assets.csv", "project": "projects.csv"}


def write_project(folder: Path, files: dict[str, str], metrics: list[dict[str, Any]], **options: Any) -> Path:
    """Write files and a `metricsql.yml`. What `options` does not say follows from the names of the files."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    project: dict[str, Any] = {"version": 1, "name": "case"}
    present = {path.name for path in folder.iterdir()}
    project["models"] = {model: _model(model, folder / name, present) for model, name in MODELS.items() if name in present}
    project["series"] = {name: f"{name}.csv" for name in NAMESPACES if f"{name}.csv" in present}
    for key, value in options.items():
        project[key] = {**project[key], **value} if key in ("models", "series") else value
    project["metrics"] = metrics
    (folder / "metricsql.yml").write_text(yaml.safe_dump(_plain(project), sort_keys=False, allow_unicode=True), encoding="utf-8")
    return folder / "metricsql.yml"


def _model(model: str, file: Path, present: set[str]) -> dict[str, Any]:
    header = file.read_text(encoding="utf-8").splitlines()[0].split(",")
    made: dict[str, Any] = {"records": file.name}
    if model != "company":
        made["company"] = "company"
    if "since" in header:
        made["since"] = "since"
    if model == "company" and "history.csv" in present:
        made["history"] = "history.csv"
    return made


def _plain(data: Any) -> Any:
    match data:
        case dict():
            return {str(key): _plain(value) for key, value in data.items()}
        case list():
            return [_plain(item) for item in data]
        case date():
            return data.isoformat()
        case _:
            return data


def build(file: Path, **options: Any) -> metricsql.Project:
    """Load and build a project."""
    project = metricsql.load(file)
    project.build(**options)
    return project


def values(project: metricsql.Project, metric: str) -> dict[tuple[str, date], float | None]:
    """Every built value of a metric."""
    return {(record, day): value for record, day, value in project.relation(metric).fetchall()}


def all_values(project: metricsql.Project) -> dict[str, dict[tuple[str, date], float | None]]:
    """Every built value of every metric."""
    found: dict[str, dict[tuple[str, date], float | None]] = {}
    with duckdb.connect(str(project.definition.database), read_only=True) as connection:
        for model in {metric.model for metric in project.definition.metrics}:
            result = connection.execute(f'SELECT * FROM "metrics"."{model}"')
            names = [column[0] for column in result.description][2:]
            rows = result.fetchall()
            for position, name in enumerate(names, 2):
                found[name] = {(row[0], row[1]): row[position] for row in rows}
    return found


def query(project: metricsql.Project, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query over the built file."""
    with duckdb.connect(str(project.definition.database), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def same(found: float | None, expected: float | None, tolerance: float = 1e-9) -> bool:
    """Equal to the tolerance (relative, and absolute near zero); NULL only equals NULL."""
    if found is None or expected is None:
        return found is expected
    return abs(found - expected) <= tolerance * max(1.0, abs(expected))
