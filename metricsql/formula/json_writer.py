"""`Formula` -> JSON data in the canonical spelling. Reading it back gives an equal formula."""

from __future__ import annotations

from typing import Any, assert_never

from metricsql import operators
from metricsql.formula.json_reader import CONDITIONS, OVER_TIME
from metricsql.formula.nodes import Call, Formula, Name, Number, Text, Window

_WORDS = {key: word for word, key in CONDITIONS.items()}


def write_json(formula: Formula) -> Any:
    """The plain data that spells this formula."""
    match formula:
        case Number():
            return {"type": "rawNumber", "value": plain_number(formula.value)}
        case Text():
            return {"type": "rawValue", "value": formula.value}
        case Name():
            return {"type": "propertyValue", "prop": formula.text}
        case Window():
            return _window(formula)
        case Call(op="if"):
            return _if(formula)
        case Call():
            return [operators.operator(formula.op).json, *map(write_json, formula.args)]
        case _:
            assert_never(formula)


def plain_number(value: float) -> int | float:
    """A whole number without its `.0`."""
    return int(value) if value == int(value) and abs(value) < 2**63 else value


def _window(window: Window) -> dict[str, Any]:
    block = operators.window(window.op)
    prop = window.of.text if isinstance(window.of, Name) else write_json(window.of)
    if block.part:
        part = {"type": block.json, "prop": prop}
        return part if window.days is None else {**part, "days": window.days}
    part = {"type": OVER_TIME, "days": window.days, "op": block.json, "prop": prop}
    return {**part, "trend": window.mode} if window.mode else part


def _if(call: Call) -> list[Any]:
    """IF in its documented form where the condition has one, else with the condition as one argument."""
    if len(call.args) != 3:
        return ["IF", *map(write_json, call.args)]
    test, *branches = call.args
    match test:
        case Call(op=op, args=(a, b)) if op in _WORDS:
            head = [write_json(a), _condition(_WORDS[op]), write_json(b)]
        case Call(op="has_value", args=(a,)):
            head = [write_json(a), _condition("has value")]
        case Call(op="not", args=(Call(op="has_value", args=(a,)),)):
            head = [write_json(a), _condition("has no value")]
        case _:
            head = [write_json(test)]
    return ["IF", *head, *map(write_json, branches)]


def _condition(word: str) -> dict[str, str]:
    return {"type": "condition", "value": word}
