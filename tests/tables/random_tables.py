"""Random tables over awkward ledgers: gaps, zeros, negatives, executions at one time, titles that contain each other.

Everything follows from the seed. Values are short binary fractions, so that sums are exact in every order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

from .expressions import OPTIONS, Call, Node, Number, Reference, key_of
from .writing import Writer

Execution = tuple[str, datetime, float]
Known = dict[str, Sequence[str]]
"""The keys of the rows that an expression may use, each with the sources of its event; none for a calculation."""
SOURCES = ("actuals", "Plan_2")
TITLES = ("Net", "Income", "Net Income", "Net Income Tax", "MRR", "MRR growth", "Max", "Days", "Lag", "sum",
          "Profit and loss", "Sign-ups", "Rate [EU]", 'Say "cheese"', "2024 plan", "Case", "x", "X 1", "it's",
          "a; drop table x --", "Checking Account", "Umsatz €", "Prämie", "End of month", "Variance", "Variance %",
          "period", "value", "row")
VALUES = (0, 0, 0, 1, 1, 2, 3, 5, 10, 100, 1000, -1, -1, -2, -7, 0.25, 0.5, -0.5, -3.75, 12.5, 1024, 99999)
SHAPES = {
    "hours": (timedelta(hours=40), ("15min", "30min", "hour", "day", "week", "month", "quarter", "year")),
    "weeks": (timedelta(days=60), ("day", "week", "month", "quarter", "year")),
    "years": (timedelta(days=1000), ("week", "month", "quarter", "year")),
    "year and a day": (timedelta(days=400), ("day", "week", "month", "quarter", "year")),
}
"""How long a ledger is, and the intervals that make sense for it."""
STARTS = (datetime(2023, 12, 29), datetime(2024, 2, 27), datetime(2024, 6, 30), datetime(2022, 11, 14),
          datetime(2023, 3, 25))
ONE = ("abs", "sign", "ceil", "floor", "square", "sqrt", "ln", "log10", "log", "exp", "negate", "not", "max", "min",
       "round")
TWO = ("+", "-", "*", "/") * 3 + ("<", ">", "<=", ">=", "=", "<>", "and", "or", "nullif", "max", "min", "coalesce")
SORTS = ("two",) * 8 + ("one", "shift", "shift", "rolling", "rolling", "to date", "to date") * 2 + (
    "choice", "choice", "between", "power", "round")
TO_DATE = ("cumulative", "ytd", "qtd", "mtd", "yoy")
ROLLING = ("rolling_sum", "rolling_avg", "rolling_min", "rolling_max", "rolling_last", "rolling_count")


@dataclass(frozen=True)
class RandomTable:
    """A table in the shape of the project file, its ledgers, and what each calculation is as a tree."""

    table: dict[str, Any]
    ledgers: dict[str, list[Execution]]
    """By the name of the source; one without a name if there is one only."""
    as_of: date
    intervals: tuple[str, ...]
    trees: dict[str, Node]


def random_table(seed: int, faults: bool = True) -> RandomTable:
    """The table of a seed. With `faults`, one table in eight has a row that cannot be computed."""
    random = Random(f"table {seed}")
    shape = random.choice(list(SHAPES))
    length, intervals = SHAPES[shape]
    titles = random.sample(TITLES, random.randint(8, 14))
    events = titles[: random.randint(2, 4)]
    sources = SOURCES if random.random() < 0.25 else ("",)
    by_day = shape != "hours" and random.random() < 0.5
    start = random.choice(STARTS) + timedelta(minutes=random.choice((0, 1, 14 * 60 + 15)))
    ledgers = {source: random_ledger(random, events, start, length, by_day) for source in sources}
    last = max(moment for ledger in ledgers.values() for _, moment, _ in ledger).date()
    as_of = last + timedelta(days=random.choice((0, 0, 1, -1, -20, 15)))
    rows, trees = random_rows(random, titles, events, sources, faults and random.random() < 0.12)
    table: dict[str, Any] = {"rows": rows}
    if random.random() < 0.4:
        table["fiscal_year_start"] = random.randint(1, 12)
    return RandomTable(table, ledgers, as_of, intervals, trees)


def random_ledger(
    random: Random, events: Sequence[str], start: datetime, length: timedelta, by_day: bool
) -> list[Execution]:
    """Some executions of each event; of the last event few, of the first one sometimes none."""
    found: list[Execution] = []
    for place, event in enumerate(events):
        for _ in range(random.choice((3, 12, 60)) if place else random.choice((0, 10, 60))):
            moment = start + length * (random.choice((0.0, 0.25, 1.0)) if random.random() < 0.1 else random.random())
            moment = moment.replace(second=random.choice((0, moment.second)), microsecond=0)
            moment = moment.replace(hour=0, minute=0, second=0) if by_day else moment
            found.extend((event, moment, float(random.choice(VALUES))) for _ in range(random.choice((1, 1, 1, 2, 3))))
    random.shuffle(found)
    return found


def random_rows(
    random: Random, titles: Sequence[str], events: Sequence[str], sources: Sequence[str], faulty: bool
) -> tuple[list[dict[str, Any]], dict[str, Node]]:
    """Rows of every sort, calculations over those made before, then shuffled: the order of the table says nothing."""
    rows: list[dict[str, Any]] = [event_row(random, event) for event in events]
    known = {key_of(event): sources for event in events}
    trees: dict[str, Node] = {}
    names = {key_of(title): title for title in titles}
    for title in titles[len(events) :]:
        if random.random() < 0.25:
            copied = random.choice(rows[: len(events)])["event"]
            rows.append({"name": title, "measure": copied, "display": random.choice(OPTIONS)})
            known[key_of(title)] = sources
        else:
            trees[title] = random_tree(random, known, random.randint(1, 4))
            known[key_of(title)] = ()
    if faulty:
        spoil(random, trees)
    writer = Writer(names, random)
    for title, tree in trees.items():
        rows.append({"name": title, "calculation": random.choice(("", "", "= ")) + writer.write(tree)})
    random.shuffle(rows)
    return rows, trees


def event_row(random: Random, event: str) -> dict[str, Any]:
    row: dict[str, Any] = {"event": event}
    if random.random() < 0.5:
        row["kind"] = random.choice(("stock", "stock", "flow"))
    if random.random() < 0.7:
        row["display"] = random.choice(OPTIONS)
    if random.random() < 0.3:
        row["opening"] = random.choice(VALUES)
    return row


def spoil(random: Random, trees: dict[str, Node]) -> None:
    """Make one calculation use the last one, which closes a circle if that uses it."""
    titles = list(trees)
    if titles:
        title = random.choice(titles)
        trees[title] = Call("+", (trees[title], Call("lag", (Reference(key_of(titles[-1])),))))


def random_tree(random: Random, known: Known, depth: int) -> Node:
    """An expression over known rows."""
    if depth == 0 or random.random() < 0.12:
        return random_leaf(random, known)

    def below() -> Node:
        return random_tree(random, known, depth - 1)

    match random.choice(SORTS):
        case "one":
            return Call(random.choice(ONE), (below(),))
        case "choice":
            return Call("iif", (below(), below(), Call("nothing", ()) if random.random() < 0.2 else below()))
        case "between":
            return Call("between", (below(), below(), below()))
        case "shift":
            return random_shift(random, below)
        case "rolling":
            return Call(random.choice(ROLLING), (below(), Number(random.choice((1, 2, 3, 12)))))
        case "to date":
            return Call(random.choice(TO_DATE), (below(),))
        case "power":
            exponent = Number(random.choice((0, 1, 2, 3, 0.5)))
            return Call("power", (below(), exponent if random.random() < 0.7 else Call("negate", (exponent,))))
        case "round":
            digits = Number(random.choice((0, 1, 2)))
            return Call("round", (below(), digits if random.random() < 0.7 else Call("negate", (digits,))))
        case _:
            return Call(random.choice(TWO), (below(), below()))


def random_shift(random: Random, below: Any) -> Node:
    arguments: tuple[Node, ...] = (below(),)
    if random.random() < 0.5:
        arguments += (Number(random.choice((0, 1, 2, 3, 12))),)
        if random.random() < 0.4:
            arguments += (random.choice((Number(0), Number(2.5), below())),)
    return Call(random.choice(("lag", "lag", "lead")), arguments)


def random_leaf(random: Random, known: Known) -> Node:
    if random.random() < 0.2:
        return Number(random.choice((0, 1, 2, 0.5, 100)))
    if random.random() < 0.08:
        return Call(random.choice(("days", "is_partial", "pi")), ())
    key = random.choice(list(known))
    option = random.choice(OPTIONS) if known[key] and random.random() < 0.3 else None
    source = random.choice(known[key]) if len(known[key]) > 1 and random.random() < 0.6 else None
    return Reference(key, option, source)
