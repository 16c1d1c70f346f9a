"""What functions and signs do with the cells of one period: numbers, missing values and reasons (sections 6 and 9)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from random import Random

from .measurements import DOMAIN, NOTHING, ZERO, Cell


class Arithmetic:
    """Results of single operators.

    With `noise`, every result that is not a short binary fraction is changed a little: a cell that then differs visibly
    hangs on the last digits of a number, and no two programs need to agree on it.
    """

    def __init__(self, noise: Random | None = None) -> None:
        self.noise = noise

    def number(self, value: float) -> float:
        if self.noise is None or (abs(value) < 2**40 and value * 1024 == int(value * 1024)):
            return value
        return value * (1 + self.noise.uniform(-1, 1) * 1e-13)

    def finite(self, make: Callable[[], float]) -> Cell:
        """A number, or NULL outside the domain; what is not finite is outside too."""
        try:
            value = float(make())
        except (ArithmeticError, ValueError):
            return None, DOMAIN
        return (self.number(value), None) if math.isfinite(value) else (None, DOMAIN)

    def apply(self, name: str, cells: Sequence[Cell]) -> Cell:
        """One function of one period."""
        if name in SKIPPING:
            return skipping(SKIPPING[name], cells)
        if name in LOGIC:
            return LOGIC[name](cells)
        if missing := first_missing(cells):
            return missing
        numbers = [value for value, _ in cells if value is not None]
        if name == "/" and numbers[1] == 0:
            return None, ZERO
        return self.finite(lambda: PLAIN[name](*numbers))


def first_missing(cells: Sequence[Cell]) -> Cell | None:
    return next((cell for cell in cells if cell[0] is None), None)


def skipping(choose: Callable[[list[float]], float], cells: Sequence[Cell]) -> Cell:
    """Over the cells that have a value; without any, the first reason."""
    values = [value for value, _ in cells if value is not None]
    return (choose(values), None) if values else cells[0]


def both(cells: Sequence[Cell]) -> Cell:
    """SQL's `and`: false wins, then unknown."""
    if any(value == 0 for value, _ in cells):
        return 0.0, None
    return first_missing(cells) or (1.0, None)


def either(cells: Sequence[Cell]) -> Cell:
    """SQL's `or`: true wins, then unknown."""
    if any(value is not None and value != 0 for value, _ in cells):
        return 1.0, None
    return first_missing(cells) or (0.0, None)


def between(cells: Sequence[Cell]) -> Cell:
    """`x between low and high`: x >= low and x <= high, both ends included."""
    value, low, high = cells
    return both([at_least(value, low), at_most(value, high)])


def at_least(value: Cell, low: Cell) -> Cell:
    return value if value[0] is None else low if low[0] is None else (float(value[0] >= low[0]), None)


def at_most(value: Cell, high: Cell) -> Cell:
    return value if value[0] is None else high if high[0] is None else (float(value[0] <= high[0]), None)


def chosen(cells: Sequence[Cell]) -> Cell:
    """`iif`: a condition without a value is not satisfied; only the chosen branch counts."""
    condition = cells[0][0]
    return cells[1] if condition is not None and condition != 0 else cells[2]


def unless_equal(cells: Sequence[Cell]) -> Cell:
    """`nullif(a, b)`: a, or NULL when both are the same number."""
    left, right = cells
    return (None, NOTHING) if left[0] is not None and left[0] == right[0] else left


def round_half_away(value: float, digits: float = 0.0) -> float:
    """floor(|x| * 10^n + 0.5) / 10^n with the sign of x; digits that are not whole are outside the domain."""
    if digits != math.floor(digits) or abs(digits) > 300:
        raise ValueError("digits")
    scale = math.pow(10.0, digits)
    return math.copysign(math.floor(abs(value) * scale + 0.5) / scale, value)


LOGIC: dict[str, Callable[[Sequence[Cell]], Cell]] = {
    "and": both,
    "or": either,
    "between": between,
    "iif": chosen,
    "if": chosen,
    "nullif": unless_equal,
    "nothing": lambda cells: (None, NOTHING),
}
SKIPPING: dict[str, Callable[[list[float]], float]] = {"max": max, "min": min, "coalesce": lambda values: values[0]}
PLAIN: dict[str, Callable[..., float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "negate": lambda a: -a,
    "not": lambda a: float(a == 0),
    "<": lambda a, b: float(a < b),
    ">": lambda a, b: float(a > b),
    "<=": lambda a, b: float(a <= b),
    ">=": lambda a, b: float(a >= b),
    "=": lambda a, b: float(a == b),
    "<>": lambda a, b: float(a != b),
    "abs": abs,
    "ceil": math.ceil,
    "floor": math.floor,
    "round": round_half_away,
    "power": math.pow,
    "square": lambda a: a * a,
    "sqrt": math.sqrt,
    "ln": math.log,
    "log": math.log10,
    "log10": math.log10,
    "exp": math.exp,
    "sign": lambda a: float((a > 0) - (a < 0)),
    "pi": lambda: math.pi,
}
