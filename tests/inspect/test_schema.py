"""The schema and the validator agree: on every project there is, good and bad, and on random changes of one."""

from __future__ import annotations

import copy
import json
import random
import re
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from metricsql.bind.catalog import NOTHING
from metricsql.bind.metrics import bind_metrics, read_formulas
from metricsql.diagnostics import Diagnostic, Findings, ProjectError
from metricsql.inspect.json_schema import json_schema
from metricsql.project import Definition, load_definition
from metricsql.project.document import read_document
from tests.bad_input.cases import Case, read_cases
from tests.bad_input.shop import GOOD, Shop
from tests.projects import write_project

ROOT = Path(__file__).parents[2]
BEYOND = {
    "unknown-model", "unknown-metric", "unknown-prefix", "unknown-field", "bad-models", "cycle", "addressing",
    "wrong-series", "bare-series", "wrong-model", "too-deep", "missing-file", "unreadable-file", "not-text",
    "bad-source",
}
"""What a schema cannot see: other places of the file, other files, names."""


@cache
def validator() -> Draft202012Validator:
    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


def findings(file: Path) -> list[Diagnostic]:
    """Every error of a project file without a look at its data."""
    try:
        definition = load_definition(file)
    except ProjectError as error:
        return [d for d in error.diagnostics if d.severity == "error"]
    return formula_findings(definition)


def formula_findings(definition: Definition) -> list[Diagnostic]:
    found = Findings()
    bind_metrics(definition, NOTHING, read_formulas(definition, found), found)
    return found.errors


def schema_says(data: Any) -> list[str]:
    return [f"{error.json_path}: {error.message[:300]}" for error in validator().iter_errors(data)]


def test_agrees_on_projects_of_the_answers(tmp_path: Path) -> None:
    for source in sorted((ROOT / "tests/answers").glob("*.yml")):
        for number, case in enumerate(yaml.safe_load(source.read_text(encoding="utf-8")), 1):
            first = (case.get("builds") or [case])[0]
            folder = tmp_path / f"{source.stem}-{number}"
            folder.mkdir()
            files = {**case.get("files", {}), **first.get("files", {})}
            file = write_project(folder, files, case["metrics"], **case.get("project", {}))
            assert schema_says(read_document(file, "case").data) == [], folder.name


@pytest.mark.parametrize("file", [*sorted((ROOT / "fixtures").glob("*/metricsql.yml")),
                                  ROOT / "tests/bad_input/good/metricsql.yml"], ids=lambda f: f.parent.name)
def test_agrees_on_good_projects(file: Path) -> None:
    assert findings(file) == []
    assert schema_says(read_document(file, "good").data) == []


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: f"{case.file.stem[:1]}: {case.title[:60]}")
def test_agrees_on_bad_input(case: Case, tmp_path: Path) -> None:
    shop = Shop(Path(shutil.copytree(GOOD, tmp_path / "shop")))
    case.prepare(shop)
    for file in sorted(shop.folder.glob("metricsql.*")):
        try:
            data = read_document(file, file.name).data
        except ProjectError:  # not even YAML
            continue
        found = findings(file)
        errors = [error for error in found if not beyond(error, data)]
        if errors or not found:
            assert bool(schema_says(data)) == bool(errors), f"{[str(e) for e in errors]}\n{schema_says(data)}"


BASE: dict[str, Any] = {
    "version": 1, "name": "base", "include": [], "timezone": "UTC", "start": "2025-01-01", "until": "2025-02-01",
    "trend": "ratio", "fields_before_tracking": "empty",
    "models": {"company": {"records": "c.csv", "key": "id", "since": "s", "history": {"sql": "select 1"}},
               "enduser": {"records": {"table": "u", "columns": {"id": "x"}}, "company": "company"}},
    "series": {"activities": "a.csv",
               "metrics": {"source": "m.csv", "collapse": {"default": "sum"}, "zeros": {"nps": "missing"}},
               "tasks": {"path": "t.csv", "collapse": {"default": "max"}},
               "system": {"attach": "o.duckdb", "table": "t"},
               "mails": {"source": "e.csv", "columns": {"record": "r"}}},
    "metrics": [
        {"id": "a", "formula": {"type": "metricOverTime", "days": 7, "op": "SUM", "prop": "activities.login"},
         "missing": "zero", "where": "seats > 1", "tags": ["t"]},
        {"id": "b", "formula": ["DIVISION", {"type": "metricOverTime", "days": 30, "op": "TREND", "prop": "metrics.x",
                                             "trend": "change"},
                                {"type": "propertyValue", "prop": "company.custom.seats"}]},
        {"id": "c", "formula": ["IF", {"type": "propertyValue", "prop": "company.custom.plan"}, "equal to",
                                {"type": "rawValue", "value": "Pro"},
                                ["SUM", {"type": "totalSum", "prop": "metrics.x"}],
                                [{"type": "daysSince", "prop": "activities.login"}]]},
        {"id": "d", "formula": ["IF", {"type": "metricOverTime", "days": 1, "op": "LAST", "prop": "metrics.x"},
                                {"type": "condition", "value": "has value"}, ["-", {"type": "rawNumber", "value": 1}],
                                ["ROUND", {"type": "rawNumber", "value": 1.5}, {"type": "rawNumber", "value": 0}]]},
        {"id": "e", "model": "enduser", "name": "E", "unit": "u", "description": "d",
         "formula": ["IF", ["and", [">", {"type": "rawNumber", "value": 1}, {"type": "rawNumber", "value": 2}],
                            ["=", {"type": "propertyValue", "prop": "enduser.custom.r"},
                             {"type": "rawValue", "value": "A"}]],
                     {"type": "rawNumber", "value": 1}, ["ABS", {"type": "rawNumber", "value": -1}]]},
        {"id": "f", "formula": "rolling_sum(activities.login, 7) / 7"},
    ],
    "tests": [{"name": "t", "rows": {"metrics": [{"record": "a", "name": "x", "date": "2025-01-06", "value": 5}]},
               "records": {"company": [{"id": "a", "seats": 3, "vip": True, "note": None}]}, "fields": {"company": []},
               "as_of": "2025-01-08", "expect": {"a": {"a": {"2025-01-06": 5, "2025-01-07": None}}}}],
}
POOL: list[Any] = [
    None, 0, 1, -3, 2.5, 1.0, True, "", "x", "a b", "2025-02-30", "2025-3-1", "zero", "null", "SUM", "IF", "has value",
    "more than", [], {}, ["SUM"], ["SUM", {"type": "rawNumber", "value": 1}],
    ["POWER", {"type": "rawNumber", "value": 2}],
    {"type": "rawValue", "value": "t"}, {"type": "rawNumber", "value": 4}, {"type": "rawNumber", "value": "4"},
    {"type": "propertyValue", "prop": "company.custom.seats", "op": "SUM"}, {"type": "condition", "value": "equal to"},
    [{"type": "rawValue", "value": "t"}], {"path": "p.csv"}, {"table": "t", "sql": "s"}, {"file": "f.json"}, ["p.csv"],
    ["=", {"type": "rawValue", "value": "a"}, {"type": "rawNumber", "value": 1}],
    ["has_value", {"type": "rawValue", "value": "a"}], {"source": {"path": "p"}, "columns": {}},
    {"path": "p", "columns": {"a": ""}},
]
KEYS = ["id", "name", "source", "path", "table", "columns", "zeros", "type", "prop", "days", "op", "trend", "value",
        "extra", "Record", "calculated", "a b", "x_latest", "2025-01-09", "model", "tests", "expect"]


def changed(chance: random.Random) -> Any:
    """The base with one to three random changes somewhere in it."""
    data = copy.deepcopy(BASE)
    for _ in range(chance.choice((1, 1, 2, 3))):
        parent, key = chance.choice(list(spots(data)))
        if isinstance(key, str) and key.startswith("="):  # the file as a whole stays a mapping
            continue
        if chance.random() < 0.2:
            del parent[key]
        elif chance.random() < 0.25 and isinstance(parent, dict):
            parent[chance.choice(KEYS)] = copy.deepcopy(chance.choice(POOL))
        elif chance.random() < 0.3 and isinstance(parent, list):
            parent.insert(key, copy.deepcopy(chance.choice(POOL)))
        else:
            parent[key] = copy.deepcopy(chance.choice(POOL))
    return data


def spots(data: Any) -> Iterator[tuple[Any, Any]]:
    for key, value in data.items() if isinstance(data, dict) else enumerate(data):
        yield data, key
        if isinstance(value, dict | list):
            yield from spots(value)


def disagreement(data: Any, folder: Path) -> str | None:
    """What the two say of a project, if only one of them finds fault with it."""
    file = folder / "metricsql.json"
    file.write_text(json.dumps(data), encoding="utf-8")
    found = findings(file)
    errors = [error for error in found if not beyond(error, data)]
    if found and not errors:  # what is wrong elsewhere may have kept the validator from looking further
        return None
    schema = schema_says(data)
    if bool(errors) == bool(schema):
        return None
    return f"{json.dumps(data)}\nvalidator: {[str(e) for e in errors]}\nschema: {schema}"


def beyond(error: Diagnostic, data: Any) -> bool:
    """Whether a schema cannot see it: names, dates in their order, what stands in expressions and other files."""
    words = ("lies after `until`", "lies after `to`", "belongs to the event", "time zone", "is set to another", "is a model, so no series")
    metrics = data.get("metrics") if isinstance(data, dict) else None
    place = re.match(r"/metrics/(\d+)/formula", error.place.pointer)
    formula = metrics[int(place.group(1))].get("formula") if place and isinstance(metrics, list) else None
    elsewhere = error.place.file is not None and "metricsql." not in error.place.file
    known = error.code in BEYOND or error.code.startswith("duplicate-") or any(word in error.message for word in words)
    return known or elsewhere or isinstance(formula, str)


def test_agrees_on_random_changes(tmp_path: Path) -> None:
    assert disagreement(BASE, tmp_path) is None
    chance = random.Random(7)
    for _ in range(120):
        found = disagreement(changed(chance), tmp_path)
        assert found is None, found
