"""Expressions of an output table -> cells: resolves every name and checks arity and kinds."""

from __future__ import annotations

from typing import assert_never

from metricsql import operators
from metricsql.bind.cells import Calculation, CellTree, Fact, Over
from metricsql.bind.row_names import RowNames
from metricsql.bind.tree import Constant
from metricsql.diagnostics import Findings
from metricsql.formula import read_expression
from metricsql.formula.nodes import MOST_PARTS, Call, Formula, Name, Number, Text, Window
from metricsql.operators import Operator, PeriodOperator

MOST_PERIODS = 1_000_000
"""The longest distance between two periods."""


class RowBinder:
    """Binds the expression of one row. What is wrong with it goes to `findings`."""

    def __init__(self, names: RowNames, findings: Findings, row: int = 0) -> None:
        self.names, self.findings = names, findings
        self.randoms = row * MOST_PARTS
        self.bound: dict[int, CellTree | None] = {}

    def bind(self, formula: Formula) -> CellTree | None:
        """The bound tree; None if anything is wrong with it.

        A part that stands in two places (`x` of `x between 1 and 2` is compared twice) is bound once: it is one `random()`.
        """
        if id(formula) not in self.bound:
            self.bound[id(formula)] = self.node(formula)
        return self.bound[id(formula)]

    def node(self, formula: Formula) -> CellTree | None:
        match formula:
            case Number():
                return Constant(formula.value)
            case Text():
                self.findings.error("wrong-kind", f"found the text `{formula.value}`, expected a number", formula.place,
                                    "a title with other signs in it stands in double quotes or brackets")
                return None
            case Name():
                return self.names.resolve(formula.text, formula.place, self.findings)
            case Call():
                return self.call(formula)
            case Window():
                raise AssertionError("internal error: tables have no windows over days")
            case _:
                assert_never(formula)

    def call(self, call: Call) -> CellTree | None:
        block = operators.table_function(call.op)
        if isinstance(block, PeriodOperator) and block.key == call.op:
            return self.over(block, call)
        return self.operator(operators.operator(call.op), call)

    def operator(self, block: Operator, call: Call) -> CellTree | None:
        letters = "abc"[: max(block.least, min(block.most or 2, 3))]
        form = f"{block.function}({', '.join(letters)}{', …' if block.most is None else ''})"
        fits = self.arity(block.function, block.least, block.most, call, form)
        bound = [self.bind(argument) for argument in call.args]
        whole = tuple(tree for tree in bound if tree is not None)
        return Calculation(block.key, whole) if fits and len(whole) == len(bound) else None

    def over(self, block: PeriodOperator, call: Call) -> CellTree | None:
        fits = self.arity(block.form.partition("(")[0], block.least, block.most, call, block.form)
        if not block.takes_value:
            self.randoms += block.key == "random"
            return Fact(block.key, self.randoms if block.key == "random" else 0) if fits else None
        of = self.bind(call.args[0]) if call.args else None
        n = self.count(block, call) if fits else None
        edge = self.bind(call.args[2]) if len(call.args) > 2 else None
        if not fits or of is None or (block.counts != "no" and n is None) or (len(call.args) > 2 and edge is None):
            return None
        made = Over(block.key, of, n, edge)
        return made if block.then is None else _then(block.then, of, made)

    def count(self, block: PeriodOperator, call: Call) -> int | None:
        """The number of periods; None with a finding if it is not a written whole number."""
        if block.counts == "no":
            return None
        if len(call.args) < 2:
            return block.usual_count
        written = call.args[1]
        value = written.value if isinstance(written, Number) else None
        if value is not None and value == int(value) and block.least_count <= value <= MOST_PERIODS:
            return int(value)
        found = f"`{value:g}`" if value is not None else "an expression"
        hint = f"for example `{block.function}(x, {max(block.least_count, 1)})`"
        if value is None:
            hint = "the number of periods is written out, not calculated"
        if value is not None and value < 0:
            hint = {"lag": "`lead` looks ahead", "lead": "`lag` looks back"}.get(block.key, hint)
        self.findings.error("bad-count", f"found {found} as the number of periods of `{block.form}`, expected a whole number "
                            f"of {block.least_count} or more", written.place, hint)
        return None

    def arity(self, name: str, least: int, most: int | None, call: Call, form: str) -> bool:
        count = len(call.args)
        if least <= count and (most is None or count <= most):
            return True
        expected = f"{least} or more arguments" if most is None else f"{least}" if least == most else f"{least} to {most}"
        words = "no arguments" if most == 0 else expected if most is None else f"{expected} argument{'s' if most > 1 else ''}"
        self.findings.error("wrong-arity", f"`{name}` takes {words}, found {count}", call.place,
                            f"the form is `{form}`")
        return False


def _then(text: str, x: CellTree, w: CellTree) -> CellTree:
    """What an operator makes of its argument and of what its window gave."""
    formula = read_expression(text, Findings())
    assert formula is not None, f"internal error: `{text}` cannot be read"
    return _filled(formula, {"x": x, "w": w})


def _filled(formula: Formula, names: dict[str, CellTree]) -> CellTree:
    match formula:
        case Name():
            return names[formula.text]
        case Number():
            return Constant(formula.value)
        case Call():
            return Calculation(formula.op, tuple(_filled(argument, names) for argument in formula.args))
        case _:
            raise AssertionError(f"internal error: {formula!r} in the definition of an operator")
