"""The ledgers of `fixtures/` are consistent in themselves, and their scripts make them as they are."""

from __future__ import annotations

import csv
import importlib.util
import sys
from collections import defaultdict
from pathlib import Path

import pytest

import metricsql

FIXTURES = Path(__file__).parents[2] / "fixtures"
Month = str
"""Year and month, as 2023-01."""
OPENING = {"MRR": 34_060.0, "Customers": 64.0, "Cash": 1_450_000.0, "Headcount": 8.0}
PARTS = {
    "MRR": (("New MRR", "Expansion MRR"), ("Contraction MRR", "Churned MRR")),
    "Customers": (("New customers",), ("Lost customers",)),
    "Cash": (("Cash received", "Funding"), ("Cash paid",)),
    "Headcount": (("Hires",), ("Leavers",)),
}
"""A balance: what adds to it, what takes away from it."""


class Ledger:
    """Sums and last states by event and month, in plain Python."""

    def __init__(self, file: Path) -> None:
        self.sums: dict[str, dict[Month, float]] = defaultdict(lambda: defaultdict(float))
        self.states: dict[str, dict[Month, float]] = defaultdict(dict)
        with file.open(newline="", encoding="utf-8") as opened:
            rows = [(row["event"], row["time"], float(row["value"])) for row in csv.DictReader(opened)]
        for event, time, value in sorted(rows, key=lambda row: row[1]):
            self.sums[event][time[:7]] += value
            self.states[event][time[:7]] = value
        self.months = sorted({time[:7] for _, time, _ in rows})


@pytest.fixture(scope="module")
def actuals() -> Ledger:
    return Ledger(FIXTURES / "subscriptions/data/actuals.csv")


@pytest.fixture(scope="module")
def jobs() -> Ledger:
    return Ledger(FIXTURES / "employment/data/jobs.csv")


@pytest.mark.parametrize("balance", PARTS)
def test_a_balance_is_the_one_before_and_what_came_and_went(actuals: Ledger, balance: str) -> None:
    added, taken = PARTS[balance]
    state = OPENING[balance]
    for month in actuals.months:
        state += sum(actuals.sums[event][month] for event in added) - sum(actuals.sums[event][month] for event in taken)
        if month in actuals.states[balance]:
            assert actuals.states[balance][month] == pytest.approx(state, abs=0.005), month


def test_revenue_is_the_mean_of_opening_and_closing(actuals: Ledger) -> None:
    opening = OPENING["MRR"]
    for month in actuals.months:
        closing = actuals.states["MRR"].get(month, opening)
        assert actuals.sums["Revenue"][month] == pytest.approx((opening + closing) / 2, abs=0.005), month
        opening = closing


def test_three_years_of_actuals_and_a_forecast_that_goes_on(actuals: Ledger) -> None:
    forecast = Ledger(FIXTURES / "subscriptions/data/forecast.csv")
    assert (len(actuals.months), actuals.months[0], actuals.months[-1]) == (36, "2023-01", "2025-12")
    assert (forecast.months[0], forecast.months[-1]) == ("2025-01", "2026-06")
    assert forecast.sums.keys() < actuals.sums.keys()
    opening = actuals.states["MRR"]["2024-12"]
    for month in forecast.months:
        added, taken = ([forecast.sums[event][month] for event in events] for events in PARTS["MRR"])
        assert forecast.states["MRR"][month] == opening + sum(added) - sum(taken)
        opening = forecast.states["MRR"][month]


def test_the_script_makes_the_ledgers_as_they_are(tmp_path: Path) -> None:
    script = FIXTURES / "subscriptions/make.py"
    spec = importlib.util.spec_from_file_location("make_subscriptions", script)
    assert spec is not None and spec.loader is not None
    make = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = make
    spec.loader.exec_module(make)
    make.DATA = tmp_path
    make.main()
    for name in ("actuals.csv", "forecast.csv"):
        assert (tmp_path / name).read_bytes() == (script.parent / "data" / name).read_bytes(), name


@pytest.mark.parametrize("parts", [("Private", "Government"), ("Goods producing", "Service providing")])
def test_jobs_add_up(jobs: Ledger, parts: tuple[str, str]) -> None:
    assert len(jobs.months) == 120
    for month in jobs.months:
        assert jobs.states["Nonfarm"][month] == sum(jobs.states[part][month] for part in parts), month


def test_the_monthly_changes_of_jobs_add_up_to_the_change(jobs: Ledger) -> None:
    for first, month in zip(jobs.months, jobs.months[1:], strict=False):
        assert jobs.states["Nonfarm"][month] - jobs.states["Nonfarm"][first] == jobs.sums["Nonfarm change"][month]


@pytest.mark.parametrize("interval", ["month", "quarter", "year"])
def test_the_table_of_jobs(jobs: Ledger, interval: str) -> None:
    table = metricsql.load(FIXTURES / "employment").table("jobs", interval)
    rows = {row.title: [cell.value for cell in row.cells] for row in table.rows}
    months = [[month for month in jobs.months if f"{period.start:%Y-%m}" <= month < f"{period.end:%Y-%m}"]
              for period in table.periods]
    assert rows["Jobs"] == [jobs.states["Nonfarm"][inside[-1]] for inside in months]
    assert rows["New jobs"] == [sum(jobs.sums["Nonfarm change"][month] for month in inside) for inside in months]
    assert rows["Both together"] == rows["Jobs"] and rows["Change of jobs"][1:] == rows["New jobs"][1:]
    assert max(filter(None, rows["Below the peak"]), default=0) <= 0


@pytest.mark.parametrize("name", ["subscriptions", "employment"])
def test_the_projects_are_clean(name: str) -> None:
    assert metricsql.load(FIXTURES / name).check().errors == []
