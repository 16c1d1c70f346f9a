"""The two forms with keywords: `a between b and c`, and `case when ... then ... else ... end`.

Both are short spellings: they read as comparisons joined by `and`, and as `if`s inside each other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from metricsql.formula.grammar import Token
from metricsql.formula.nodes import Call, Formula
from metricsql.formula.pieces import Piece

if TYPE_CHECKING:
    from metricsql.formula.expression_reader import Reader

KEYWORDS = frozenset({"between", "case", "when", "then", "else", "end"})
BETWEEN_BINDS = 40
"""As tightly as a comparison."""
PART_ENDS = ("when", "then", "else", "end")
_FORM = "`case when condition then value else value end`"


def begins_between(reader: Reader) -> bool | None:
    """Whether what follows is `between` (False) or `not between` (True); None if it is neither."""
    if _is(reader.token, "between"):
        return False
    negated = reader.token.kind == "sign" and reader.token.text == "not"
    return True if negated and _is(reader.tokens[reader.position + 1], "between") else None


def read_between(reader: Reader, left: Piece, negated: bool) -> Piece:
    """`left [not] between low and high`, from its first keyword on."""
    if negated:
        reader.advance()
    keyword = reader.advance()
    low = reader.expression(BETWEEN_BINDS + 1)
    if not (reader.token.kind == "sign" and reader.token.text == "and"):
        reader.faults("bad-expression", f"found {reader.shown(reader.token)} after the lower bound, expected `and`",
                      reader.token.start, max(reader.token.end, reader.token.start + 1), "write `x between 1 and 10`")
        return Piece(None, left.start, keyword.end)
    reader.advance()
    high = reader.expression(BETWEEN_BINDS + 1)
    whole = Piece(None, left.start, high.end, 2 + negated + max(left.levels, low.levels, high.levels))
    if left.formula is None or low.formula is None or high.formula is None:
        return whole
    place = reader.faults.place(left.start, high.end)
    bounds = (Call("at_least", (left.formula, low.formula), place), Call("at_most", (left.formula, high.formula), place))
    made: Formula = Call("and", bounds, place)
    return reader.piece(Call("not", (made,), place) if negated else made, left.start, high.end, whole.levels)


def read_case(reader: Reader) -> Piece:
    """`case [value] when ... then ... [else ...] end`, from its first keyword on."""
    first = reader.advance()
    subject = None if _is(reader.token, "when") else _part(reader)
    branches: list[tuple[Piece, Piece]] = []
    while _is(reader.token, "when"):
        reader.advance()
        condition = _part(reader)
        if not _expect(reader, "then", first):
            return Piece(None, first.start, reader.token.start)
        reader.advance()
        branches.append((condition, _part(reader)))
    other = None
    if branches and _is(reader.token, "else"):
        reader.advance()
        other = _part(reader)
    if not _expect(reader, "end" if branches else "when", first):
        return Piece(None, first.start, reader.token.start)
    last = reader.advance()
    return _nested(reader, subject, branches, other, first.start, last.end)


def _nested(reader: Reader, subject: Piece | None, branches: list[tuple[Piece, Piece]], other: Piece | None, start: int,
            end: int) -> Piece:
    place = reader.faults.place(start, end)
    pieces = [piece for pair in branches for piece in pair] + [piece for piece in (subject, other) if piece is not None]
    levels = 1 + len(branches) + max(piece.levels for piece in pieces)
    made = other.formula if other is not None else None
    if any(piece.formula is None for piece in pieces):
        return reader.piece(None, start, end, levels)
    for condition, value in reversed(branches):
        test = condition.formula
        if subject is not None:
            test = Call("equal", (subject.formula, test), place)  # type: ignore[arg-type]
        arguments = (test, value.formula) if made is None else (test, value.formula, made)
        made = Call("when" if made is None else "if", arguments, place)  # type: ignore[arg-type]
    return reader.piece(made, start, end, levels)


def _is(token: Token, keyword: str) -> bool:
    return token.kind == "keyword" and token.text == keyword


def _part(reader: Reader) -> Piece:
    outside, reader.in_case = reader.in_case, True
    try:
        return reader.expression(0)
    finally:
        reader.in_case = outside


def _expect(reader: Reader, keyword: str, first: Token) -> bool:
    if _is(reader.token, keyword):
        return True
    found = reader.token
    reader.faults("bad-expression", f"found {reader.shown(found)} inside `case`, expected `{keyword}`",
                  *((first.start, first.end) if found.kind == "end" else (found.start, found.end)), f"the form is {_FORM}")
    while not reader.at("end"):
        reader.advance()
    return False
