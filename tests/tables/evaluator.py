"""The second evaluator of output tables: slow, plain Python, written from docs/semantics.md section 9 and nothing else.

It imports nothing of metricsql, no engine and no parser, so that an agreement of the two means something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from random import Random
from typing import Any

from .expressions import BadExpression, Call, Names, Node, Number, Reference, fold, key_of, parse, references
from .functions import Arithmetic
from .measurements import UNAVAILABLE, Column, executions_of, measure
from .neighbours import TO_DATE, present, restarts, rolling, running, shifted, year_over_year
from .periods import Period, periods

Ledger = Sequence[tuple[str, datetime, float]]
"""Executions in the order of the source: event, time, value."""


@dataclass(frozen=True)
class Row:
    """One row of a table, its keys read. Exactly one of `event` and `calculation` is set."""

    title: str
    event: str | None
    calculation: str | None
    kind: str
    display: str
    opening: float | None
    copied: bool = False
    """Whether it is a copy of another row's event; the name of an event means the row that has it first."""


@dataclass(frozen=True)
class Result:
    """The periods and, for each row, one cell a period; rows that cannot be computed with what is wrong."""

    periods: list[Period]
    rows: dict[str, Column]
    unavailable: dict[str, str]


def evaluate(
    table: Mapping[str, Any], ledgers: Mapping[str, Ledger], interval: str, as_of: date, noise: Random | None = None
) -> Result:
    """Every cell of a table (in the shape of the project file) at an interval.

    `ledgers` has one entry, or one for each name under `sources:`. `noise` see `functions.Arithmetic`.
    """
    return Evaluation(table, ledgers, interval, as_of, Arithmetic(noise)).result()


def rows_of(table: Mapping[str, Any]) -> list[Row]:
    """The rows, in order. Two titles with one key are refused (ValueError)."""
    events = [_event_row(row) for row in table["rows"] if "event" in row or "metric" in row]
    found = []
    for row in table["rows"]:
        if "measure" in row:
            found.append(_copy(row, events))
        elif "calculation" in row:
            found.append(Row(row["name"], None, str(row["calculation"]), "flow", "ending", None))
        else:
            found.append(_event_row(row))
    keys = [key_of(row.title) for row in found]
    if len(set(keys)) < len(keys):
        raise ValueError("two titles with one key")
    return found


def _event_row(row: Mapping[str, Any]) -> Row:
    event = str(row.get("event", row.get("metric")))
    return Row(row.get("name", event), event, None, row.get("kind", "flow"), row.get("display", "ending"),
               row.get("opening"))


def _copy(row: Mapping[str, Any], events: Sequence[Row]) -> Row:
    """A copy of an event row with another option: it has the event's kind, and its opening unless it says its own."""
    wanted = fold(str(row["measure"]))
    names: list[Callable[[Row], str]] = [
        lambda event: fold(event.title), lambda event: key_of(event.title), lambda event: fold(event.event or ""),
    ]
    for name in names:
        for event in events:
            if name(event) == wanted:
                return Row(row["name"], event.event, None, event.kind, row.get("display", "ending"),
                           row.get("opening", event.opening), copied=True)
    return Row(row["name"], None, None, "flow", "ending", None)


class Evaluation:
    """One table at one interval."""

    def __init__(
        self, table: Mapping[str, Any], ledgers: Mapping[str, Ledger], interval: str, as_of: date, numbers: Arithmetic
    ) -> None:
        self.ledgers = ledgers
        self.interval = interval
        self.arithmetic = numbers
        self.fiscal_start = int(table.get("fiscal_year_start", 1))
        self.strict = table.get("reuse") == "summit"
        self.rows = {key_of(row.title): row for row in rows_of(table)}
        events = {row.event: key for key, row in reversed(self.rows.items()) if row.event and not row.copied}
        self.names = Names([row.title for row in self.rows.values()], ledgers if len(ledgers) > 1 else (), events)
        moments = [time for ledger in ledgers.values() for _, time, _ in ledger]
        self.periods = periods(moments, as_of, interval, self.fiscal_start)
        self.trees: dict[str, Node] = {}
        self.faults: dict[str, str] = {}
        self.columns: dict[str, Column] = {}

    def result(self) -> Result:
        self.read()
        self.spread()
        for key in self.rows:
            self.column(key)
        title = {key: row.title for key, row in self.rows.items()}
        return Result(self.periods, {title[key]: self.columns[key] for key in self.rows},
                      {title[key]: fault for key, fault in self.faults.items()})

    def read(self) -> None:
        """Read every calculation; one that cannot be read is a fault of its row alone."""
        for key, row in self.rows.items():
            if row.calculation is None:
                if row.event is None:
                    self.faults[key] = "copies an event that the table does not have"
                continue
            try:
                self.trees[key] = parse(row.calculation, self.names)
            except BadExpression as fault:
                self.faults[key] = str(fault)

    @cached_property
    def uses(self) -> dict[str, set[str]]:
        """The rows that each row names."""
        found = {key: {reference.key for reference in references(tree)} for key, tree in self.trees.items()}
        return {key: found.get(key, set()) for key in self.rows}

    def spread(self) -> None:
        """Faults between rows: options of calculations, cycles, the strict rule; then rows that use a faulty one."""
        for key, tree in self.trees.items():
            if any(self.asks_too_much(reference) for reference in references(tree)):
                self.faults[key] = "a calculation has no display options and no sources"
            if key in self.reached(key):
                self.faults[key] = "uses itself"
            if self.strict and any(self.mixes(used) for used in self.uses[key]):
                self.faults[key] = "uses a calculation that mixes events and calculations"
        for key in self.trees:
            if key not in self.faults and self.reached(key) & self.faults.keys():
                self.faults[key] = "uses a row that is unavailable"

    def asks_too_much(self, reference: Reference) -> bool:
        """Whether a reference asks for an option or a source of a calculation, which has no executions."""
        return bool(reference.option or reference.source) and self.rows[reference.key].event is None

    def reached(self, key: str) -> set[str]:
        """Every row that a row uses, at any distance."""
        found: set[str] = set()
        waiting = list(self.uses[key])
        while waiting:
            used = waiting.pop()
            if used not in found:
                found.add(used)
                waiting.extend(self.uses[used])
        return found

    def mixes(self, key: str) -> bool:
        """Whether a row is a calculation over events and calculations together."""
        return len({self.rows[used].event is None for used in self.uses[key]}) == 2

    def column(self, key: str) -> Column:
        if key not in self.columns:
            row = self.rows[key]
            if key in self.faults:
                self.columns[key] = [(None, UNAVAILABLE)] * len(self.periods)
            elif row.event is not None:
                self.columns[key] = self.measured(row, row.display, None)
            else:
                self.columns[key] = self.compute(self.trees[key])
        return self.columns[key]

    def measured(self, row: Row, option: str, source: str | None) -> Column:
        ledger = self.ledgers[source or next(iter(self.ledgers))]
        assert row.event is not None
        found = measure(executions_of(ledger, row.event), self.periods, option, row.kind, row.opening)
        return [(value if value is None else self.arithmetic.number(value), reason) for value, reason in found]

    def compute(self, node: Node) -> Column:
        """One column for every node of the tree."""
        match node:
            case Number(value=value):
                return [(value, None)] * len(self.periods)
            case Reference(key=key, option=option, source=source):
                row = self.rows[key]
                if row.event is not None and (option or source):
                    return present(self.measured(row, option or row.display, source))
                return present(self.column(key))
            case Call(name=name, arguments=arguments):
                return self.call(name, arguments)

    def call(self, name: str, arguments: Sequence[Node]) -> Column:
        columns = [self.compute(argument) for argument in arguments]
        if name in ("lag", "lead"):
            steps = self._count(arguments) * (1 if name == "lag" else -1)
            return shifted(columns[0], steps, columns[2] if len(columns) > 2 else None)
        if name.startswith("rolling_"):
            return rolling(name, columns[0], self._count(arguments))
        if name == "cumulative" or name in TO_DATE:
            return running(columns[0], restarts(name, self.periods, self.fiscal_start))
        if name == "yoy":
            return year_over_year(columns[0], self.periods, self.interval, self.arithmetic)
        if name == "days":
            return [(period.days, None) for period in self.periods]
        if name == "is_partial":
            return [(float(period.is_partial), None) for period in self.periods]
        if name == "random":
            return [(Random(f"{place}").random(), None) for place in range(len(self.periods))]
        cells = zip(*columns, strict=True) if columns else [()] * len(self.periods)
        return [self.arithmetic.apply(name, row) for row in cells]

    @staticmethod
    def _count(arguments: Sequence[Node]) -> int:
        count = arguments[1] if len(arguments) > 1 else Number(1)
        assert isinstance(count, Number)
        return int(count.value)
