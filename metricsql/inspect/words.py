"""A bound formula in plain English: `sentences(metric, definition)`.

The words of every operator stand in its own block; here they are only put together. English has no
parentheses, so an operand is written out only where it cannot be misread. Every other one, and a long one
that stands twice, gets a letter, and a second sentence says what the letters are.

| shape                | example                            | may stand                                           |
|----------------------|------------------------------------|-----------------------------------------------------|
| atom                 | the sum of x over the last 7 days  | everywhere                                          |
| product, quotient    | a times b, a divided by b          | in a product where both readings agree; in a clause |
| sum, difference      | a plus b, a minus b                | in a sum where both readings agree; in a clause     |
| ending               | the largest of a and b             | last in a product or a sum; in a clause             |
| test                 | a is more than b                   | as a condition                                      |
| open                 | anything else                      | alone                                               |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Literal, assert_never

from metricsql import operators
from metricsql.bind.metrics import BoundMetric
from metricsql.bind.tree import Apply, Constant, Field, Leaf, Tree, walk
from metricsql.diagnostics import one_line
from metricsql.formula import write_expression
from metricsql.formula.nodes import Name, Number, Text
from metricsql.operators import Operator
from metricsql.plan.planner import reads_row
from metricsql.project.definition import Definition

Shape = Literal["atom", "product", "quotient", "sum", "difference", "ending", "test", "open"]
AMOUNTS: tuple[Shape, ...] = ("product", "quotient", "sum", "difference", "ending")
"""What may stand in a clause or a branch, where words such as `is more than` or `if` set it apart."""
WORD: dict[str, Shape] = {"times": "product", "divided by": "quotient", "plus": "sum", "minus": "difference"}
"""Words between operands that chain as arithmetic does."""
FIRST: dict[str, tuple[Shape, ...]] = {
    "times": ("product",), "divided by": ("product",), "plus": ("sum",), "minus": ("sum",)}
LAST: dict[str, tuple[Shape, ...]] = {
    "times": ("product", "quotient", "ending"), "divided by": ("ending",), "plus": ("sum", "difference", "ending"),
    "minus": ("ending",)}
APART: dict[str, tuple[Shape, ...]] = {
    "times": ("quotient",), "divided by": ("quotient",), "plus": ("product", "quotient", "difference"),
    "minus": ("product", "quotient", "difference")}
"""What a comma sets apart from the word, in a sentence of its own."""
OF_THE_DAY = {"sum": "the total", "avg": "the average", "min": "the smallest value", "max": "the largest value",
              "last": "the last value"}
"""What the value of one day is, by the way in which the points of a day become one."""
LONG = 30
"""A longer phrase that stands twice gets a letter."""


class Phrase(str):
    """Words, and how they may be put together with others."""

    shape: Shape

    def __new__(cls, text: str, shape: Shape = "atom") -> Phrase:
        made = super().__new__(cls, text)
        made.shape = shape
        return made


def sentences(metric: BoundMetric, definition: Definition) -> str:
    """The formula of a metric in one sentence, and a second one for its named parts if it has any."""
    if isinstance(metric.tree, Constant):
        return f"Always {_constant(metric.tree)}."
    speaker = _Speaker(definition, metric.tree)
    main = speaker.top(metric.tree)
    parts = list(speaker.definitions())
    return _sentence(main) + (" " + _sentence("here " + "; ".join(parts)) if parts else "")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


class _Speaker:
    def __init__(self, definition: Definition, tree: Tree) -> None:
        self.definition, self.tree = definition, tree
        self.letters: dict[Tree, str] = {}
        counts = Counter(node for node in walk(tree) if isinstance(node, Leaf | Apply))
        self.twice = {node for node, count in counts.items() if count > 1 and node != tree}

    def definitions(self) -> Sequence[str]:
        """What each letter is; telling it may need further letters, which follow."""
        said: list[str] = []
        while len(said) < len(self.letters):
            node, letter = list(self.letters.items())[len(said)]
            said.append(f"{letter} {'says that' if _gives_truth(node) else 'is'} {self.top(node)}")
        return said

    def letter(self, node: Tree) -> Phrase:
        """The letter of a part: A to Z, then A1 and so on."""
        number = len(self.letters)
        letter = self.letters.setdefault(node, chr(65 + number % 26) + (str(number // 26) if number > 25 else ""))
        return Phrase(f"{letter} holds", "test") if _gives_truth(node) else Phrase(letter)

    def top(self, node: Tree) -> str:
        """A node as a sentence of its own, in which commas may set parts apart."""
        phrase = self.plain(node, alone=True)
        return f"1 if {phrase}, otherwise 0" if phrase.shape == "test" and node is self.tree else phrase

    def part(self, node: Tree, *shapes: Shape) -> Phrase:
        """A node inside another one: its words if they may stand there, else its letter."""
        if node in self.letters:
            return self.letter(node)
        before = dict(self.letters)
        phrase = self.plain(node, alone=False)
        long = node in self.twice and len(phrase) > LONG and phrase.shape != "test"
        if not long and (phrase.shape == "atom" or phrase.shape in shapes):
            return phrase
        self.letters = before  # letters inside of it follow in its own definition
        return self.letter(node)

    def plain(self, node: Tree, alone: bool) -> Phrase:
        match node:
            case Constant():
                return Phrase(_constant(node))
            case Field():
                return Phrase(f"the {node.model}'s {_name(node.name)}")
            case Leaf():
                return Phrase(self.leaf(node))
            case Apply():
                return self.apply(operators.operator(node.op), node.args, alone)
            case _:
                assert_never(node)

    # Leaves

    def leaf(self, leaf: Leaf) -> str:
        block, found = operators.window(leaf.op), leaf.series
        name = f"the metric {_name(found.name)}" if found.calculated else _name(f"{found.namespace}.{found.name}")
        everybody = f"all {found.model} records"
        if leaf.days == 1 and (block.same_day or reads_row(leaf)):
            value = name if found.calculated else f"{self.value_of_day(leaf)} of {name} of the day"
            return f"the sum of {value} over {everybody}" if found.rollup else value
        words = (block.mode_words or {}).get(leaf.mode or "") or block.words
        words = words or f"the {block.function} of {{x}} over {{days}}"
        days = "all days so far" if leaf.days is None else f"the last {leaf.days} days" if leaf.days > 1 else "the day"
        ago = f"{leaf.days} days before" if leaf.days != 1 else "the day before"
        return words.format(x=f"{name} of {everybody} together" if found.rollup else name, days=days, ago=ago)

    def value_of_day(self, leaf: Leaf) -> str:
        declared = self.definition.series.get(leaf.series.namespace)
        return OF_THE_DAY[declared.collapse_of(leaf.series.name)] if declared else "the value"

    # Operators

    def apply(self, block: Operator, args: tuple[Tree, ...], alone: bool) -> Phrase:
        words = (block.words_one if len(args) == 1 else "") or block.words or f"the {block.function} of {{list}}"
        if words == "{0}":
            return self.plain(args[0], alone)
        if block.key == "if":
            return Phrase(self.chain(args), "open")
        if block.gives == "truth":
            return Phrase(self.test(block, words, args), "test")
        if (between := words.removeprefix("{0} ").removesuffix(" {1}")) in WORD:
            return self.arithmetic(between, args, alone)
        if (default := _default(block, args)) is not None:
            return Phrase(f"{self.part(default[0])} ({_constant(default[1])} if missing)")
        if "{list}" in words:
            listed = _listed([self.part(argument) for argument in args])
            return Phrase(words.format(list=listed), "ending" if words.endswith("{list}") else "open")
        set_apart = AMOUNTS if words.startswith("{0}, ") else ()
        parts = [self.part(args[0], *set_apart), *[self.part(argument) for argument in args[1:]]]
        shape: Shape = "atom" if words.endswith(")") else "open" if words.startswith("{0}") else "ending"
        return Phrase(words.format(*parts), shape)

    def arithmetic(self, word: str, args: tuple[Tree, ...], alone: bool) -> Phrase:
        """Operands joined by a word, with commas where they would be misread without."""
        apart, shape = (APART[word] if alone else ()), WORD[word]
        ends = tuple(s for s in apart if shape in ("sum", "difference") and s in ("product", "quotient"))
        first = self.part(args[0], *FIRST[word], *apart)
        middle = [self.part(argument) for argument in args[1:-1]]
        last = self.part(args[-1], *LAST[word], *ends)
        unclear = len(args) > 2 and shape in ("quotient", "difference")
        comma = first.shape in apart or last.shape in ends or (alone and unclear)
        text = f"{',' if comma else ''} {word} ".join([first, *middle, last])
        if comma or unclear or last.shape == "ending":
            return Phrase(text, "open")
        return Phrase(text, last.shape if last.shape in LAST[word] else shape)

    def chain(self, args: tuple[Tree, ...]) -> str:
        """`a if x, b if y, otherwise c`: an if in the last place of another one goes on with it."""
        test, then, other = args
        branches: list[tuple[str, str]] = []
        while True:
            absent = _absent(test)
            branches.append(("no value" if absent == (True, then) else self.branch(then), self.condition(test)))
            if absent == (False, other):
                return self.branches(branches, "no value")
            if not (isinstance(other, Apply) and other.op == "if") or other in self.letters:
                return self.branches(branches, self.branch(other))
            test, then, other = other.args

    def branches(self, branches: Sequence[tuple[str, str]], rest: str) -> str:
        said: list[str] = []
        for number, (value, condition) in enumerate(branches):
            if number and branches[number - 1][0] == value:
                said[-1] += f" or if {condition}"
            else:
                said.append(f"{value} if {condition}")
        return ", ".join(said) + f", otherwise {rest}"

    def branch(self, node: Tree) -> str:
        return self.part(node, *AMOUNTS)

    def condition(self, node: Tree) -> str:
        return self.part(node, "test") if _gives_truth(node) else f"{self.branch(node)} is not 0"

    def test(self, block: Operator, words: str, args: tuple[Tree, ...]) -> str:
        """A clause: a comparison of amounts, or clauses joined by and, or, not."""
        if block.takes_at(0) != "truth":
            return words.format(*[self.branch(argument) for argument in args])
        match args:
            case [Apply(op="has_value", args=(inner,))] if block.key == "not":
                return f"{self.branch(inner)} has no value"
        clauses = [self.clause(argument) for argument in args]
        return words.format(*clauses) if len(args) == 1 else words[len("{0}"):-len("{1}")].join(clauses)

    def clause(self, node: Tree) -> str:
        """A clause beside another one; what joins clauses itself gets a letter."""
        joins = _gives_truth(node) and isinstance(node, Apply) and operators.operator(node.op).takes_at(0) == "truth"
        return self.letter(node) if joins and _absent(node) is None else self.condition(node)


def _gives_truth(node: Tree) -> bool:
    return isinstance(node, Apply) and operators.operator(node.op).gives == "truth"


def _absent(test: Tree) -> tuple[bool, Tree] | None:
    """What a condition asks for a value, and whether it holds when there is none."""
    match test:
        case Apply(op="has_value", args=(inner,)):
            return False, inner
        case Apply(op="not", args=(Apply(op="has_value", args=(inner,)),)):
            return True, inner
        case _:
            return None


def _default(block: Operator, args: tuple[Tree, ...]) -> tuple[Tree, Constant] | None:
    """A value, and the constant that stands in for it where it is missing."""
    match args:
        case [inner, Constant() as other] if block.key == "coalesce" or (block.key == "sum" and other.value == 0):
            return None if isinstance(inner, Constant) else (inner, other)
        case _:
            return None


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"


def _constant(node: Constant) -> str:
    return one_line(write_expression(Text(node.value) if isinstance(node.value, str) else Number(node.value)))


def _name(name: str) -> str:
    """A name as data has it, in double quotes where it is more than one word."""
    return one_line(write_expression(Name(name)))
