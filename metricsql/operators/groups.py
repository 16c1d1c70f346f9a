"""Every operator on one row: one block each. To add one, write its block here and nothing else anywhere."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce

from metricsql.operators.operator import Operator, Sign, Value, finite, number_or_none, present

ANY_MISSING = "a missing argument makes the result missing"
SKIPS_MISSING = "missing arguments are skipped; missing only if all are"
COMPARES = "a comparison with a missing value has no value, and counts as not satisfied"
THREE_VALUES = "a missing value is neither true nor false, as in SQL"
BY_ZERO = "divided by zero"
OUTSIDE = "outside the domain"


def _skipping(function: Callable[[list[float]], float]) -> Callable[..., Value]:
    return lambda *arguments: finite(function(present(arguments))) if present(arguments) else None


def _folding(function: Callable[[float, float], float]) -> Callable[..., Value]:
    binary = number_or_none(function)
    return lambda *arguments: reduce(binary, arguments)


def _round(value: float, digits: float = 0) -> float:
    if digits != int(digits) or abs(digits) > 300:
        raise ValueError(digits)
    scale = 10.0 ** int(digits)
    if not math.isfinite(value * scale) or (digits >= 0 and abs(value) >= 2**53):
        return value
    return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value)


def _compares(function: Callable[[object, object], bool]) -> Callable[..., Value]:
    return lambda a, b: None if a is None or b is None else float(function(a, b))


def _all(*arguments: float | None) -> Value:
    if any(a is not None and a == 0 for a in arguments):
        return 0.0
    return None if any(a is None for a in arguments) else 1.0


def _any(*arguments: float | None) -> Value:
    if any(a is not None and a != 0 for a in arguments):
        return 1.0
    return None if any(a is None for a in arguments) else 0.0


def _first(*arguments: Value) -> Value:
    return next((argument for argument in arguments if argument is not None), None)


OPERATORS = [
    Operator(
        key="sum", json="SUM", json_aliases=("ADDITION",), function="sum", most=None,
        meaning="adds the arguments that have a value", nulls=SKIPS_MISSING,
        words="the sum of {list}", words_one="{0}",
        sql="LIST_SUM([{args}])", overflows=True, blames="guarded", evaluate=_skipping(sum),
    ),
    Operator(
        key="max", json="MAX", json_aliases=("MAXIMUM",), function="max", most=None,
        meaning="the largest argument", nulls=SKIPS_MISSING,
        words="the largest of {list}", words_one="{0}",
        sql="GREATEST({args})", blames="guarded", evaluate=_skipping(max),
    ),
    Operator(
        key="min", json="MIN", json_aliases=("MINIMUM",), function="min", most=None,
        meaning="the smallest argument", nulls=SKIPS_MISSING,
        words="the smallest of {list}", words_one="{0}",
        sql="LEAST({args})", blames="guarded", evaluate=_skipping(min),
    ),
    Operator(
        key="average", json="AVERAGE", json_aliases=("AVG",), function="avg", function_aliases=("average",), most=None,
        meaning="the mean of the arguments that have a value", nulls=SKIPS_MISSING,
        words="the average of {list}", words_one="{0}",
        sql="LIST_AVG([{args}])", overflows=True, blames="guarded",
        evaluate=_skipping(lambda values: sum(values) / len(values)),
    ),
    Operator(
        key="subtraction", json="SUBTRACTION", function="subtract", least=2, most=None, usual=2,
        meaning="takes the second argument from the first",
        nulls="missing if the first argument is; a missing second argument takes nothing away",
        words="{0} minus {1}",
        sql="{0} - COALESCE({1}, 0)", fold=True, overflows=True, passes=(0,),
        blames="first", evaluate=lambda *a: reduce(lambda x, y: None if x is None else finite(x - (y or 0)), a),
    ),
    Operator(
        key="multiplication", json="MULTIPLICATION", function="multiply", sign=Sign("*", 60), most=None,
        meaning="multiplies the arguments", nulls=ANY_MISSING,
        words="{0} times {1}", words_one="{0}",
        sql="{0} * {1}", fold=True, overflows=True, passes="all", evaluate=_folding(lambda a, b: a * b),
    ),
    Operator(
        key="division", json="DIVISION", function="divide", sign=Sign("/", 60), least=2, most=None, usual=2,
        meaning="divides the first argument by the second", nulls=ANY_MISSING + "; a division by zero has no value",
        words="{0} divided by {1}",
        sql="{0} / NULLIF({1}, 0)", fold=True, overflows=True, passes=(0,), faults=(("{1} = 0", BY_ZERO),),
        evaluate=_folding(lambda a, b: a / b),
    ),
    Operator(
        key="power", json="POWER", function="power", sign=Sign("^", 80, right=True), least=2, most=2,
        meaning="raises the base to the exponent", nulls=ANY_MISSING + "; outside the real numbers there is no value",
        words="{0} to the power of {1}",
        sql="POWER({0}, {1})", overflows=True, faults=(("NOT ISFINITE(POWER({0}, {1}))", OUTSIDE),),
        evaluate=number_or_none(lambda a, b: a**b),
    ),
    Operator(
        key="sign", json="SIGN", function="sign",
        meaning="-1, 0 or 1 for a negative, zero or positive argument", nulls=ANY_MISSING,
        words="the sign of {0} (-1, 0 or 1)",
        sql="CAST(SIGN({0}) AS DOUBLE)", evaluate=number_or_none(lambda a: (a > 0) - (a < 0)),
    ),
    Operator(
        key="if", json="IF", json_aliases=("if",), function="if", function_aliases=("iif",), least=3, most=3,
        takes=("truth", "number", "number"), passes=(1, 2),
        meaning="the second argument where the condition holds, else the third",
        nulls="a condition without a value is not satisfied; only the chosen branch counts",
        words="{1} if {0}, otherwise {2}",
        sql="CASE WHEN {0} THEN {1} ELSE {2} END", blames="chosen",
        evaluate=lambda test, then, other: then if test else other,
    ),
    Operator(
        key="abs", json="ABS", function="abs", meaning="the argument without its sign", nulls=ANY_MISSING,
        words="the absolute value of {0}",
        sql="ABS({0})", passes="all", evaluate=number_or_none(abs),
    ),
    Operator(
        key="round", json="ROUND", function="round", most=2,
        meaning="rounds to whole numbers, or to the given number of digits, halves away from zero",
        nulls=ANY_MISSING + "; a number of digits that is not whole has none either",
        words="{0}, rounded to {1} digits", words_one="{0}, rounded to a whole number",
        sql="CASE WHEN {1} = FLOOR({1}) AND ABS({1}) <= 300 THEN ROUND(CAST({0} AS DOUBLE), CAST({1} AS INTEGER)) END",
        sql_one="ROUND({0})", sql_constant="ROUND({0}, {1})", evaluate=number_or_none(_round), passes=(0,),
    ),
    Operator(
        key="floor", json="FLOOR", function="floor", meaning="the next whole number below", nulls=ANY_MISSING,
        words="{0}, rounded down",
        sql="FLOOR({0})", passes="all", evaluate=number_or_none(math.floor),
    ),
    Operator(
        key="ceil", json="CEIL", function="ceil", meaning="the next whole number above", nulls=ANY_MISSING,
        words="{0}, rounded up",
        sql="CEIL({0})", passes="all", evaluate=number_or_none(math.ceil),
    ),
    Operator(
        key="sqrt", json="SQRT", function="sqrt", meaning="the square root",
        nulls=ANY_MISSING + "; a negative argument has no root",
        words="the square root of {0}",
        sql="SQRT({0})", overflows=True, passes="all", faults=(("{0} < 0", OUTSIDE),),
        evaluate=number_or_none(math.sqrt),
    ),
    Operator(
        key="exp", json="EXP", function="exp", meaning="e raised to the argument", nulls=ANY_MISSING,
        words="e to the power of {0}",
        sql="EXP({0})", overflows=True, faults=(("NOT ISFINITE(EXP({0}))", OUTSIDE),), evaluate=number_or_none(math.exp),
    ),
    Operator(
        key="ln", json="LN", function="ln", meaning="the natural logarithm",
        nulls=ANY_MISSING + "; only positive arguments have a logarithm",
        words="the natural logarithm of {0}",
        sql="LN({0})", overflows=True, passes="all", faults=(("{0} <= 0", OUTSIDE),), evaluate=number_or_none(math.log),
    ),
    Operator(
        key="log", json="LOG", json_aliases=("LOG10",), function="log", function_aliases=("log10",),
        meaning="the logarithm to base 10", nulls=ANY_MISSING + "; only positive arguments have a logarithm",
        words="the base-10 logarithm of {0}",
        sql="LOG10({0})", overflows=True, passes="all", faults=(("{0} <= 0", OUTSIDE),),
        evaluate=number_or_none(math.log10),
    ),
    Operator(
        key="add", json="+", function="add", sign=Sign("+", 50), least=2, most=None,
        meaning="adds the arguments", nulls=ANY_MISSING,
        words="{0} plus {1}",
        sql="{0} + {1}", fold=True, overflows=True, passes="all", evaluate=_folding(lambda a, b: a + b),
    ),
    Operator(
        key="minus", json="-", function="minus", sign=Sign("-", 50), least=2, most=None,
        meaning="takes the arguments after the first from it", nulls=ANY_MISSING,
        words="{0} minus {1}",
        sql="{0} - {1}", fold=True, overflows=True, passes="all", evaluate=_folding(lambda a, b: a - b),
    ),
    Operator(
        key="negate", json="-", function="negate", sign=Sign("-", 70, prefix=True),
        meaning="the argument with the other sign", nulls=ANY_MISSING,
        words="the negative of {0}",
        sql="-{0}", passes="all", evaluate=number_or_none(lambda a: -a),
    ),
    Operator(
        key="greater", json=">", function="more_than", sign=Sign(">", 40), least=2, most=2, gives="truth",
        meaning="whether the first argument is larger", nulls=COMPARES,
        words="{0} is more than {1}",
        sql="{0} > {1}", evaluate=_compares(lambda a, b: a > b),  # type: ignore[operator]
    ),
    Operator(
        key="less", json="<", function="less_than", sign=Sign("<", 40), least=2, most=2, gives="truth",
        meaning="whether the first argument is smaller", nulls=COMPARES,
        words="{0} is less than {1}",
        sql="{0} < {1}", evaluate=_compares(lambda a, b: a < b),  # type: ignore[operator]
    ),
    Operator(
        key="at_least", json=">=", function="at_least", sign=Sign(">=", 40), least=2, most=2, gives="truth",
        meaning="whether the first argument is larger or equal", nulls=COMPARES,
        words="{0} is at least {1}",
        sql="{0} >= {1}", evaluate=_compares(lambda a, b: a >= b),  # type: ignore[operator]
    ),
    Operator(
        key="at_most", json="<=", function="at_most", sign=Sign("<=", 40), least=2, most=2, gives="truth",
        meaning="whether the first argument is smaller or equal", nulls=COMPARES,
        words="{0} is at most {1}",
        sql="{0} <= {1}", evaluate=_compares(lambda a, b: a <= b),  # type: ignore[operator]
    ),
    Operator(
        key="equal", json="=", json_aliases=("==",), function="equal_to", sign=Sign("=", 40, aliases=("==",)),
        least=2, most=2, takes=("any",), same_kind=True, gives="truth",
        meaning="whether both are the same number or the same text", nulls=COMPARES,
        words="{0} equals {1}",
        sql="{0} = {1}", evaluate=_compares(lambda a, b: a == b),
    ),
    Operator(
        key="unequal", json="!=", json_aliases=("<>",), function="unequal_to", sign=Sign("!=", 40, aliases=("<>",)),
        least=2, most=2, takes=("any",), same_kind=True, gives="truth",
        meaning="whether both differ", nulls=COMPARES,
        words="{0} differs from {1}",
        sql="{0} <> {1}", evaluate=_compares(lambda a, b: a != b),
    ),
    Operator(
        key="and", json="and", function="and", sign=Sign("and", 20), least=2, most=None, takes=("truth",),
        gives="truth", meaning="whether all conditions hold", nulls=THREE_VALUES,
        words="{0} and {1}",
        sql="{0} AND {1}", fold=True, blames="guarded", evaluate=_all,
    ),
    Operator(
        key="or", json="or", function="or", sign=Sign("or", 10), least=2, most=None, takes=("truth",),
        gives="truth", meaning="whether at least one condition holds", nulls=THREE_VALUES,
        words="{0} or {1}",
        sql="{0} OR {1}", fold=True, blames="guarded", evaluate=_any,
    ),
    Operator(
        key="not", json="not", function="not", sign=Sign("not", 30, prefix=True), takes=("truth",), gives="truth",
        meaning="whether the condition does not hold", nulls=THREE_VALUES,
        words="it is not true that {0}",
        sql="NOT {0}", evaluate=number_or_none(lambda a: a == 0),
    ),
    Operator(
        key="has_value", json="has_value", function="has_value", takes=("any",), gives="truth",
        meaning="whether there is a value", nulls="a missing value gives 0",
        words="{0} has a value",
        sql="{0} IS NOT NULL", blames="never", evaluate=lambda a: float(a is not None),
    ),
    Operator(
        key="coalesce", json="coalesce", function="coalesce", most=None,
        meaning="the first argument that has a value", nulls="missing only if all arguments are",
        words="the first of {list} that has a value", words_one="{0}",
        sql="COALESCE({args})", blames="guarded", evaluate=_first,
    ),
]
