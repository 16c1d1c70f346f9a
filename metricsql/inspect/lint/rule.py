"""What a lint rule is, what it may look at, and the walk over a formula that all rules share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from metricsql import operators
from metricsql.bind.catalog import Catalog
from metricsql.bind.metrics import BoundMetric
from metricsql.bind.tree import Apply, Leaf, Tree
from metricsql.build.rhythm import DataFacts
from metricsql.diagnostics import Place
from metricsql.formula.nodes import Call, Formula
from metricsql.inspect.lint.kinds import Kinds
from metricsql.inspect.lint.presence import NOTHING, Known, Outcome, Presence, everything, strict_at
from metricsql.inspect.plan_text import spelled
from metricsql.plan.reach import Reads, reads
from metricsql.project.definition import Definition


class Scene:
    """Everything a rule may look at. `facts` is None where no data was asked."""

    def __init__(self, definition: Definition, metrics: Mapping[str, BoundMetric], catalog: Catalog) -> None:
        self.definition, self.metrics, self.catalog = definition, metrics, catalog
        self.reads: Mapping[str, Reads] = reads(metrics.values())
        self.kinds = Kinds(definition, metrics)
        self.presence = Presence(metrics)
        self.facts: DataFacts | None = None
        self._spots: dict[str, list[Spot]] = {}

    def formula_of(self, leaf: Leaf) -> Tree | None:
        """The formula of the metric that a leaf reads; None if it reads no metric, or one with faults."""
        metric = self.metrics.get(leaf.series.name) if leaf.series.calculated else None
        return metric.tree if metric is not None else None

    def spots(self, metric: BoundMetric) -> list[Spot]:
        """Every node of a metric's formula, from the top down."""
        if metric.id not in self._spots:
            self._spots[metric.id] = list(_below(Spot(metric.formula, metric.tree), self.presence))
        return self._spots[metric.id]


@dataclass(frozen=True)
class Found:
    """One finding of a rule: where, what, and the fix if it differs from the rule's."""

    place: Place
    message: str
    fix: str | None = None


@dataclass(frozen=True)
class Spot:
    """A node of a formula, written and bound, with what the nodes above it say about it."""

    written: Formula
    tree: Tree
    above: Tree | None = None
    """The operator it is an argument of."""
    known: Known = NOTHING
    """What has a value wherever this node matters."""
    tests: tuple[Tree, ...] = ()
    """The conditions of every IF above it."""
    reaches: bool = True
    """Whether the whole formula can be missing because this node is."""


LONGEST = 70
"""Characters of a part of a formula that a message quotes."""
Check = Callable[[BoundMetric, Scene], Iterator[Found]]


@dataclass(frozen=True)
class Rule:
    """One rule: a block in one of the files of this folder, and a section of `docs/lint.md`."""

    code: str
    """Kebab-case; never changes its meaning."""
    sentence: str
    """What it finds."""
    reason: str
    """Why that gives numbers which are not meant."""
    fix: str
    """What to write instead; the hint of its findings."""
    check: Check


def child_place(spot: Spot, position: int) -> Place:
    """Where an argument of a spot's operator stands."""
    return spot.written.args[position].place if isinstance(spot.written, Call) else spot.written.place


def shown(tree: Tree) -> str:
    """A part of a formula as messages quote it."""
    text = spelled(tree)
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _below(spot: Spot, presence: Presence) -> Iterator[Spot]:
    yield spot
    written, tree = spot.written, spot.tree
    if not (isinstance(written, Call) and isinstance(tree, Apply)):
        return
    pairs = zip(written.args, tree.args, strict=True)
    for position, (argument, inner) in enumerate(pairs):
        known, tests, reaches = _if_part(tree, position, presence) if tree.op == "if" else \
            _operand(tree, position, presence, spot.known)
        below = Spot(argument, inner, tree, spot.known + known, spot.tests + tests, spot.reaches and reaches)
        yield from _below(below, presence)


def _if_part(tree: Apply, position: int, presence: Presence) -> tuple[Known, tuple[Tree, ...], bool]:
    if position == 0:
        return NOTHING, (), False
    outcome: Outcome = "true" if position == 1 else "not true"
    return presence.guards(tree.args[0], outcome), (tree.args[0],), True


MOST_OPERANDS = 100
"""What stands beside more others is not compared with them."""


def _operand(tree: Apply, position: int, presence: Presence, known: Known) -> tuple[Known, tuple[Tree, ...], bool]:
    """Beside an operand that must have a value, nothing else matters where it has none."""
    block, count = operators.operator(tree.op), len(tree.args)
    if count > MOST_OPERANDS:
        return NOTHING, (), False
    others = [argument for i, argument in enumerate(tree.args) if i != position]
    strict = [argument for i, argument in enumerate(tree.args) if i != position and strict_at(block, count, i)]
    needed = everything(map(presence.required, strict))
    if strict_at(block, count, position):
        return needed, (), True
    skipped = bool(strict) or block.gives == "truth"
    return needed, (), not skipped and not any(presence.is_sure(argument, known) for argument in others)
