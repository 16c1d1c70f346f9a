"""`Formula` -> `Tree`: resolves every name and checks arity and kinds. Faults go to the findings."""

from __future__ import annotations

from typing import assert_never

from metricsql import operators
from metricsql.bind.scope import Scope
from metricsql.bind.tree import Apply, Constant, Field, Leaf, Tree
from metricsql.diagnostics import Findings
from metricsql.formula.nodes import Call, Formula, Name, Number, Text, Window
from metricsql.operators import Kind, Operator
from metricsql.project.definition import DATE_SINCE


def bind_formula(formula: Formula, scope: Scope, findings: Findings) -> Tree | None:
    """The bound tree, which gives a number; None if anything is wrong with it."""
    return _Binder(scope, findings).expecting(formula, "number", "a metric")


class _Binder:
    def __init__(self, scope: Scope, findings: Findings) -> None:
        self.scope, self.findings = scope, findings

    def expecting(self, formula: Formula, wanted: Kind, user: str) -> Tree | None:
        tree = self.bind(formula)
        if tree is not None and not _fits(kind_of(tree), wanted):
            self.wrong_kind(formula, tree, user)
            return None
        return tree

    def wrong_kind(self, formula: Formula, tree: Tree, user: str) -> None:
        hint = "texts are compared in IF with `equal to`, and nowhere else"
        if isinstance(tree, Field):
            example = self.scope.catalog.fields[tree.model][tree.name].example
            message = f"the field `{tree.name}` is a text"
            if example is not None:
                message += f" (it has held `{example[:40]}`, which is not a number)"
        else:
            message = "found a text" + (f" `{tree.value}`" if isinstance(tree, Constant) else "")
        self.findings.error("wrong-kind", f"{message}, but {user} takes numbers", formula.place, hint)

    def bind(self, formula: Formula) -> Tree | None:
        match formula:
            case Number() | Text():
                return Constant(formula.value)
            case Name():
                return self.scope.field(formula.text, formula.place, self.findings)
            case Window():
                return self.window(formula)
            case Call():
                return self.call(formula)
            case _:
                assert_never(formula)

    def window(self, window: Window) -> Tree | None:
        block = operators.window(window.op)
        if not isinstance(window.of, Name):
            self.findings.error("bad-prop", f"`{block.function}` takes the name of a series", window.place)
            return None
        series = self.scope.series(window.of.text, window.of.place, self.findings)
        if series is None:
            return None
        if block.only_events and series.namespace not in DATE_SINCE:
            self.findings.error("wrong-series", f"{block.json} asks about activities and conversations only, "
                                f"`{window.of.text}` is neither", window.of.place)
            return None
        mode = (window.mode or self.scope.definition.trend) if block.modes else None
        return Leaf(series, block.key, window.days, mode)

    def call(self, call: Call) -> Tree | None:
        block = operators.operator(call.op)
        ok = self.arity(block, call)
        bound: list[Tree | None] = []
        for position, argument in enumerate(call.args):
            # a constant text has a meaning in a comparison only; a field that holds texts may be asked for a value
            wanted = "number" if isinstance(argument, Text) and not block.same_kind else block.takes_at(position)
            bound.append(self.expecting(argument, wanted, f"`{block.json}`"))
        if not ok or any(tree is None for tree in bound):
            return None
        args = tuple(tree for tree in bound if tree is not None)
        return Apply(block.key, args) if self.same_kind(block, args, call) else None

    def arity(self, block: Operator, call: Call) -> bool:
        count = len(call.args)
        if count < block.least or (block.most is not None and count > block.most):
            self.findings.error("wrong-arity", f"`{block.json}` takes {_expected(block)}, found {count}", call.place)
            return False
        if block.usual is not None and count > block.usual:
            self.findings.warn("many-arguments", f"`{block.json}` usually takes {block.usual} arguments; "
                               f"these {count} are taken from left to right", call.place, "nest the groups to make the order plain")
        return True

    def same_kind(self, block: Operator, args: tuple[Tree, ...], call: Call) -> bool:
        if not block.same_kind:
            return True
        kinds = [_comparable(kind_of(tree)) for tree in args]
        if {"number", "text"} <= set(kinds):
            text, tree = call.args[kinds.index("text")], args[kinds.index("text")]
            what = f"the field `{tree.name}` is a text and" if isinstance(tree, Field) else "a text"
            self.findings.error("wrong-kind", f"{what} is compared with a number, which is never equal", text.place,
                                _quoted_number_hint(text))
            return False
        return True


def kind_of(tree: Tree) -> Kind:
    """Number, text, truth, or `any` for a field that never had a value."""
    match tree:
        case Constant():
            return "text" if isinstance(tree.value, str) else "number"
        case Field():
            return "any" if tree.kind == "unknown" else tree.kind
        case Leaf():
            return "number"
        case Apply():
            return operators.operator(tree.op).gives
        case _:
            assert_never(tree)


def _fits(kind: Kind, wanted: Kind) -> bool:
    return wanted == "any" or kind == "any" or (kind == "text") == (wanted == "text")


def _comparable(kind: Kind) -> Kind:
    return "number" if kind == "truth" else kind


def _expected(block: Operator) -> str:
    if block.most == block.least:
        return f"{block.least} argument{'s' if block.least > 1 else ''}"
    if block.most is None:
        return f"{block.least} or more arguments"
    return f"{block.least} to {block.most} arguments"


def _quoted_number_hint(formula: Formula) -> str | None:
    if isinstance(formula, Text):
        try:
            float(formula.value)
        except ValueError:
            return None
        return f"write the number {formula.value} (in JSON a rawNumber part)"
    return None
