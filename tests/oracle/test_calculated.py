"""Hand-worked checks of metrics that use metrics (docs/semantics.md section 7), and of the random formulas and panels themselves."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import date, timedelta
from typing import Any

import pytest

from tests.oracle import Metric, Panel, Point, Record, RuleError, evaluate
from tests.oracle.random_formulas import random_formula, random_panel

Numbers = list[float | None]
N = None


def january(day: int) -> date:
    return date(2025, 1, day)


def raw(value: float) -> dict[str, Any]:
    return {"type": "rawNumber", "value": value}


def over(operation: str, days: int, prop: str = "metrics.x") -> dict[str, Any]:
    return {"type": "metricOverTime", "op": operation, "days": days, "prop": prop}


# Calculated metrics


def metrics_of(metrics: list[Metric], x: Numbers) -> dict[str, Numbers]:
    """The values of metrics of one company, day by day."""
    points = [Point("metrics", "x", january(number), value, {"company": "a"}) for number, value in enumerate(x, start=1)]
    rows = evaluate(Panel({"company": {"a": Record("a")}}, points, metrics, january(len(x)), january(1)))
    return {metric: list(values.values()) for metric, values in rows.items()}


def test_calculated_in_calculated() -> None:
    found = metrics_of(
        [Metric("twice", over("SUM", 2, "calculated.x2")), Metric("x2", ["MULTIPLICATION", raw(2), over("LAST", 1)])], [1, N, 3]
    )
    # x2: 2*1, NULL, 2*3; twice: 2, 2, 6 (day 2 has no value)
    assert found == {"twice": [2, 2, 6], "x2": [2, N, 6]}


def test_missing_zero_is_data_for_the_parent() -> None:
    parent = over("AVERAGE", 3, "calculated.child")
    # NULLs stay: 4/1, 4/1, (4+2)/2; as zeros: 4/1, (4+0)/2, (4+0+2)/3
    assert metrics_of([Metric("p", parent), Metric("child", over("LAST", 1))], [4, N, 2])["p"] == [4, 4, 3]
    found = metrics_of([Metric("p", parent), Metric("child", over("LAST", 1), missing_zero=True)], [4, N, 2])
    assert found == {"p": [4, 2, 2], "child": [4, 0, 2]}


def test_missing_zero_counts_the_result_only() -> None:
    # the inner NULL stays NULL: NULL + 1 is NULL, and only then 0
    assert metrics_of([Metric("m", ["+", over("LAST", 1), raw(1)], missing_zero=True)], [4, N]) == {"m": [5, 0]}


def test_outside_where_is_null_also_with_missing_zero() -> None:
    metrics = [Metric("m", raw(1), missing_zero=True, where={"a"}), Metric("n", over("LENGTH", 1, "calculated.m"))]
    rows = evaluate(Panel({"company": {"a": Record("a"), "b": Record("b")}}, [], metrics, january(1), january(1)))
    assert rows["m"] == {("a", january(1)): 1, ("b", january(1)): None}
    # the parent counts the days with data: 1 and 0
    assert rows["n"] == {("a", january(1)): 1, ("b", january(1)): 0}


def test_a_cycle_is_refused() -> None:
    with pytest.raises(RuleError, match="a -> b -> a"):
        metrics_of([Metric("a", over("LAST", 1, "calculated.b")), Metric("b", over("LAST", 1, "calculated.a"))], [1])


def test_a_metric_belongs_to_its_model() -> None:
    models = {"company": {"a": Record("a")}, "enduser": {"e": Record("e", company="a")}}
    metrics = [Metric("m", raw(1)), Metric("n", over("LAST", 1, "enduser.calculated.m"))]
    with pytest.raises(RuleError, match="enduser has no calculated metric 'm'"):
        evaluate(Panel(models, [], metrics, january(1), january(1)))


# Random formulas and panels


def words_of(formula: object) -> Counter[str]:
    """The heads, kinds of parts, operations, conditions and shapes that a formula uses."""
    words: Counter[str] = Counter()
    if isinstance(formula, dict):
        words[str(formula["type"])] += 1
        words.update(f"{key}={formula[key]}" for key in ("op", "trend") if key in formula)
        if formula["type"] == "condition":
            words[formula["value"]] += 1
        if formula["type"] == "metricOverTime":
            words.update(f"no {key}" for key in ("op", "days") if key not in formula)
            words["child series"] += str(formula["prop"]).startswith(("enduser.", "asset.", "project."))
            words["calculated series"] += "calculated." in str(formula["prop"])
    elif isinstance(formula, str):
        words[formula] += 1
    elif isinstance(formula, list):
        words["wrapped"] += len(formula) == 1
        if formula[0] == "IF":
            words[f"IF of {len(formula) - 1}"] += 1
        for item in formula:
            words += words_of(item)
    return +words


WORDS = """rawNumber rawValue propertyValue metricOverTime totalSum daysSince condition wrapped op=SUM op=MIN op=MAX op=AVERAGE op=LAST
op=LENGTH op=TREND op=AVG op=ADDITION op=MAXIMUM op=MINIMUM trend=ratio trend=difference trend=change
SUM MAX MIN AVERAGE ADDITION MAXIMUM MINIMUM AVG
SUBTRACTION MULTIPLICATION DIVISION POWER SIGN IF ABS ROUND FLOOR CEIL SQRT EXP LN LOG LOG10 + - > < >= <= = != and or not coalesce
has_value"""
PHRASES = ["has value", "has no value", "more than", "less than", "equal to", "no op", "no days", "IF of 3", "IF of 4", "IF of 5"]


def test_random_panels_use_the_whole_language() -> None:
    used: Counter[str] = Counter()
    for seed in range(150):
        for metric in random_panel(random.Random(seed)).metrics:
            used += words_of(metric.formula)
    expected = [*WORDS.split(), *PHRASES, "child series", "calculated series"]
    assert [word for word in expected if not used[word]] == []


def test_random_formulas_keep_to_the_names_they_are_given() -> None:
    for seed in range(50):
        formula = random_formula(random.Random(seed), series=["tasks.t"], fields=[], text_fields=[], depth=4)
        words = words_of(formula)
        assert not {"daysSince", "propertyValue", "rawValue"} & set(words)


def test_random_panels_give_finite_numbers_on_the_grid_and_are_repeatable() -> None:
    values: list[float | None] = []
    for seed in range(40):
        panel = random_panel(random.Random(seed))
        found = evaluate(panel)
        assert found == evaluate(random_panel(random.Random(seed)))
        assert {metric.model for metric in panel.metrics} == set(panel.models)
        for metric in panel.metrics:
            for (key, day), value in found[metric.id].items():
                since = panel.models[metric.model][key].since
                assert day <= panel.as_of and (since is None or day >= since) and (panel.start is None or day >= panel.start)
                assert value is None or math.isfinite(value)
                values.append(value)
    missing = sum(value is None for value in values) / len(values)
    # Panels of nothing but NULL would prove nothing, and neither would panels without one.
    assert 0.1 < missing < 0.7
    assert len({value for value in values if value is not None}) > 300


def test_a_later_as_of_day_changes_no_earlier_number_without_fields() -> None:
    checked = 0
    for seed in range(30):
        panel = random_panel(random.Random(seed))
        # The past of fields depends on the day of the build, so all of it is given here.
        for records in panel.models.values():
            for record in records.values():
                record.fields.clear()
        panel.history.clear()
        later = evaluate(panel)
        panel.as_of -= timedelta(days=4)
        for metric, rows in evaluate(panel).items():
            assert rows.items() <= later[metric].items()
            checked += len(rows)
    assert checked > 1000
