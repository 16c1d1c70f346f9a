"""What is known to have a value at a place of a formula, and what follows from it.

Only missing data counts here: a division by zero or a root of a negative number is not what a rule about
missing values is after. Everything is told from the formulas; no data is read.

| known                           | from                                                            |
|---------------------------------|-----------------------------------------------------------------|
| a field, a leaf, a part has one | a condition above that asks for it, or a sibling that must have it |
| a series has data in n days     | the same, for a window over it: a longer window then has a value, too |
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import lru_cache
from typing import Literal

from metricsql import operators
from metricsql.bind.metrics import BoundMetric
from metricsql.bind.tree import Apply, Constant, Field, Leaf, SeriesRef, Tree
from metricsql.operators import Operator
from metricsql.project.definition import ZERO_FILLED

Outcome = Literal["true", "false", "not true"]
EVER = 10**9
"""Days of a window that reads everything."""


@dataclass(frozen=True)
class Known:
    """Parts that have a value, and series with the number of days within which they have data."""

    parts: frozenset[Tree] = frozenset()
    data: Mapping[SeriesRef, int] = field(default_factory=dict)

    def __add__(self, other: Known) -> Known:
        """Both hold."""
        data = dict(self.data)
        for series, days in other.data.items():
            data[series] = min(days, data.get(series, EVER))
        return Known(self.parts | other.parts, data)

    def __and__(self, other: Known) -> Known:
        """One of the two holds."""
        shared = {s: max(days, other.data[s]) for s, days in self.data.items() if s in other.data}
        return Known(self.parts & other.parts, shared)


NOTHING = Known()


def everything(known: Iterable[Known]) -> Known:
    """All of them hold."""
    found = list(known)
    data: dict[SeriesRef, int] = {}
    for one in found:
        for series, days in one.data.items():
            data[series] = min(days, data.get(series, EVER))
    return Known(frozenset().union(*(one.parts for one in found)), data)


def strict_at(block: Operator, count: int, position: int) -> bool:
    """Whether a missing argument at a position always makes the result missing."""
    return _strict(block, min(count, ALIKE + 1), min(position, ALIKE))


ALIKE = 3
"""From this position on, no operator tells its arguments apart."""


@lru_cache
def _strict(block: Operator, count: int, position: int) -> bool:
    if block.key == "if":
        return False
    results = [block.evaluate(*[None if i == position else fill for i in range(count)]) for fill in (0.0, 1.0, 2.0)]
    return all(result is None for result in results)


@dataclass(frozen=True)
class Presence:
    """Follows values through the metrics of a project."""

    metrics: Mapping[str, BoundMetric]
    _required: dict[Tree, Known] = field(default_factory=dict, compare=False, repr=False)

    def required(self, tree: Tree) -> Known:
        """What has a value wherever the tree has one."""
        if tree not in self._required:
            self._required[tree] = self.find_required(tree)
        return self._required[tree]

    def find_required(self, tree: Tree) -> Known:
        match tree:
            case Constant():
                return NOTHING
            case Field():
                return Known(frozenset([tree]))
            case Leaf():
                return self.of_leaf(tree)
            case Apply():
                return self.of_apply(tree) + Known(frozenset([tree]))

    def of_leaf(self, leaf: Leaf) -> Known:
        block = operators.window(leaf.op)
        if _always(leaf):
            return NOTHING
        days = 1 if block.reads == "offset" else leaf.days or EVER
        known = Known(frozenset([leaf]), {leaf.series: days})
        metric = self.metrics.get(leaf.series.name) if leaf.series.calculated else None
        if metric is None or metric.definition.missing_zero:
            return known
        inner = self.required(metric.tree)
        rollup = leaf.series.rollup
        data = {replace(s, rollup=s.rollup or rollup): min(d + days - 1, EVER) for s, d in inner.data.items()}
        return known + Known(inner.parts if days == 1 and not rollup else frozenset(), data)

    def of_apply(self, tree: Apply) -> Known:
        block, args = operators.operator(tree.op), tree.args
        if tree.op == "if":
            test, then, other = args
            branches = [self.guards(test, outcome) + self.required(branch)
                        for outcome, branch in _outcomes(test, then, other)]
            return branches[0] if len(branches) == 1 else branches[0] & branches[1]
        strict = [argument for i, argument in enumerate(args) if strict_at(block, len(args), i)]
        if strict or block.gives == "truth":
            return everything(map(self.required, strict))
        found = [self.required(argument) for argument in args]
        shared = found[0]
        for other_known in found[1:]:
            shared = shared & other_known
        return shared

    def guards(self, test: Tree, outcome: Outcome) -> Known:
        """What has a value where a condition turned out so."""
        match test:
            case Apply(op="has_value", args=(inner,)):
                return self.required(inner) + Known(frozenset([inner])) if outcome == "true" else NOTHING
            case Apply(op="not", args=(inner,)):
                absent = isinstance(inner, Apply) and inner.op == "has_value"
                turned: dict[Outcome, Outcome] = {"true": "false", "false": "true",
                                                  "not true": "true" if absent else "not true"}
                return self.guards(inner, turned[outcome])
            case Apply(op="and", args=args) if outcome == "true":
                return everything(self.guards(argument, "true") for argument in args)
            case Apply(op="or", args=args) if outcome == "false":
                return everything(self.guards(argument, "false") for argument in args)
            case Apply(op="and" | "or"):
                return NOTHING
            case _:
                return self.required(test) if outcome != "not true" else NOTHING

    def is_sure(self, tree: Tree, known: Known) -> bool:
        """Whether a tree has a value, as far as data goes."""
        match tree:
            case Constant():
                return True
            case Field():
                return tree in known.parts
            case Leaf():
                return tree in known.parts or self.leaf_is_sure(tree, known)
            case Apply():
                return tree in known.parts or self.apply_is_sure(tree, known)

    def leaf_is_sure(self, leaf: Leaf, known: Known) -> bool:
        if _always(leaf):
            return True
        block = operators.window(leaf.op)
        if block.reads == "offset" or block.only_events:
            return False
        if known.data.get(leaf.series, EVER + 1) <= (leaf.days or EVER):
            return True
        metric = self.metrics.get(leaf.series.name) if leaf.series.calculated and not leaf.series.rollup else None
        if metric is None or metric.definition.where is not None:
            return False
        return metric.definition.missing_zero or self.is_sure(metric.tree, known)

    def apply_is_sure(self, tree: Apply, known: Known) -> bool:
        block, args = operators.operator(tree.op), tree.args
        if tree.op == "if":
            return all(self.is_sure(branch, known + self.guards(args[0], outcome))
                       for outcome, branch in _outcomes(*args))
        strict = [i for i in range(len(args)) if strict_at(block, len(args), i)]
        if not strict and block.evaluate(*[None] * len(args)) is not None:
            return True
        sure = [self.is_sure(argument, known) for argument in args]
        return all(sure[i] for i in strict) if strict else all(sure) if block.gives == "truth" else any(sure)


def _always(leaf: Leaf) -> bool:
    """Whether a leaf has a value on every day: a count has one without data, tasks and conversations are 0 then."""
    block = operators.window(leaf.op)
    if leaf.series.namespace in ZERO_FILLED and not leaf.series.rollup and block.reads == "window":
        return True
    return block.reads == "window" and block.evaluate({}, date(2000, 1, 1), 1, None) is not None


def _outcomes(test: Tree, then: Tree, other: Tree) -> list[tuple[Outcome, Tree]]:
    """The branches of an IF that can give a value, with how its condition turned out."""
    match test:
        case Apply(op="has_value", args=(inner,)) if inner == other:
            return [("true", then)]
        case Apply(op="not", args=(Apply(op="has_value", args=(inner,)),)) if inner == then:
            return [("not true", other)]
        case _:
            return [("true", then), ("not true", other)]
