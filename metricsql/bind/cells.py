"""What an expression of an output table means: names resolved to rows, no places. Closed, six kinds of node.

The same idea as `tree.py` on another grid: a cell is a row in a period instead of a record on a day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from metricsql.bind.tree import Constant


@dataclass(frozen=True, slots=True)
class Item:
    """What executions are of: an event of a ledger, or a metric added up over records.

    `kind` and `opening` belong to the item, so that every row over it has them.
    """

    source: str = ""
    event: str | None = None
    metric: str | None = None
    over: str = "sum"
    where: str | None = None
    kind: str = "flow"
    opening: float | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    """An item of the table by a display option."""

    item: int
    option: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A row of the table (its position from 0), as it is displayed in the period."""

    row: int


@dataclass(frozen=True, slots=True)
class Over:
    """An operation over periods, `n` of them where it counts; `edge` is the value beyond the edge of the table."""

    op: str
    of: CellTree
    n: int | None = None
    edge: CellTree | None = None
    hashed: int = field(init=False, repr=False, compare=False, default=0)
    """Kept, since shared nodes would be hashed again for each of their places."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash((self.op, self.of, self.n, self.edge)))

    def __hash__(self) -> int:
        return self.hashed


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact about the period; `number` tells the uses of `random()` in one row apart."""

    op: str
    number: int = 0


@dataclass(frozen=True, slots=True)
class Calculation:
    """An operator on the values of one period."""

    op: str
    args: tuple[CellTree, ...]
    hashed: int = field(init=False, repr=False, compare=False, default=0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "hashed", hash((self.op, self.args)))

    def __hash__(self) -> int:
        return self.hashed


CellTree = Constant | Measured | Cell | Over | Fact | Calculation


def below(tree: CellTree) -> tuple[CellTree, ...]:
    """The nodes directly below."""
    match tree:
        case Calculation():
            return tree.args
        case Over():
            return (tree.of,) if tree.edge is None else (tree.of, tree.edge)
        case _:
            return ()


def walk(tree: CellTree) -> Iterator[CellTree]:
    """The node and everything below it; what several nodes share comes once."""
    seen: set[int] = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if id(node) not in seen:
            seen.add(id(node))
            yield node
            waiting.extend(reversed(below(node)))


def rows_of(tree: CellTree) -> list[int]:
    """The rows that a tree reads, each once, in the order of the text."""
    return list(dict.fromkeys(node.row for node in walk(tree) if isinstance(node, Cell)))
