"""Evaluates a formula on one day of one record, node by node, with the `evaluate` of every operator's block."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import assert_never

from metricsql import operators
from metricsql.bind.tree import Apply, Constant, Field, Leaf, Tree
from metricsql.build.record import Held, RecordData, RecordReader
from metricsql.formula import Call, Formula, write_expression
from metricsql.formula.nodes import Name
from metricsql.inspect.why_nodes import Kind, Node
from metricsql.inspect.why_rules import operator_rules, unused
from metricsql.inspect.why_window_words import window_rules
from metricsql.inspect.why_windows import Look
from metricsql.inspect.why_words import day_words, listed, value_words
from metricsql.operators import Value
from metricsql.plan.planner import reads_row
from metricsql.sql.fields import LONG_AGO

STEPS, LEVELS = 3, 150
"""How many steps to other days or records are taken, and how deep the tree may get; the rest is one `why` further."""
LONG = 90
"""A longer text is shortened for reading."""
LEFT_OUT = Name("…")


@dataclass(frozen=True)
class Spot:
    """Where a formula is evaluated, and how far from the top of the tree that is."""

    model: str
    key: str
    day: date
    steps: int = field(default=0, compare=False)
    level: int = field(default=0, compare=False)


class Values:
    """The value of every part of every formula, at any spot of the records that a reader knows."""

    def __init__(self, reader: RecordReader) -> None:
        self.reader = reader
        self.known: dict[tuple[Tree, Spot], Value] = {}

    def of(self, tree: Tree, spot: Spot) -> Value:
        """The value of a tree."""
        if (tree, spot) not in self.known:
            self.known[tree, spot] = self._of(tree, spot)
        return self.known[tree, spot]

    def metric(self, name: str, spot: Spot) -> float | None:
        """The value of a metric, as a build would store it."""
        return self.data(spot).metrics[name].get(spot.day)

    def data(self, spot: Spot) -> RecordData:
        """What is known of the record."""
        return self.reader.data(spot.model, spot.key)

    def series(self, leaf: Leaf, spot: Spot) -> dict[date, float]:
        """The value of every day that has one."""
        if leaf.series.calculated and not leaf.series.rollup:
            return {day: value for day, value in self.data(spot).metrics[leaf.series.name].items() if value is not None}
        return dict(self.data(spot).inputs[leaf.series])

    def held(self, tracked: Field, spot: Spot) -> Held | None:
        """The value that a field has on a day, since the first day that it is the same."""
        past = [held for held in self.data(spot).fields[tracked] if held.since <= spot.day]
        found = past[-1] if past else None
        for held in reversed(past):
            if found is None or held.value != found.value or held.since == LONG_AGO:
                break
            found = held
        return found

    def _of(self, tree: Tree, spot: Spot) -> Value:
        match tree:
            case Constant():
                return tree.value
            case Field():
                held = self.held(tree, spot)
                return None if held is None else held.value
            case Leaf():
                if reads_row(tree):
                    return self.metric(tree.series.name, spot)
                return operators.window(tree.op).evaluate(self.series(tree, spot), spot.day, tree.days, tree.mode)
            case Apply():
                return operators.operator(tree.op).evaluate(*[self.of(argument, spot) for argument in tree.args])
            case _:
                assert_never(tree)


@dataclass
class Explainer:
    """Builds the nodes. What was shown once is not shown again."""

    values: Values
    limit: int | None
    shown: set[object] = field(default_factory=set)

    def metric(self, name: str, spot: Spot) -> Node:
        """A metric at a spot, with its formula below."""
        bound, value = self.values.reader.compiled.metrics[name], self.values.metric(name, spot)
        node = Node("metric", name, value, spot.key, spot.day, label=name)
        if spot.steps > STEPS or spot.level > LEVELS:
            further = f"metricsql why {name} --record {shlex.quote(spot.key)} --day {spot.day}"
            return replace(node, rules=(f"`{further}` goes on from here",))
        if (name, spot) in self.shown:
            return replace(node, repeated=True)
        self.shown.add((name, spot))
        where, outside = bound.definition.where, self.values.data(spot).outside
        if where is not None and where in outside:
            return replace(node, rules=(_outside_words(where, outside[where], spot.key),))
        formula = self.node(bound.formula, bound.tree, spot)
        made_zero = formula.value is None and bound.definition.missing_zero
        rules = ("the formula has no value, which `missing: zero` makes 0",) if made_zero else ()
        return replace(node, rules=rules, children=(formula,))

    def node(self, formula: Formula, tree: Tree, spot: Spot, counts: bool = True) -> Node:
        """A part of a formula. One that does not count is told by its value only."""
        text, value = write_expression(formula), self.values.of(tree, spot)
        node = Node(_kind(tree), text, value, spot.key, spot.day, counts=counts, label=short(formula))
        below = replace(spot, level=spot.level + 1)
        match tree:
            case _ if not counts:
                return node
            case Constant():
                return node
            case Field():
                return self.field(node, tree, below)
            case Leaf():
                return self.leaf(node, tree, below)
            case Apply():
                return self.apply(node, formula, tree, below)
            case _:
                assert_never(tree)

    def apply(self, node: Node, formula: Formula, tree: Apply, spot: Spot) -> Node:
        assert isinstance(formula, Call)
        block = operators.operator(tree.op)
        values = [self.values.of(argument, spot) for argument in tree.args]
        idle = unused(block, values)
        children = [self.node(part, argument, spot, i not in idle)
                    for i, (part, argument) in enumerate(zip(formula.args, tree.args, strict=True))]
        rules = operator_rules(block, [short(argument, 60) for argument in formula.args], values, node.value)
        return replace(node, rules=rules, children=tuple(children))

    # Operations over time

    def leaf(self, node: Node, leaf: Leaf, spot: Spot) -> Node:
        if (leaf, spot) in self.shown:
            return replace(node, repeated=True)
        self.shown.add((leaf, spot))
        if reads_row(leaf):
            return replace(node, children=(self.metric(leaf.series.name, spot),))
        start, since = self.values.reader.context.start, self.values.data(spot).since
        look = Look(self.values.reader, leaf, spot.key, spot.day, self.values.series(leaf, spot), node.value,
                    max(start, since or start))
        node = replace(node, window=look.window(self.limit), rules=window_rules(look))
        return self.descend(node, leaf, spot, look) if leaf.series.calculated else node

    def descend(self, node: Node, leaf: Leaf, spot: Spot, look: Look) -> Node:
        """Add the tree of the day that tells most; of children, that of the one with the largest part in it."""
        day, key = look.telling, spot.key
        if day is None:
            return node
        if leaf.series.rollup:
            rows = self.values.reader.rows(leaf.series, spot.key, day, day, None, 1)
            key = rows[0].record
        there = Spot(leaf.series.model, key, day, spot.steps + 1, spot.level)
        return replace(node, children=(self.metric(leaf.series.name, there),))

    # Fields

    def field(self, node: Node, tracked: Field, spot: Spot) -> Node:
        if (tracked, spot) in self.shown:
            return replace(node, repeated=True)
        self.shown.add((tracked, spot))
        held, everything = self.values.held(tracked, spot), self.values.data(spot).fields[tracked]
        if held is None:
            return replace(node, rules=(_untracked_words(everything),))
        if held.since == LONG_AGO:
            first = next((h for h in everything if h.value is not None and h.since != LONG_AGO), None)
            return replace(node, rules=(_constant_words(first),), source=first.origin if first else None)
        word = "empty" if held.value is None else value_words(held.value)
        rule = f"{word} since {day_words(held.since)} ({held.origin})"
        return replace(node, rules=(rule,), since=held.since, source=held.origin)


def _kind(tree: Tree) -> Kind:
    match tree:
        case Constant():
            return "text" if isinstance(tree.value, str) else "number"
        case Field():
            return "field"
        case Leaf():
            return "window"
        case Apply():
            return "operator"
        case _:
            assert_never(tree)


def _untracked_words(everything: Sequence[Held]) -> str:
    if not everything:
        return "no value of the field is known"
    return f"not tracked before {day_words(everything[0].since)}, so there is no value"


def _constant_words(first: Held | None) -> str:
    if first is None:
        return "no value of the field is known"
    return f"not tracked before {day_words(first.since)}; until then the first known value counts " \
           "(`fields_before_tracking: constant`)"


def _outside_words(where: str, now: Mapping[str, str | None], key: str) -> str:
    fields = [f"{name} is {'empty' if value is None else value_words(value)}" for name, value in now.items()]
    known = f" ({listed(fields)})" if fields else ""
    return f"`{key}` is outside of `where: {where}`{known}, so the metric has no value for it"


def short(formula: Formula, longest: int = LONG) -> str:
    """The text of a formula; where it is too long to read, its longest arguments are left out."""
    text = write_expression(formula)
    while len(text) > longest and isinstance(formula, Call) and any(part != LEFT_OUT for part in formula.args):
        sizes = [0 if part == LEFT_OUT else len(write_expression(part)) for part in formula.args]
        most = sizes.index(max(sizes))
        formula = replace(formula, args=tuple(LEFT_OUT if i == most else part for i, part in enumerate(formula.args)))
        text = write_expression(formula).replace('"…"', "…")
    return text
