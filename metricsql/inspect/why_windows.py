"""What one operation over time looked at: its days, the values that counted, the raw rows behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from metricsql import operators
from metricsql.bind.tree import Leaf
from metricsql.build.raw_rows import DayRows
from metricsql.build.record import RecordReader
from metricsql.inspect.why_nodes import DayValue, Window
from metricsql.inspect.why_words import counted
from metricsql.operators import Value, WindowOperator
from metricsql.project.definition import ZERO_FILLED

COLLAPSED = {"sum": "the sum", "avg": "the average", "min": "the smallest", "max": "the largest", "last": "the last"}


@dataclass(frozen=True)
class Look:
    """A leaf as it looks at a series from a day. `series` holds the value of every day that has one."""

    reader: RecordReader
    leaf: Leaf
    key: str
    day: date
    series: Mapping[date, float]
    result: Value
    grid_first: date
    """The first day of the record's grid."""

    def window(self, limit: int | None) -> Window:
        """The facts, with at most `limit` values and rows."""
        days = [day for day in self.counted if day not in self.as_zero or self.picks]
        shown = days[:limit]
        values = tuple(DayValue(day, self.series[day], self.rows_of(day).rows, self.made(day)) for day in shown)
        rows = [] if not days else self.reader.rows(
            self.leaf.series, self.key, days[-1], days[0], self.counted if self.picks else None, limit)
        total = sum(self.rows_of(day).rows for day in days)
        leaf, zeros = self.leaf, len(self.as_zero)
        return Window(self.block.json, str(leaf.series), leaf.series.model, leaf.days, self.first, self.day,
                      len(self.present) - zeros, zeros, values, len(days) - len(shown), tuple(rows), total - len(rows))

    # Which days

    @property
    def block(self) -> WindowOperator:
        return operators.window(self.leaf.op)

    @cached_property
    def first(self) -> date | None:
        """The first day that is looked at."""
        if self.leaf.days is None:
            return min((day for day in self.series if day <= self.day), default=None)
        back = self.leaf.days - (self.block.reads != "offset")
        return date.fromordinal(max(1, self.day.toordinal() - back))

    @cached_property
    def then(self) -> date | None:
        """The day that today is compared with; None where the calendar has no such day."""
        before = self.day.toordinal() - (self.leaf.days or 0)
        return date.fromordinal(before) if before > 0 else None

    @cached_property
    def present(self) -> list[date]:
        """The days that are looked at and have a value, newest first."""
        if self.first is None:
            return []
        if self.block.reads == "offset":
            return [day for day in (self.day, self.then) if day in self.series and day is not None]
        return sorted((day for day in self.series if self.first <= day <= self.day), reverse=True)

    @property
    def picks(self) -> bool:
        """Whether the operation picks certain days of those it looks at."""
        return self.block.key in ("last", "min", "max", "days_since") or self.block.reads == "offset"

    @cached_property
    def counted(self) -> list[date]:
        """The days whose values made the result, newest first."""
        match self.block.key:
            case "last":
                return self.present[:1]
            case "min" | "max":
                return [day for day in self.present if self.series[day] == self.result][:1]
            case "days_since":
                return [day for day in self.present if self.series[day] > 0][:1]
        return self.present

    @property
    def telling(self) -> date | None:
        """The day of a metric whose formula tells most: the newest that counted, or one whose value is missed."""
        missed = [self.day] if self.block.reads != "offset" else \
            [day for day in (self.day, self.then) if day is not None and day not in self.series]
        if self.counted and (self.leaf.series.rollup or self.block.reads != "offset" or not missed):
            return self.counted[0]
        return None if self.leaf.series.rollup else next((day for day in missed if day >= self.grid_first), None)

    @cached_property
    def as_zero(self) -> set[date]:
        """The days without data that count as 0."""
        if self.leaf.series.namespace not in ZERO_FILLED:
            return set()
        return {day for day in self.present if not self.rows_of(day).rows}

    @cached_property
    def counts(self) -> Mapping[date, DayRows]:
        first = date.min if self.leaf.days is None or self.first is None else self.first
        return self.reader.counts(self.leaf.series, self.key, first, self.day)

    def rows_of(self, day: date) -> DayRows:
        return self.counts.get(day, DayRows(0, 0, 0, 0))

    def made(self, day: date) -> str | None:
        """How the value of a day came from its rows, in words; None for a single row."""
        series, found = self.leaf.series, self.rows_of(day)
        if day in self.as_zero:
            return "no data, which counts as 0"
        if series.calculated:
            return f"the sum over {counted(found.records, 'record')} of {series.model}" if series.rollup else None
        if found.rows <= 1:
            return None
        how = COLLAPSED[self.reader.context.definition.series[series.namespace].collapse_of(series.name)]
        if series.rollup and found.records > 1:
            each = f"; of the {found.rows} rows, {how} for each record" if found.rows > found.records else ""
            return f"the sum over {found.records} records of {series.model}{each}"
        return f"{how} of {found.rows} rows"
