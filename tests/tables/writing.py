"""Writing a tree as an expression of a table, in one of the many spellings that mean the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random

from .expressions import Call, Names, Node, Number, Reference

STRENGTH = {"or": 1, "and": 2, "not": 3, "between": 4, "<": 4, ">": 4, "<=": 4, ">=": 4, "=": 4, "<>": 4,
            "+": 5, "-": 5, "*": 6, "/": 6, "negate": 7, "power": 8}
"""How tightly a sign binds; what is not here binds as tightly as a value."""
NEEDS: dict[str, tuple[int, ...]] = {
    "or": (1, 2), "and": (2, 3), "not": (3,), "between": (5, 5, 5), "+": (5, 6), "-": (5, 6), "*": (6, 7), "/": (6, 7),
    "negate": (7,), "power": (9, 7),
}
"""The least strength of each operand that needs no parentheses; 5 and 5 for comparisons."""
VALUE = 9
NOTHING = Call("nothing", ())
"""What a `case` without `else` gives."""


class Writer:
    """Writes trees over the rows of one table. `titles` has the title of each key."""

    def __init__(self, titles: Mapping[str, str], random: Random) -> None:
        self.titles = titles
        self.random = random
        self.names = Names(titles.values())

    def write(self, node: Node, need: int = 0) -> str:
        text, strength = self._written(node)
        return f"({text})" if strength < need or self.random.random() < 0.03 else text

    def _written(self, node: Node) -> tuple[str, int]:
        match node:
            case Number(value=value):
                return repr(int(value) if value == int(value) else value), VALUE
            case Reference(key=key, option=option, source=source):
                named = (f"{self.case(source)}." if source else "") + self.name(key)
                return named + (f".{self.case(option)}" if option else ""), VALUE
            case Call(name="iif", arguments=(_, _, other)) if other == NOTHING or self.random.random() < 0.5:
                return self._case(node), VALUE
            case Call(name="between" | "not" | "negate" as name):
                return self._words(node, name), STRENGTH[name]
            case Call(name=name, arguments=(left, right)) if name in STRENGTH and self._as_sign(name):
                needs = NEEDS.get(name, (5, 5))
                sign = {"power": "^", "and": self.case("and"), "or": self.case("or")}.get(name, name)
                sign = self.random.choice(("<>", "!=")) if name == "<>" else sign
                return f"{self.write(left, needs[0])} {sign} {self.write(right, needs[1])}", STRENGTH[name]
            case Call(name=name, arguments=arguments):
                return f"{self.case(name)}({', '.join(self.write(argument) for argument in arguments)})", VALUE

    def _as_sign(self, name: str) -> bool:
        """A power may also be written as a function."""
        return name != "power" or self.random.random() < 0.5

    def _words(self, node: Call, name: str) -> str:
        parts = [self.write(argument, need) for argument, need in zip(node.arguments, NEEDS[name], strict=True)]
        if name == "between":
            return f"{parts[0]} {self.case('between')} {parts[1]} {self.case('and')} {parts[2]}"
        sign = f"{self.case('not')} " if name == "not" else "- " if parts[0].startswith("-") else "-"
        return sign + parts[0]

    def _case(self, node: Node) -> str:
        """A chain of choices as one `case`."""
        text = self.case("case")
        while isinstance(node, Call) and node.name == "iif":
            condition, value, node = node.arguments
            text += f" {self.case('when')} {self.write(condition)} {self.case('then')} {self.write(value)}"
        if node != NOTHING:
            text += f" {self.case('else')} {self.write(node)}"
        return f"{text} {self.case('end')}"

    def name(self, key: str) -> str:
        """A row by its title, bare or quoted, or by its key."""
        title = self.titles[key]
        quoted = '"' + self.case(title).replace('"', '""') + '"'
        bracketed = "[" + self.case(title).replace("]", "]]") + "]"
        spellings = [quoted, bracketed]
        if self.names.longest(title, 0) == (key, len(title)) and not title[0].isdigit():
            spellings += [self.case(title), "  ".join(self.case(title).split(" "))] * 2
        if self.names.longest(key, 0) == (key, len(key)):
            spellings += [self.case(key)]
        return self.random.choice(spellings)

    def case(self, word: str) -> str:
        changes: list[Callable[[str], str]] = [str, str, str.lower, str.upper]
        return self.random.choice(changes)(word)
