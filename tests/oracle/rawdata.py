"""From raw points to one number per record and day, and the grid (docs/semantics.md sections 1.2, 1.3 and 1.6)."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import date, datetime, time, timedelta

from .arithmetic import mean, total
from .model import Number, Panel, Point, RuleError
from .names import COUNTED, SeriesName, namespace_of, setting_key

COLLAPSES = ("sum", "min", "max", "avg", "last")


def day_of(point: Point) -> date:
    """The calendar day of a point."""
    return point.at.date() if isinstance(point.at, datetime) else point.at


def moment_of(point: Point) -> datetime:
    """The timestamp by which `last` orders; a plain date is the start of its day."""
    if isinstance(point.at, datetime):
        # The hour is local already, so an offset that still hangs on it says nothing more.
        return point.at.replace(tzinfo=None)
    return datetime.combine(point.at, time.min)


def counts_for(point: Point, panel: Panel) -> set[tuple[str, str]]:
    """The known records a point counts for, each once.

    An activity counts also for the companies of the children it names (section 1.6); an unknown record is left out.
    """
    named = {(model, key) for model, key in point.records.items() if key in panel.models.get(model, {})}
    if namespace_of(point.namespace) != "activities":
        return named
    owners = {(panel.root, panel.models[model][key].company) for model, key in named if model != panel.root}
    return named | {(root, key) for root, key in owners if key is not None and key in panel.models[root]}


def number_of(point: Point, panel: Panel) -> Number:
    """The number a point brings, or NULL for a row that is no data."""
    namespace = namespace_of(point.namespace)
    if point.value is None:
        return 1.0 if namespace in COUNTED else None
    if not math.isfinite(point.value):
        return None
    if point.value == 0 and zero_is_missing(panel, namespace, point.name):
        return None
    return float(point.value)


def zero_is_missing(panel: Panel, namespace: str, name: str) -> bool:
    """Whether a sent 0 of this series is read as no data; custom metrics only."""
    keys = {setting_key(written) for written in panel.zeros_missing}
    if any(key[0] != "metrics" for key in keys):
        raise RuleError("zeros can be missing in custom metrics only")
    return namespace == "metrics" and (("metrics", None) in keys or ("metrics", name) in keys)


def collapse_mode(panel: Panel, namespace: str, name: str) -> str:
    """How several points of a day become one: set for the name, else for the namespace, else the default."""
    chosen = {setting_key(written): mode for written, mode in panel.collapse.items()}
    default = "sum" if namespace in COUNTED else "last"
    mode = chosen.get((namespace, name), chosen.get((namespace, None), default))
    if mode not in COLLAPSES:
        raise RuleError(f"unknown collapse {mode!r}")
    return mode


def collapsed(mode: str, rows: list[tuple[datetime, int, float]]) -> Number:
    """One number for the rows (moment, place in the source, number) of a day."""
    numbers = [number for _, _, number in rows]
    if mode == "sum":
        return total(numbers)
    if mode == "avg":
        return mean(numbers)
    if mode == "min":
        return min(numbers)
    if mode == "max":
        return max(numbers)
    return max(rows, key=lambda row: (row[0], row[1]))[2]


def sent_values(panel: Panel) -> dict[tuple[SeriesName, str], dict[date, float]]:
    """The values that were sent: series and record -> day -> number. Days without data are absent."""
    rows: dict[tuple[SeriesName, str], dict[date, list[tuple[datetime, int, float]]]] = defaultdict(lambda: defaultdict(list))
    for place, point in enumerate(panel.points):
        number = number_of(point, panel)
        if number is None:
            continue
        for model, key in counts_for(point, panel):
            series = SeriesName(model, namespace_of(point.namespace), point.name)
            rows[series, key][day_of(point)].append((moment_of(point), place, number))
    sent: dict[tuple[SeriesName, str], dict[date, float]] = {}
    for (series, key), days in rows.items():
        mode = collapse_mode(panel, series.namespace, series.name)
        values = {day: collapsed(mode, day_rows) for day, day_rows in days.items()}
        sent[series, key] = {day: value for day, value in values.items() if value is not None}
    return sent


def first_day(panel: Panel) -> date | None:
    """The project's first day: `start`, else the first day of any point that is data of a known record."""
    if panel.start is not None:
        return panel.start
    days = [day_of(point) for point in panel.points if number_of(point, panel) is not None and counts_for(point, panel)]
    return min(days, default=None)


def grids(panel: Panel) -> dict[tuple[str, str], list[date]]:
    """The days of the grid of every record (model, key), oldest first."""
    project_first = first_day(panel)
    days: dict[tuple[str, str], list[date]] = {}
    for model, records in panel.models.items():
        for key, record in records.items():
            first = project_first
            if first is not None and record.since is not None and record.since > first:
                first = record.since
            days[model, key] = [] if first is None else [first + timedelta(days=gone) for gone in range((panel.as_of - first).days + 1)]
    return days
