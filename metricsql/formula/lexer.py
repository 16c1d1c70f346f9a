"""Text -> tokens. Knows how each thing is spelled, not what may follow what: that is the reader's.

A slip that leaves no doubt (`&&`, typographic quotes) is reported here and read as what was meant, so that
the reader can go on and find the next fault.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from metricsql.formula import slips
from metricsql.formula.grammar import Grammar, Token, dotted_name_end, quoted_name, quoted_text, word_end

_NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_COMMAS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})*,0[0-9]{2}(?:,[0-9]{3})*(?![\w.])")
_BRACKETED = re.compile(r"\[((?:[^\]]|\]\])+)\](?!\])")
_QUOTES = {'"': "name", "'": "text"}


class Report(Protocol):
    """Takes a fault between two offsets."""

    def __call__(self, code: str, message: str, start: int, end: int, hint: str | None = None) -> None: ...


def read_tokens(text: str, grammar: Grammar, report: Report) -> list[Token]:
    """All tokens, with one of the kind `end` as the last."""
    return list(_Lexer(text, grammar, report).tokens())


def argument_lists(tokens: list[Token]) -> set[int]:
    """The positions of the parentheses that hold no value or several."""
    found, opened = set(), []
    for position, token in enumerate(tokens):
        if token.kind == "(":
            opened.append(position)
            if tokens[position + 1].kind == ")":
                found.add(position)
        elif token.kind == ")" and opened:
            opened.pop()
        elif token.kind == "," and opened:
            found.add(opened[-1])
    return found


class _Lexer:
    def __init__(self, text: str, grammar: Grammar, report: Report) -> None:
        self.text, self.grammar, self.report = text, grammar, report
        spellings = [s for block in grammar.signs() if block.sign for s in (block.sign.text, *block.sign.aliases)]
        self.words = {spelling for spelling in spellings if spelling.isalpha()}
        known = {spelling: spelling for spelling in spellings if not spelling.isalpha()}
        self.signs = sorted((slips.SIGNS | known).items(), key=lambda pair: -len(pair[0]))
        self.correct = frozenset(known)
        self.level = 0

    def tokens(self) -> Iterator[Token]:
        at = self.skip(0, new_line=True)
        while at < len(self.text):
            token = self.token(at)
            self.level += {"(": 1, ")": -1}.get(token.kind, 0)
            yield token
            at = self.skip(token.end)
        yield Token("end", "", len(self.text), len(self.text))

    def skip(self, at: int, *, new_line: bool = False) -> int:
        """The offset after white space and lines that are comments."""
        while at < len(self.text):
            char = self.text[at]
            if char.isspace():
                new_line = new_line or char == "\n"
                at += 1
            elif new_line and (char == "#" or self.text.startswith("//", at)):
                end = self.text.find("\n", at)
                at = len(self.text) if end < 0 else end
            else:
                break
        return at

    def token(self, at: int) -> Token:
        char = self.text[at]
        if char in _QUOTES:
            return self.with_parts(self.quoted(at))
        if char == "[" and self.grammar.brackets and (bracketed := _BRACKETED.match(self.text, at)):
            return self.with_parts(Token("name", bracketed[1].replace("]]", "]").strip(), at, bracketed.end(), quoted=True))
        if char == "[" and self.grammar.brackets:
            self.report("bad-expression", "this name is never closed, expected `]`", at, at + 1, "a `]` inside a name is written twice")
            return Token("other", self.text[at:], at, len(self.text), broken=True)
        word = self.text[at : dotted_name_end(self.text, at)]
        if word.lower() in self.words:
            return Token("sign", word.lower(), at, at + len(word))
        if word.lower() in self.grammar.keywords:
            return Token("keyword", word.lower(), at, at + len(word))
        if (end := self.grammar.name_end(self.text, at)) > at:
            return self.name(at, end)
        if number := _NUMBER.match(self.text, at):
            return self.number(at, number.end())
        return self.punctuation(at) or self.sign(at) or self.foreign_quotes(at) or Token("other", char, at, at + 1)

    def with_parts(self, quoted: Token) -> Token:
        """A quoted name with the bare parts that follow it."""
        end = dotted_name_end(self.text, quoted.end + 1)
        if not self.grammar.joined_quotes or quoted.kind != "name" or self.text[quoted.end : quoted.end + 1] != "." \
                or end == quoted.end + 1:
            return quoted
        return replace(quoted, text=quoted.text + self.text[quoted.end : end], end=end)

    def name(self, at: int, end: int) -> Token:
        if self.grammar.joined_quotes and self.text[end : end + 2] in ('."', ".["):
            rest = self.token(end + 1)
            return replace(rest, text=f"{self.text[at:end]}.{rest.text}", start=at)
        if self.text[end : end + 2] != '."':
            return Token("name", self.text[at:end], at, end)
        rest = self.quoted(end + 1)
        name = f"{self.text[at:end]}.{rest.text}"
        if not rest.broken:
            self.report("bad-expression", "found a quote in the middle of a name, expected it before the name",
                        end + 1, end + 2, f"write `{quoted_name(name)}`")
        return Token("name", name, at, rest.end, quoted=True, broken=True)

    def quoted(self, at: int) -> Token:
        quote = self.text[at]
        kind, last = _QUOTES[quote], at + 1
        while (last := self.text.find(quote, last)) >= 0 and self.text.startswith(quote, last + 1):
            last += 2
        if last < 0:
            self.report("bad-expression", f"this {kind} is never closed, expected another `{quote}`", at, at + 1,
                        f"a `{quote}` inside a {kind} is written twice")
            return Token("other", self.text[at:], at, len(self.text), broken=True)
        value = self.text[at + 1 : last].replace(quote * 2, quote)
        if kind == "text":
            return Token("text", value, at, last + 1, quoted=True)
        if not value:
            self.report("bad-expression", "found an empty name", at, last + 1, "an empty text is written `''`")
        return Token("name", value, at, last + 1, quoted=True, broken=not value)

    def number(self, at: int, end: int) -> Token:
        if commas := _COMMAS.match(self.text, at):
            self.report("bad-number", f"found `{commas[0]}`, expected a number", at, commas.end(),
                        slips.thousands(commas[0]))
            return Token("number", commas[0], at, commas.end(), broken=True)
        stop = end
        while stop < len(self.text) and (self.text[stop] == "." or word_end(self.text, stop) > stop):
            stop = max(stop + 1, word_end(self.text, stop))
        if stop > end:
            found = self.text[at:stop]
            self.report("bad-number", f"found `{found[:40]}`, expected a number", at, stop, slips.bad_number(found))
        elif math.isinf(float(self.text[at:end])):
            self.report("bad-number", "this number is larger than a number can be here", at, end)
        else:
            return Token("number", self.text[at:end], at, end)
        return Token("number", self.text[at:stop], at, stop, broken=True)

    def sign(self, at: int) -> Token | None:
        for spelling, meant in self.signs:
            if self.text.startswith(spelling, at):
                end = at + len(spelling)
                if spelling not in self.correct:
                    self.report("bad-expression", f"found `{spelling}`, expected `{meant}`", at, end)
                return Token("sign", meant, at, end)
        return None

    def punctuation(self, at: int) -> Token | None:
        match char := self.text[at]:
            case "(" | ")" | ",":
                return Token(char, char, at, at + 1)
            case ";" if self.level > 0:
                self.report("bad-expression", "found `;`, expected `,`", at, at + 1, "commas separate the arguments")
                return Token(",", ",", at, at + 1)
        return None

    def foreign_quotes(self, at: int) -> Token | None:
        char = self.text[at]
        ends = [end for quote in slips.QUOTES.get(char, "") if (end := self.text.find(quote, at + 1)) >= 0]
        if not ends:
            return None
        kind, inside = "text" if char in "‘’‚" else "name", self.text[at + 1 : min(ends)]
        plain, written = ("'", quoted_text(inside)) if kind == "text" else ('"', quoted_name(inside))
        shown = "a backtick" if char == "`" else f"`{char}`"
        self.report("bad-expression", f"found {shown}, expected `{plain}`", at, at + 1, f"write `{written}`")
        return Token("text" if kind == "text" else "name", inside, at, min(ends) + 1, quoted=True, broken=True)
