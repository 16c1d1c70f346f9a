"""What an operator is. One instance is the whole definition of one operator.

From it follow its spelling in JSON and in expressions, its arity and kind errors, its SQL in both forms and
wherever it is printed, its page in the reference and its tests. SQL stands here as a template only: `{0}`, `{1}`
are the arguments, `{args}` all of them; the `sql` stage turns templates into trees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["number", "text", "truth", "any"]
"""What an argument or a result is. `truth` is 1, 0 or missing; `any` takes numbers and texts."""
Value = float | str | None


@dataclass(frozen=True)
class Sign:
    """Infix or prefix spelling: the sign, how tightly it binds (higher binds first), which side groups."""

    text: str
    binds: int
    right: bool = False
    prefix: bool = False
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Arithmetic on one row. `docs/semantics.md` section 6 is the rule for every one of them."""

    key: str
    """The one name used inside: lower case."""
    json: str
    """The head of the JSON group as it is written out."""
    function: str
    """The name of the function in expressions as it is written out."""
    meaning: str
    """One sentence for the reference."""
    nulls: str
    """The NULL rule in words; shown by `why` and in the reference."""
    sql: str
    """Template over the arguments. With `fold` it takes two and is applied from left to right."""
    evaluate: Callable[..., Value]
    """The same meaning on plain values, None for NULL."""
    words: str = ""
    """Noun phrase of the result for `explain` (a clause where it gives a truth), over `{0}`, `{1}` or `{list}`."""
    words_one: str = ""
    """Noun phrase for a single argument, where it differs."""
    sql_one: str | None = None
    """Template for a single argument, where it differs."""
    sql_constant: str | None = None
    """Shorter template for when every argument after the first is a whole number written in the formula."""
    json_aliases: tuple[str, ...] = ()
    function_aliases: tuple[str, ...] = ()
    sign: Sign | None = None
    least: int = 1
    most: int | None = 1
    usual: int | None = None
    """More arguments than this are allowed, with a warning."""
    takes: tuple[Kind, ...] = ("number",)
    """Kind of each argument; the last one holds for all that follow."""
    same_kind: bool = False
    """All arguments must be of one kind (comparison for equality)."""
    gives: Kind = "number"
    fold: bool = False
    overflows: bool = False
    """Finite arguments may give a result that is not finite (and then is no value)."""
    only_tables: bool = False
    """Stands in the expressions of output tables only."""
    blames: Literal["any", "guarded", "first", "chosen", "never"] = "any"
    """How a missing result is explained: by any missing argument; by the first missing one where the result is missing;
    by the first argument; by the chosen branch; it is never missing."""
    faults: tuple[tuple[str, str], ...] = ()
    """Conditions (templates over the arguments) under which there is no result although all arguments have a value,
    with their words."""
    passes: tuple[int, ...] | Literal["all"] = ()
    """Arguments from which a non-finite value always reaches the result, so that one guard at the end does."""

    def takes_at(self, position: int) -> Kind:
        """Kind of the argument at a position (from 0)."""
        return self.takes[min(position, len(self.takes) - 1)]

    def passes_at(self, position: int) -> bool:
        """Whether a non-finite argument at this position makes the result non-finite."""
        return self.passes == "all" or position in self.passes


@dataclass(frozen=True, kw_only=True)
class WindowOperator:
    """A question about one series over time: the leaves of a formula (`docs/semantics.md` sections 3 and 4).

    Placeholders: `{x}` the series on its day, `{day}` the day, `{leaf}` what the window gave, `{n}` the days.
    """

    key: str
    json: str
    """The `op` of a `metricOverTime` part, or the `type` of a part of its own."""
    function: str
    meaning: str
    nulls: str
    history: str
    """Window aggregate of the history form."""
    day: str
    """Grouped aggregate of the day form, over the rows of the window."""
    evaluate: Callable[..., Value]
    """`(values by day, day, days, mode)`: the same meaning on a plain mapping of days to values."""
    words: str = ""
    """Noun phrase of the result for `explain`; `{x}` is the series, `{days}` the window, `{ago}` how long before."""
    mode_words: Mapping[str, str] | None = None
    """Noun phrase of each of the `modes`."""
    json_aliases: tuple[str, ...] = ()
    function_aliases: tuple[str, ...] = ()
    part: bool = False
    """Written as a part of its own instead of an `op` of `metricOverTime`."""
    reads: Literal["window", "everything", "offset"] = "window"
    """The last `days` days, all days up to today, or the one day `days` days ago."""
    input: str = "{x}"
    """What goes into the window."""
    result: str = "{leaf}"
    """What comes out; `modes` replaces it where an operator has several ways of counting."""
    modes: Mapping[str, str] | None = None
    same_day: str | None = None
    """The value of a one-day window, which needs no window; None if there is no such short cut."""
    same_row: bool = False
    """A one-day window over a calculated metric is that metric's value in the same row."""
    overflows: bool = False
    empty: float | None = None
    """The value of a window without any data."""
    only_events: bool = False
    """Allowed over activities and conversations only."""

    @property
    def takes_days(self) -> bool:
        return self.reads != "everything"


Frame = Literal["row", "order", "last", "so far", "year", "quarter", "month", "year ago"]
"""The periods that an operator looks at: its own one, all in order, the last ones, all so far, those of its year
(quarter, month) so far, the same period a year earlier."""


@dataclass(frozen=True, kw_only=True)
class PeriodOperator:
    """An operation over the periods of an output table (`docs/semantics.md` section 9), or a fact about a period."""

    key: str
    function: str
    meaning: str
    nulls: str
    frame: Frame
    window: str = ""
    """Window aggregate: `{x}` is the argument, `{n}` the number of periods, `{edge}` the value beyond the edge. A fact
    about the period has none."""
    result: str = "{w}"
    """Template over what the window gave."""
    then: str | None = None
    """An expression over the argument `x` and what the window gave, `w`, that makes the value."""
    function_aliases: tuple[str, ...] = ()
    takes_value: bool = True
    counts: Literal["no", "may", "must"] = "no"
    """Whether a number of periods follows the value."""
    usual_count: int = 1
    least_count: int = 0
    takes_edge: bool = False
    overflows: bool = False
    never_missing: bool = False

    @property
    def form(self) -> str:
        """The call as messages and the reference show it."""
        arguments = (["x"] if self.takes_value else []) + (["n"] if self.counts != "no" else [])
        return f"{self.function}({', '.join(arguments + (['edge'] if self.takes_edge else []))})"

    @property
    def least(self) -> int:
        """The fewest arguments."""
        return self.takes_value + (self.counts == "must")

    @property
    def most(self) -> int:
        """The most arguments."""
        return self.takes_value + (self.counts != "no") + self.takes_edge


def number_or_none(function: Callable[..., float]) -> Callable[..., Value]:
    """Lift a function over numbers: a missing argument, or a result outside the finite reals, is no value."""

    def lifted(*arguments: float | None) -> Value:
        if any(argument is None for argument in arguments):
            return None
        try:
            result = function(*arguments)
        except (ArithmeticError, ValueError):
            return None
        return finite(result)

    return lifted


def finite(result: float | complex | None) -> float | None:
    """The result if it is a finite real number, else None."""
    if result is None or isinstance(result, complex):
        return None
    return float(result) if abs(result) <= 1.7976931348623157e308 else None


def present(arguments: Sequence[float | None]) -> list[float]:
    """The arguments that have a value."""
    return [argument for argument in arguments if argument is not None]
