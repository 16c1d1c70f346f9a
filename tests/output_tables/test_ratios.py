"""A ratio of sums is the ratio of the totals, at every interval."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.output_tables.pnl import load

START = datetime(2024, 11, 4)
HOURS = 24 * 90
LEDGER = [("Cost" if hour % 3 else "Sale", (START + timedelta(hours=hour, minutes=7 * (hour % 8))).isoformat(), float(hour % 11 + 1))
          for hour in range(0, HOURS, 5)]


def start_of(time: datetime, interval: str) -> datetime:
    day = datetime(time.year, time.month, time.day)
    match interval:
        case "15min" | "30min":
            return day + timedelta(hours=time.hour, minutes=time.minute - time.minute % int(interval[:2]))
        case "hour":
            return day + timedelta(hours=time.hour)
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(day=1, month=3 * ((day.month - 1) // 3) + 1)
        case "year":
            return day.replace(day=1, month=1)
    return day


@pytest.mark.parametrize("interval", ["15min", "30min", "hour", "day", "week", "month", "quarter", "year"])
def test_the_ratio_of_the_totals(interval: str, tmp_path: Path) -> None:
    rows = [{"event": "Sale", "display": "sum"}, {"event": "Cost", "display": "sum"}, {"name": "Ratio", "calculation": "cost / sale"}]
    table = load(tmp_path, rows, ledger=LEDGER, until="2025-02-01").table("pnl", interval)
    totals: dict[datetime, dict[str, float]] = defaultdict(dict)
    for event, time, value in LEDGER:
        bucket = totals[start_of(datetime.fromisoformat(time), interval)]
        bucket[event] = bucket.get(event, 0.0) + value
    shown = {period.start: cell.value for period, cell in zip(table.periods, table.rows[2].cells, strict=True)}
    expected = {start: totals[start]["Cost"] / totals[start]["Sale"] if len(totals[start]) == 2 else None for start in shown}
    assert shown == pytest.approx(expected) and totals.keys() == {start for start in totals if start in shown}
    assert sum(value is not None for value in shown.values()) >= min(2, len(shown)) or interval in ("15min", "30min", "hour")
