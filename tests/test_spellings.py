"""The same project with formulas as JSON and as text: equal numbers, cell by cell."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml

import metricsql
from metricsql.diagnostics import Findings
from metricsql.formula import read_json, write_expression
from tests.oracle.random_formulas import random_panel
from tests.panels import without_twins, write_panel
from tests.projects import all_values, build, write_project
from tests.test_catalogue import CATALOGUE, calculated, model_of, stubs


def as_text(formula: Any) -> str:
    findings = Findings()
    found = read_json(formula, findings)
    assert found is not None, findings.items
    return write_expression(found)


def respelled(file: Path) -> metricsql.Project:
    """The project with every formula as text."""
    project = yaml.safe_load(file.read_text(encoding="utf-8"))
    assert any(not isinstance(metric["formula"], str) for metric in project["metrics"])
    for metric in project["metrics"]:
        metric["formula"] = as_text(metric["formula"])
    file.write_text(yaml.safe_dump(project, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return metricsql.load(file)


def same_numbers(file: Path) -> int:
    """Build both spellings, each in full; how many cells were compared."""
    first = build(file)
    expected = all_values(first)
    second = respelled(file)
    assert second.build().unchanged, "another spelling is no change"
    assert second.build(full=True).everything
    assert all_values(second) == expected
    return sum(len(cells) for cells in expected.values())


def test_documented_formulas(tmp_path: Path) -> None:
    names = set().union(*(calculated(entry["formula"]) for entry in CATALOGUE))
    metrics = [{"id": entry["id"], "model": model_of(entry), "formula": entry["formula"]} for entry in CATALOGUE]
    rows = "".join(f"a,{name},2025-01-{day:02},{day * 3 % 7}\n" for name in ("active_seats", "stub") for day in range(1, 20, 2))
    files = {"companies.csv": "id,expected number of logins,seats,Max Seats feature X,Currency,New feature ARR\na,100,10,10,USD,107\n",
             "endusers.csv": "id,company\ne1,a\n", "metrics.csv": f"record,name,date,value\n{rows}"}
    email = {"email_events": {"sql": "select 'e1' as record, 'sent' as name, date '2025-01-06' as date, 1 as value, 'enduser' as model"}}
    file = write_project(tmp_path, files, [*metrics, *stubs(names)], until="2025-01-30", series=email)
    assert same_numbers(file) > 58 * 24


@pytest.mark.exhaustive
@pytest.mark.parametrize("seed", range(2))
def test_random_formulas(seed: int, tmp_path: Path) -> None:
    panel = without_twins(random_panel(random.Random(4000 + seed), metrics=100, days=8, companies=3, depth=4))
    assert same_numbers(write_panel(panel, tmp_path)) > 100
