"""Why a cell has no value, as SQL beside the values (`docs/semantics.md` section 9).

A reason is NULL where its node has a value, so the reasons of all parts of an expression can simply be tried in order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import assert_never

from sqlglot import exp

from metricsql import operators
from metricsql.bind.cells import Calculation, Cell, CellTree, Fact, Measured, Over
from metricsql.bind.tree import Constant
from metricsql.diagnostics import one_line
from metricsql.operators.groups import OUTSIDE
from metricsql.plan.periods import PeriodPlan
from metricsql.sql import syntax
from metricsql.sql.period_grid import NUMBER, START, Calendar
from metricsql.sql.syntax import column

PERIOD_COUNT, FIRST = "number of periods", "first period"
"""Columns of the grid that reasons need: how many periods there are, and when the first one starts."""
NO_EARLIER, NO_LATER = "no earlier period", "no later period"
NO_EXECUTIONS, NONE_SO_FAR = "no value: no executions in the period", "no value: no executions so far"
NO_STATE = "no value for the period before"
NO_BRANCH = "no branch holds"


class Reasons:
    """Writes the reasons of one table."""

    def __init__(self, plan: PeriodPlan, calendar: Calendar) -> None:
        self.plan, self.calendar = plan, calendar

    def of(self, position: int) -> str:
        """The reason of a row's cell; NULL for a cell with a value."""
        row = self.plan.table.rows[position]
        if row.tree is None:
            return _sql(syntax.text(one_line(f"unavailable: {row.unavailable}")))
        measured = isinstance(row.tree, Measured) and row.definition.calculation is None
        found = self.measure(row.tree) if measured and isinstance(row.tree, Measured) else self.why(row.tree)
        if found is None and not isinstance(row.tree, Calculation):
            return "CAST(NULL AS VARCHAR)"
        known = syntax.text(OUTSIDE) if found is None else exp.Coalesce(this=found, expressions=[syntax.text(OUTSIDE)])
        return _sql(_when(_missing(column(row.key)), known))

    def why(self, tree: CellTree) -> exp.Expression | None:
        """The reason of a node of an expression; None if it always has a value."""
        match tree:
            case Constant() | Fact():
                return None
            case Cell() | Measured():
                return _when(_missing(self.value(tree)), syntax.text(self.no_value(tree)))
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

    def measure(self, tree: Measured) -> exp.Expression | None:
        value, item = self.value(tree), self.plan.table.items[tree.item]
        first = syntax.fill("{0} = 1", [column(NUMBER)])
        ending = column(f"{self.plan.items[tree.item]} ending")
        nothing = syntax.text(NONE_SO_FAR if item.kind == "stock" else NO_EXECUTIONS)
        match tree.option:
            case "count":
                return None
            case "ending":
                return _when(_missing(value), nothing)
            case "starting":
                return _when(_missing(value), _case([(first, syntax.text(NO_EARLIER))], syntax.text(NO_STATE)))
            case "change":
                cases: list[tuple[exp.Expression, exp.Expression]] = [(_missing(ending), nothing), (first, syntax.text(NO_EARLIER))]
                return _when(_missing(value), _case(cases, syntax.text(NO_STATE)))
        return _when(_missing(value), syntax.text(NO_EXECUTIONS))

    # Operations over periods

    def over(self, tree: Over) -> exp.Expression | None:
        block, value = operators.period(tree.op), self.value(tree)
        if block.never_missing:
            return None
        n = syntax.number(float(tree.n or 0))
        inner: exp.Expression = syntax.text(self.no_value(tree.of))
        edge = self.why(tree.edge) if tree.edge is not None else None
        match tree.op:
            case "lag":
                beyond = syntax.fill("{0} <= {1}", [column(NUMBER), n])
                inner = _case([(beyond, edge or syntax.text(NO_EARLIER))], inner)
            case "lead":
                beyond = syntax.fill("{0} > {1} - {2}", [column(NUMBER), column(PERIOD_COUNT), n])
                inner = _case([(beyond, edge or syntax.text(NO_LATER))], inner)
            case "yoy":
                before = syntax.fill(f"{{0}} < {{1}} + {self.calendar.year_ago} OR STRFTIME({{0}}, '%m-%d') = '02-29'",
                                     [column(START), column(FIRST)])
                inner = _case([(before, syntax.text(NO_EARLIER))], inner)
        return _when(_missing(value), inner)

    # Arithmetic

    def calculation(self, tree: Calculation) -> exp.Expression | None:
        block = operators.operator(tree.op)
        reasons = [reason for reason in map(self.why, tree.args) if reason is not None]
        faults = self.faults(tree)
        match block.blames:
            case "never":
                return None
            case "first":
                first = self.why(tree.args[0])
                return _first([*([first] if first is not None else []), *faults])
            case "guarded":
                return None if not reasons else _when(_missing(self.value(tree)), _first(reasons) or exp.Null())
            case "chosen":
                test, then, *rest = tree.args
                other = self.why(rest[0]) if rest else syntax.text(NO_BRANCH)
                branches = [(self.truth(test), self.why(then) or exp.Null())]
                return None if other is None and not reasons else _case(branches, other or exp.Null())
        return _first([*reasons, *faults])

    def faults(self, tree: Calculation) -> list[exp.Expression]:
        block = operators.operator(tree.op)
        pairs = [tree.args] if not block.fold else [(tree.args[0], argument) for argument in tree.args[1:]]
        return [_when(syntax.fill(test, [self.number(argument) for argument in arguments]), syntax.text(words))
                for test, words in block.faults for arguments in pairs]

    def truth(self, tree: CellTree) -> exp.Expression:
        value = self.value(tree)
        gives = operators.operator(tree.op).gives if isinstance(tree, Calculation) else "number"
        return value if gives == "truth" else syntax.fill("{0} <> 0", [value])

    def value(self, tree: CellTree) -> exp.Expression:
        """The value of a node over columns at hand."""
        if tree in self.plan.labels:
            return column(self.plan.labels[tree])
        match tree:
            case Constant():
                return syntax.double(syntax.number(float(tree.value)))
            case Fact(op="pi"):
                return syntax.number(math.pi)
            case Calculation():
                block = operators.operator(tree.op)
                arguments = [self.truth(a) if block.takes_at(i) == "truth" else self.number(a) for i, a in enumerate(tree.args)]
                template = block.sql_one if len(arguments) == 1 and block.sql_one else block.sql
                if not block.fold:
                    return syntax.fill(template, arguments)
                made = arguments[0]
                for argument in arguments[1:]:
                    made = syntax.fill(template, [made, argument])
                return made
        raise AssertionError(f"internal error: {tree!r} has no column")

    def number(self, tree: CellTree) -> exp.Expression:
        value = self.value(tree)
        truth = isinstance(tree, Calculation) and tree not in self.plan.labels and operators.operator(tree.op).gives == "truth"
        return syntax.double(value) if truth else value


def _missing(value: exp.Expression) -> exp.Expression:
    return syntax.fill("{0} IS NULL", [value])


def _when(test: exp.Expression, then: exp.Expression) -> exp.Expression:
    return _case([(test, then)])


def _case(branches: Sequence[tuple[exp.Expression, exp.Expression]], other: exp.Expression | None = None) -> exp.Expression:
    ifs = [exp.If(this=test, true=then) for test, then in branches]
    return exp.Case(ifs=ifs, default=other)


def _first(reasons: list[exp.Expression]) -> exp.Expression | None:
    if len(reasons) < 2:
        return reasons[0] if reasons else None
    return exp.Coalesce(this=reasons[0], expressions=reasons[1:])


def _sql(tree: exp.Expression) -> str:
    return syntax.render(tree, pretty=False)
