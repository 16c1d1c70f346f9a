"""Which rule of an operator mattered for its value, in words.

Operators are open: what is not said here in particular is taken from the `nulls` of the operator's own block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from metricsql.inspect.why_words import listed
from metricsql.operators import Operator, Value

Texts = Sequence[str]
Values = Sequence[Value]
NOTHING = "no argument has a value, so there is none"
NOT_FINITE = "the result is not a finite number, so there is no value"


def operator_rules(block: Operator, texts: Texts, values: Values, result: Value) -> tuple[str, ...]:
    """What is worth saying of an operator's value, given the texts and the values of its arguments."""
    special = SPECIAL.get(block.key)
    said = special(texts, values, result) if special is not None else _usual(block, texts, values, result)
    return tuple(said)


def unused(block: Operator, values: Values) -> set[int]:
    """The positions of arguments that had no say."""
    if block.key == "if":
        return {2 if values[0] else 1}
    if block.key == "coalesce":
        first = next((i for i, value in enumerate(values) if value is not None), len(values))
        return set(range(first + 1, len(values)))
    return set()


def _usual(block: Operator, texts: Texts, values: Values, result: Value) -> list[str]:
    """The block's own words for missing arguments, and for a missing result."""
    if missing := _missing(texts, values):
        plain = result is None and block.takes_at(0) != "truth"
        return [_have_no_value(missing) + (", so the result has none" if plain else f": {block.nulls}")]
    return [block.nulls.partition("; ")[2] or NOT_FINITE] if result is None else []


def _missing(texts: Texts, values: Values) -> list[str]:
    return list(dict.fromkeys(f"`{text}`" for text, value in zip(texts, values, strict=True) if value is None))


def _have_no_value(names: Sequence[str]) -> str:
    return f"{listed(names)} {'has' if len(names) == 1 else 'have'} no value"


def _skips(texts: Texts, values: Values, result: Value) -> list[str]:
    missing = _missing(texts, values)
    if all(value is None for value in values):
        return [NOTHING]
    said = [f"{_have_no_value(missing)} and {'is' if len(missing) == 1 else 'are'} skipped"] if missing else []
    return [*said, *([NOT_FINITE] if result is None else [])]


def _subtraction(texts: Texts, values: Values, result: Value) -> list[str]:
    if values[0] is None:
        return [f"the first argument, `{texts[0]}`, has no value, so the result has none"]
    missing = _missing(texts[1:], values[1:])
    said = [NOT_FINITE] if result is None else []
    if not missing:
        return said
    return [f"{_have_no_value(missing)}, so nothing is taken away for {'it' if len(missing) == 1 else 'them'}", *said]


def _division(texts: Texts, values: Values, result: Value) -> list[str]:
    if missing := _missing(texts, values):
        return [f"{_have_no_value(missing)}, so the result has none"]
    zero = next((text for text, value in zip(texts[1:], values[1:], strict=True) if value == 0), None)
    if result is None and zero is not None:
        return [f"the divisor, `{zero}`, is zero, so there is no value"]
    return [NOT_FINITE] if result is None else []


def _power(texts: Texts, values: Values, result: Value) -> list[str]:
    if missing := _missing(texts, values):
        return [f"{_have_no_value(missing)}, so the result has none"]
    base, exponent = values
    if result is None and isinstance(base, float) and isinstance(exponent, float):
        outside = (base < 0 and exponent != int(exponent)) or (base == 0 and exponent < 0)
        return ["the power is outside the real numbers, so there is no value" if outside else NOT_FINITE]
    return []


def _comparison(texts: Texts, values: Values, result: Value) -> list[str]:
    missing = _missing(texts, values)
    return [f"{_have_no_value(missing)}, so the comparison has none"] if missing else []


def _if(texts: Texts, values: Values, result: Value) -> list[str]:
    chosen = texts[1] if values[0] else texts[2]
    if values[0] is None:
        return [f"the condition has no value, which counts as not satisfied, so `{chosen}` counts"]
    return [f"the condition {'holds' if values[0] else 'does not hold'}, so `{chosen}` counts"]


def _coalesce(texts: Texts, values: Values, result: Value) -> list[str]:
    first = next((text for text, value in zip(texts, values, strict=True) if value is not None), None)
    return [NOTHING] if first is None else [f"the first argument with a value is `{first}`"]


SPECIAL: dict[str, Callable[[Texts, Values, Value], list[str]]] = {
    **dict.fromkeys(("sum", "max", "min", "average"), _skips),
    **dict.fromkeys(("greater", "less", "at_least", "at_most", "equal", "unequal"), _comparison),
    "subtraction": _subtraction, "division": _division, "power": _power, "if": _if, "coalesce": _coalesce,
    "has_value": lambda texts, values, result: [],
}
