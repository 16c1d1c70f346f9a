"""Trees -> SQL expressions on one row, in layers.

An expression whose template mentions an argument more than once, or that must be checked for being finite
before it is used further, gets a column of its own in an earlier layer. So nothing is written twice, however
deep formulas nest, and every layer stays a plain SELECT.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import assert_never

from sqlglot import exp

from metricsql import operators
from metricsql.bind.tree import Apply, Constant, Field, Leaf, Tree
from metricsql.operators import Kind, Operator
from metricsql.plan.nodes import PlannedMetric
from metricsql.sql import syntax
from metricsql.sql.steps import Labels


@dataclass(frozen=True)
class Built:
    """An expression and what is known of it."""

    sql: exp.Expression
    layer: int = 0
    """The layer whose columns it reads; it can be evaluated in the next one."""
    kind: Kind = "number"
    is_double: bool = True
    may_overflow: bool = False
    constant: bool = False
    depth: int = 0
    """How deep templates stand inside each other in it."""

    @property
    def atomic(self) -> bool:
        return isinstance(self.sql, exp.Column | exp.Literal) or self.constant


DEEPEST = 40
"""Deeper expressions are cut into columns: neither SQL parsers nor readers like what is nested without end."""
Resolve = Callable[[Leaf | Field], Built]
"""Gives leaves and fields as expressions over the base columns."""


@dataclass
class Layers:
    """Columns by layer: `columns[0]` is computed from the base, `columns[1]` from the base and those, ..."""

    resolve: Resolve
    labels: Labels
    columns: list[dict[str, exp.Expression]] = field(default_factory=list)
    shared: dict[exp.Expression, Built] = field(default_factory=dict)
    metrics: dict[str, Built] = field(default_factory=dict)

    def add(self, name: str, built: Built) -> Built:
        """Define a column in the first layer that can compute it; returns a reference to it."""
        while len(self.columns) <= built.layer:
            self.columns.append({})
        self.columns[built.layer][name] = built.sql
        return replace(built, sql=syntax.column(name), layer=built.layer + 1, constant=False, depth=0)

    def metric(self, metric: PlannedMetric, where: str | None) -> None:
        """Define the column of a metric: its tree, then the rules of its output, once (section 7)."""
        built = self.number(self.build(metric.tree, metric.id))
        if built.may_overflow:
            built = self.finite(self.add(metric.id, built))
        if not built.is_double:
            built = replace(built, sql=syntax.double(built.sql), is_double=True)
        sql = built.sql
        if metric.missing_zero:
            sql = syntax.fill("COALESCE({0}, 0)", [sql])
        if where is not None:
            sql = syntax.fill("CASE WHEN {0} THEN {1} END", [syntax.column(where), sql])
        self.metrics[metric.id] = self.add(metric.id, replace(built, sql=sql))

    def build(self, tree: Tree, owner: str) -> Built:
        """The expression of a tree; `owner` names the columns it may need on the way."""
        match tree:
            case Constant():
                return _constant(tree.value)
            case Field() | Leaf():
                return self.resolve(tree)
            case Apply():
                return self.apply(tree, owner)
            case _:
                assert_never(tree)

    def apply(self, tree: Apply, owner: str) -> Built:
        block = operators.operator(tree.op)
        arguments = []
        for position, child in enumerate(tree.args):
            built = self.build(child, owner)
            if built.may_overflow and not block.passes_at(position):
                built = self.finite(self.column(built, child, owner))
            arguments.append(self.as_kind(built, block.takes_at(position)))
        if block.overflows and not any(argument.is_double for argument in arguments):
            arguments[0] = replace(arguments[0], sql=syntax.double(arguments[0].sql), is_double=True, constant=False)
        if not block.fold:
            return self.filled(block, _template(block, tree, arguments), arguments, tree.args, owner)
        result = arguments[0]
        for argument, child in zip(arguments[1:], tree.args[1:], strict=True):
            result = self.filled(block, block.sql, [result, argument], (tree.args[0], child), owner)
            if result.may_overflow and not block.passes_at(0):
                result = self.finite(self.column(result, tree, owner))
        return result

    def filled(self, block: Operator, template: str, arguments: list[Built], trees: tuple[Tree, ...], owner: str) -> Built:
        """A template over arguments, each of them a column first where the template needs it more than once."""
        for position, argument in enumerate(arguments):
            if syntax.uses(template, position, len(arguments)) > 1 and not argument.atomic:
                arguments[position] = self.column(argument, trees[min(position, len(trees) - 1)], owner)
        numbers = [a for i, a in enumerate(arguments) if block.takes_at(i) != "truth"]
        built = Built(
            syntax.fill(template, [argument.sql for argument in arguments]),
            max(argument.layer for argument in arguments),
            block.gives,
            "AS DOUBLE" in template or block.overflows or any(a.is_double for a in numbers),
            block.overflows or any(a.may_overflow and block.passes_at(i) for i, a in enumerate(arguments)),
            depth=1 + max(argument.depth for argument in arguments),
        )
        return built if built.depth <= DEEPEST else self.column(built, trees[0], owner)

    def column(self, built: Built, tree: Tree, owner: str) -> Built:
        """The expression as a column of its own; equal expressions share one."""
        if isinstance(built.sql, exp.Column):
            return built
        key = built.sql
        if key not in self.shared:
            label = self.labels((key, "column"), f"{owner} part {len(self.shared) + 1}")
            self.shared[key] = self.add(label, built)
        return self.shared[key]

    def finite(self, built: Built) -> Built:
        """A column whose values that are not finite are no values (section 6)."""
        sql = syntax.fill("CASE WHEN ISFINITE({0}) THEN {0} END", [built.sql])
        return replace(built, sql=sql, may_overflow=False, constant=False)

    def as_kind(self, built: Built, wanted: Kind) -> Built:
        return self.truth(built) if wanted == "truth" else self.number(built)

    def number(self, built: Built) -> Built:
        """A truth as 1 or 0."""
        if built.kind != "truth":
            return built
        return replace(built, sql=syntax.double(built.sql), kind="number", is_double=True)

    def truth(self, built: Built) -> Built:
        """A number as a condition: any number but zero is true."""
        if built.kind == "truth":
            return built
        return replace(built, sql=syntax.fill("{0} <> 0", [built.sql]), kind="truth", constant=False)


def _constant(value: float | str) -> Built:
    if isinstance(value, str):
        return Built(syntax.text(value), kind="text", is_double=False, constant=True)
    sql = syntax.number(value)
    return Built(sql, is_double="e" in sql.sql().lower(), constant=True)


def _template(block: Operator, tree: Apply, arguments: list[Built]) -> str:
    if len(arguments) == 1 and block.sql_one is not None:
        return block.sql_one
    if block.sql_constant is not None and all(_small_whole(argument) for argument in tree.args[1:]):
        return block.sql_constant
    return block.sql


def _small_whole(tree: Tree) -> bool:
    return isinstance(tree, Constant) and isinstance(tree.value, float) and tree.value == int(tree.value) \
        and abs(tree.value) <= 300
