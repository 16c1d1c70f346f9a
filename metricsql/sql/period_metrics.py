"""Executions of a table over metrics: each metric added up over the records of a day, one execution a day.

Everything is read from the built file: `metrics.<model>` for the values, `metrics.<model>_latest` for the fields that
`where:` and `by:` name, as they are now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlglot import exp

from metricsql.diagnostics import Findings, Place, did_you_mean
from metricsql.plan.periods import PeriodPlan
from metricsql.project.definition import RowDef, TableDef
from metricsql.sql import syntax
from metricsql.sql.conditions import check_kinds, parse_condition
from metricsql.sql.period_grid import SEGMENT, literal, order_key, quoted
from metricsql.sql.steps import Step

BY_DAY, EXECUTIONS = "metrics by day", "executions"
NO_SEGMENT = "(none)"
"""The segment of records without a value of the field."""
FIELD_PREFIX = "custom."
_AGGREGATES = {"sum": "SUM", "average": "AVG", "count": "COUNT"}


@dataclass(frozen=True)
class KnownField:
    """A field of a model: its column in `metrics.<model>_latest`, and whether it is a number or a text."""

    column: str
    kind: str


Fields = Mapping[str, KnownField]


def metric_steps(plan: PeriodPlan, table: TableDef, fields: Fields, findings: Findings) -> list[Step]:
    """The step with the executions and those before it; conditions that cannot be asked go to the findings."""
    joined = "r"
    conditions = {row.where: _condition(row.where, fields, row, findings) for row in table.rows if row.where is not None}
    whole = _table_condition(table, fields, findings)
    segment = _segment(table, fields, findings)
    columns = ['CAST(m."day" AS TIMESTAMP) AS "time"']
    if segment is not None:
        columns.append(f"{segment} AS {quoted(SEGMENT)}")
    for number, item in enumerate(plan.table.items):
        test = conditions.get(item.where) if item.where is not None else None
        only = f" FILTER (WHERE {test})" if test else ""
        value = f"{_AGGREGATES[item.over]}(m.{quoted(item.metric or '')}){only}"
        if item.over == "count" and test:  # where there are no such records, nothing is counted
            value = f"CASE WHEN COUNT(*){only} > 0 THEN {value} END"
        columns.append(f"CAST({value} AS DOUBLE) AS {quoted(plan.items[number])}")
    query = "SELECT\n  " + ",\n  ".join(columns) + f'\nFROM "metrics".{quoted(table.model or "")} AS m'
    if conditions or whole or segment:
        query += f'\nJOIN "metrics".{quoted(f"{table.model}_latest")} AS {joined}\n  ON {joined}."record" = m."record"'
    query += f"\nWHERE {whole}" if whole else ""
    by_day = Step(BY_DAY, "The metrics of each day, over all records.", query + "\nGROUP BY ALL")
    return [by_day, _executions(plan, segment is not None)]


def _executions(plan: PeriodPlan, segmented: bool) -> Step:
    names = list(plan.items.values())
    events = ", ".join(map(literal, names))
    values = ", ".join(map(quoted, names))
    kept = ['"time"', order_key('"time"', "0") + ' AS "order"', *([quoted(SEGMENT)] if segmented else []),
            f'UNNEST([{events}]) AS "event"', f'UNNEST([{values}]) AS "value"']
    query = "SELECT\n  " + ",\n  ".join(kept) + f"\nFROM {quoted(BY_DAY)}"
    return Step(EXECUTIONS, "The value of a day is one execution.", query)


def _names(fields: Fields) -> dict[str, exp.Expression]:
    columns = {name: syntax.column(field.column, "r") for name, field in fields.items()}
    return {**columns, **{FIELD_PREFIX + name: column for name, column in columns.items()}}


def _condition(where: str, fields: Fields, row: RowDef, findings: Findings) -> str | None:
    return _parsed(where, fields, row.locate(("where",)), findings)


def _table_condition(table: TableDef, fields: Fields, findings: Findings) -> str | None:
    return None if table.where is None else _parsed(table.where, fields, table.locate(("where",)), findings)


def _parsed(where: str, fields: Fields, place: Place, findings: Findings) -> str | None:
    condition = parse_condition(where, _names(fields), place, findings)
    kinds = {name: field.kind for name, field in fields.items()}
    if condition is None or not check_kinds(where, kinds, place, findings):
        return None
    return syntax.render(condition, pretty=False)


def _segment(table: TableDef, fields: Fields, findings: Findings) -> str | None:
    """The text of the `by:` field of a record."""
    if table.by is None:
        return None
    name = table.by.removeprefix(FIELD_PREFIX) if table.by not in fields else table.by
    if name not in fields:
        findings.error("unknown-field", f"`{table.model}` has no field `{table.by}`", table.locate(("by",)),
                       did_you_mean(name, fields) or "known are " + ", ".join(f"`{known}`" for known in list(fields)[:12]))
        return None
    words = f"CAST(r.{quoted(fields[name].column)} AS VARCHAR)"
    if fields[name].kind == "number":
        words = f"REGEXP_REPLACE({words}, '\\.0$', '')"
    return f"COALESCE(NULLIF({words}, ''), {literal(NO_SEGMENT)})"
