"""Answers worked out by hand: each case is a tiny project, its formulas, and values with the sum shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.projects import build, query, same, values, write_project

FOLDER = Path(__file__).parent / "answers"


def cases() -> list[Any]:
    found = []
    for file in sorted(FOLDER.glob("*.yml")):
        for number, case in enumerate(yaml.safe_load(file.read_text(encoding="utf-8")), 1):
            found.append(pytest.param(case, id=f"{file.stem}-{number}: {case['case'][:70]}"))
    return found


@pytest.mark.parametrize("case", cases())
def test_answer(case: dict[str, Any], tmp_path: Path) -> None:
    builds = case.get("builds") or [case]
    for step in builds:
        options = {**case.get("project", {}), **({"until": step["until"]} if "until" in step else {})}
        files = {**(case.get("files", {}) if step is builds[0] else {}), **(step.get("files", {}) if step is not case else {})}
        file = write_project(tmp_path, files, case["metrics"], **options)
        project = build(file)
        for metric, records in step.get("expect", {}).items():
            found = values(project, metric)
            for record, days in records.items():
                for day, expected in days.items():
                    assert (record, day) in found, f"{metric}: no row for {record} on {day}"
                    got = found[record, day]
                    assert same(got, expected), f"{metric} of {record} on {day}: {got}, by hand {expected}; {case.get('sum', '')}"
        for metric, count in step.get("rows", {}).items():
            assert len(values(project, metric)) == count
    assert query(project, "SELECT COUNT(*) FROM _metricsql.builds")[0][0] == len(builds)
