"""A bound formula in plain English: `sentences(metric, definition)`.

The words of every operator stand in its own block; here they are only put together. English has no
parentheses, so an operand is written out only where it cannot be misread. Every other one, and a long one
that stands twice, gets a letter, and a second sentence says what the letters are.

| shape   | example                          | may stand                                         |
|---------|----------------------------------|---------------------------------------------------|
| atom    | the sum of x over the last 7 days | everywhere                                        |
| product | a times b, a divided by b        | first in a product, in a comparison, in a branch  |
| sum     | a plus b, a minus b              | first in a sum, in a comparison, in a branch      |
| ending  | the largest of a and b           | last in a product or a sum, and as those two      |
| test    | a is more than b                 | as the condition of an if                         |
| open    | anything else                    | alone                                             |
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
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

Shape = Literal["atom", "product", "sum", "ending", "test", "open"]
WORDS_BETWEEN: dict[str, Shape] = {"times": "product", "divided by": "product", "plus": "sum", "minus": "sum"}
"""Words that chain two operands as arithmetic does."""
COMMUTES = ("times", "plus")
OF_THE_DAY = {"sum": "the total", "avg": "the average", "min": "the smallest value", "max": "the largest value",
              "last": "the last value"}
"""What the value of one day is, by the way in which the points of a day become one."""
LONG = 30
"""A longer phrase that stands twice gets a letter."""


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words and how they may be put together with others."""

    text: str
    shape: Shape


def sentences(metric: BoundMetric, definition: Definition) -> str:
    """The formula of a metric in one sentence, and a second one for its named parts if it has any."""
    speaker = _Speaker(definition, metric.tree)
    main = speaker.top(metric.tree)
    parts = list(speaker.definitions())
    return _sentence(main) + (" " + _sentence("here " + "; ".join(parts)) if parts else "")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


@dataclass
class _Speaker:
    definition: Definition
    tree: Tree
    letters: dict[Tree, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        counts = Counter(node for node in walk(self.tree) if isinstance(node, Leaf | Apply))
        self.twice = {node for node, count in counts.items() if count > 1 and node != self.tree}

    def definitions(self) -> Sequence[str]:
        """What each letter is; telling it may need further letters, which follow."""
        said: list[str] = []
        while len(said) < len(self.letters):
            node, letter = list(self.letters.items())[len(said)]
            verb = "says that" if _gives_truth(node) else "is"
            said.append(f"{letter} {verb} {self.top(node)}")
        return said

    def letter(self, node: Tree) -> str:
        """The letter of a part: A to Z, then A1 and so on."""
        number = len(self.letters)
        return self.letters.setdefault(node, chr(65 + number % 26) + (str(number // 26) if number > 25 else ""))

    def top(self, node: Tree) -> str:
        """A node as a sentence of its own, in which commas may set parts apart."""
        phrase = self.plain(node, alone=True)
        return f"1 if {phrase.text}, otherwise 0" if phrase.shape == "test" and node is self.tree else phrase.text

    def part(self, node: Tree, *shapes: Shape) -> str:
        """A node inside another one: its words if their shape fits, else its letter."""
        before = dict(self.letters)
        phrase = self.phrase(node)
        if phrase.shape == "atom" or phrase.shape in shapes:
            return phrase.text
        self.letters = before  # letters inside of it follow in its own definition
        letter = self.letter(node)
        return f"{letter} holds" if _gives_truth(node) and "test" in shapes else letter

    def phrase(self, node: Tree) -> Phrase:
        """A node in words, or its letter if it stands twice and is long."""
        if node in self.letters:
            return Phrase(self.letters[node], "test" if _gives_truth(node) else "atom")
        before = dict(self.letters)
        phrase = self.plain(node, alone=False)
        if node in self.twice and len(phrase.text) > LONG and not _gives_truth(node):
            self.letters = before
            return Phrase(self.letter(node), "atom")
        return phrase

    def plain(self, node: Tree, alone: bool) -> Phrase:
        match node:
            case Constant():
                return Phrase(_constant(node), "atom")
            case Field():
                return Phrase(f"the {node.model}'s {_name(node.name)}", "atom")
            case Leaf():
                return Phrase(self.leaf(node), "atom")
            case Apply():
                return self.apply(operators.operator(node.op), node.args, alone)
            case _:
                assert_never(node)

    # Leaves

    def leaf(self, leaf: Leaf) -> str:
        block, series = operators.window(leaf.op), self.series(leaf)
        if reads_row(leaf) or (leaf.series.calculated and leaf.days == 1 and block.same_day):
            return series
        if leaf.days == 1 and block.same_day:
            declared = self.definition.series.get(leaf.series.namespace)
            how = OF_THE_DAY[declared.collapse_of(leaf.series.name)] if declared else "the value"
            return f"{how} of {series} of the day"
        words = (block.mode_words or {}).get(leaf.mode or "") or block.words or f"{block.function} of {{x}} over {{days}}"
        days = "all days so far" if leaf.days is None else f"the last {leaf.days} days" if leaf.days > 1 else "the day"
        ago = f"{leaf.days} days before" if leaf.days != 1 else "the day before"
        return words.format(x=series, days=days, ago=ago)

    def series(self, leaf: Leaf) -> str:
        found = leaf.series
        name = f"the metric {_name(found.name)}" if found.calculated else _name(f"{found.namespace}.{found.name}")
        return f"{name} of all {found.model} records together" if found.rollup else name

    # Operators

    def apply(self, block: Operator, args: tuple[Tree, ...], alone: bool) -> Phrase:
        words = (block.words_one if len(args) == 1 else "") or block.words or f"the {block.function} of {{list}}"
        between = words.removeprefix("{0} ").removesuffix(" {1}")
        if words == "{0}":
            return self.plain(args[0], alone) if alone else self.phrase(args[0])
        if block.key == "if":
            return Phrase(self.chain(args), "open")
        if block.gives == "truth":
            return Phrase(self.test(block, words, args), "test")
        if between in WORDS_BETWEEN:
            return self.arithmetic(between, args, alone)
        if "{list}" in words:
            listed = _listed([self.part(argument) for argument in args])
            return Phrase(words.format(list=listed), "ending" if words.endswith("{list}") else "open")
        if words.startswith("{0}, "):
            first = self.part(args[0], "product", "sum", "ending")
            return Phrase(words.format(first, *[self.part(argument) for argument in args[1:]]), "open")
        shape: Shape = "atom" if words.endswith(")") else "ending" if not words.startswith("{0}") else "open"
        return Phrase(words.format(*[self.part(argument) for argument in args]), shape)

    def arithmetic(self, between: str, args: tuple[Tree, ...], alone: bool) -> Phrase:
        """Operands joined by a word; a comma sets products apart in a sum that stands alone."""
        shape = WORDS_BETWEEN[between]
        comma: tuple[Shape, ...] = ("product",) if alone and shape == "sum" else ()
        last: tuple[Shape, ...] = ("ending", *((shape,) if between in COMMUTES else ()), *comma)
        phrases = [self.fitting(argument, *((shape, *comma) if i == 0 else last if i == len(args) - 1 else ()))
                   for i, argument in enumerate(args)]
        apart = any(phrase.shape == "product" for phrase in phrases) and shape == "sum"
        text = f"{',' if apart else ''} {between} ".join(phrase.text for phrase in phrases)
        return Phrase(text, "open" if apart or phrases[-1].shape == "ending" else shape)

    def fitting(self, node: Tree, *shapes: Shape) -> Phrase:
        text = self.part(node, *shapes)
        return Phrase(text, "atom") if text in self.letters.values() else Phrase(text, self.phrase(node).shape)

    def chain(self, args: tuple[Tree, ...]) -> str:
        """`a if x, b if y, otherwise c`: an if in the last place of another one goes on with it."""
        test, then, other = args
        branches = []
        while True:
            absent = _absent(test)
            chosen = "no value" if absent and absent[0] and absent[1] == then else self.branch(then)
            branches.append(f"{chosen} if {self.condition(test)}")
            if not (isinstance(other, Apply) and other.op == "if" and other not in self.letters):
                break
            test, then, other = other.args
        rest = "no value" if absent and not absent[0] and absent[1] == other else self.branch(other)
        return ", ".join(branches) + f", otherwise {rest}"

    def branch(self, node: Tree) -> str:
        return self.part(node, "product", "sum", "ending")

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
        return clauses[0].join(words.split("{0}")) if len(args) == 1 else \
            words.removeprefix("{0}").removesuffix("{1}").join(clauses)

    def clause(self, node: Tree) -> str:
        """A clause beside another one: a comparison; what joins clauses itself gets a letter."""
        joins = isinstance(node, Apply) and operators.operator(node.op).takes_at(0) == "truth" and _absent(node) is None
        return f"{self.letter(node)} holds" if joins and _gives_truth(node) else self.condition(node)


def _gives_truth(node: Tree) -> bool:
    return isinstance(node, Apply) and operators.operator(node.op).gives == "truth"


def _absent(test: Tree) -> tuple[bool, Tree] | None:
    """What a condition asks for a value: whether it holds when there is none, and of what."""
    match test:
        case Apply(op="has_value", args=(inner,)):
            return False, inner
        case Apply(op="not", args=(Apply(op="has_value", args=(inner,)),)):
            return True, inner
        case _:
            return None


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + f" and {words[-1]}"


def _constant(node: Constant) -> str:
    return one_line(write_expression(Text(node.value) if isinstance(node.value, str) else Number(node.value)))


def _name(name: str) -> str:
    """A name as data has it, in double quotes where it is more than one word."""
    return one_line(write_expression(Name(name)))
