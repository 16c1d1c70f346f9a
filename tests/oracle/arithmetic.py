"""Numbers and their NULLs: sums, the finite rule, and the arithmetic of single operators (docs/semantics.md section 6)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction

from .model import Number


def finite(make: Callable[[], float]) -> Number:
    """The result of one operator, or NULL when it is outside the domain or not finite."""
    try:
        result = make()
    except (ArithmeticError, ValueError):
        # OverflowError and ZeroDivisionError are ArithmeticErrors; ValueError is what `math` says outside a domain.
        return None
    return float(result) if math.isfinite(result) else None


def total(values: Sequence[float]) -> Number:
    """The true sum, rounded once, so that no order of adding can matter; NULL for no values or beyond the largest number."""
    if not values:
        return None
    return finite(lambda: float(sum(Fraction(value) for value in values)))


def mean(values: Sequence[float]) -> Number:
    """The sum divided by how many there are; NULL for no values."""
    added = total(values)
    return None if added is None else added / len(values)


def add(left: Number, right: Number) -> Number:
    """`+`: NULL when an operand is NULL (section 8)."""
    return None if left is None or right is None else finite(lambda: left + right)


def minus(left: Number, right: Number) -> Number:
    """`-`: NULL when an operand is NULL (section 8)."""
    return None if left is None or right is None else finite(lambda: left - right)


def subtraction(left: Number, right: Number) -> Number:
    """The group SUBTRACTION: NULL - x is NULL, but x - NULL is x."""
    if left is None:
        return None
    return left if right is None else finite(lambda: left - right)


def multiply(left: Number, right: Number) -> Number:
    """Any NULL gives NULL."""
    return None if left is None or right is None else finite(lambda: left * right)


def divide(left: Number, right: Number) -> Number:
    """Any NULL gives NULL, and so does a division by zero."""
    return None if left is None or right is None else finite(lambda: left / right)


def power(base: Number, exponent: Number) -> Number:
    """Any NULL gives NULL, and so does a result outside the real numbers."""
    return None if base is None or exponent is None else finite(lambda: math.pow(base, exponent))


def round_half_away(value: Number, digits: Number = 0.0) -> Number:
    """ROUND: floor(|x| * 10^n + 0.5) / 10^n with the sign of x; digits that are not whole are outside the domain."""
    if value is None or digits is None or digits != math.floor(digits):
        return None

    def rounded() -> float:
        scale = math.pow(10.0, digits)
        return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value)

    return finite(rounded)


def sign(value: float) -> float:
    """-1, 0 or 1."""
    return float((value > 0) - (value < 0))


SINGLE: dict[str, Callable[[float], float]] = {
    "SIGN": sign,
    "ABS": abs,
    "FLOOR": math.floor,
    "CEIL": math.ceil,
    "SQRT": math.sqrt,
    "EXP": math.exp,
    "LN": math.log,
    "LOG": math.log10,
    "LOG10": math.log10,
}
"""Groups of one argument; NULL gives NULL."""


def apply_single(name: str, value: Number) -> Number:
    """One of the groups of one argument."""
    return None if value is None else finite(lambda: SINGLE[name](value))
