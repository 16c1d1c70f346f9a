"""Hand-worked checks of what formulas read: grids, collapsing, children, fields and names (docs/semantics.md sections 1, 2 and 5)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest

from tests.oracle import Metric, Panel, Point, Record, RuleError, evaluate

N = None
FIRST = date(2025, 1, 1)


def january(day: int) -> date:
    return date(2025, 1, day)


def at(day: int, hour: int) -> datetime:
    return datetime(2025, 1, day, hour)


def last(prop: str) -> dict[str, Any]:
    return {"type": "metricOverTime", "op": "LAST", "days": 1, "prop": prop}


def total(prop: str) -> dict[str, Any]:
    return {"type": "totalSum", "prop": prop}


def panel_of(
    formula: object, points: list[Point], *, until: int = 3, start: date | None = FIRST, model: str = "company", **more: Any
) -> Panel:
    """Companies a and b; end users e1 and e2 of a, e3 of b, e4 of nobody; one asset x of a."""
    models = {
        "company": {"a": Record("a"), "b": Record("b")},
        "enduser": {
            "e1": Record("e1", company="a"),
            "e2": Record("e2", company="a"),
            "e3": Record("e3", company="b"),
            "e4": Record("e4", company="gone"),
        },
        "asset": {"x": Record("x", company="a")},
    }
    return Panel(models, points, [Metric("m", formula, model)], january(until), start, **more)


def days_of(panel: Panel, key: str = "a", metric: str = "m") -> list[float | None]:
    """The values of one record, day by day."""
    return [value for (owner, _), value in evaluate(panel)[metric].items() if owner == key]


# Grid (1.2)


def test_grid_from_the_first_data_to_the_as_of_day() -> None:
    points = [Point("metrics", "x", january(2), 1.0, {"company": "a"}), Point("system", "y", january(3), 1.0, {"enduser": "e4"})]
    # a row without a value, a row of nobody, and a 0 read as missing do not begin the grid
    points += [Point("metrics", "x", january(1), None, {"company": "a"}), Point("metrics", "x", january(1), 7.0, {"company": "?"})]
    points += [Point("metrics", "z", january(1), 0.0, {"company": "a"})]
    rows = evaluate(panel_of(last("metrics.x"), points, start=None, zeros_missing={"metrics.z"}))["m"]
    assert rows == {("a", january(2)): 1, ("a", january(3)): None, ("b", january(2)): None, ("b", january(3)): None}
    assert evaluate(panel_of(last("metrics.x"), [], start=None))["m"] == {}


def test_since_limits_what_is_written_not_what_is_read() -> None:
    points = [Point("metrics", "x", date(2024, 12, 31), 5.0, {"company": "a"}), Point("metrics", "x", january(2), 1.0, {"company": "a"})]
    panel = panel_of(total("metrics.x"), points)
    panel.models["company"]["a"].since = january(2)
    panel.models["company"]["b"].since = january(9)
    # 5 + 1 on the first day written; b begins after the as-of day
    assert evaluate(panel)["m"] == {("a", january(2)): 6, ("a", january(3)): 6}


# Collapsing (1.3)

# Source order: 9 o'clock 4, 7 o'clock 8, 9 o'clock 2, and a plain date, which is midnight, 1.
SEVERAL = [(at(1, 9), 4.0), (at(1, 7), 8.0), (at(1, 9), 2.0), (january(1), 1.0)]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, 2),  # last: of the two at 9 o'clock the later row
        ({"metrics": "sum"}, 15),  # 4 + 8 + 2 + 1
        ({"custom": "min"}, 1),
        ({"metrics.x": "max"}, 8),
        ({"metrics": "sum", "metrics.x": "avg"}, 3.75),  # 15 / 4; the name wins over the namespace
        ({"metrics.X": "sum"}, 2),  # names are exact
    ],
)
def test_collapse(settings: dict[str, str], expected: float) -> None:
    points = [Point("metrics", "x", moment, value, {"company": "a"}) for moment, value in SEVERAL]
    assert days_of(panel_of(last("metrics.x"), points, until=1, collapse=settings)) == [expected]


def test_events_count_and_zeros_fill() -> None:
    points = [
        Point(space, "x", at(2, 9), value, {"company": "a"})
        for space in ("activities", "conversations", "tasks", "system")
        for value in (None, 2.5)
    ]
    points += [Point(space, "x", date(2024, 12, 30), 3.0, {"company": "a"}) for space in ("conversations", "system")]
    # a row without count is 1: 1 + 2.5
    assert days_of(panel_of(last("activities.x"), points)) == [N, 3.5, N]
    assert days_of(panel_of(last("task.x"), points)) == [0, 3.5, 0]
    assert days_of(panel_of(last("tasks.never"), points)) == [0, 0, 0]
    # a row of system without a value is no data
    assert days_of(panel_of(last("system.x"), points)) == [N, 2.5, N]
    # before the grid only what was sent: on 1 January the last 9 days hold 30 December (3) and 1 January (0)
    length = {"type": "metricOverTime", "op": "LENGTH", "days": 9, "prop": "conversations.x"}
    assert days_of(panel_of(length, points)) == [2, 3, 4]
    assert days_of(panel_of(total("conversations.x"), points)) == [3, 6.5, 6.5]


def test_zeros_missing_before_collapsing() -> None:
    points = [Point("metrics", "x", at(1, hour), value, {"company": "a"}) for hour, value in ((8, 6.0), (9, 0.0))]
    points.append(Point("metrics", "x", january(2), 0.0, {"company": "a"}))
    assert days_of(panel_of(last("metrics.x"), points)) == [0, 0, N]
    assert days_of(panel_of(last("metrics.x"), points, zeros_missing={"metrics"})) == [6, N, N]
    assert days_of(panel_of(last("metrics.x"), points, zeros_missing={"metrics.x"}, collapse={"metrics": "avg"})) == [6, N, N]
    assert days_of(panel_of(last("metrics.x"), points, collapse={"metrics": "avg"})) == [3, 0, N]  # (6 + 0) / 2


def test_names_are_exact_and_keep_their_dots() -> None:
    points = [Point("activities", name, january(1), None, {"company": "a"}) for name in ("Login", "v2.export", "2024", 'a "b"; c')]
    for name, expected in (("Login", 1), ("login", N), ("v2.export", 1), ("v2", N), ("2024", 1), ('a "b"; c', 1)):
        assert days_of(panel_of(last(f"activities.{name}"), points, until=1)) == [expected]
        assert days_of(panel_of(last(f"company.activities.{name}"), points, until=1)) == [expected]


# Children (1.6)


def test_child_series_are_summed_per_day_then_over_days() -> None:
    points = [
        Point("metrics", "x", january(day), value, {"enduser": key})
        for key, day, value in (("e1", 1, 4.0), ("e2", 1, 6.0), ("e1", 2, 5.0), ("e3", 2, 9.0))
    ]
    points += [Point("metrics", "x", january(1), 100.0, {"company": "a"})]
    panel = panel_of(last("enduser.metrics.x"), points)
    assert days_of(panel) == [10, 5, N]  # 4 + 6, only e1, nobody
    assert days_of(panel, "b") == [N, 9, N]
    # TREND over the sums: 5 / 10
    assert days_of(panel_of({"type": "metricOverTime", "op": "TREND", "days": 1, "prop": "enduser.custom.x"}, points)) == [N, 0.5, N]
    # MAX over two days of the sums, not of the children
    assert days_of(panel_of({"type": "metricOverTime", "op": "MAX", "days": 2, "prop": "enduser.metrics.x"}, points)) == [10, 10, 5]
    assert days_of(panel_of(last("asset.metrics.x"), points)) == [N, N, N]


def test_zero_filled_children_follow_their_own_grid() -> None:
    panel = panel_of(last("enduser.conversations.x"), [Point("conversations", "x", january(3), 2.0, {"enduser": "e2"})])
    panel.models["enduser"]["e1"].since = january(3)
    panel.models["enduser"]["e2"].since = january(2)
    # nobody yet; e2 is 0; e1 is 0 and e2 is 2
    assert days_of(panel) == [N, 0, 2]


def test_calculated_series_of_children() -> None:
    points = [Point("metrics", "x", january(1), value, {"enduser": key}) for key, value in (("e1", 1.0), ("e2", 0.0), ("e4", 1.0))]
    panel = panel_of(last("enduser.calculated.active"), points)
    panel.metrics.append(Metric("active", ["SIGN", last("metrics.x")], "enduser", missing_zero=True))
    panel.models["enduser"]["e2"].since = january(2)
    # 1 January: e1 only, 1; then 0 + 0
    assert days_of(panel) == [1, 0, 0]


def test_an_activity_counts_once_for_every_record_and_for_the_company() -> None:
    points = [
        Point("activities", "x", january(1), None, {"company": "a", "enduser": "e1", "asset": "x"}),
        Point("activities", "x", january(1), 2.0, {"enduser": "e2"}),
        Point("activities", "x", january(2), 4.0, {"company": "a", "enduser": "nobody"}),
        Point("activities", "x", january(3), 8.0, {"company": "nobody", "enduser": "e4"}),
        Point("activities", "x", january(3), 16.0, {"company": "b", "enduser": "e1"}),
    ]
    assert days_of(panel_of(last("activities.x"), points)) == [3, 4, 16]  # 1 + 2; 4; 16 through e1
    assert days_of(panel_of(last("activities.x"), points), "b") == [N, N, 16]
    assert days_of(panel_of(last("enduser.activities.x"), points)) == [3, N, 16]
    assert days_of(panel_of(last("asset.activities.x"), points)) == [1, N, N]
    assert days_of(panel_of(last("activities.x"), points, model="enduser"), "e4") == [N, N, 8]


def test_other_series_of_a_child_are_the_childs_alone() -> None:
    assert days_of(panel_of(last("conversations.x"), [Point("conversations", "x", january(1), 2.0, {"enduser": "e1"})])) == [0, 0, 0]


@pytest.mark.parametrize(
    ("prop", "kind", "model"),
    [
        ("asset.metrics.x", "totalSum", "enduser"),
        ("company.metrics.x", "totalSum", "enduser"),
        ("enduser.custom.f", "propertyValue", "company"),
    ],
)
def test_references_that_are_not_allowed(prop: str, kind: str, model: str) -> None:
    with pytest.raises(RuleError):
        evaluate(panel_of({"type": kind, "prop": prop}, [], model=model))


# Fields (5)


def field_days(current: Any, *history: tuple[int, Any], formula: object = None, until: int = 4, **more: Any) -> list[float | None]:
    """A field of company a on 1, 2, … January, from its current value and its stored ones."""
    given = formula or {"type": "propertyValue", "prop": "company.custom.f"}
    panel = panel_of(given, [], until=until, history=[("company", "a", "f", january(day), value) for day, value in history], **more)
    panel.models["company"]["a"].fields = {"f": current}
    return days_of(panel)


def test_fields_without_a_past() -> None:
    assert field_days(5.0) == [N, N, N, 5]
    assert field_days("5.50") == [N, N, N, 5.5]
    assert field_days(5.0, fields_before_tracking="constant") == [5, 5, 5, 5]


def test_fields_read_the_newest_stored_value() -> None:
    assert field_days(5.0, (2, 7.0)) == [N, 7, 7, 5]
    assert field_days(5.0, (2, 7.0), fields_before_tracking="constant") == [7, 7, 7, 5]
    # an empty value is stored as such, and an empty string is no value
    assert field_days("", (1, 7.0), (3, None)) == [7, 7, N, N]
    # constant fills the days before everything stored with the first value that is not empty
    assert field_days(5.0, (2, ""), (3, 6.0), fields_before_tracking="constant") == [6, N, 6, 5]
    # on the same day the given one wins
    assert field_days(5.0, (4, 9.0)) == [N, N, N, 9]


def test_an_earlier_as_of_day_stores_nothing() -> None:
    assert field_days(5.0, (2, 7.0), (9, 8.0)) == [N, 7, 7, 7]
    assert field_days(5.0, (9, 8.0), fields_before_tracking="constant") == [8, 8, 8, 8]
    panel = panel_of({"type": "propertyValue", "prop": "company.custom.f"}, [], history=[("asset", "left", "g", january(9), 1.0)])
    panel.models["company"]["a"].fields = {"f": 5.0}
    assert days_of(panel) == [N, N, N]


def test_one_text_ever_makes_the_field_a_text() -> None:
    same = [
        "IF",
        {"type": "propertyValue", "prop": "company.custom.f"},
        "equal to",
        {"type": "rawValue", "value": "10"},
        *({"type": "rawNumber", "value": n} for n in (1, 2)),
    ]
    # 10 among numbers is a number and equals no text; beside a text it is the text "10"
    assert field_days("10", formula=same) == [2, 2, 2, 2]
    assert field_days("10", (2, "ten"), formula=same) == [2, 2, 2, 1]
    with pytest.raises(RuleError):
        field_days("10", (2, "ten"))
