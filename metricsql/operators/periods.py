"""What only the expressions of output tables have: one block each.

Operations over periods (`lag`, `ytd`), facts about a period (`days()`), and a few operators on one period. Every other
operator on one row stands in both grids, and so do the `rolling_` windows, which count displayed periods here.
"""

from __future__ import annotations

from metricsql.operators.groups import ANY_MISSING, OUTSIDE
from metricsql.operators.operator import Operator, PeriodOperator, WindowOperator, number_or_none

SO_FAR = "a period without a value shows the total so far; missing before the first value"
NEIGHBOUR = "missing beyond the edge of the table, unless a third argument gives the value there"

TABLE_OPERATORS = [
    Operator(
        key="square", json="square", function="square", only_tables=True,
        meaning="the argument times itself", nulls=ANY_MISSING, words="the square of {0}",
        sql="{0} * {0}", overflows=True, passes="all", faults=(("NOT ISFINITE({0} * {0})", OUTSIDE),),
        evaluate=number_or_none(lambda a: a * a),
    ),
    Operator(
        key="nullif", json="nullif", function="nullif", least=2, most=2, only_tables=True,
        meaning="the first argument, or no value where it equals the second", nulls="missing if the first argument is",
        words="{0} unless it equals {1}", sql="NULLIF({0}, {1})", blames="first", faults=(("{0} = {1}", "the two are equal"),),
        evaluate=lambda a, b: None if a == b else a,
    ),
    Operator(
        key="when", json="when", function="when", least=2, most=2, only_tables=True, takes=("truth", "number"), passes=(1,),
        meaning="the second argument where the condition holds, else no value; the last branch of a `case` without `else`",
        nulls="a condition without a value is not satisfied", words="{1} if {0}",
        sql="CASE WHEN {0} THEN {1} END", blames="chosen", evaluate=lambda test, then: then if test else None,
    ),
]

PERIOD_OPERATORS = [
    PeriodOperator(
        key="lag", function="lag", frame="order", counts="may", takes_edge=True,
        meaning="the value n displayed periods earlier (1 without n)", nulls=NEIGHBOUR, window="LAG({x}, {n}, {edge})",
    ),
    PeriodOperator(
        key="lead", function="lead", frame="order", counts="may", takes_edge=True,
        meaning="the value n displayed periods later (1 without n)", nulls=NEIGHBOUR, window="LEAD({x}, {n}, {edge})",
    ),
    PeriodOperator(
        key="cumulative", function="cumulative", frame="so far", overflows=True,
        meaning="the sum of all periods so far", nulls=SO_FAR, window="SUM({x})",
    ),
    PeriodOperator(
        key="ytd", function="ytd", frame="year", overflows=True,
        meaning="the sum of the periods of the (fiscal) year so far", nulls=SO_FAR, window="SUM({x})",
    ),
    PeriodOperator(
        key="qtd", function="qtd", frame="quarter", overflows=True,
        meaning="the sum of the periods of the quarter so far", nulls=SO_FAR, window="SUM({x})",
    ),
    PeriodOperator(
        key="mtd", function="mtd", frame="month", overflows=True,
        meaning="the sum of the periods of the month so far", nulls=SO_FAR, window="SUM({x})",
    ),
    PeriodOperator(
        key="yoy", function="yoy", frame="year ago",
        meaning="the relative change against the same period a year earlier (52 weeks for weeks)",
        nulls="missing without a value of that period, or where it is zero; 29 February has no such day",
        window="MAX({x})", then="(x - w) / w",
    ),
    PeriodOperator(
        key="days", function="days", frame="row", takes_value=False, never_missing=True,
        meaning="the number of days in the period; a part of 1 for periods shorter than a day", nulls="never missing",
    ),
    PeriodOperator(
        key="is_partial", function="is_partial", frame="row", takes_value=False, never_missing=True,
        meaning="1 in a period that ends after the as-of day, else 0", nulls="never missing",
    ),
    PeriodOperator(
        key="random", function="random", frame="row", takes_value=False, never_missing=True,
        meaning="a number from 0 up to 1 (never 1 itself), the same on every render; `seed` of the table gives others",
        nulls="never missing",
    ),
    PeriodOperator(
        key="pi", function="pi", frame="row", takes_value=False, never_missing=True,
        meaning="3.14159…, the ratio of a circle's circumference to its diameter", nulls="never missing",
    ),
]


def over_periods(block: WindowOperator) -> PeriodOperator:
    """A window over days as a window over displayed periods."""
    return PeriodOperator(
        key=block.function, function=block.function, function_aliases=block.function_aliases, frame="last", counts="must",
        least_count=1, meaning=block.meaning.replace("days", "displayed periods"), nulls=block.nulls.replace("days", "periods"),
        window=block.history, result=block.result.replace("{leaf}", "{w}"), overflows=block.overflows,
        never_missing=block.empty is not None,
    )
