"""Where a piece of an expression stands: offsets in a text -> places in the file that holds it.

An expression may be a file of its own, a scalar of a YAML or JSON file, or data without a file. Only the
way of writing scalars is known here, nothing of projects or of formulas.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache

from metricsql.diagnostics import NOWHERE, Place, with_text

Spot = Callable[[int, int], Place]
"""Turns an offset inside a text and a width into a place."""


class _Lines:
    """The lines of a text, found by offset."""

    def __init__(self, text: str) -> None:
        self.lines = text.split("\n")
        self.starts = [0]
        for line in self.lines[:-1]:
            self.starts.append(self.starts[-1] + len(line) + 1)

    def find(self, offset: int) -> tuple[int, int, str]:
        """Number of the line from 0, column from 1, and the line itself."""
        number = bisect_right(self.starts, offset) - 1
        return number, offset - self.starts[number] + 1, self.lines[number].removesuffix("\r")


_lines_of_file = lru_cache(maxsize=2)(_Lines)
"""Many expressions stand in one file."""


def in_text(text: str, at: Place = NOWHERE, source: str | None = None) -> Spot:
    """Places inside an expression.

    `at` is where the expression begins and `source` the whole text of that file. Without a line in `at` the
    expression is a text of its own. With one it is a scalar, and its places are those of the file, in any
    style of writing; where that cannot be followed, the line of the expression itself is shown.
    """
    own = _Lines(text)
    if at.line is None or at.column is None:
        return _in_own_text(own, at)
    held = source if source is not None else "\n" * (at.line - 1) + (at.text or "")
    holder = _lines_of_file(held) if source is not None else _Lines(held)
    start = holder.starts[at.line - 1] + at.column - 1 if at.line <= len(holder.starts) else len(held)
    offsets = _aligned(text, held, start)

    def place(offset: int, width: int) -> Place:
        if offsets is None:
            _, column, line = own.find(offset)
            return with_text(at, line, column, width)
        first, last = offsets[offset], offsets[min(offset + width, len(text)) - 1] + 1 if width else 0
        number, column, line = holder.find(first)
        return replace(at, line=number + 1, column=column, text=line, width=max(1, last - first))

    return place


def _in_own_text(own: _Lines, at: Place) -> Spot:
    def place(offset: int, width: int) -> Place:
        number, column, line = own.find(offset)
        return replace(at, line=number + 1, column=column, text=line, width=max(1, width))

    return place


def _aligned(text: str, source: str, start: int) -> list[int] | None:
    """The offset in `source` of every character of the scalar `text` that begins at `start`, and of its end."""
    quote = source[start : start + 1]
    at = source.find("\n", start) + 1 if quote in ("|", ">") else start + (quote in ("'", '"'))
    offsets = []
    for char in text:
        if char.isspace():  # folding makes one space of a line break and the indentation after it
            offsets.append(at)
            at += _space_width(source, at, quote)
            continue
        while source[at : at + 1].isspace():
            at += 1
        offsets.append(at)
        width = _char_width(source, at, quote, char)
        if width is None:
            return None
        at += width
    return [*offsets, at]


def _space_width(source: str, at: int, quote: str) -> int:
    if quote == '"' and source[at : at + 2] in ("\\n", "\\t", "\\ "):
        return 2
    return int(source[at : at + 1].isspace())


def _char_width(source: str, at: int, quote: str, char: str) -> int | None:
    """How many characters of the source spell this one; None if it is another one."""
    if source[at : at + 2] == quote * 2 == char * 2 or (quote == '"' and source[at : at + 2] == "\\" + char):
        return 2
    return 1 if source[at : at + 1] == char else None
