"""The ready rows give the numbers of `answers.yml`, worked by hand, on the ledger of `fixtures/subscriptions`."""

from __future__ import annotations

import csv
import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

import metricsql
from metricsql.library.adding import Wanted, plan_addition, write_addition
from metricsql.library.entries import entries, find_entry
from metricsql.project import load_definition
from tests.projects import same
from tests.tables.evaluator import evaluate

FIXTURE = Path(__file__).parents[2] / "fixtures" / "subscriptions"
ANSWERS: list[dict[str, Any]] = yaml.safe_load(Path(__file__).with_name("answers.yml").read_text(encoding="utf-8"))
READY = {"MRR growth", "MRR growth rate", "Revenue year over year", "MRR CAGR", "Revenue against Cost of revenue",
         "Revenue against Cost of revenue, relative", *(entry.title for entry in entries())}
"""The titles of the ready rows of the fixture, which are added anew."""
INTERVALS = ("month", "quarter", "year")
Cells = dict[tuple[str, datetime], float | None]
"""The value of each title in the period that begins at a time."""
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def cases() -> list[Any]:
    found = []
    for answer in ANSWERS:
        for expected in answer["expect"]:
            interval = next(name for name in INTERVALS if name in expected)
            period = expected[interval]
            found.append(pytest.param(answer["id"], interval, period, expected["value"], id=f"{answer['id']}-{period}"))
    return found


def start_of(interval: str, period: str) -> datetime:
    year, _, part = period.partition("-")
    number = int(part.lstrip("Q")) if part else 1
    return datetime(int(year), 1 + (number - 1) * MONTHS[interval], 1)


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The project with every ready row added to the table of measurements; the title of each, by its id."""
    folder = tmp_path_factory.mktemp("library") / "subscriptions"
    shutil.copytree(FIXTURE, folder, ignore=shutil.ignore_patterns("*.duckdb*"))
    file = folder / "metricsql.yml"
    project = yaml.safe_load(file.read_text(encoding="utf-8"))
    table = project["tables"]["saas"]
    table["rows"] = [row for row in table["rows"] if row.get("name") not in READY]
    file.write_text(yaml.safe_dump(project, sort_keys=False), encoding="utf-8")
    titles = {}
    for answer in ANSWERS:
        wanted = Wanted(find_entry(answer["id"]), answer.get("bind", {}), "saas")
        addition = plan_addition(load_definition(file), wanted)
        write_addition(addition)
        titles[answer["id"]] = addition.item["name"]
    return file, titles


@pytest.fixture(scope="module")
def evaluated(added: tuple[Path, dict[str, str]]) -> dict[str, Cells]:
    """What the second evaluator makes of the table: by interval, the value of a title in the period of a start."""
    file, _ = added
    table = yaml.safe_load(file.read_text(encoding="utf-8"))["tables"]["saas"]
    with (file.parent / "data/actuals.csv").open(newline="", encoding="utf-8") as opened:
        ledger = [(row["event"], datetime.fromisoformat(row["time"]), float(row["value"]))
                  for row in csv.DictReader(opened)]
    found: dict[str, Cells] = {}
    for interval in (*INTERVALS, "week"):
        result = evaluate(table, {"": ledger}, interval, date(2025, 12, 31))
        assert result.unavailable == {}
        found[interval] = {(title, period.start): cell[0] for title, column in result.rows.items()
                           for period, cell in zip(result.periods, column, strict=True)}
    return found


@pytest.fixture(scope="module")
def computed(added: tuple[Path, dict[str, str]]) -> dict[str, Cells]:
    """What the product makes of it."""
    project = metricsql.load(added[0])
    found: dict[str, Cells] = {}
    for interval in (*INTERVALS, "week"):
        table = project.table("saas", interval)
        found[interval] = {(row.title, period.start): cell.value for row in table.rows
                           for period, cell in zip(table.periods, row.cells, strict=True)}
    return found


@pytest.mark.parametrize(("id", "interval", "period", "expected"), cases())
def test_answer(id: str, interval: str, period: str, expected: float | None, computed: Any, added: Any) -> None:
    got = computed[interval][added[1][id], start_of(interval, period)]
    assert same(got, expected), f"{id} in {period}: {got}, by hand {expected}"


@pytest.mark.parametrize("interval", [*INTERVALS, "week"])
def test_every_cell_is_that_of_the_second_evaluator(interval: str, computed: Any, evaluated: Any) -> None:
    assert computed[interval].keys() == evaluated[interval].keys()
    wrong = {key: (got, evaluated[interval][key]) for key, got in computed[interval].items()
             if not same(got, evaluated[interval][key])}
    assert wrong == {}


def test_the_fixture_has_its_ready_rows_as_they_are_added(added: tuple[Path, dict[str, str]]) -> None:
    anew, kept = (yaml.safe_load(file.read_text(encoding="utf-8"))["tables"]["saas"]["rows"]
                  for file in (added[0], FIXTURE / "metricsql.yml"))
    assert [row for row in anew if not row.get("name", "").startswith("Revenue against")] == kept


@pytest.mark.parametrize(("id", "interval", "period", "expected"), cases())
def test_second_evaluator(
    id: str, interval: str, period: str, expected: float | None, evaluated: Any, added: Any,
) -> None:
    got = evaluated[interval][added[1][id], start_of(interval, period)]
    assert same(got, expected), f"{id} in {period}: {got}, by hand {expected}"


def test_every_ready_row_has_answers() -> None:
    assert [answer["id"] for answer in ANSWERS] == [entry.id for entry in entries() if entry.kind == "row"]


def test_actuals_against_the_forecast(tmp_path: Path) -> None:
    shutil.copytree(FIXTURE, tmp_path / "subscriptions", ignore=shutil.ignore_patterns("*.duckdb*"))
    file = tmp_path / "subscriptions/metricsql.yml"
    bindings = {"actual": "actuals.revenue", "expected": "forecast.revenue"}
    for id, name in (("compare_results", "Above plan"), ("compare_results_rate", None)):
        write_addition(plan_addition(load_definition(file), Wanted(find_entry(id), bindings, "plan", name)))
    found = {row.title: row.cells[0].value for row in metricsql.load(file).table("plan", "month").rows}
    above = 77815 - 78198.50  # the revenue of January 2025 less what was planned for it
    assert found["Above plan"] == above
    assert same(found["actuals.Revenue against forecast.Revenue, relative"], above / 78198.50)
