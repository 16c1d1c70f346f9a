"""What was written: five kinds of node. The set is closed; `match` over it ends in `assert_never`.

Nodes are frozen dataclasses: the readers have already checked their shape with exact places, so a
validating model would only do it a second time. Two nodes are equal when they mean the same text,
wherever they stand.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from metricsql.diagnostics import NOWHERE, Place

MAX_LEVELS = 64
"""How deep groups may stand inside each other."""
MOST_PARTS = 5_000
"""How many values and groups one formula may have."""
MOST_DAYS = 999_999
"""The longest window."""


@dataclass(frozen=True, slots=True)
class Number:
    """A constant number."""

    value: float
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A constant text."""

    value: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Name:
    """A field (on its own) or a series (inside a window), as written: `company.custom.seats`."""

    text: str
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Window:
    """An operation over time: `op` is the key of a window operator; `days` is None where it takes none."""

    op: str
    of: Formula
    days: int | None = None
    mode: str | None = None
    place: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """An operator on the values of one row: `op` is the key of a group operator."""

    op: str
    args: tuple[Formula, ...]
    place: Place = field(default=NOWHERE, compare=False, repr=False)


Formula = Number | Text | Name | Window | Call


def children(formula: Formula) -> tuple[Formula, ...]:
    """The nodes directly below."""
    match formula:
        case Call():
            return formula.args
        case Window():
            return (formula.of,)
        case _:
            return ()


def walk(formula: Formula) -> Iterator[Formula]:
    """The node and everything below it, in the order of the text."""
    yield formula
    for child in children(formula):
        yield from walk(child)
