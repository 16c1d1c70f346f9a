"""What kind of number a formula gives: a constant, a ratio, a sum over days, an amount of what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from metricsql import operators
from metricsql.bind.metrics import BoundMetric
from metricsql.bind.tree import Apply, Constant, Field, Leaf, Tree, walk
from metricsql.project.definition import COUNTED, Definition

ADDING = ("sum", "add", "minus", "subtraction")
KEEPING = ("multiplication", "division", *ADDING, "round", "floor", "ceil", "negate", "abs")
"""Operators that leave the kind of a number as it is, when all else in them is constant."""


def is_constant(tree: Tree) -> bool:
    """Whether the value is the same on every day of every record."""
    return all(isinstance(node, Constant | Apply) for node in walk(tree))


@dataclass(frozen=True)
class Kinds:
    """Looks through the metrics that a formula reads of the same day."""

    definition: Definition
    metrics: Mapping[str, BoundMetric]

    def behind(self, leaf: Leaf) -> Tree | None:
        """The formula of the metric that a leaf reads for the same day, be it of all children together."""
        metric = self.metrics.get(leaf.series.name) if leaf.series.calculated and leaf.days == 1 else None
        return metric.tree if metric is not None and operators.window(leaf.op).same_row else None

    def ratio(self, tree: Tree, over_days: bool) -> Tree | None:
        """The division that makes the value a share or a rate, if it is one.

        Over days a field is as good as a constant: the average of x / seats is the average of x, divided by the seats.
        """
        match tree:
            case Leaf():
                if operators.window(tree.op).modes and tree.mode != "difference":
                    return tree
                inner = None if tree.series.rollup else self.behind(tree)
                return self.ratio(inner, over_days) if inner is not None else None
            case Apply(op="division", args=(first, *divisors)):
                steady = all(is_constant(d) or (over_days and isinstance(d, Field)) for d in divisors)
                return self.ratio(first, over_days) if steady else tree
            case Apply():
                inner = _kept(tree)
                return self.ratio(inner, over_days) if inner is not None else None
            case _:
                return None

    def rolling_sum(self, tree: Tree) -> Leaf | None:
        """The window over several days that the value adds up, if it is a sum or a count over days."""
        parts: Sequence[Tree] = ()
        match tree:
            case Leaf():
                if tree.op in ("sum", "total_sum", "length") and tree.days != 1:
                    return tree
                inner = self.behind(tree)
                parts = () if inner is None else (inner,)
            case Apply(op="if", args=(_, *branches)):
                parts = branches
            case Apply(op=op, args=args) if op in ADDING:
                parts = args
            case Apply():
                kept = _kept(tree)
                parts = () if kept is None else (kept,)
        return next((found for found in map(self.rolling_sum, parts) if found), None)

    def zero_without_data(self, tree: Tree) -> bool:
        """Whether no data means 0: an amount of what happened, made of sums over series of happenings."""
        match tree:
            case Constant():
                return True
            case Leaf():
                inner = self.behind(tree)
                if inner is not None:
                    return self.zero_without_data(inner)
                return self.happenings(tree) and (tree.op in ("sum", "total_sum") or tree.days == 1)
            case Apply(op=op, args=args) if op in ADDING:
                return all(map(self.zero_without_data, args))
            case Apply():
                kept = _kept(tree)
                return kept is not None and self.zero_without_data(kept)
            case _:
                return False

    def happenings(self, leaf: Leaf) -> bool:
        """Whether the rows of a series are things that happened or amounts that add up, not states."""
        namespace = leaf.series.namespace
        declared = self.definition.series.get(namespace)
        return namespace in COUNTED or (declared is not None and declared.collapse_of(leaf.series.name) == "sum")


def _kept(tree: Apply) -> Tree | None:
    """The one operand whose kind the result has, all others being constant."""
    moving = [argument for argument in tree.args if not is_constant(argument)]
    divides = tree.op == "division" and moving and moving[0] is not tree.args[0]
    return moving[0] if tree.op in KEEPING and len(moving) == 1 and not divides else None
