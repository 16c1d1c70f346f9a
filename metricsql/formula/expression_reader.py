"""Expression text -> `Formula`: a small Pratt parser whose signs and functions are those of the registry.

Shapes and spellings only, as in the JSON reader; names, arity and kinds are the `bind` stage's. Reading goes
on after a fault, at the next operator, comma or parenthesis, so that all faults are reported at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from metricsql.diagnostics import Findings
from metricsql.formula import keywords, slips
from metricsql.formula.grammar import DAILY, Grammar, Token, quoted_text
from metricsql.formula.lexer import argument_lists, read_tokens
from metricsql.formula.nodes import MAX_LEVELS, MOST_PARTS, Call, Formula, Name, Number, Text
from metricsql.formula.pieces import Faults, Piece, Stop
from metricsql.formula.places import Spot, in_text
from metricsql.formula.window_calls import read_window
from metricsql.operators import Operator, PeriodOperator, WindowOperator

DEEPEST = 2 * MAX_LEVELS + 2
"""How deep the text may nest: every level of a formula may have parentheses of its own."""
MOST_CHARACTERS = 1_000_000
"""Longer texts are not looked at."""
_IN_ALL = "an operator or the end of the formula"
_IN_GROUP = "an operator or `)`"
_IN_CALL = "an operator, `,` or `)`"


def read_expression(
    text: str, findings: Findings, spot: Spot | None = None, grammar: Grammar = DAILY
) -> Formula | None:
    """The formula that a text spells; None if it has faults, which are then in `findings`.

    `spot` turns an offset in the text and a width into a place (see `places.in_text`); without it the places
    are lines and columns of the text itself.
    """
    faults = Faults(text, spot or in_text(text))
    try:
        formula = Reader(faults, grammar).whole().formula
    except Stop:
        formula = None
    return None if faults.hand_over(findings) else formula


class Reader:
    def __init__(self, faults: Faults, grammar: Grammar) -> None:
        self.faults, self.grammar = faults, grammar
        self.tokens: list[Token] = []
        self.lists: set[int] = set()
        self.position = self.depth = self.values = 0
        self.in_case = False
        """Whether a part of a `case` is being read, with which no parentheses are open."""
        self.expected = _IN_ALL
        signs = [(block.sign, block) for block in grammar.signs() if block.sign]
        self.prefix = {s: block for sign, block in signs if sign.prefix for s in (sign.text, *sign.aliases)}
        self.infix = {s: block for sign, block in signs if not sign.prefix for s in (sign.text, *sign.aliases)}

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    @property
    def before(self) -> Token | None:
        return self.tokens[self.position - 1] if self.position else None

    def advance(self) -> Token:
        token = self.token
        self.position += token.kind != "end"
        return token

    def at(self, *kinds: str) -> bool:
        return self.token.kind in kinds

    def shown(self, token: Token | None) -> str:
        if token is None or token.kind == "end":
            return "the end of the formula" if token else "the beginning"
        text = self.faults.shown(token.start, token.end)
        return f"`{text}`" if text.isprintable() else f"the character U+{ord(token.text[0]):04X}"

    # The whole text

    def whole(self) -> Piece:
        if not self.grammar.brackets and slips.looks_like_json(self.faults.text):
            start = len(self.faults.text) - len(self.faults.text.lstrip())
            self.faults("bad-expression", "found JSON inside a text, expected an expression", start, start + 1,
                        "write the JSON without quotes around it")
            raise Stop
        if len(self.faults.text) > MOST_CHARACTERS:
            self.faults("too-large", f"the formula has more than {MOST_CHARACTERS} characters", 0, 1,
                        self.grammar.smaller)
            raise Stop
        self.tokens = read_tokens(self.faults.text, self.grammar, self.faults)
        self.lists = argument_lists(self.tokens)
        if self.token.kind == "sign" and self.token.text == "=":
            self.advance()
        if self.at("end"):
            self.faults("bad-expression", "the formula is empty, expected a value", 0, 1,
                        f"for example `{self.grammar.example}`")
            raise Stop
        piece = self.expression(0)
        while not self.at("end"):
            piece = self.stray(piece)
        return piece

    def stray(self, piece: Piece) -> Piece:
        """Go on after a `)` or `,` that belongs to no parenthesis."""
        token = self.advance()
        if token.kind == ")":
            self.faults("bad-expression", f"found `)` without its `(`, expected {_IN_ALL}", token.start, token.end)
            return self.rest(Piece(None, piece.start, token.end), 0)
        before, after = self.tokens[self.position - 2], self.token
        hint = slips.thousands(self.faults.text[before.start : after.end])
        self.faults("bad-expression", f"found `,` outside of parentheses, expected {_IN_ALL}", token.start, token.end,
                    hint)
        return Piece(None, piece.start, token.end) if self.at("end") else self.expression(0)

    # Values joined by signs

    def expression(self, least: int) -> Piece:
        """A value and what is joined to it by signs that bind at least so tightly."""
        self.depth += 1
        if self.depth > DEEPEST:
            self.too_deep(self.token.start, self.token.end)
        piece = self.rest(self.operand(), least)
        self.depth -= 1
        return piece

    def rest(self, piece: Piece, least: int) -> Piece:
        while not self.at(")", ",", "end"):
            block = self.infix.get(self.token.text) if self.at("sign") else None
            if self.in_case and self.token.kind == "keyword" and self.token.text in keywords.PART_ENDS:
                break
            if (negated := keywords.begins_between(self)) is not None:
                if least > keywords.BETWEEN_BINDS:
                    break
                piece = keywords.read_between(self, piece, negated)
            elif block is None:
                piece = self.no_sign(piece)
            elif block.sign and block.sign.binds >= least:
                piece = self.join(piece, block, block.sign.binds + (not block.sign.right))
            else:
                break
        return piece

    def join(self, left: Piece, block: Operator, least: int) -> Piece:
        sign = self.advance()
        right = self.expression(least)
        if left.formula is not None and left.joined and _compares(left.joined) and _compares(block):
            spans = ((left.start, left.end), (left.last, left.end), (right.start, right.end))
            a, b, c = (self.faults.shown(*span) for span in spans)
            short = not any(shown.endswith("...") for shown in (a, b, c))
            self.faults("bad-expression", f"found `{sign.text}` after the comparison `{a}`, expected `and` or `or`",
                        sign.start, sign.end, f"write `{a} and {b} {sign.text} {c}`" if short else None)
        if block.same_kind:
            self.warn_of_names(left, right)
        arguments: tuple[Formula | None, ...] = (left.formula, right.formula)
        levels = 1 + max(left.levels, right.levels)
        if block.most is None and left.joined is block and isinstance(left.formula, Call):
            arguments, levels = (*left.formula.args, right.formula), max(left.levels, 1 + right.levels)
        return replace(self.call(block, arguments, left.start, right.end, levels), joined=block, last=right.start)

    def call(self, block: Operator | PeriodOperator, arguments: tuple[Formula | None, ...], start: int, end: int, levels: int) -> Piece:
        whole = tuple(argument for argument in arguments if argument is not None)
        formula = Call(block.key, whole, self.faults.place(start, end)) if len(whole) == len(arguments) else None
        return self.piece(formula, start, end, levels)

    def piece(self, formula: Formula | None, start: int, end: int, levels: int) -> Piece:
        if levels > MAX_LEVELS:
            self.too_deep(start, end)
        return Piece(formula, start, end, levels)

    def warn_of_names(self, *pieces: Piece) -> None:
        """Names in double quotes that were perhaps meant as texts: series and fields have dots."""
        for token in (piece.token for piece in pieces):
            if token and token.kind == "name" and token.quoted and "." not in token.text and not token.broken:
                self.faults.warn("name-or-text", f"{self.shown(token)} in double quotes is read as a name",
                                 token.start, token.end, f"a text stands in single quotes: `{quoted_text(token.text)}`")

    # One value

    def operand(self) -> Piece:
        self.values += 1
        if self.values > MOST_PARTS:
            self.faults("too-large", f"the formula has more than {MOST_PARTS} values", 0, 1, self.grammar.smaller)
            raise Stop
        token, call_follows = self.token, self.tokens[min(self.position + 1, len(self.tokens) - 1)].kind == "("
        place = self.faults.place(token.start, token.end)
        match token.kind:
            case "number":
                formula = None if token.broken else Number(float(token.text), place)
                return Piece(formula, token.start, self.advance().end, token=token)
            case "text":
                return Piece(Text(token.text, place), token.start, self.advance().end, token=token)
            case "name" if token.quoted or not call_follows:
                return Piece(Name(token.text, place), token.start, self.advance().end, token=token)
            case "name":
                return self.function(self.advance())
            case "(":
                return self.group()
            case "keyword" if token.text == "case":
                return keywords.read_case(self)
            case "sign" if call_follows and self.is_function(token):
                return self.function(self.advance())
            case "sign" if token.text in self.prefix:
                return self.prefixed(self.prefix[token.text])
        return self.no_value()

    def is_function(self, sign: Token) -> bool:
        """Whether a word such as `and` before a parenthesis is called: `and(a)`, `not(a, b)`, but `not (a)`."""
        known = self.grammar.function(sign.text) is not None
        return known and (sign.text not in self.prefix or self.position + 1 in self.lists)

    def prefixed(self, block: Operator) -> Piece:
        sign = self.advance()
        piece = self.expression(block.sign.binds if block.sign else 0)
        if sign.text == "-" and piece.token and isinstance(piece.formula, Number):
            negative = Number(-piece.formula.value, self.faults.place(sign.start, piece.end))
            return Piece(negative, sign.start, piece.end)
        return self.call(block, (piece.formula,), sign.start, piece.end, piece.levels + 1)

    def group(self) -> Piece:
        opener = self.token
        pieces, end = self.arguments(_IN_GROUP)
        if not pieces:
            self.faults("bad-expression", "found nothing in the parentheses, expected a value", opener.start, end)
        elif len(pieces) > 1:
            comma = next(token for token in self.tokens if token.kind == "," and token.start >= pieces[0].end)
            self.faults("bad-expression", f"found `,` in parentheses without a function, expected {_IN_GROUP}",
                        comma.start, comma.end, slips.thousands(self.faults.text[pieces[0].start : pieces[1].end]))
        formula, levels = (pieces[0].formula, pieces[0].levels) if len(pieces) == 1 else (None, 0)
        return Piece(formula, opener.start, end, levels)

    def function(self, name: Token) -> Piece:
        pieces, end = self.arguments(_IN_CALL)
        match self.grammar.function(name.text):
            case None:
                self.faults("unknown-function", f"there is no function `{name.text}`", name.start, name.end,
                            slips.unknown_function(name.text, self.grammar.functions()))
                return Piece(None, name.start, end)
            case WindowOperator() as block:
                window = read_window(block, name, end, pieces, self.grammar, self.faults)
                levels = 0 if window is None or isinstance(window.of, Name) else 1 + pieces[0].levels
                return self.piece(window, name.start, end, levels)
            case (Operator() | PeriodOperator()) as block:
                levels = max((1 + piece.levels for piece in pieces), default=0)
                return self.call(block, tuple(piece.formula for piece in pieces), name.start, end, levels)

    def arguments(self, expected: str) -> tuple[list[Piece], int]:
        """What stands between parentheses, and where they end."""
        opener, outside = self.advance(), self.expected
        self.expected, in_case, self.in_case = expected, self.in_case, False
        pieces = []
        if not self.at(")"):
            pieces.append(self.expression(0))
            while self.at(","):
                self.advance()
                pieces.append(self.expression(0))
        self.expected, self.in_case = outside, in_case
        if self.at(")"):
            return pieces, self.advance().end
        before = self.before
        if before is None or not before.broken:
            self.faults("bad-expression", "this `(` is never closed, expected `)`", opener.start, opener.end)
        return pieces, self.token.end

    # Faults

    def too_deep(self, start: int, end: int) -> NoReturn:
        self.faults("too-deep", f"the formula is nested deeper than {MAX_LEVELS} levels", start, end, self.grammar.smaller)
        raise Stop

    def no_value(self) -> Piece:
        """Report that no value begins here."""
        token, before = self.token, self.before
        after = f"after {self.shown(before)}" if before else "at the beginning"
        nothing = Piece(None, token.start, token.start)
        if token.kind == "other":
            return self.strange(nothing, f"{after}, expected a value")
        if token.kind == "end" and before:
            self.faults("bad-expression", f"the formula ends {after}, expected a value", before.start, before.end)
            return nothing
        self.faults("bad-expression", f"found {self.shown(token)} {after}, expected a value", token.start, token.end,
                    slips.no_value(before, token))
        return nothing

    def no_sign(self, left: Piece) -> Piece:
        """Report that no operator joins what follows, and find where to go on."""
        token, before = self.token, self.tokens[self.position - 1]
        called = before.bare and self.grammar.function(before.text)
        after = f"after {self.shown(before)}, expected {'`(`' if called else self.expected}"
        if token.kind == "other":
            return self.strange(left, after)
        advice = slips.between_values(self.faults.text, self.tokens, self.position, self.expected == _IN_CALL)
        block = self.grammar.function(token.text) if token.bare else None
        if called and not advice.skip:
            advice = slips.Advice(f"`{before.text}` is a function: its arguments stand in parentheses")
        elif isinstance(block, Operator) and block.sign:
            advice = slips.Advice(f"write `{block.sign.text}`")
        self.faults("bad-expression", f"found {self.shown(token)} {after}", token.start, token.end, advice.hint)
        if advice.skip:
            self.skip()
        elif slips.is_word(self.tokens, self.position):
            self.position = slips.run_of_words(self.tokens, self.position)[1] + 1
            if not self.at("sign"):
                self.skip()
        elif self.operand().start == self.token.start:
            self.advance()
        return Piece(None, left.start, self.tokens[self.position - 1].end)

    def strange(self, left: Piece, after: str) -> Piece:
        """Report a character that no expression holds; a percent sign is passed over, others end the argument."""
        token = self.token
        if not token.broken:
            self.faults("bad-expression", f"found {self.shown(token)} {after}", token.start, token.end,
                        slips.strange(token, self.before))
        self.advance()
        if token.text != "%":
            self.skip()
        elif self.at("number", "name", "text", "("):
            self.operand()
        return Piece(None, left.start, self.tokens[self.position - 1].end)

    def skip(self) -> None:
        """Go to the next comma or parenthesis of this level."""
        opened = 0
        while not self.at("end") and (opened or not self.at(")", ",")):
            opened += {"(": 1, ")": -1}.get(self.advance().kind, 0)


def _compares(block: Operator) -> bool:
    """Whether it is an operator that takes two values and does not chain."""
    return block.gives == "truth" and block.most == 2
