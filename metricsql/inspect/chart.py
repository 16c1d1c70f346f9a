"""Charts in the terminal: the values of a few records as lines, or of many as their mean and spread."""

from __future__ import annotations

import math
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from metricsql.build.output_tables.table import Table
from metricsql.build.summary import DaySummary
from metricsql.diagnostics import one_line

MOST_RECORDS = 6
COLOURS = ("blue+", "orange+", "green+", "magenta+", "cyan+", "red+")
PLAIN_MARKS = ("•", "x", "+", "o", "#", "*")
"""What tells the lines apart where there is no colour."""
Point = tuple[date, float | None]


@dataclass(frozen=True)
class Line:
    """One line of a chart; a day without a value is a gap."""

    label: str
    points: Sequence[Point]
    every: bool = False
    """The points follow each other, whatever their distance; else they are days, and a day that is not there is a gap."""

    def runs(self) -> list[list[tuple[int, float]]]:
        """The stretches of days that have a value, as day numbers and values."""
        found: list[list[tuple[int, float]]] = [[]]
        for day, value in self.points:
            if value is None or (not self.every and found[-1] and day.toordinal() != found[-1][-1][0] + 1):
                found.append([])
            if value is not None:
                found[-1].append((day.toordinal(), value))
        return [run for run in found if run]


def print_chart(metric: str, rows: Iterable[tuple[Any, ...]]) -> None:
    """Draw rows of (record, day, value), one line per record."""
    by_record: dict[str, list[Point]] = {}
    for record, day, value in rows:
        by_record.setdefault(record, []).append((day, value))
    lines = [Line(record, points) for record, points in by_record.items()]
    if len(lines) > MOST_RECORDS:
        print(f"the first {MOST_RECORDS} of {len(lines)} records; `--record` chooses others", file=sys.stderr)
    _print(draw(metric, lines[:MOST_RECORDS], coloured=_coloured(), size=_size()))


def print_spread(metric: str, days: Sequence[DaySummary]) -> None:
    """Draw the mean of many records and the band that holds nine in ten of them."""
    lines = [Line("95 % are below", [(d.day, d.high) for d in days]),
             Line("mean", [(d.day, d.mean) for d in days]),
             Line("5 % are below", [(d.day, d.low) for d in days])]
    most = max((d.records for d in days), default=0)
    _print(draw(f"{metric} of {most} records", lines, coloured=_coloured(), size=_size()))


def print_table_chart(table: Table) -> None:
    """Draw the rows of an output table as lines; only the first ones of many."""
    rows = [row for row in table.rows if any(cell.value is not None for cell in row.cells)]
    if len(rows) > MOST_RECORDS:
        print(f"the first {MOST_RECORDS} of {len(rows)} rows; choose others with --row", file=sys.stderr)
    days = [period.start.date() for period in table.periods]
    lines = [Line(" ".join(part for part in (row.segment, row.title) if part),
                  [(day, cell.value) for day, cell in zip(days, row.cells, strict=True)], every=True) for row in rows[:MOST_RECORDS]]
    _print(draw(table.name, lines, coloured=_coloured(), size=_size()))


def draw(title: str, lines: Sequence[Line], *, coloured: bool, size: tuple[int, int]) -> str:
    """The chart as text, `size` characters wide and high."""
    runs = [(number, run) for number, line in enumerate(lines) for run in line.runs()]
    if not runs:
        return f"{one_line(title)}: no value to draw\n"
    import plotext  # type: ignore[import-untyped]

    days = [day for line in lines for day, _ in line.points]
    values = [value for _, run in runs for _, value in run]
    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(size[0], size[1] - len(lines) // 3 - 1)
    for number, run in runs:
        plotext.plot([x for x, _ in run], [y for _, y in run], marker=_mark(number, len(lines), coloured),
                     color=COLOURS[number] if coloured else None)
    _axes(plotext, min(days), max(days), values, size[0])
    plotext.title(f"{one_line(title)}, {min(days)} to {max(days)}")
    text = plotext.build() if coloured else plotext.uncolorize(plotext.build())
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n" + _legend(plotext, lines, coloured) + "\n"


def _mark(number: int, lines: int, coloured: bool) -> str:
    return "braille" if coloured or lines == 1 else PLAIN_MARKS[number]


def _legend(plotext: Any, lines: Sequence[Line], coloured: bool) -> str:
    words = []
    for number, line in enumerate(lines):
        mark = "──" if coloured else "•" if len(lines) == 1 else PLAIN_MARKS[number]
        empty = "" if line.runs() else " (no value)"
        words.append(f"{plotext.colorize(mark, COLOURS[number]) if coloured else mark} {one_line(line.label)}{empty}")
    return "  " + "   ".join(words)


def _axes(plotext: Any, first: date, last: date, values: Sequence[float], width: int) -> None:
    ticks = max(2, min(7, width // 18))
    start, end = first.toordinal(), last.toordinal()
    days = sorted({round(start + (end - start) * i / (ticks - 1)) for i in range(ticks)})
    plotext.xlim(start, max(end, start + 1))
    plotext.xticks(days, [date.fromordinal(day).isoformat() for day in days])
    marks = nice_ticks(min(values), max(values))
    plotext.ylim(min(marks[0], min(values)), max(marks[-1], max(values)))
    plotext.yticks(marks, [f"{mark:,.10g}" for mark in marks])


def nice_ticks(low: float, high: float, about: int = 5) -> list[float]:
    """Round numbers from at most `low` to at least `high`."""
    if high - low <= abs(high) * 1e-9:
        pad = abs(high) / 2 or 1.0
        low, high = low - pad, high + pad
    power = 10.0 ** math.floor(math.log10((high - low) / about))
    step = next(factor * power for factor in (1, 2, 5, 10) if (high - low) / (factor * power) <= about)
    return [round(i * step, 12) for i in range(math.floor(low / step), math.ceil(high / step) + 1)]


def _coloured() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _size() -> tuple[int, int]:
    width, height = shutil.get_terminal_size((100, 26))
    return max(40, min(width, 160)), max(12, min(height - 2, 24))


def _print(text: str) -> None:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "replace").decode(encoding))
