"""The documented customer-success formulas are ready metrics: bound to their names, they are the same formula."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from metricsql.bind.metrics import read_formula
from metricsql.diagnostics import Findings
from metricsql.formula.nodes import Formula
from metricsql.library.binding import bind_metric
from metricsql.library.entries import find_entry
from metricsql.project import Written

CATALOGUE: dict[str, dict[str, Any]] = {entry["id"]: entry for entry in json.loads(
    (Path(__file__).parents[1] / "catalogue.json").read_text(encoding="utf-8"))}
SAME: list[tuple[str, str, dict[str, str]]] = [
    ("P04", "seat_utilization", {"used": "metrics.active_seats", "window": "1"}),
    ("P05", "quiet_days", {"activity": "activities.logins"}),
    ("P06", "total_so_far", {"activity": "activities.create user"}),
    ("P08", "smoothed", {"value": "calculated.123456789"}),
    ("P10", "active_share", {"active": "metrics.monthly_active_users", "all": "metrics.total_users"}),
    ("P13", "average_per_day", {"activity": "activities.login"}),
    ("P14", "average_active_day", {"value": "activities.login"}),
    ("P17", "share_of_target", {"activity": "activities.login", "target": "company.custom.expected number of logins"}),
    ("P18", "previous_week", {"activity": "activities.login"}),
    ("P19", "week_over_week", {"activity": "activities.login"}),
    ("P22", "activity_total", {"activity": "conversations.chat"}),
    ("P23", "average_active_day", {"value": "conversations.chat", "window": "30"}),
    ("P25", "activity_total", {"activity": "system.activity_count"}),
    ("P27", "activity_total", {"activity": "activities.Logged in"}),
    ("P28", "two_activities", {"first": "activities.Downloaded Report Type 1",
                               "second": "activities.Downloaded Report Type 2"}),
    ("P32", "short_against_long", {"value": "system.health"}),
    ("P33", "active_share", {"active": "system.users_active_last30", "all": "system.users_total"}),
    ("P43", "active_share", {"active": "system.users_active_last7", "all": "system.users_total", "window": "7"}),
    ("P45", "latest_value", {"value": "custom.temperature", "window": "3"}),
    ("P46", "latest_value", {"value": "custom.NPS"}),
    ("P47", "gaps_as_zero", {"value": "custom.logins_per_day"}),
    ("P51", "activity_total", {"activity": "custom.logins_per_day", "window": "7"}),
    ("P52", "previous_week", {"activity": "custom.logins_per_day"}),
    ("P57", "active_children", {"flag": "enduser.calculated.id"}),
    ("P58", "today_or_average", {"value": "activities.loggedin"}),
    ("P61", "in_one_currency", {"amount": "company.custom.New feature ARR", "currency": "company.custom.Currency",
                                "rate": "1.07"}),
    ("P62", "was_active", {"activity": "activities.Logged in", "window": "30"}),
]


def tree(written: Written) -> Formula | None:
    findings = Findings()
    found = read_formula(written, findings)
    assert findings.errors == []
    return found


@pytest.mark.parametrize(("documented", "id", "bindings"), SAME, ids=[f"{number}-{id}" for number, id, _ in SAME])
def test_same_formula(documented: str, id: str, bindings: dict[str, str]) -> None:
    formula = CATALOGUE[documented]["formula"]
    if documented == "P04":  # there the seats are a series, here a field
        formula = json.loads(json.dumps(formula))
        formula[2][2] = {"type": "propertyValue", "prop": "company.custom.seats"}
        bindings = {**bindings, "seats": "company.custom.seats"}
    findings = Findings()
    item = bind_metric(find_entry(id), None, None, bindings, findings)
    assert findings.items == []
    assert tree(Written(None, item["formula"])) == tree(Written(formula))
