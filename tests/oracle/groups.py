"""Whole formulas: the groups, IF, and the heads that only expressions have (docs/semantics.md sections 3, 6 and 8)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce

from . import arithmetic
from .model import Number, RuleError, Value
from .parts import SYNONYMS, Place, part_value

CONDITIONS = ("has value", "has no value", "more than", "less than", "equal to")
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
}
CHAINS: dict[str, Callable[[Number, Number], Number]] = {
    "SUBTRACTION": arithmetic.subtraction,
    "DIVISION": arithmetic.divide,
    "POWER": arithmetic.power,
    "MULTIPLICATION": arithmetic.multiply,
    "+": arithmetic.add,
    "-": arithmetic.minus,
}
"""Groups that are computed from left to right."""


def formula_value(formula: object, place: Place) -> Value:
    """The value of a part or of a group."""
    formula = unwrapped(formula)
    if isinstance(formula, dict):
        return part_value(formula, place)
    if not isinstance(formula, list) or not formula or not isinstance(formula[0], str):
        raise RuleError(f"{formula!r} is neither a part nor a group")
    head = SYNONYMS.get(formula[0], formula[0])
    return group_value(head, formula[1:], place)


def unwrapped(formula: object) -> object:
    """A one-element array around a part is that part; a lone name in an array stays what it is, a group without arguments."""
    while isinstance(formula, list) and len(formula) == 1 and not isinstance(formula[0], str):
        formula = formula[0]
    return formula


def number_value(formula: object, place: Place) -> Number:
    """The value of a formula where only a number can stand."""
    value = formula_value(formula, place)
    if isinstance(value, str):
        raise RuleError("a text can only be compared with `equal to`")
    return value


def group_value(head: str, arguments: Sequence[object], place: Place) -> Number:
    """The value of a group."""
    if head == "IF":
        return if_value(arguments, place)
    if head == "has_value":
        need(head, arguments, 1, 1)
        return truth(formula_value(arguments[0], place) is not None)
    if head in ("=", "!="):
        need(head, arguments, 2, 2)
        left, right = (formula_value(argument, place) for argument in arguments)
        return None if left is None or right is None else truth(same(left, right) == (head == "="))
    numbers = [number_value(argument, place) for argument in arguments]
    if head in CHAINS:
        return chain(head, numbers)
    if head in COMPARISONS:
        need(head, numbers, 2, 2)
        left_number, right_number = numbers
        if left_number is None or right_number is None:
            return None
        return truth(COMPARISONS[head](left_number, right_number))
    if head in arithmetic.SINGLE:
        need(head, numbers, 1, 1)
        return arithmetic.apply_single(head, numbers[0])
    if head == "ROUND":
        need(head, numbers, 1, 2)
        return arithmetic.round_half_away(*numbers)
    if head == "not":
        need(head, numbers, 1, 1)
        return None if numbers[0] is None else truth(numbers[0] == 0)
    need(head, numbers, 1)
    if head in ("SUM", "MAX", "MIN", "AVERAGE"):
        return over_arguments(head, [number for number in numbers if number is not None])
    if head in ("and", "or"):
        return and_or(head, numbers)
    if head == "coalesce":
        return next((number for number in numbers if number is not None), None)
    raise RuleError(f"unknown group {head!r}")


def need(head: str, arguments: Sequence[object], least: int, most: int | None = None) -> None:
    """Refuse a group with too few or too many arguments."""
    if len(arguments) < least or (most is not None and len(arguments) > most):
        raise RuleError(f"{head} with {len(arguments)} arguments")


def truth(satisfied: bool) -> float:
    """A comparison that gives a value gives 1 or 0."""
    return 1.0 if satisfied else 0.0


def chain(head: str, numbers: list[Number]) -> Number:
    """The groups computed from left to right; `-` of one argument is its negation."""
    if head == "-" and len(numbers) == 1:
        return None if numbers[0] is None else -numbers[0]
    # "+" of one argument has no meaning in the rules; it is refused like SUBTRACTION of one.
    need(head, numbers, 1 if head == "MULTIPLICATION" else 2, 2 if head == "POWER" else None)
    return reduce(CHAINS[head], numbers)


def over_arguments(head: str, present: list[float]) -> Number:
    """SUM, MAX, MIN, AVERAGE over the arguments that have a value; NULL only if none has one."""
    if head == "SUM":
        return arithmetic.total(present)
    if head == "AVERAGE":
        return arithmetic.mean(present)
    return (max if head == "MAX" else min)(present, default=None)


def and_or(head: str, numbers: list[Number]) -> Number:
    """The three values of SQL: one deciding operand decides, else a NULL keeps the answer unknown."""
    deciding = head == "or"
    if any(number is not None and (number != 0) == deciding for number in numbers):
        return truth(deciding)
    return None if None in numbers else truth(not deciding)


def same(left: float | str, right: float | str) -> bool:
    """Text exactly, numbers as numbers; a text is never a number."""
    return isinstance(left, str) == isinstance(right, str) and left == right


def condition_name(argument: object) -> str | None:
    """The condition an argument of IF spells, as a bare string or a `condition` object; None if it is something else."""
    while isinstance(argument, list) and len(argument) == 1:
        argument = argument[0]
    if isinstance(argument, dict) and argument.get("type") == "condition":
        argument = argument.get("value")
    if not isinstance(argument, str):
        return None
    if argument not in CONDITIONS:
        raise RuleError(f"unknown condition {argument!r}")
    return argument


def if_value(arguments: Sequence[object], place: Place) -> Number:
    """IF in its three forms; only the chosen branch is evaluated."""
    need("IF", arguments, 3, 5)
    *test, then, otherwise = arguments
    return number_value(then if test_holds(test, place) else otherwise, place)


def test_holds(test: Sequence[object], place: Place) -> bool:
    """Whether the test of an IF is satisfied; NULL never satisfies a comparison."""
    if len(test) == 1:
        number = number_value(test[0], place)
        return number is not None and number != 0
    condition = condition_name(test[1])
    if condition in ("has value", "has no value"):
        need(f"IF {condition}", test, 2, 2)
        return (formula_value(test[0], place) is not None) == (condition == "has value")
    if condition is None or len(test) != 3:
        raise RuleError(f"an IF cannot test {test!r}")
    if condition == "equal to":
        left, right = formula_value(test[0], place), formula_value(test[2], place)
        return left is not None and right is not None and same(left, right)
    left_number, right_number = number_value(test[0], place), number_value(test[2], place)
    if left_number is None or right_number is None:
        return False
    return left_number > right_number if condition == "more than" else left_number < right_number
