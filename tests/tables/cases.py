"""The hand-worked answers of `answers/*.yml`, read once for every test that uses them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from .evaluator import Result, evaluate
from .measurements import Cell
from .segments import evaluate_metrics

FOLDER = Path(__file__).parent / "answers"
TABLE_KEYS = ("rows", "fiscal_year_start", "reuse", "by", "where")


@dataclass(frozen=True)
class Case:
    """One case at one of its intervals.

    Values and reasons are a list from the first period, or a mapping by the beginning of a period or its number from 1.
    """

    name: str
    written: dict[str, Any]
    interval: str

    @property
    def table(self) -> dict[str, Any]:
        return {key: self.written[key] for key in TABLE_KEYS if key in self.written}

    @property
    def as_of(self) -> date:
        return day(self.written["as_of"])

    @property
    def timezone(self) -> str:
        return str(self.written.get("timezone", "UTC"))

    @property
    def ledgers(self) -> dict[str, str]:
        """CSV by the name of the source; one without a name for a table of one source."""
        return self.written.get("ledgers") or {"": self.written["ledger"]}

    def _of(self, key: str) -> Any:
        at = self.written.get("at" if key == "expect" else f"{key}_at", {})
        return at.get(self.interval) or self.written.get(key) or {}

    @property
    def segments(self) -> dict[str | None, dict[str, Any]]:
        return self.written.get("segments") or {None: self._of("expect")}

    @property
    def reasons(self) -> dict[str, Any]:
        found: dict[str, Any] = self._of("reasons")
        return found

    @property
    def partial(self) -> list[int]:
        return list(self._of("partial"))

    @property
    def unavailable(self) -> list[str]:
        return list(self.written.get("unavailable", []))


def day(value: Any) -> date:
    return value if isinstance(value, date) else date.fromisoformat(value)


def moment(value: Any, zone: str = "UTC") -> datetime:
    """A date is its midnight; a time with an offset is converted to the zone, one without is local there."""
    if isinstance(value, date):
        return value if isinstance(value, datetime) else datetime.combine(value, time())
    read = datetime.fromisoformat(str(value))
    return read if read.tzinfo is None else read.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def cases() -> list[Case]:
    found = []
    for file in sorted(FOLDER.glob("*.yml")):
        for number, written in enumerate(yaml.safe_load(file.read_text(encoding="utf-8")), 1):
            for interval in written.get("at") or [written["interval"]]:
                found.append(Case(f"{file.stem}-{number} at {interval}: {written['case'][:60]}", written, interval))
    return found


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def read_ledger(text: str, zone: str) -> list[tuple[str, datetime, float]]:
    """The executions; a row without a value is none."""
    return [(row["event"], moment(row["time"], zone), float(row["value"])) for row in lines(text) if row["value"]]


def evaluated(case: Case) -> dict[str | None, Result]:
    """What the second evaluator says, by segment (None without segments)."""
    if "panel" not in case.written:
        ledgers = {name: read_ledger(text, case.timezone) for name, text in case.ledgers.items()}
        return {None: evaluate(case.table, ledgers, case.interval, case.as_of)}
    fields = {row["id"]: row for row in lines(case.written["companies"])}
    sent = {(row["record"], day(row["date"])): float(row["value"]) for row in lines(case.written["panel"])}
    first = min(found for _, found in sent)
    days = [first + timedelta(days=n) for n in range((case.as_of - first).days + 1)]
    daily = {(record, found): sent.get((record, found)) for record in fields for found in days}
    return evaluate_metrics(case.table, {"m": daily}, fields, case.interval, case.as_of)


def places(expected: Any, starts: list[datetime]) -> Iterator[tuple[int, Any]]:
    """The number of the period, from 0, with each expected thing."""
    if isinstance(expected, list):
        assert len(expected) == len(starts), f"{len(expected)} values by hand, {len(starts)} periods"
        yield from enumerate(expected)
        return
    for key, value in expected.items():
        if isinstance(key, int):
            yield key - 1, value
        else:
            assert moment(key) in starts, f"no period begins at {key}"
            yield starts.index(moment(key)), value


def differences(case: Case, segment: str | None, starts: list[datetime], rows: dict[str, list[Cell]]) -> list[str]:
    """Every cell that is not as worked by hand."""
    found = []
    for title, expected in case.segments[segment].items():
        for place, value in places(expected, starts):
            if not same(rows[title][place][0], value):
                found.append(f"{title} at {starts[place]}: {rows[title][place]}, by hand {value}")
    for title, expected in case.reasons.items() if segment is None else ():
        for place, reason in places(expected, starts):
            if rows[title][place][1] != reason:
                found.append(f"reason of {title} at {starts[place]}: {rows[title][place]}, by hand {reason}")
    return found


def same(found: float | None, expected: float | None) -> bool:
    """Equal to 1e-9 relative; NULL only equals NULL."""
    if found is None or expected is None:
        return found is expected
    return abs(found - expected) <= 1e-9 * max(abs(expected), 1e-9)
