"""Every operator inside every operator, in every place, on one awkward panel; and a new one from one block."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from metricsql import operators
from metricsql.operators import Operator, WindowOperator
from tests.oracle import Metric, Panel, Point, Record, evaluate
from tests.panels import write_panel
from tests.projects import all_values, build, same, values, write_project

START, END = date(2025, 1, 1), date(2025, 1, 12)
NUMBERS = {1: 4.0, 2: -2.0, 3: 0.0, 5: 0.25, 6: 1.0, 9: 3.0, 10: -1.0, 12: 2.0}
"""Day of January -> value: a zero, negatives, gaps, a fraction."""


def panel(metrics: list[Metric]) -> Panel:
    points = [Point("metrics", "x", date(2025, 1, day), value, {"company": "a"}) for day, value in NUMBERS.items()]
    points += [Point("metrics", "x", date(2025, 1, day), 0.0, {"company": "b"}) for day in (2, 3, 4, 11)]
    points += [Point("metrics", "y", date(2025, 1, day), float(13 - day), {"company": "a"}) for day in range(2, 13, 2)]
    points += [Point("activities", "act", date(2025, 1, day), 1.0, {"company": "a"}) for day in (1, 4, 5, 11)]
    points += [Point("activities", "act", date(2025, 1, 3), 2.0, {"enduser": "only"})]
    records = {key: Record(key, {"seats": seats, "kind": "K" if key == "a" else None})
               for key, seats in (("a", 3.0), ("b", None), ("c", -5.0))}
    return Panel({"company": records, "enduser": {"only": Record("only", {}, company="b")}}, points, metrics, END, START,
                 history=[("company", "a", "seats", START, 2.0), ("company", "c", "seats", date(2025, 1, 6), 0.0)])


def leaf(op: str, days: int, prop: str = "metrics.x", **more: str) -> dict[str, Any]:
    return {"type": "metricOverTime", "days": days, "op": op, "prop": prop, **more}


LEAVES: list[dict[str, Any]] = [
    leaf("LAST", 1), leaf("SUM", 3), leaf("AVERAGE", 4), leaf("MIN", 2), leaf("LENGTH", 3), leaf("TREND", 2, trend="difference"),
    leaf("LAST", 1, "metrics.y"), {"type": "propertyValue", "prop": "company.custom.seats"}, {"type": "rawNumber", "value": -2},
    {"type": "totalSum", "prop": "enduser.activities.act"}, {"type": "daysSince", "prop": "activities.act"},
]
X, Y = LEAVES[0], LEAVES[6]


def inner(block: Operator) -> Any:
    """One use of an operator over leaves that can be missing, zero and negative."""
    if block.key == "if":
        return ["IF", X, "more than", Y, LEAVES[1], LEAVES[7]]
    return [block.json, *[X, Y, LEAVES[7]][: max(block.least, min(block.most or 3, block.usual or 3))]]


def pairs() -> Iterator[Any]:
    """Every operator in every argument of every operator."""
    for outer in operators.groups():
        width = max(outer.least, min(outer.most or 2, outer.usual or 2))
        for place in range(width):
            for block in operators.groups():
                arguments: list[Any] = [LEAVES[1], LEAVES[7], LEAVES[4]][:width]
                arguments[place] = inner(block)
                yield [outer.json, *arguments]


def windows_in_groups() -> Iterator[Any]:
    for outer in operators.groups():
        for part in LEAVES:
            if outer.key == "if":
                yield ["IF", part, "has value", part, Y]
                yield ["IF", Y, "less than", part, X, part]
            else:
                width = max(outer.least, min(outer.most or 2, outer.usual or 2))
                yield [outer.json, *[part, Y, X][:width]]


def windows_over_groups(named: list[Metric]) -> Iterator[tuple[str, Any]]:
    for metric in named:
        for op in ("SUM", "AVERAGE", "LAST", "MAX", "LENGTH", "TREND"):
            yield metric.id, leaf(op, 3, f"calculated.{metric.id}")
        yield metric.id, {"type": "totalSum", "prop": f"calculated.{metric.id}"}


def check(metrics: list[Metric], folder: Path) -> None:
    case = panel(metrics)
    project = build(write_panel(case, folder))
    wrong, built = [], all_values(project)
    for metric, expected in evaluate(case).items():
        found = built[metric]
        formula = next(m.formula for m in metrics if m.id == metric)
        wrong += [f"{formula} on {cell}: {found[cell]}, oracle {value}" for cell, value in expected.items()
                  if not same(found[cell], value)]
    assert not wrong, f"{len(wrong)} differ, first: {wrong[:5]}"


@pytest.mark.parametrize("part", range(4))
def test_every_operator_in_every_operator(part: int, tmp_path: Path) -> None:
    formulas = list(pairs())
    assert len(formulas) > 1000
    check([Metric(f"m{i}", f) for i, f in enumerate(formulas) if i % 4 == part], tmp_path)


def test_every_leaf_in_every_operator(tmp_path: Path) -> None:
    check([Metric(f"m{i}", formula) for i, formula in enumerate(windows_in_groups())], tmp_path)


def test_every_window_over_every_operator(tmp_path: Path) -> None:
    base = [Metric(f"b{i}", inner(block)) for i, block in enumerate(operators.groups())]
    over = [Metric(f"w{i}", formula) for i, (_, formula) in enumerate(windows_over_groups(base))]
    check([*base, *over], tmp_path)


def test_a_new_group_is_one_block(tmp_path: Path) -> None:
    block = Operator(
        key="hypotenuse", json="HYPOTENUSE", function="hypot", least=2, most=2, overflows=True,
        meaning="the length of the longest side", nulls="missing if one side is", sql="SQRT({0} * {0} + {1} * {1})",
        evaluate=lambda a, b: None if a is None or b is None else (a * a + b * b) ** 0.5,
    )
    files = {"companies.csv": "id\na\n", "metrics.csv": "record,name,date,value\na,x,2025-01-01,3\na,y,2025-01-01,4\na,x,2025-01-02,1\n"}
    with operators.registered(block):
        file = write_project(tmp_path, files, [
            {"id": "json", "formula": ["HYPOTENUSE", leaf("LAST", 1), leaf("LAST", 1, "metrics.y")]},
            {"id": "text", "formula": "hypot(rolling_last(metrics.x, 1), rolling_last(metrics.y, 1)) + 1"},
        ], until="2025-01-02")
        project = build(file)
        assert values(project, "json") == {("a", date(2025, 1, 1)): 5.0, ("a", date(2025, 1, 2)): None}  # 3-4-5
        assert values(project, "text") == {("a", date(2025, 1, 1)): 6.0, ("a", date(2025, 1, 2)): None}
        assert "SQRT(" in project.sql("json")
    assert operators.group("HYPOTENUSE", 2) is None


def test_a_new_window_is_one_block(tmp_path: Path) -> None:
    block = WindowOperator(
        key="median", json="MEDIAN", function="rolling_median", meaning="middle value of the last days",
        nulls="no value without any data", history="MEDIAN({x})", day="MEDIAN({x})", evaluate=lambda *ignored: None,
    )
    files = {"companies.csv": "id\na\n", "metrics.csv": "record,name,date,value\na,x,2025-01-01,3\na,x,2025-01-02,10\na,x,2025-01-03,5\n"}
    with operators.registered(block):
        project = build(write_project(tmp_path, files, [{"id": "m", "formula": leaf("MEDIAN", 3)}], until="2025-01-03"))
        assert [v for _, v in sorted(values(project, "m").items())] == [3.0, 6.5, 5.0]  # medians of 3 | 3,10 | 3,10,5
