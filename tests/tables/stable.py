"""Comparing cells: which numbers are the same, and which cells hang on the last digits of a number."""

from __future__ import annotations

from collections.abc import Sequence

from .evaluator import Result
from .measurements import LATER, NOTHING, Cell


def close(left: Cell, right: Cell, tolerance: float = 1e-10) -> bool:
    """The same value to a relative tolerance, or no value for the same reason."""
    if left[0] is None or right[0] is None:
        return left == right
    return abs(left[0] - right[0]) <= tolerance * max(abs(left[0]), abs(right[0]), 1e-9)


def agree(got: Cell, expected: Cell) -> bool:
    """Equal to 1e-9 relative; without a value for the same reason, where the rules name one."""
    named = expected[1] not in (NOTHING, LATER)
    return close(got if named or got[0] is not None else expected, expected, 1e-9)


def stable(cell: Cell, noisy: Sequence[Result], title: str, place: int) -> bool:
    """Whether a cell stays the same when every inexact result on the way changes a little."""
    return all(close(cell, result.rows[title][place]) for result in noisy)
