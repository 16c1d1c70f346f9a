"""What stands behind one cell of an output table: the columns of its period, and the executions of a measure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from metricsql.bind.cells import Measured
from metricsql.build.engine import Engine
from metricsql.build.output_tables.compute import (
    ORDER,
    Prepared,
    Wanted,
    as_table,
    check_size,
    load_by_period,
    prepared_table,
)
from metricsql.build.output_tables.table import Period, Row, Table
from metricsql.plan.periods import STATES
from metricsql.project.definition import Definition
from metricsql.sql.period_grid import BY_PERIOD, SEGMENT, START, executions_query, quoted
from metricsql.sql.steps import Step, statement


@dataclass(frozen=True)
class Behind:
    """A cell with its table; `values` are the columns of its period by label, `count` all executions behind it."""

    prepared: Prepared
    table: Table
    row: Row
    period: Period
    values: dict[str, Any]
    executions: list[tuple[datetime, float]]
    count: int


def look_behind(definition: Definition, wanted: Wanted, choose: Callable[[Table], tuple[Row, Period]],
                limit: int | None) -> Behind:
    """Compute a table and look behind the cell that `choose` picks. Raises `ProjectError`."""
    with prepared_table(definition, wanted) as (engine, prepared):
        load_by_period(engine, prepared, BY_PERIOD)
        check_size(engine, prepared)
        table = as_table(prepared, engine.rows(statement(prepared.cells(), order_by=ORDER)))
        row, period = choose(table)
        *steps, _ = prepared.cells()
        where = f"{quoted(START)} = ?" + (f" AND {quoted(SEGMENT)} = ?" if prepared.segmented else "")
        parameters = [period.start, *([row.segment] if prepared.segmented else [])]
        last = Step("the period", "", f"SELECT *\nFROM {quoted(steps[-1].name)}\nWHERE {where}")
        engine.run(statement([*steps, last]), parameters)
        names = [column[0] for column in engine.connection.description or ()]
        values = dict(zip(names, engine.connection.fetchone() or (), strict=False))
        found = _executions(engine, prepared, row, period)
    return Behind(prepared, table, row, period, values, found[:limit], len(found))


def _executions(engine: Engine, prepared: Prepared, row: Row, period: Period) -> list[tuple[datetime, float]]:
    """The executions of a measured row in the period, in their order; for a state also the last one before."""
    bound = prepared.table.rows[(row.position - 1) % len(prepared.table.rows)]
    if not isinstance(bound.tree, Measured) or bound.definition.calculation is not None:
        return []
    item = prepared.table.items[bound.tree.item]
    step = prepared.executions[item.source]
    event = item.event or prepared.plan.items[bound.tree.item]
    query = executions_query(step, prepared.segmented, bound.tree.option in STATES)
    parameters: list[Any] = [event, period.end, *([row.segment] if prepared.segmented else [])]
    rows = engine.rows(statement([*prepared.before, Step("behind", "", query)]), parameters)
    before = [found for found in rows if found[0] < period.start][-1:] if bound.tree.option in STATES else []
    return [*before, *(found for found in rows if found[0] >= period.start)]
