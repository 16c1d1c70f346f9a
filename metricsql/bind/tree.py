"""What a formula means here: names resolved, synonyms gone, no places. Closed, four kinds of node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metricsql.project.definition import CALCULATED

if TYPE_CHECKING:
    from metricsql.bind.catalog import FieldKind


@dataclass(frozen=True, slots=True)
class SeriesRef:
    """A series of a model; in a formula of the root, a child's series means its sum per company and day."""

    model: str
    namespace: str
    name: str
    rollup: bool = False

    @property
    def calculated(self) -> bool:
        return self.namespace == CALCULATED

    def __str__(self) -> str:
        return f"{self.model + '.' if self.rollup else ''}{self.namespace}.{self.name}"


@dataclass(frozen=True, slots=True)
class Constant:
    """A number or a text."""

    value: float | str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the record, as tracked for the day."""

    model: str
    name: str
    kind: FieldKind

    def __str__(self) -> str:
        return f"{self.model}.custom.{self.name}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One question about one series over time. `days` is None where the operator reads everything."""

    series: SeriesRef
    op: str
    days: int | None = None
    mode: str | None = None


@dataclass(frozen=True, slots=True)
class Apply:
    """An operator on the values of one row."""

    op: str
    args: tuple[Tree, ...]


Tree = Constant | Field | Leaf | Apply


def walk(tree: Tree) -> Iterator[Tree]:
    """The node and everything below it."""
    yield tree
    if isinstance(tree, Apply):
        for argument in tree.args:
            yield from walk(argument)


def leaves(tree: Tree) -> Iterator[Leaf]:
    """All leaves of a tree, in the order of the text."""
    return (node for node in walk(tree) if isinstance(node, Leaf))


def fields(tree: Tree) -> Iterator[Field]:
    """All fields of a tree."""
    return (node for node in walk(tree) if isinstance(node, Field))
