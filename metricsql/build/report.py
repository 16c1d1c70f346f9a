"""What a build did, in words and as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from metricsql.diagnostics import Diagnostic, one_line
from metricsql.plan.affected import Cause

REASONS = {
    "name": "have no name of a series",
    "record": "name no known record",
    "unknown": "name a record that is not known, besides one that is",
    "date": "have no readable date",
    "value": "have no readable value",
    "line": "have other columns than the header, or are not UTF-8",
    "duplicate": "have the key of a later row",
    "key": "have no key",
    "event": "have no event",
    "since": "have no readable first day",
    "company": "belong to no known company",
}


DAYS_SHOWN = 5
_ONE = {"have": "has"}
"""Verbs of the reasons for one row, where it is not the plural with an `s`."""


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


@dataclass(frozen=True)
class Unusable:
    """Rows of a source that were not used (or not fully): how many, why, and the first examples."""

    source: str
    reason: str
    rows: int
    examples: tuple[str, ...] = ()

    def __str__(self) -> str:
        shown = ", ".join(f"`{one_line(e, 60)}`" for e in self.examples)
        reason = REASONS[self.reason]
        if self.rows == 1:
            verb, _, rest = reason.partition(" ")
            reason = f"{_ONE.get(verb, verb + 's')} {rest}"
        return f"{self.source}: {self.rows} row{'s' if self.rows != 1 else ''} {reason}" + \
            (f", for example {shown}" if shown else "")

    def to_dict(self) -> dict[str, Any]:
        return {"source": self.source, "reason": self.reason, "rows": self.rows, "examples": list(self.examples)}


@dataclass(frozen=True)
class Settled:
    """Values of one metric that changed after their day was built: how many, from when to when, and why."""

    metric: str
    values: int
    first: date
    last: date
    causes: tuple[Cause, ...]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {"metric": self.metric, "values": self.values, "from": self.first.isoformat(), "to": self.last.isoformat(),
                "because": [_cause(cause) for cause in self.causes]}

    def __str__(self) -> str:
        days = str(self.first) if self.first == self.last else f"{self.first} to {self.last}"
        because = "; ".join(dict.fromkeys(cause_words(cause) for cause in self.causes))
        return f"{self.metric}: {self.values:,} value{'s' if self.values != 1 else ''} of {days} changed, because {because}"


def _cause(cause: Cause) -> dict[str, Any]:
    named = {"name": cause.name} if cause.name else {}
    return {"kind": cause.kind, **named, **({"days": [day.isoformat() for day in cause.days]} if cause.days else {})}


def cause_words(cause: Cause) -> str:
    """Why values changed, as the end of a sentence."""
    match cause.kind:
        case "late data":
            shown = ", ".join(str(day) for day in cause.days[:DAYS_SHOWN])
            more = f" and {len(cause.days) - DAYS_SHOWN} more days" if len(cause.days) > DAYS_SHOWN else ""
            return f"{cause.name} has other data on {shown}{more}"
        case "formula":
            return "its definition changed"
        case "uses":
            return f"it uses {cause.name}, which changed"
        case "field":
            return f"the field {cause.name} has other values from {cause.days[0]} on"
        case "option":
            return f"{cause.name} is read in another way"
        case "record":
            return "its records changed"
        case _:
            return cause.name


@dataclass
class BuildReport:
    """The outcome of a build. `rows` counts grid rows per model; `seconds` is wall time per stage."""

    as_of: date
    start: date | None
    database: Path
    metrics: dict[str, list[str]] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    records: dict[str, int] = field(default_factory=dict)
    unusable: list[Unusable] = field(default_factory=list)
    warnings: list[Diagnostic] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    dry_run: bool = False
    unchanged: bool = False
    """Nothing had changed since the last build, so nothing was done."""
    everything: str | None = None
    """Why all values were computed; None if only what changed was."""
    tasks: list[dict[str, Any]] = field(default_factory=list)
    """What was computed: form, metrics, days."""
    tables: list[str] = field(default_factory=list)
    """Output tables that were stored."""
    change_points: dict[str, int] = field(default_factory=dict)
    """Per model that is held as change points, how many there are."""
    every_day: dict[str, str] = field(default_factory=dict)
    """Per model that rarely has data, why it has a stored row for every day all the same."""
    settled: list[Settled] = field(default_factory=list)
    """Values of days that were built already and are others now."""

    def lines(self) -> Iterator[str]:
        """What was done, in sentences."""
        if self.unchanged:
            yield f"nothing has changed; {self.database} is built through {self.as_of}"
            return
        for item in self.unusable:
            yield f"not used: {item}"
        count = sum(len(ids) for ids in self.metrics.values())
        days = f"{self.start} to {self.as_of}" if self.start else "no day, because there is no data"
        word = "would compute" if self.dry_run else "built"
        if count or not self.tables:
            yield f"{word} {count} metric{'s' if count != 1 else ''} for {days}"
            yield from self.task_lines()
        for model, ids in self.metrics.items():
            rows = f", {_counted(self.rows[model], 'row')}" if model in self.rows else ""
            rows += f" from {_counted(self.change_points[model], 'change point')}" if model in self.change_points else ""
            yield f"  {model}: {len(ids)} metric{'s' if len(ids) != 1 else ''}, {_counted(self.records.get(model, 0), 'record')}{rows}"
        for model, reason in self.every_day.items():
            yield f"  {model} rarely has data, but is held day by day, because {reason}"
        if self.tables:
            yield f"{'' if not count else '  '}{_counted(len(self.tables), 'output table')}: {', '.join(self.tables)}"
        yield from (f"  settled value changed: {item}" for item in self.settled)
        if not self.dry_run:
            yield f"{self.database} ({sum(self.seconds.values()):.1f} s)"

    def task_lines(self) -> Iterator[str]:
        """What had to be computed, and why."""
        if self.everything is not None:
            yield f"  everything, because {self.everything}"
            return
        for task in self.tasks:
            metrics = task["metrics"]
            which = "all metrics" if metrics == "all" else _counted(len(metrics), "metric") if len(metrics) > 3 else ", ".join(metrics)
            of = f" of {_counted(task['records'], task['model'] + ' record')}" if "records" in task else ""
            days = str(task["from"]) if task["from"] == task["to"] else f"{task['from']} to {task['to']}"
            yield f"  {which}{of} for {days} ({task['form']} form, up to {_counted(task['rows'], 'row')})"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "as_of": self.as_of.isoformat(),
            "start": self.start.isoformat() if self.start else None,
            "database": str(self.database),
            "dry_run": self.dry_run,
            "unchanged": self.unchanged,
            "everything": self.everything,
            "tasks": [{key: value.isoformat() if isinstance(value, date) else value for key, value in task.items()}
                      for task in self.tasks],
            "settled": [item.to_dict() for item in self.settled],
            "metrics": self.metrics,
            "tables": self.tables,
            "records": self.records,
            "rows": self.rows,
            "change_points": self.change_points,
            "every_day": self.every_day,
            "unusable": [item.to_dict() for item in self.unusable],
            "warnings": [item.to_dict() for item in self.warnings],
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
        }
