"""Tables over daily metrics: the values of the records become executions, one a day (docs/semantics.md section 9)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from random import Random
from typing import Any

from .evaluator import Result, evaluate

Daily = Mapping[tuple[str, date], float | None]
"""The values of one metric: one for every record and day of its grid."""
Fields = Mapping[str, Mapping[str, str | None]]
"""The fields of each record."""


def added_up(values: Daily, records: Sequence[str], over: str) -> list[tuple[datetime, float]]:
    """One execution a day: the sum, average or count of the records that have a value.

    There is none on a day where no record has a value; the count of such a day is 0.
    """
    days: dict[date, list[float]] = {}
    for (record, day), value in values.items():
        if record in records:
            days.setdefault(day, []).extend([] if value is None else [value])
    found = []
    for day in sorted(days):
        if over == "count":
            found.append((datetime.combine(day, time()), float(len(days[day]))))
        elif days[day]:
            total = math.fsum(days[day])
            found.append((datetime.combine(day, time()), total if over == "sum" else total / len(days[day])))
    return found


def evaluate_metrics(
    table: Mapping[str, Any], metrics: Mapping[str, Daily], fields: Fields, interval: str, as_of: date,
    noise: Random | None = None,
) -> dict[str | None, Result]:
    """A table with `source: metrics.<model>`, by segment (one, called None, without `by:`).

    Every metric row reads its own executions, since `over:` and `where:` (`field = 'text'` only) belong to the row.
    """
    by = table.get("by")
    kept = {record for record, known in fields.items() if holds(table.get("where"), known)}
    segment_of = {record: fields[record][by] or "(none)" if by else None for record in kept}
    segments = sorted(set(segment_of.values()), key=str)
    plain = {**table, "rows": [renamed(row) for row in table["rows"]]}
    anchors = [("", datetime.combine(day, time()), 0.0) for values in metrics.values() for _, day in values]
    found: dict[str | None, Result] = {}
    for segment in segments:
        ledger = list(anchors)
        for row in table["rows"]:
            if "metric" in row:
                records = [record for record in kept if segment_of[record] == segment]
                records = [record for record in records if holds(row.get("where"), fields[record])]
                executions = added_up(metrics[row["metric"]], records, row.get("over", "sum"))
                ledger += [(title_of(row), moment, value) for moment, value in executions]
        found[segment] = evaluate(plain, {"": ledger}, interval, as_of, noise)
    return found


def title_of(row: Mapping[str, Any]) -> str:
    return str(row.get("name", row["metric"]))


def renamed(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A metric row reads the event that has its title, so that two rows over one metric stay apart."""
    return {**row, "metric": title_of(row), "name": title_of(row)} if "metric" in row else row


def holds(condition: str | None, fields: Mapping[str, str | None]) -> bool:
    """A condition of the form `field = 'text'`."""
    if condition is None:
        return True
    name, text = condition.split("=")
    return fields.get(name.strip()) == text.strip().strip("'")
