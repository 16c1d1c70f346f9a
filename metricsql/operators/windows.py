"""Every operation over time: one block each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta

from metricsql.operators.operator import Value, WindowOperator, finite

Series = Mapping[date, float]
NO_DATA = "days without data are skipped; no value without any data in the window"


def window_values(series: Series, day: date, days: int) -> list[tuple[date, float]]:
    """The days of the window that have a value, oldest first."""
    first = day.toordinal() - days + 1
    return sorted((d, v) for d, v in series.items() if first <= d.toordinal() <= day.toordinal())


def _over(function: Callable[[list[float]], float | None], empty: float | None = None) -> Callable[..., Value]:
    def evaluate(series: Series, day: date, days: int, mode: str | None = None) -> Value:
        values = [value for _, value in window_values(series, day, days)]
        return finite(function(values)) if values else empty

    return evaluate


def _total(series: Series, day: date, days: int | None, mode: str | None = None) -> Value:
    values = [value for d, value in sorted(series.items()) if d <= day]
    return finite(sum(values)) if values else None


def _days_since(series: Series, day: date, days: int | None, mode: str | None = None) -> Value:
    hits = [d for d, value in series.items() if d <= day and value > 0]
    return float((day - max(hits)).days) if hits else None


def _trend(series: Series, day: date, days: int, mode: str | None = "ratio") -> Value:
    now = series.get(day)
    then = series.get(day - timedelta(days=days)) if days < day.toordinal() else None
    if now is None or then is None or (mode != "difference" and then == 0):
        return None
    return finite({"ratio": lambda: now / then, "difference": lambda: now - then,
                   "change": lambda: (now - then) / then}[mode or "ratio"]())


WINDOW_OPERATORS = [
    WindowOperator(
        key="sum", json="SUM", json_aliases=("ADDITION",), function="rolling_sum",
        meaning="sum of the values of the last days", nulls=NO_DATA,
        words="the sum of {x} over {days}",
        history="SUM({x})", day="SUM({x})", same_day="{x}", same_row=True, overflows=True, evaluate=_over(sum),
    ),
    WindowOperator(
        key="average", json="AVERAGE", json_aliases=("AVG",), function="rolling_avg",
        meaning="mean of the last days, counting only days with data", nulls=NO_DATA,
        words="the average of {x} over the days with data within {days}",
        history="AVG({x})", day="AVG({x})", same_day="{x}", same_row=True, overflows=True,
        evaluate=_over(lambda values: sum(values) / len(values)),
    ),
    WindowOperator(
        key="last", json="LAST", function="rolling_last",
        meaning="newest value of the last days", nulls=NO_DATA,
        words="the newest value of {x} within {days}",
        history="LAST_VALUE({x} IGNORE NULLS)", day="ARG_MAX({x}, {day})", same_day="{x}", same_row=True,
        evaluate=_over(lambda values: values[-1]),
    ),
    WindowOperator(
        key="min", json="MIN", json_aliases=("MINIMUM",), function="rolling_min",
        meaning="smallest value of the last days", nulls=NO_DATA,
        words="the smallest value of {x} within {days}",
        history="MIN({x})", day="MIN({x})", same_day="{x}", same_row=True, evaluate=_over(min),
    ),
    WindowOperator(
        key="max", json="MAX", json_aliases=("MAXIMUM",), function="rolling_max",
        meaning="largest value of the last days", nulls=NO_DATA,
        words="the largest value of {x} within {days}",
        history="MAX({x})", day="MAX({x})", same_day="{x}", same_row=True, evaluate=_over(max),
    ),
    WindowOperator(
        key="length", json="LENGTH", function="rolling_count",
        meaning="number of the last days that have data", nulls="0 without any data",
        words="the number of days with data of {x} within {days}",
        history="COUNT({x})", day="COUNT({x})", result="CAST({leaf} AS DOUBLE)",
        empty=0.0, evaluate=_over(lambda values: len(values), empty=0.0),
    ),
    WindowOperator(
        key="trend", json="TREND", function="trend",
        meaning="today against the value exactly so many days ago",
        nulls="no value when either of the two days has none, or when the divisor is zero",
        words="{x} against {ago}",
        mode_words={"ratio": "the ratio of {x} to its value {ago}", "difference": "the change of {x} against {ago}",
                    "change": "the relative change of {x} against {ago}"},
        reads="offset", history="LAG({x}, {n})", day="MAX({x})", overflows=True, evaluate=_trend,
        modes={"ratio": "{x} / NULLIF({leaf}, 0)", "difference": "{x} - {leaf}",
               "change": "({x} - {leaf}) / NULLIF({leaf}, 0)"},
    ),
    WindowOperator(
        key="total_sum", json="totalSum", function="total_sum", part=True,
        meaning="sum of all values of all days so far", nulls="no value before the first one",
        words="the sum of {x} over all days so far",
        reads="everything", history="SUM({x})", day="SUM({x})", overflows=True, evaluate=_total,
    ),
    WindowOperator(
        key="days_since", json="daysSince", function="days_since", part=True, only_events=True,
        meaning="whole days since the newest day with a value above zero", nulls="no value before the first such day",
        words="the number of days since {x} was last above 0",
        reads="everything", input="CASE WHEN {x} > 0 THEN {day} END", history="LAST_VALUE({x} IGNORE NULLS)",
        day="MAX({x})", result="CAST(DATE_DIFF('day', {leaf}, {day}) AS DOUBLE)", evaluate=_days_since,
    ),
]
