"""A computed output table: what `Project.table` returns. Plain data, ready to be shown or written as JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from metricsql.formula.titles import key_of
from metricsql.project.definition import NumberFormat


@dataclass(frozen=True)
class Period:
    """A column. `end` is exclusive; both are on the clocks of the project."""

    start: datetime
    end: datetime
    title: str
    is_partial: bool = False


class Cell(NamedTuple):
    """A value, or the reason why there is none."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Row:
    """A row with a cell for every period. `segment` is the value of the `by:` field; `unavailable` says why it is."""

    position: int
    title: str
    key: str
    segment: str | None = None
    format: NumberFormat = field(default_factory=NumberFormat)
    unavailable: str | None = None
    cells: list[Cell] = field(default_factory=list)

    @property
    def data_key(self) -> str:
        """The snake_case name of the row in data; in a table with segments, with that of the segment in front."""
        return self.key if self.segment is None else "_".join(part for part in (key_of(self.segment), self.key) if part)


@dataclass(frozen=True)
class Table:
    """Rows by periods."""

    name: str
    interval: str
    periods: list[Period]
    rows: list[Row]

    def to_json(self) -> dict[str, Any]:
        """`groups`: the periods; `results`: one object of raw numbers per period."""
        names = dict(self._names())
        groups = [{"from": _moment(p.start), "to": _moment(p.end), "title": p.title, "is_partial": p.is_partial}
                  for p in self.periods]
        results = [{names[row.position]: row.cells[number].value for row in self.rows} for number in range(len(self.periods))]
        unavailable = {names[row.position]: row.unavailable for row in self.rows if row.unavailable is not None}
        return {"table": self.name, "interval": self.interval, "groups": groups, "results": results,
                **({"unavailable": unavailable} if unavailable else {})}

    def _names(self) -> Iterator[tuple[int, str]]:
        taken: set[str] = set()
        for row in self.rows:
            name, number = row.data_key, 2
            while name in taken:
                name, number = f"{row.data_key}_{number}", number + 1
            taken.add(name)
            yield row.position, name


def _moment(time: datetime) -> str:
    """A day where it is midnight, else a time."""
    return time.date().isoformat() if (time.hour, time.minute, time.second) == (0, 0, 0) else time.isoformat()


def period_title(start: datetime, interval: str, fiscal_year_start: int = 1) -> str:
    """What a column is called: `2025-03`, `2025-W10`, `2025 Q1`, `2025`; fiscal years by the year they end in."""
    month = (start.month - fiscal_year_start) % 12
    year = start.year + (fiscal_year_start > 1 and start.month >= fiscal_year_start)
    prefix = "FY" if fiscal_year_start > 1 else ""
    match interval:
        case "year":
            return f"{prefix}{year}"
        case "quarter":
            return f"{prefix}{year} Q{month // 3 + 1}"
        case "month":
            return f"{start.year:04}-{start.month:02}"
        case "week":
            iso = start.isocalendar()
            return f"{iso.year:04}-W{iso.week:02}"
        case "day":
            return start.date().isoformat()
    return f"{start:%Y-%m-%d %H:%M}"
