"""Reading the expressions of a table: tokens, then a tree. Its own reader, so that it can disagree with the program's.

Names of rows may hold spaces; the longest known one wins. See docs/semantics.md section 9.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

OPTIONS = ("ending", "starting", "change", "sum", "average", "min", "max", "count")
KEYWORDS = ("and", "or", "not", "between", "case", "when", "then", "else", "end")
SIGNS = ("<=", ">=", "<>", "!=", "==", "<", ">", "=", "+", "-", "*", "/", "^", "(", ")", ",")
NOT_IN_BARE_NAMES = set("+-*/^()<>=!,.\"[]'")

ARITY = {
    "abs": (1, 1), "iif": (3, 3), "if": (3, 3), "ceil": (1, 1), "floor": (1, 1), "max": (1, 99), "min": (1, 99),
    "round": (1, 2), "pi": (0, 0), "random": (0, 0), "power": (2, 2), "square": (1, 1), "sqrt": (1, 1), "ln": (1, 1),
    "log10": (1, 1), "log": (1, 1), "exp": (1, 1), "sign": (1, 1), "lag": (1, 3), "lead": (1, 3), "coalesce": (1, 99),
    "nullif": (2, 2),
    "rolling_sum": (2, 2), "rolling_avg": (2, 2), "rolling_min": (2, 2), "rolling_max": (2, 2), "rolling_last": (2, 2),
    "rolling_count": (2, 2), "cumulative": (1, 1), "ytd": (1, 1), "qtd": (1, 1), "mtd": (1, 1), "yoy": (1, 1),
    "days": (0, 0), "is_partial": (0, 0),
}
"""Every function with the least and the most arguments."""


class BadExpression(Exception):
    """The expression cannot be read, or names what is not there; only its row and the rows that use it suffer."""


@dataclass(frozen=True)
class Number:
    value: float


@dataclass(frozen=True)
class Reference:
    """A row, by its key; `option` is None for the row as displayed, `source` for a table of one source."""

    key: str
    option: str | None = None
    source: str | None = None


@dataclass(frozen=True)
class Call:
    """A function, a sign or a keyword with its arguments."""

    name: str
    arguments: tuple[Node, ...]


Node = Number | Reference | Call


def key_of(title: str) -> str:
    """The snake_case key of a title: `MRR growth` is `mrr_growth`, `Variance %` is `variance_percent`."""
    return re.sub(r"\W+", "_", title.casefold().replace("%", " percent ")).strip("_")


def fold(name: str) -> str:
    """A name without regard to case and to runs of spaces."""
    return " ".join(name.split()).casefold()


@dataclass(frozen=True)
class Token:
    kind: str
    """`number`, `row`, `function`, `sign`, `keyword` or `end`."""
    text: str
    node: Node | None = None


class Names:
    """The names that an expression may use: titles and keys of the rows, and the names of the sources."""

    def __init__(
        self, titles: Iterable[str], sources: Iterable[str] = (), events: Mapping[str, str] | None = None
    ) -> None:
        """`events` has the key of the row for the name of each event; titles and keys win over these."""
        self.known: dict[str, str] = {}
        for event, key in (events or {}).items():
            self.known[fold(event)] = key
            self.known.setdefault(key_of(event), key)
        for title in titles:
            self.known[key_of(title)] = key_of(title)
            self.known[fold(title)] = key_of(title)
        self.sources = {fold(source): source for source in sources}
        bare = [name for name in self.known if self._bare(name)]
        self.patterns = [(re.compile(r"\s+".join(map(re.escape, name.split())) + r"(?!\w)", re.IGNORECASE), name)
                         for name in sorted(bare, key=len, reverse=True)]

    @staticmethod
    def _bare(name: str) -> bool:
        return not (NOT_IN_BARE_NAMES & set(name)) and not set(name.split()) & set(KEYWORDS) and not name[:1].isdigit()

    def longest(self, text: str, place: int) -> tuple[str, int] | None:
        """The longest known name that stands at a place, and where it ends."""
        for pattern, name in self.patterns:
            if found := pattern.match(text, place):
                return self.known[name], found.end()
        return None

    def quoted(self, name: str) -> str:
        """The key of a quoted title."""
        try:
            return self.known[fold(name)]
        except KeyError:
            raise BadExpression(f"no row `{name}`") from None


def tokens(text: str, names: Names) -> list[Token]:
    """All tokens of an expression; a leading `=` is dropped."""
    place = len(text) - len(text.lstrip())
    if text[place : place + 1] == "=":
        place += 1
    found: list[Token] = []
    while place < len(text):
        if text[place].isspace():
            place += 1
            continue
        token, place = _token(text, place, names)
        found.append(token)
    return [*found, Token("end", "")]


def _token(text: str, place: int, names: Names) -> tuple[Token, int]:
    if number := re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?").match(text, place):
        if re.compile(r"\w").match(text, number.end()):
            raise BadExpression(f"a name cannot begin with a digit: {text[place:]}")
        return Token("number", number[0], Number(float(number[0]))), number.end()
    if text[place] in "\"[":
        return _row(text, place, names)
    if word := re.compile(r"[^\W\d]\w*").match(text, place):
        lower = word[0].lower()
        if lower in KEYWORDS:
            return Token("keyword", lower), word.end()
        if re.compile(r"\s*\(").match(text, word.end()):
            return Token("function", lower), word.end()
        return _row(text, place, names)
    for sign in SIGNS:
        if text.startswith(sign, place):
            return Token("sign", sign), place + len(sign)
    raise BadExpression(f"`{text[place]}` means nothing here")


def _row(text: str, place: int, names: Names) -> tuple[Token, int]:
    """A row: `name`, `name.option`, `source.name`, `source.name.option`."""
    source = None
    segment = re.compile(r"([^\W\d]\w*)\.").match(text, place)
    if segment and fold(segment[1]) in names.sources:
        source = names.sources[fold(segment[1])]
        place = segment.end()
    key, place = _name(text, place, names)
    option = None
    if dotted := re.compile(r"\.(\w*)").match(text, place):
        option = dotted[1].lower()
        if option not in OPTIONS:
            raise BadExpression(f"no display option `{option}`")
        place = dotted.end()
    return Token("row", key, Reference(key, option, source)), place


def _name(text: str, place: int, names: Names) -> tuple[str, int]:
    if quoted := re.compile(r'"((?:[^"]|"")*)"').match(text, place):
        return names.quoted(quoted[1].replace('""', '"')), quoted.end()
    if quoted := re.compile(r"\[((?:[^\]]|\]\])*)\]").match(text, place):
        return names.quoted(quoted[1].replace("]]", "]")), quoted.end()
    if found := names.longest(text, place):
        return found
    raise BadExpression(f"no row at `{text[place:]}`")


class Parser:
    """Recursive descent, one method per strength: or, and, not, comparison, sum, product, sign, power, value."""

    def __init__(self, text: str, names: Names) -> None:
        self.tokens = tokens(text, names)
        self.place = 0

    def whole(self) -> Node:
        node = self.either()
        if self.next.kind != "end":
            raise BadExpression(f"unexpected `{self.next.text}`")
        return node

    @property
    def next(self) -> Token:
        return self.tokens[self.place]

    def takes(self, *texts: str) -> str | None:
        """The next sign or keyword if it is one of these; it is then behind us."""
        if self.next.kind in ("sign", "keyword") and self.next.text in texts:
            self.place += 1
            return self.tokens[self.place - 1].text
        return None

    def needs(self, text: str) -> None:
        if not self.takes(text):
            raise BadExpression(f"expected `{text}`, found `{self.next.text}`")

    def either(self) -> Node:
        node = self.both()
        while self.takes("or"):
            node = Call("or", (node, self.both()))
        return node

    def both(self) -> Node:
        node = self.negated()
        while self.takes("and"):
            node = Call("and", (node, self.negated()))
        return node

    def negated(self) -> Node:
        return Call("not", (self.negated(),)) if self.takes("not") else self.compared()

    def compared(self) -> Node:
        node = self.added()
        if sign := self.takes("<=", ">=", "<>", "!=", "==", "<", ">", "="):
            return Call({"==": "=", "!=": "<>"}.get(sign, sign), (node, self.added()))
        negative = self.next.text == "not" and self.tokens[self.place + 1].text == "between" and self.takes("not")
        if self.takes("between"):
            low = self.added()
            self.needs("and")
            inside = Call("between", (node, low, self.added()))
            return Call("not", (inside,)) if negative else inside
        return node

    def added(self) -> Node:
        node = self.multiplied()
        while sign := self.takes("+", "-"):
            node = Call(sign, (node, self.multiplied()))
        return node

    def multiplied(self) -> Node:
        node = self.signed()
        while sign := self.takes("*", "/"):
            node = Call(sign, (node, self.signed()))
        return node

    def signed(self) -> Node:
        if self.takes("-"):
            return Call("negate", (self.signed(),))
        return self.signed() if self.takes("+") else self.raised()

    def raised(self) -> Node:
        node = self.value()
        return Call("power", (node, self.signed())) if self.takes("^") else node

    def value(self) -> Node:
        token = self.next
        if token.node is not None:
            self.place += 1
            return token.node
        if token.kind == "function":
            self.place += 1
            return self.call(token.text)
        if self.takes("("):
            node = self.either()
            self.needs(")")
            return node
        if self.takes("case"):
            return self.case()
        raise BadExpression(f"expected a value, found `{token.text}`")

    def call(self, name: str) -> Node:
        if name not in ARITY:
            raise BadExpression(f"no function `{name}`")
        self.needs("(")
        arguments: list[Node] = []
        if not self.takes(")"):
            arguments.append(self.either())
            while self.takes(","):
                arguments.append(self.either())
            self.needs(")")
        low, high = ARITY[name]
        if not low <= len(arguments) <= high:
            raise BadExpression(f"`{name}` takes {low} to {high} arguments")
        if name.startswith(("rolling_", "lag", "lead")) and len(arguments) > 1:
            count = arguments[1]
            least = 1 if name.startswith("rolling_") else 0
            if not isinstance(count, Number) or count.value != int(count.value) or count.value < least:
                raise BadExpression(f"`{name}` counts whole periods")
        return Call(name, tuple(arguments))

    def case(self) -> Node:
        """`case when c then v … else e end` and `case x when v then …`, as nested choices."""
        subject = None if self.next.text == "when" else self.either()
        branches: list[tuple[Node, Node]] = []
        while self.takes("when"):
            condition = self.either()
            self.needs("then")
            branches.append((condition if subject is None else Call("=", (subject, condition)), self.either()))
        if not branches:
            raise BadExpression("a case without when")
        node = self.either() if self.takes("else") else Call("nothing", ())
        self.needs("end")
        for condition, value in reversed(branches):
            node = Call("iif", (condition, value, node))
        return node


def parse(text: str, names: Names) -> Node:
    """The tree of an expression, or BadExpression."""
    return Parser(text, names).whole()


def references(node: Node) -> list[Reference]:
    """Every row that an expression uses, in order of writing."""
    match node:
        case Reference():
            return [node]
        case Call(arguments=arguments):
            return [found for argument in arguments for found in references(argument)]
        case _:
            return []
