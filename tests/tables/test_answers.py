"""Output tables against the answers worked out by hand, through the public API."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import metricsql

from .cases import Case, cases, day, differences, lines
from .projects import shown, tables_project

CASES = cases()
METRIC = {"id": "m", "formula": "rolling_last(metrics.x, 1)"}


@pytest.fixture(scope="module")
def ledgers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, metricsql.Project]:
    """For each time zone one project, with a table for every case over a ledger."""
    found = {}
    for zone in {case.timezone for case in CASES}:
        here = [case for case in CASES if "panel" not in case.written and case.timezone == zone]
        tables = {name(case): (case.table, case.ledgers) for case in here}
        found[zone] = metricsql.load(tables_project(tmp_path_factory.mktemp("ledgers"), tables, timezone=zone))
    return found


def name(case: Case) -> str:
    """The same table serves every interval of a case."""
    return case.name.split(" ")[0].replace("-", "_")


def of_metrics(folder: Path, case: Case) -> metricsql.Project:
    """A built project with the panel of a case and its table."""
    (folder / "companies.csv").write_text(case.written["companies"], encoding="utf-8")
    (folder / "metrics.csv").write_text(case.written["panel"], encoding="utf-8")
    first = min(day(line["date"]) for line in lines(case.written["panel"]))
    options: dict[str, Any] = {
        "start": first.isoformat(), "models": {"company": {"records": "companies.csv"}},
        "series": {"metrics": "metrics.csv"}, "metrics": [METRIC],
    }
    table = {"source": "metrics.company", **case.table}
    project = metricsql.load(tables_project(folder, {name(case): (table, {})}, **options))
    project.build(as_of=case.as_of)
    return project


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_answer(case: Case, ledgers: dict[str, metricsql.Project], tmp_path: Path) -> None:
    project = of_metrics(tmp_path, case) if "panel" in case.written else ledgers[case.timezone]
    found = shown(project, name(case), case.interval, case.as_of)
    for segment, rows in found.rows.items():
        assert differences(case, segment, found.starts, rows) == []
    assert sorted(found.unavailable) == sorted(case.unavailable)
    assert set(found.rows) == set(case.segments)
    if case.partial:
        assert [int(partial) for partial in found.partial] == case.partial
