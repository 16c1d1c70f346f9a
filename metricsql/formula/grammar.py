"""How expressions are spelled: the tokens, and what differs between the places where expressions stand.

The lexer and the reader take a `Grammar`; a place with other names or other functions (output tables have
titles with spaces, and windows over any expression) is another value of it, not another parser.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from metricsql import operators
from metricsql.operators import Operator, PeriodOperator, WindowOperator

TokenKind = Literal["number", "text", "name", "sign", "keyword", "(", ")", ",", "other", "end"]


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of a text. `other` is a character that no expression holds."""

    kind: TokenKind
    text: str
    """What it means: a name or a text without its quotes, a sign as the registry spells it, the digits."""
    start: int
    end: int
    quoted: bool = False
    broken: bool = False
    """Has a fault that is reported already."""

    @property
    def bare(self) -> bool:
        """Whether it is a name without quotes."""
        return self.kind == "name" and not self.quoted


def dotted_name_end(text: str, at: int) -> int:
    """Where the bare name that begins at `at` ends; `at` itself if none does.

    A bare name is letters, digits and `_`, in parts joined by dots; it begins with a letter or `_`.
    """
    if not (at < len(text) and (text[at] == "_" or text[at].isalpha())):
        return at
    end = word_end(text, at)
    while text[end : end + 1] == "." and word_end(text, end + 1) > end + 1:
        end = word_end(text, end + 1)
    return end


def word_end(text: str, at: int) -> int:
    """Where the run of letters, marks, digits and `_` from `at` ends."""
    while at < len(text) and (text[at] == "_" or text[at].isalnum() or unicodedata.category(text[at])[0] == "M"):
        at += 1
    return at


@dataclass(frozen=True)
class Grammar:
    """The few choices that a place of expressions has."""

    name_end: Callable[[str, int], int] = dotted_name_end
    """Where the unquoted name that begins at an offset ends; the offset itself if none does."""
    brackets: bool = False
    """`[...]` quotes a name, as double quotes do."""
    windows_over_any: bool = False
    """Windows take any expression, not only the name of a series."""
    function: Callable[[str], Operator | WindowOperator | PeriodOperator | None] = operators.function
    """The operator that is called by a name."""
    functions: Callable[[], Sequence[str]] = operators.functions
    """All names that `function` knows, for suggestions."""
    signs: Callable[[], Sequence[Operator]] = operators.signs
    """All operators that have a sign."""
    keywords: frozenset[str] = frozenset()
    """Words, in lower case, that are neither names nor signs: those of `case` and `between`."""
    joined_quotes: bool = False
    """A quoted name may have bare parts before and behind it: `"Checking Account".change`."""
    smaller: str = "move inner parts into calculated metrics of their own"
    """What to do with an expression that is too large."""
    example: str = "rolling_sum(activities.login, 7)"


DAILY = Grammar()
"""Formulas of calculated metrics."""


def quoted_name(name: str) -> str:
    """A name in double quotes."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(text: str) -> str:
    """A text in single quotes."""
    return "'" + text.replace("'", "''") + "'"
