"""Bound tables -> what to compute on the grid of periods: measures, then stages of windows and arithmetic.

A window over periods needs its argument as a column, so it begins the next stage. What remains of an expression is
arithmetic over columns at hand, in the same trees that the formulas of daily metrics have.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import assert_never

from metricsql import operators
from metricsql.bind.cells import Calculation, Cell, CellTree, Fact, Item, Measured, Over
from metricsql.bind.tables import BoundTable
from metricsql.bind.tree import Apply, Constant, Field, Tree
from metricsql.formula.titles import key_of

STATES = ("ending", "starting", "change")
"""Display options that need the state after the last execution of a period."""
MOST_NODES = 8
"""A larger part of an expression is a column of its own: the reasons of empty cells write inner values out again."""


@dataclass(frozen=True)
class PeriodWindow:
    """A column made by a period operator over the column `of`."""

    label: str
    op: str
    of: str
    n: int | None = None
    edge: Tree | None = None
    """A constant or a column."""


@dataclass
class PeriodStage:
    """Windows over columns of earlier stages, then arithmetic; columns stand in the order in which they can be computed."""

    windows: list[PeriodWindow] = field(default_factory=list)
    columns: dict[str, Tree] = field(default_factory=dict)


@dataclass
class PeriodPlan:
    """Everything that is computed for a table. Labels of columns that are no rows have a space in them, keys have none."""

    table: BoundTable
    items: Mapping[int, str]
    """The name of every item in labels."""
    measures: dict[str, Measured]
    facts: dict[str, Fact]
    stages: list[PeriodStage]
    labels: dict[CellTree, str]
    """The column of every node that has one."""

    def ending(self, item: int) -> str:
        """The column with the state of an item at the end of each period."""
        return self.labels.get(Measured(item, "ending"), f"{self.items[item]} ending")

    def options(self) -> set[str]:
        """The display options that are asked for."""
        return {measured.option for measured in self.measures.values()}


def plan_table(table: BoundTable) -> PeriodPlan:
    """The plan of all available rows."""
    planner = _Planner(table)
    for position in table.order:
        planner.row(position)
    return planner.plan


def item_name(item: Item, number: int) -> str:
    """What an item is called in labels."""
    return key_of(f"{item.source} {item.event or item.metric or ''}") or f"item {number + 1}"


def field_of(label: str) -> Field:
    """A column at hand as a leaf of arithmetic."""
    return Field("", label, "number")


def nodes(tree: Tree) -> int:
    """How many nodes a tree has."""
    return 1 + sum(map(nodes, tree.args)) if isinstance(tree, Apply) else 1


class _Planner:
    def __init__(self, table: BoundTable) -> None:
        self.table = table
        self.taken: set[str] = set()
        names = {number: self.unique(item_name(item, number)) for number, item in enumerate(table.items)}
        self.plan = PeriodPlan(table, names, {}, {}, [], {})
        self.levels: dict[str, int] = {}
        self.parts = 0

    def row(self, position: int) -> None:
        """Add the column of a row, whose label is its key."""
        row = self.table.rows[position]
        assert row.tree is not None
        if isinstance(row.tree, Measured) and row.tree not in self.plan.labels:  # the measure is the column of the row
            self.plan.measures[row.key] = row.tree
            self.plan.labels |= {row.tree: row.key, Cell(position): row.key}
            self.levels[row.key] = 0
            return
        tree, level = self.arithmetic(row.tree, row.key)
        self.stage(level).columns[row.key] = tree
        self.plan.labels[Cell(position)] = row.key
        self.levels[row.key] = level

    def arithmetic(self, tree: CellTree, owner: str) -> tuple[Tree, int]:
        """What is left to do with columns, and the stage in which all of them are there."""
        if tree in self.plan.labels:
            return self.at_hand(self.plan.labels[tree])
        match tree:
            case Constant():
                return tree, 0
            case Fact(op="pi"):
                return Constant(math.pi), 0
            case Calculation():
                built = [self.argument(argument, owner) for argument in tree.args]
                return Apply(tree.op, tuple(made for made, _ in built)), max((level for _, level in built), default=0)
            case Measured() | Cell() | Over() | Fact():
                return self.at_hand(self.column(tree, owner))
            case _:
                assert_never(tree)

    def argument(self, tree: CellTree, owner: str) -> tuple[Tree, int]:
        """A part of an expression; a large one is a column."""
        made, level = self.arithmetic(tree, owner)
        return (made, level) if nodes(made) <= MOST_NODES else self.at_hand(self.column(tree, owner))

    def at_hand(self, label: str) -> tuple[Tree, int]:
        return field_of(label), self.levels[label]

    def column(self, tree: CellTree, owner: str) -> str:
        """The label of the column that holds a node; the column is added if it is not there yet."""
        if tree in self.plan.labels:
            return self.plan.labels[tree]
        match tree:
            case Measured():
                label, level = f"{self.plan.items[tree.item]} {tree.option}", 0
                self.plan.measures[label] = tree
            case Fact() if tree.op != "pi":
                label, level = self.unique(f"{owner} random {tree.number}" if tree.op == "random" else f"{tree.op} of period"), 0
                self.plan.facts[label] = tree
            case Over():
                label, level = self.over(tree, owner)
            case _:
                label, level = self.part(tree, owner)
        self.plan.labels[tree] = label
        self.levels[label] = level
        return label

    def over(self, tree: Over, owner: str) -> tuple[str, int]:
        of = self.column(tree.of, owner)
        edge: Tree | None = None
        level = self.levels[of] + 1
        if isinstance(tree.edge, Constant):
            edge = tree.edge
        elif tree.edge is not None:
            edge = field_of(self.column(tree.edge, owner))
            level = max(level, self.levels[self.plan.labels[tree.edge]] + 1)
        counted = f" {tree.n}" if operators.period(tree.op).counts != "no" else ""
        label = self.unique(f"{tree.op}{counted} of {of}")
        self.stage(level).windows.append(PeriodWindow(label, tree.op, of, tree.n, edge))
        return label, level

    def part(self, tree: CellTree, owner: str) -> tuple[str, int]:
        made, level = self.arithmetic(tree, owner)
        self.parts += 1
        label = self.unique(f"{owner} inner {self.parts}")
        self.stage(level).columns[label] = made
        return label, level

    def stage(self, level: int) -> PeriodStage:
        while len(self.plan.stages) <= level:
            self.plan.stages.append(PeriodStage())
        return self.plan.stages[level]

    def unique(self, wanted: str) -> str:
        label, number = wanted, 2
        while label.lower() in self.taken:
            label, number = f"{wanted} ({number})", number + 1
        self.taken.add(label.lower())
        return label
