"""`Formula` -> expression text in the canonical spelling. Reading it back gives an equal formula.

Parentheses stand where reading back needs them, and nowhere else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import assert_never

from metricsql import operators
from metricsql.formula.grammar import dotted_name_end, quoted_name, quoted_text
from metricsql.formula.nodes import Call, Formula, Name, Number, Text, Window
from metricsql.operators import Operator, Sign

_ALONE = 1_000_000
"""Binds more tightly than every sign."""


def write_expression(formula: Formula) -> str:
    """The text that spells this formula, on one line (but for line breaks inside names and texts)."""
    return _write(formula).text


@dataclass(frozen=True, slots=True)
class _Written:
    """A text, with what decides whether it needs parentheses beside a sign."""

    text: str
    binds: int = _ALONE
    """How tightly its outermost sign binds."""
    tail: int = _ALONE
    """The loosest sign whose last operand reaches to the end: it would take in what binds more tightly."""
    joined: Operator | None = None
    """The operator whose sign joins it outermost."""
    signed: bool = False
    """Begins with a sign such as `-`, as a number or a prefix, that binds all of it."""

    def grouped(self, needed: bool) -> str:
        return f"({self.text})" if needed else self.text


def _write(formula: Formula) -> _Written:
    match formula:
        case Number():
            return _number(formula.value)
        case Text():
            return _Written(quoted_text(formula.value))
        case Name():
            return _Written(_name(formula.text))
        case Window():
            return _Written(_window(formula))
        case Call():
            return _call(formula)
        case _:
            assert_never(formula)


def _number(value: float) -> _Written:
    text = "0" if value == 0 else re.sub(r"e\+?(-?)0*", r"e\1", repr(float(value)).removesuffix(".0"))
    if value >= 0:
        return _Written(text)
    minus = next((block.sign.binds for block in operators.signs() if block.sign and _is_minus(block.sign)), 0)
    return _Written(text, minus, minus, signed=True)


def _is_minus(sign: Sign) -> bool:
    return sign.prefix and sign.text == "-"


def _name(name: str) -> str:
    words = {sign for block in operators.signs() if block.sign for sign in (block.sign.text, *block.sign.aliases)}
    bare = dotted_name_end(name, 0) == len(name) and name.lower() not in words
    return name if bare else quoted_name(name)


def _window(window: Window) -> str:
    block = operators.window(window.op)
    days = [] if window.days is None else [str(window.days)]
    mode = [] if window.mode is None else [quoted_text(window.mode)]
    return f"{block.function}({', '.join([_write(window.of).text, *days, *mode])})"


def _call(call: Call) -> _Written:
    block = operators.operator(call.op)
    if block.sign and block.sign.prefix and len(call.args) == 1:
        return _prefixed(block.sign, call.args[0])
    if block.sign and not block.sign.prefix and len(call.args) in range(2, (block.most or len(call.args)) + 1):
        return _joined(block, block.sign, call)
    return _Written(f"{block.function}({', '.join(_write(argument).text for argument in call.args)})")


def _prefixed(sign: Sign, argument: Formula) -> _Written:
    operand = _write(argument)
    loose = operand.binds < sign.binds
    if sign.text.isalpha():
        return _Written(f"{sign.text} {operand.grouped(loose)}", sign.binds, min(sign.binds, operand.tail))
    # `-5` would be read as a number, and `--x` is hard to read.
    unclear = isinstance(argument, Number) or operand.text.startswith(sign.text)
    text = sign.text + operand.grouped(loose or unclear)
    return _Written(text, sign.binds, min(sign.binds, operand.tail), signed=True)


def _joined(block: Operator, sign: Sign, call: Call) -> _Written:
    operands = [_write(argument) for argument in call.args]
    last = len(operands) - 1
    grouped = []
    for position, operand in enumerate(operands):
        before = position > 0 and not operand.signed and operand.binds < sign.binds + (not sign.right)
        after = position < last and operand.tail < sign.binds + sign.right
        grouped.append(before or after or (position == 0 and _would_merge(operand, block, sign)))
    text = f" {sign.text} ".join(map(_Written.grouped, operands, grouped))
    tail = _ALONE if grouped[last] else operands[last].tail
    return _Written(text, sign.binds, min(sign.binds, tail), block)


def _would_merge(first: _Written, block: Operator, sign: Sign) -> bool:
    """Whether the first operand without parentheses would be read as a part of the same chain."""
    if first.joined is None or first.binds != sign.binds:
        return False
    return first.joined is block if block.most is None else block.gives == "truth"
