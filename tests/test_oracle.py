"""Hand-worked checks of the oracle's formulas: parts, operations over time, groups and IF (docs/semantics.md sections 3, 4, 6 and 8).

Every expected number that is not plain is worked out in a comment. `tests/oracle/test_data.py` checks grids, collapsing, children and
fields, `tests/oracle/test_calculated.py` metrics in metrics and the random panels.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from tests.oracle import Metric, Panel, Point, Record, RuleError, evaluate

Numbers = list[float | None]
N = None


def january(day: int) -> date:
    return date(2025, 1, day)


def raw(value: float) -> dict[str, Any]:
    return {"type": "rawNumber", "value": value}


def over(operation: str, days: int, prop: str = "metrics.x", **more: str) -> dict[str, Any]:
    return {"type": "metricOverTime", "op": operation, "days": days, "prop": prop} | more


def days_of(
    formula: object, sent: dict[str, Numbers] | None = None, *, days: int = 1, fields: dict[str, Any] | None = None, **more: Any
) -> Numbers:
    """The values of a formula on 1, 2, … January for a company that sent the given value on each of these days."""
    points = [
        Point(namespace, name, january(number), value, {"company": "a"})
        for prop, values in (sent or {}).items()
        for namespace, name in [prop.split(".", 1)]
        for number, value in enumerate(values, start=1)
        if value is not None
    ]
    until = max([days, *(len(values) for values in (sent or {}).values())])
    panel = Panel({"company": {"a": Record("a", fields or {})}}, points, [Metric("m", formula)], january(until), january(1), **more)
    rows = evaluate(panel)["m"]
    assert list(rows) == [("a", january(number)) for number in range(1, until + 1)]
    return list(rows.values())


def value_of(formula: object, **more: Any) -> float | None:
    """The value of a formula that needs no series, on one day."""
    (value,) = days_of(formula, **more)
    return value


# Parts

NULL = over("LAST", 1, "metrics.never")
LOGINS: Numbers = [10, 9, 8, 12, 10, N, N]


def test_constants_and_one_element_arrays() -> None:
    assert value_of(raw(100)) == 100
    assert value_of([[raw(2.5)]]) == 2.5


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        # 10 / 10+9 / 9+8 / 8+12 / 12+10 / 10 / no day with a value
        (over("SUM", 2), [10, 19, 17, 20, 22, 10, N]),
        (over("ADDITION", 2), [10, 19, 17, 20, 22, 10, N]),
        # 10 / 19 / 27 / 39 / 49 / 49 / 49
        (over("SUM", 7), [10, 19, 27, 39, 49, 49, 49]),
        # 10/1, 19/2, 27/3, 39/4, 49/5 and still 5 days with data
        (over("AVERAGE", 7), [10, 9.5, 9, 9.75, 9.8, 9.8, 9.8]),
        (over("AVG", 7), [10, 9.5, 9, 9.75, 9.8, 9.8, 9.8]),
        (over("MIN", 3), [10, 9, 8, 8, 8, 10, 10]),
        (over("MINIMUM", 3), [10, 9, 8, 8, 8, 10, 10]),
        (over("MAX", 3), [10, 10, 10, 12, 12, 12, 10]),
        (over("MAXIMUM", 3), [10, 10, 10, 12, 12, 12, 10]),
        (over("LAST", 1), LOGINS),
        (over("LAST", 2), [10, 9, 8, 12, 10, 10, N]),
        # days with data among the newest 3
        (over("LENGTH", 3), [1, 2, 3, 3, 3, 2, 1]),
        (over("LENGTH", 1), [1, 1, 1, 1, 1, 0, 0]),
        # missing days = 1, missing op = LAST
        ({"type": "metricOverTime", "op": "SUM", "prop": "metrics.x"}, LOGINS),
        ({"type": "metricOverTime", "days": 2, "prop": "custom.x"}, [10, 9, 8, 12, 10, 10, N]),
        # day d against day d-2: 8/10, 12/9, 10/8
        (over("TREND", 2), [N, N, 0.8, 12 / 9, 1.25, N, N]),
        # 8-10, 12-9, 10-8
        (over("TREND", 2, trend="difference"), [N, N, -2, 3, 2, N, N]),
        # -2/10, 3/9, 2/8
        (over("TREND", 2, trend="change"), [N, N, -0.2, 3 / 9, 0.25, N, N]),
        ({"type": "totalSum", "prop": "metrics.x"}, [10, 19, 27, 39, 49, 49, 49]),
        # the newest window day is the day itself: SUM2 - SUM1 is the day before; day 7: NULL - NULL
        (["SUBTRACTION", over("SUM", 2), over("SUM", 1)], [0, 10, 9, 8, 12, 10, N]),
        (over("LENGTH", 100000000), [1, 2, 3, 4, 5, 5, 5]),
    ],
)
def test_over_time(part: object, expected: Numbers) -> None:
    assert days_of(part, {"metrics.x": LOGINS}) == pytest.approx(expected)


def test_trend_of_the_project_and_a_zero_before() -> None:
    # day 3: 4 against 0; day 4: 6 against 2 -> 6-2 = 4 and 4/2 = 2
    sent: dict[str, Numbers] = {"metrics.x": [0, 2, 4, 6]}
    assert days_of(over("TREND", 2), sent) == [N, N, N, 3]
    assert days_of(over("TREND", 2), sent, trend="difference") == [N, N, 4, 4]
    assert days_of(over("TREND", 2), sent, trend="change") == [N, N, N, 2]
    assert days_of(over("TREND", 2, trend="ratio"), sent, trend="change") == [N, N, N, 3]


def test_total_sum_is_null_before_the_first_value() -> None:
    # nothing / 3 / 3 / 3 + 4 = 7
    assert days_of({"type": "totalSum", "prop": "metrics.x"}, {"metrics.x": [N, 3, N, 4]}) == [N, 3, 3, 7]


def test_days_since_counts_from_the_newest_positive_day() -> None:
    # day 2 is active; day 3 (zero) and day 4 (negative) are not; day 6 is
    assert days_of({"type": "daysSince", "prop": "activities.x"}, {"activities.x": [N, 5, 0, -1, N, 1]}) == [N, 0, 1, 2, 3, 0]
    # conversations are 0 on days without data, which is no activity
    assert days_of({"type": "daysSince", "prop": "conversation.x"}, {"conversations.x": [N, 1, N]}) == [N, 0, 1]
    with pytest.raises(RuleError):
        days_of({"type": "daysSince", "prop": "tasks.x"})


@pytest.mark.parametrize(
    "formula",
    [{"type": "rawNumber", "value": "1"}, raw(True), over("SUM", 0), over("MEDIAN", 1), ["*", raw(1), raw(2)], ["SUM"], ["NOPE", raw(1)]],
)
def test_what_the_rules_forbid_is_refused(formula: object) -> None:
    with pytest.raises(RuleError):
        value_of(formula)


# Groups

GROUPS = [
    (["SUM", raw(1), NULL, raw(2)], 3),  # 1 + 2
    (["ADDITION", NULL], N),
    (["MAX", raw(-1), NULL], -1),
    (["MIN", raw(4), NULL, raw(3)], 3),
    (["AVERAGE", raw(1), NULL, raw(4)], 2.5),  # (1 + 4) / 2
    (["AVG", NULL, NULL], N),
    (["SUBTRACTION", raw(7), raw(2)], 5),
    (["SUBTRACTION", raw(7), raw(2), raw(1)], 4),  # (7 - 2) - 1
    (["SUBTRACTION", NULL, raw(2)], N),
    (["SUBTRACTION", raw(7), NULL, raw(1)], 6),  # 7, then 7 - 1
    (["MULTIPLICATION", raw(3), raw(4), raw(0.5)], 6),  # 12 * 0.5
    (["MULTIPLICATION", raw(3)], 3),
    (["MULTIPLICATION", raw(0), NULL], N),
    (["DIVISION", raw(12), raw(3), raw(8)], 0.5),  # 4 / 8
    (["DIVISION", raw(1), raw(0)], N),
    (["DIVISION", raw(0), raw(0)], N),
    (["DIVISION", NULL, raw(1)], N),
    (["DIVISION", raw(1), NULL], N),
    (["POWER", raw(2), raw(-2)], 0.25),  # 1 / 4
    (["POWER", raw(-2), raw(3)], -8),
    (["POWER", raw(-4), raw(0.5)], N),
    (["POWER", raw(0), raw(-1)], N),
    (["POWER", raw(0), raw(0)], 1),
    (["POWER", raw(10), raw(400)], N),  # too large for a number
    (["POWER", NULL, raw(0)], N),
    (["SIGN", raw(-0.5)], -1),
    (["SIGN", raw(0)], 0),
    (["SIGN", raw(9)], 1),
    (["SIGN", NULL], N),
    (["ABS", raw(-2.5)], 2.5),
    (["FLOOR", raw(-1.5)], -2),
    (["CEIL", raw(-1.5)], -1),
    (["SQRT", raw(2.25)], 1.5),
    (["SQRT", raw(-1)], N),
    (["EXP", raw(0)], 1),
    (["EXP", raw(1000)], N),
    (["LN", raw(1)], 0),
    (["LN", raw(0)], N),
    (["LOG", raw(1000)], 3),  # 10^3
    (["LOG10", raw(0.01)], -2),
    (["LOG10", raw(-1)], N),
    (["LN", NULL], N),
    (["ROUND", raw(2.5)], 3),
    (["ROUND", raw(-2.5)], -3),
    (["ROUND", raw(2.25), raw(1)], 2.3),  # floor(22.5 + 0.5) / 10
    (["ROUND", raw(1250), raw(-2)], 1300),  # floor(12.5 + 0.5) * 100
    (["ROUND", raw(1.5), raw(0.5)], N),
    (["ROUND", raw(1.5), NULL], N),
    # a result that is not finite is NULL at its own operator, so the outer sum skips it
    (["SUM", ["EXP", raw(1000)], raw(1)], 1),
    (["+", ["EXP", raw(1000)], raw(1)], N),
    (["+", raw(1), raw(2), raw(3)], 6),
    (["+", raw(1), NULL], N),
    (["-", raw(5), raw(2), raw(1)], 2),  # (5 - 2) - 1
    (["-", raw(5), NULL], N),
    (["-", raw(5)], -5),
    (["-", NULL], N),
    ([">", raw(2), raw(1)], 1),
    ([">", raw(1), raw(1)], 0),
    ([">=", raw(1), raw(1)], 1),
    (["<", raw(1), raw(1)], 0),
    (["<=", raw(1), raw(1)], 1),
    (["=", raw(1), raw(1.0)], 1),
    (["!=", raw(1), raw(1)], 0),
    (["=", NULL, NULL], N),
    (["<", NULL, raw(1)], N),
    (["and", raw(1), raw(-2), raw(0.5)], 1),
    (["and", raw(1), NULL], N),
    (["and", NULL, raw(0)], 0),
    (["or", raw(0), NULL], N),
    (["or", NULL, raw(3)], 1),
    (["or", raw(0), raw(0)], 0),
    (["not", raw(0)], 1),
    (["not", raw(7)], 0),
    (["not", NULL], N),
    (["coalesce", NULL, raw(0), raw(2)], 0),
    (["coalesce", NULL, NULL], N),
    (["has_value", raw(0)], 1),
    (["has_value", NULL], 0),
]


@pytest.mark.parametrize(("formula", "expected"), GROUPS)
def test_groups(formula: object, expected: float | None) -> None:
    assert value_of(formula) == pytest.approx(expected)


# IF

YES_NO = (raw(1), raw(2))
SEATS = {"type": "propertyValue", "op": "LAST", "prop": "company.custom.seats"}
CURRENCY = {"type": "propertyValue", "prop": "company.custom.Currency"}
DOLLARS = {"type": "rawValue", "value": "USD"}


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ([raw(0), "has value"], 1),
        ([NULL, "has value"], 2),
        ([NULL, {"type": "condition", "value": "has no value"}], 1),
        ([raw(0), [{"type": "condition", "value": "has no value"}]], 2),
        ([raw(3), "more than", raw(2)], 1),
        ([raw(2), "more than", raw(2)], 2),
        ([raw(1), {"type": "condition", "value": "less than"}, raw(2)], 1),
        ([raw(2), "equal to", raw(2.0)], 1),
        ([NULL, "equal to", NULL], 2),
        ([NULL, "less than", raw(2)], 2),
        ([SEATS, "equal to", raw(10)], 1),  # the text "10.0" is the number 10
        ([CURRENCY, "equal to", DOLLARS], 1),
        ([DOLLARS, "equal to", CURRENCY], 1),
        ([CURRENCY, "equal to", {"type": "rawValue", "value": "usd"}], 2),
        ([CURRENCY, "equal to", raw(1)], 2),
        ([raw(-3)], 1),
        ([raw(0)], 2),
        ([NULL], 2),
        ([["and", [">", SEATS, raw(9)], ["not", NULL]]], 2),  # 1 and NULL is NULL
    ],
)
def test_if(test: list[object], expected: float) -> None:
    assert value_of(["IF", *test, *YES_NO], fields={"seats": "10.0", "Currency": "USD"}) == expected


def test_only_the_chosen_branch_counts() -> None:
    assert value_of(["IF", raw(1), ["DIVISION", raw(1), raw(0)], raw(5)]) is None
    assert value_of(["IF", raw(0), ["SQRT", raw(-1)], raw(5)]) == 5


def test_a_text_is_no_number() -> None:
    for formula in (CURRENCY, ["SUM", CURRENCY], ["IF", CURRENCY, "more than", raw(1), *YES_NO], ["IF", raw(1), DOLLARS, raw(1)]):
        with pytest.raises(RuleError):
            value_of(formula, fields={"Currency": "USD"})
