"""Why a cell has no value, as SQL beside the values (`docs/semantics.md` section 9).

A reason is NULL where its node has a value, so the reasons of all parts of an expression can simply be tried in order.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from functools import reduce
from typing import assert_never

from metricsql import operators
from metricsql.bind.cells import Calculation, Cell, CellTree, Fact, Measured, Over
from metricsql.bind.tree import Constant
from metricsql.diagnostics import one_line
from metricsql.operators.groups import OUTSIDE
from metricsql.plan.periods import PeriodPlan
from metricsql.sql.period_grid import NUMBER, START, Calendar, literal, number, quoted

PERIOD_COUNT, FIRST = "number of periods", "first period"
"""Columns of the grid that reasons need: how many periods there are, and when the first one starts."""
NO_EARLIER, NO_LATER = "no earlier period", "no later period"
NO_EXECUTIONS, NONE_SO_FAR = "no value: no executions in the period", "no value: no executions so far"
NO_STATE = "no value for the period before"
NO_BRANCH = "no branch holds"
NOTHING = "CAST(NULL AS VARCHAR)"
_PLAIN = re.compile(r'"(?:[^"]|"")*"|CAST\([-0-9.e+]+ AS DOUBLE\)')


class Reasons:
    """Writes the reasons of one table."""

    def __init__(self, plan: PeriodPlan, calendar: Calendar) -> None:
        self.plan, self.calendar = plan, calendar
        self.known: dict[int, list[str]] = {}

    def of(self, position: int) -> str:
        """The reason of a row's cell; NULL for a cell with a value."""
        row = self.plan.table.rows[position]
        if row.tree is None:
            return literal(one_line(f"unavailable: {row.unavailable}"))
        if isinstance(row.tree, Measured) and row.definition.calculation is None:
            return self.measure(row.tree) or NOTHING
        found = self.why(row.tree)
        if not found and not isinstance(row.tree, Calculation):
            return NOTHING
        return _when(f"{quoted(row.key)} IS NULL", _first([*found, literal(OUTSIDE)]))

    def why(self, tree: CellTree) -> list[str]:
        """The reasons of a node of an expression, to be tried in order; none if it always has a value.

        A node that several others share, as yoy and between make them, is asked once.
        """
        if id(tree) not in self.known:
            self.known[id(tree)] = self.reasons(tree)
        return self.known[id(tree)]

    def reasons(self, tree: CellTree) -> list[str]:
        match tree:
            case Constant() | Fact():
                return []
            case Cell() | Measured():
                return [_when(f"{self.value(tree)} IS NULL", literal(self.no_value(tree)))]
            case Over():
                return self.over(tree)
            case Calculation():
                return self.calculation(tree)
            case _:
                assert_never(tree)

    def no_value(self, tree: CellTree) -> str:
        """`no value for ...`, as far as there is a name for it."""
        match tree:
            case Cell():
                return one_line(f"no value for `{self.plan.table.rows[tree.row].title}`")
            case Measured():
                item = self.plan.table.items[tree.item]
                return one_line(f"no value for `{item.event or item.metric}.{tree.option}`")
        return "no value for an inner part"

    # What a measured row shows

    def measure(self, tree: Measured) -> str | None:
        item = self.plan.table.items[tree.item]
        empty = f"{self.value(tree)} IS NULL"
        first = f"{quoted(NUMBER)} = 1"
        nothing = literal(NONE_SO_FAR if item.kind == "stock" else NO_EXECUTIONS)
        match tree.option:
            case "count":
                return None
            case "ending":
                return _when(empty, nothing)
            case "starting":
                return _when(empty, _case([(first, literal(NO_EARLIER))], literal(NO_STATE)))
            case "change":
                no_ending = f"{quoted(self.plan.ending(tree.item))} IS NULL"
                return _when(empty, _case([(no_ending, nothing), (first, literal(NO_EARLIER))], literal(NO_STATE)))
        return _when(empty, literal(NO_EXECUTIONS))

    # Operations over periods

    def over(self, tree: Over) -> list[str]:
        if operators.period(tree.op).never_missing:
            return []
        inner = literal(self.no_value(tree.of))
        edge = _first(self.why(tree.edge)) if tree.edge is not None else ""
        match tree.op:
            case "lag":
                inner = _case([(f"{quoted(NUMBER)} <= {tree.n}", edge or literal(NO_EARLIER))], inner)
            case "lead":
                beyond = f"{quoted(NUMBER)} > {quoted(PERIOD_COUNT)} - {tree.n}"
                inner = _case([(beyond, edge or literal(NO_LATER))], inner)
            case "yoy":
                before = f"{quoted(START)} < {quoted(FIRST)} + {self.calendar.year_ago}"
                before += f" OR STRFTIME({quoted(START)}, '%m-%d') = '02-29'"
                inner = _case([(before, literal(NO_EARLIER))], inner)
        return [_when(f"{self.value(tree)} IS NULL", inner)]

    # Arithmetic

    def calculation(self, tree: Calculation) -> list[str]:
        match operators.operator(tree.op).blames:
            case "never":
                return []
            case "first":
                return [*self.why(tree.args[0]), *self.faults(tree)]
            case "guarded":
                reasons = self.of_all(tree.args)
                return [_when(f"({self.checked(tree)}) IS NULL", _first(reasons))] if reasons else []
            case "chosen":
                test, then, *rest = tree.args
                reasons, others = self.why(then), self.why(rest[0]) if rest else [literal(NO_BRANCH)]
                if not reasons and not others:
                    return []
                return [_case([(self.truth(test), _first(reasons) or "NULL")], _first(others) or "NULL")]
        return [*self.of_all(tree.args), *self.faults(tree)]

    def of_all(self, trees: Sequence[CellTree]) -> list[str]:
        """The reasons of several nodes, each once."""
        return list(dict.fromkeys(reason for tree in trees for reason in self.why(tree)))

    def faults(self, tree: Calculation) -> list[str]:
        """What can go wrong in the operator itself."""
        block = operators.operator(tree.op)
        pairs = [tree.args] if not block.fold else [(tree.args[0], argument) for argument in tree.args[1:]]
        return [_when(_filled(test, [self.number(argument) for argument in arguments]), literal(words))
                for test, words in block.faults for arguments in pairs]

    def truth(self, tree: CellTree) -> str:
        """A node as a condition."""
        return self.value(tree) if self.is_truth(tree) else f"{_operand(self.checked(tree))} <> 0"

    def number(self, tree: CellTree, as_it_is: bool = False) -> str:
        """A node as a number, `as_it_is` where one that is not finite reaches the result anyway."""
        if self.is_truth(tree):
            return f"CAST({self.value(tree)} AS DOUBLE)"
        return self.value(tree) if as_it_is else self.checked(tree)

    def checked(self, tree: CellTree) -> str:
        """The value of a node; one that is not finite is none."""
        value = self.value(tree)
        return _when(f"ISFINITE({value})", value) if self.overflows(tree) else value

    def overflows(self, tree: CellTree) -> bool:
        """Whether the value of a node, as it is written here, may be one that is not finite."""
        if not isinstance(tree, Calculation) or tree in self.plan.labels:
            return False
        block = operators.operator(tree.op)
        return block.overflows or any(block.passes_at(i) and self.overflows(a) for i, a in enumerate(tree.args))

    def is_truth(self, tree: CellTree) -> bool:
        inline = isinstance(tree, Calculation) and tree not in self.plan.labels
        return inline and isinstance(tree, Calculation) and operators.operator(tree.op).gives == "truth"

    def value(self, tree: CellTree) -> str:
        """The value of a node over columns at hand."""
        if tree in self.plan.labels:
            return quoted(self.plan.labels[tree])
        match tree:
            case Constant():
                return number(float(tree.value))
            case Fact(op="pi"):
                return number(math.pi)
            case Calculation():
                block = operators.operator(tree.op)
                arguments = [self.truth(a) if block.takes_at(i) == "truth" else self.number(a, block.passes_at(i))
                             for i, a in enumerate(tree.args)]
                template = block.sql_one if len(arguments) == 1 and block.sql_one else block.sql
                if not block.fold:
                    return _filled(template, arguments)
                return reduce(lambda made, argument: _filled(template, [made, argument]), arguments)
        raise AssertionError(f"internal error: {tree!r} has no column")


def _filled(template: str, arguments: Sequence[str]) -> str:
    """A template of the registry over texts of SQL."""
    operands = [_operand(argument) for argument in arguments]
    return template.format(*operands, args=", ".join(operands))


def _operand(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else f"({text})"


def _when(test: str, then: str) -> str:
    return f"CASE WHEN {test} THEN {then} END"


def _case(branches: Sequence[tuple[str, str]], other: str) -> str:
    return "CASE " + " ".join(f"WHEN {test} THEN {then}" for test, then in branches) + f" ELSE {other} END"


def _first(reasons: Sequence[str]) -> str:
    """The first reason that is one; empty for none."""
    if len(reasons) < 2:
        return reasons[0] if reasons else ""
    return f"COALESCE({', '.join(reasons)})"
