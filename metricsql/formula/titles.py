"""The grammar of output tables: names are the titles of rows, which may hold spaces and need no quotes.

A bare name is a run of words: it ends where an operator, a parenthesis, a keyword or a function begins. A title with
other characters in it (`Churn %`) may stand without quotes too, as long as none of them is an operator; of several
titles that fit, the longest is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from metricsql import operators
from metricsql.formula.grammar import Grammar, dotted_name_end, word_end
from metricsql.formula.keywords import KEYWORDS

_OPERATORS = frozenset("+-*/^<>=!(),\"'[]")
"""No bare name goes over one of these."""


def normal(title: str) -> str:
    """A title as names are compared: without regard to case, runs of spaces as one."""
    return " ".join(title.casefold().split())


def key_of(title: str) -> str:
    """The snake_case key of a title: `MRR growth` is `mrr_growth`, `Variance %` is `variance_percent`."""
    words = "".join(char if char.isalnum() else " " for char in title.casefold().replace("%", " percent ")).split()
    return "_".join(words)


def table_grammar(titles: Iterable[str]) -> Grammar:
    """How expressions over rows with these titles are spelled."""
    reserved = KEYWORDS | {spelling for block in operators.signs() if block.sign
                           for spelling in (block.sign.text, *block.sign.aliases) if spelling.isalpha()}
    special = sorted({normal(title) for title in titles if _may_be_bare(title, reserved)}, key=len, reverse=True)
    patterns = [re.compile(r"\s+".join(map(re.escape, title.split())), re.IGNORECASE) for title in special]

    def name_end(text: str, at: int) -> int:
        ends = [match.end() for pattern in patterns if (match := pattern.match(text, at)) and _ends_word(text, match.end())]
        return _with_options(text, max([_run_end(text, at, reserved), *ends])) if ends else _run_end(text, at, reserved)

    return Grammar(name_end, brackets=True, function=operators.table_function, functions=operators.table_functions,
                   keywords=KEYWORDS, joined_quotes=True, smaller="move inner parts into rows of their own",
                   example="revenue / lag(revenue) - 1")


def _may_be_bare(title: str, reserved: frozenset[str]) -> bool:
    """Whether a title that is no plain run of words can stand without quotes."""
    words = normal(title).split()
    return (not _OPERATORS & set(title) and not reserved & set(words) and any(char.isalpha() for char in title)
            and _run_end(title, 0, reserved) < len(title))


def _ends_word(text: str, end: int) -> bool:
    return not (text[end : end + 1].isalnum() or text[end : end + 1] == "_")


def _run_end(text: str, at: int, reserved: frozenset[str]) -> int:
    """Where the run of words from `at` ends; `at` itself if no name begins there."""
    end = dotted_name_end(text, at)
    if end == at or text[at:end].lower() in reserved:
        return at
    while True:
        start = end + len(text[end:]) - len(text[end:].lstrip())
        word = _word_end(text, start)
        if start == end or word == start or text[start:word].lower() in reserved:
            return end
        if text[word:].lstrip().startswith("("):
            return end
        end = word


def _word_end(text: str, at: int) -> int:
    """Where a further word of a name ends; it may begin with a digit."""
    end = dotted_name_end(text, at)
    if end > at or not text[at : at + 1].isdigit():
        return end
    return _with_options(text, word_end(text, at))


def _with_options(text: str, end: int) -> int:
    """Where a name ends with the parts that dots join to it: `2024 plan.sum`."""
    while text[end : end + 1] == "." and (further := dotted_name_end(text, end + 1)) > end + 1:
        end = further
    return end
