"""What the series of a model amount to through a day, kept in the built file for the leaves that read everything.

A new day then reads the days since, and not all days again. The table's name says through which day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from metricsql import operators
from metricsql.sql import syntax
from metricsql.sql.inputs import KEPT_SCHEMA, kept_name
from metricsql.sql.syntax import column, named

THROUGH = " through "


@dataclass(frozen=True)
class Totals:
    """A kept table with one row per record. `columns` gives the column of each series and window operator."""

    model: str
    namespace: str
    through: date
    columns: Mapping[tuple[str, str], str]

    @property
    def table(self) -> str:
        return f"{self.model} {self.namespace}{THROUGH}{self.through}"


def day_of_totals(table: str) -> date | None:
    """The day through which a table tells totals, by its name; None for another table."""
    _, found, day = table.rpartition(THROUGH)
    try:
        return date.fromisoformat(day) if found else None
    except ValueError:
        return None


def make_totals(totals: Totals, kept: Mapping[str, str]) -> str:
    """The statement that makes the table from the kept series, whose columns are given by name."""
    query = syntax.select(column("record"))
    for (series, op), label in totals.columns.items():
        block = operators.window(op)
        value = syntax.fill(block.input, x=column(kept[series]), day=column("day"))
        query = query.select(named(syntax.fill(block.day, x=value, day=column("day")), label), copy=False)
    query = query.from_(syntax.table(kept_name(totals.model, totals.namespace), schema=KEPT_SCHEMA), copy=False)
    query = query.where(syntax.fill("{0} <= {1}", [column("day"), syntax.day(totals.through)]), copy=False)
    table = syntax.render(syntax.table(totals.table, schema=KEPT_SCHEMA), pretty=False)
    return f"CREATE TABLE {table} AS\n{syntax.render(query.group_by(column('record'), copy=False))}"
