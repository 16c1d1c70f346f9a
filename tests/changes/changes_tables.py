"""Changes of output tables: their ledger, their rows, and how they are cut."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from tests.changes.formulas import some_where
from tests.changes.pieces import by_name
from tests.changes.start import CLOCKS, VALUES
from tests.changes.state import Ledger, Output, OutputRow, State

EVENTS = ("Revenue", "Cost", "Cash")
DISPLAYS = ("ending", "starting", "change", "sum", "average", "min", "max", "count")
OVER = ("sum", "average", "count")
INTERVALS = ("day", "week", "month")


def some_execution(rng: random.Random, state: State) -> Ledger:
    """An execution of an event, mostly of late."""
    day = state.as_of - timedelta(days=rng.choice((-1, 0, 0, 1, 2, 5, rng.randint(3, 40))))
    return rng.choice(EVENTS), datetime.combine(day, rng.choice(CLOCKS)), float(rng.choice(VALUES))


def first_output(rng: random.Random, state: State) -> Output:
    """A table over company metrics, and how the ledger's events are shown."""
    output = Output([some_execution(rng, state) for _ in range(25)], {event: rng.choice(DISPLAYS) for event in EVENTS})
    for _ in range(2):
        add_row(rng, state, output)
    return output


def add_row(rng: random.Random, state: State, output: Output) -> OutputRow | None:
    """A row for a company metric that has none yet."""
    shown = {row.number for row in output.rows}
    free = [metric.number for metric in state.metrics if metric.model == "company" and metric.number not in shown]
    if not free:
        return None
    where = some_where(rng) if rng.random() < 0.3 else None
    if where is not None and where.field not in state.columns["company"]:
        where = None
    row = OutputRow(rng.choice(free), rng.choice(OVER), rng.choice(DISPLAYS), where)
    output.rows.append(row)
    return row


def new_executions(rng: random.Random, state: State) -> str:
    """Executions more in the ledger."""
    made = [some_execution(rng, state) for _ in range(rng.choice((1, 1, 3)))]
    state.output.ledger += made
    return f"in the ledger: {made}"


def change_execution(rng: random.Random, state: State) -> str | None:
    """An execution has another value, or is gone."""
    if not state.output.ledger:
        return None
    place = rng.randrange(len(state.output.ledger))
    event, at, value = state.output.ledger.pop(place)
    if rng.random() < 0.5:
        return f"no longer in the ledger: {event} {at} {value}"
    state.output.ledger.insert(place, (event, at, value + 1))
    return f"in the ledger {event} {at} is {value + 1}, not {value}"


def new_table_row(rng: random.Random, state: State) -> str | None:
    """A row more in the table of metrics."""
    row = add_row(rng, state, state.output)
    return f"new row of the table: {row}" if row else None


def change_table_row(rng: random.Random, state: State) -> str | None:
    """A row of the table of metrics is shown in another way, or gone."""
    if not state.output.rows:
        return None
    row = rng.choice(state.output.rows)
    if rng.random() < 0.2:
        state.output.rows.remove(row)
        return f"row of the table gone: {row}"
    row.over, row.display = rng.choice(OVER), rng.choice(DISPLAYS)
    return f"row of the table: {row}"


def change_table(rng: random.Random, state: State) -> str:
    """The interval of the tables, or how an event is shown, is another one."""
    if rng.random() < 0.5:
        state.output.interval = rng.choice(INTERVALS)
        return f"interval of the tables is {state.output.interval}"
    event = rng.choice(EVENTS)
    state.output.displays = {**state.output.displays, event: rng.choice(DISPLAYS)}
    return f"{event} is shown by {state.output.displays[event]}"


TABLE_CHANGES = by_name(new_executions, change_execution, new_table_row, change_table_row, change_table)
