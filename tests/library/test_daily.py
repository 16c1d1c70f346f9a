"""The ready daily metrics give the numbers of `daily_answers.yml`, worked by hand."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

import metricsql
from metricsql.library.adding import Wanted, plan_addition, write_addition
from metricsql.library.entries import entries, find_entry
from metricsql.project import load_definition
from tests.projects import all_values, build, same, write_project

PANEL: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("daily_answers.yml").read_text(encoding="utf-8"))
Values = dict[str, dict[tuple[str, date], float | None]]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Values:
    """Every value of every ready metric, added one by one to a project without any."""
    folder = tmp_path_factory.mktemp("daily")
    options = {"start": "2026-01-01", "until": "2026-01-20", "fields_before_tracking": "constant"}
    file = write_project(folder, PANEL["files"], [], **options)
    for answer in PANEL["answers"]:
        wanted = Wanted(find_entry(answer["id"]), answer["bind"], model=answer.get("model"))
        write_addition(plan_addition(load_definition(file), wanted))
    assert metricsql.load(file).check(lint=False).items == []
    return all_values(build(file))


@pytest.mark.parametrize("answer", PANEL["answers"], ids=lambda answer: answer["id"])
def test_answer(answer: dict[str, Any], built: Values) -> None:
    for record, days in answer["expect"].items():
        for day, expected in days.items():
            got = built[answer["id"]][record, day]
            assert same(got, expected), f"{answer['id']} of {record} on {day}: {got}, by hand {expected}"


def test_every_ready_metric_has_answers() -> None:
    assert [answer["id"] for answer in PANEL["answers"]] == [entry.id for entry in entries() if entry.kind == "metric"]
