"""`metricsql test --record-test`: a test made of the rows that decide some built values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import yaml

from metricsql.build.read import metric_rows
from metricsql.build.record import RecordReader, reading_record
from metricsql.build.recorded import Recorded, look_back, record_rows
from metricsql.diagnostics import Diagnostic, ProjectError
from metricsql.inspect.unit_tests import Outcome, run_test
from metricsql.plan.reach import Days
from metricsql.project.definition import Definition, UnitTestDef

TRIED = (0, 30, 120, 480)
"""Look-backs that are tried where a formula has none, before everything is taken."""
Values = Mapping[date, float | None]


def record_test(definition: Definition, metric: str, record: str, day: date, days: int) -> str:
    """The test as YAML. Raises `ProjectError` if the values are not built, or not what the data gives now."""
    model = next(m.model for m in definition.metrics if m.id == metric)
    first = day - timedelta(days=days - 1)
    built = {d: value for _, d, value in metric_rows(definition, model, metric, [record], first, day)}
    if not built:
        raise ProjectError(Diagnostic("no-row", f"{record} has no row of `{metric}` on {day}"))
    with reading_record(definition, [metric], record, day) as reader:
        writer = _Writer(definition, reader, metric, record, built)
        back = look_back(reader, metric)
        span = writer.shortest() if back is None else back
        test, outcome = writer.tried(span)
    if not outcome.passed:
        raise _stale(outcome)
    return _yaml(test, first_one=not definition.tests)


class _Writer:
    """Makes tests of one record's values from more or less of its past, and runs them."""

    def __init__(self, definition: Definition, reader: RecordReader, metric: str, record: str, built: Values) -> None:
        self.definition, self.reader, self.metric, self.record, self.built = definition, reader, metric, record, built

    def tried(self, span: Days) -> tuple[UnitTestDef, Outcome]:
        found = record_rows(self.reader, self.metric, self.record, min(self.built), max(self.built), span)
        test = _test(self.metric, self.record, self.built, found)
        return test, run_test(self.definition, test)

    def shortest(self) -> Days:
        """The fewest days before the first expected one that are enough for all values; None for all of them."""
        too_few = -1
        for span in TRIED:
            if self.tried(span)[1].passed:
                return self.between(too_few, span)
            too_few = span
        return None

    def between(self, too_few: int, enough: int) -> int:
        while enough - too_few > 1:
            middle = (too_few + enough) // 2
            if self.tried(middle)[1].passed:
                enough = middle
            else:
                too_few = middle
        return enough


def _test(metric: str, record: str, built: Values, found: Recorded) -> UnitTestDef:
    days = f"on {max(built)}" if len(built) == 1 else f"from {min(built)} to {max(built)}"
    return UnitTestDef(f"{metric} of {record} {days}", found.records, found.fields, found.rows,
                       {metric: {record: built}}, start=found.start)


def _stale(outcome: Outcome) -> ProjectError:
    told = [str(item) for item in (*outcome.differences, *(p.message for p in outcome.problems))]
    return ProjectError(Diagnostic("stale", f"the built values are not what the data gives now: {'; '.join(told[:3])}",
                                   hint="`metricsql build` brings them up to date"))


class _Dumper(yaml.SafeDumper):
    """Rows on one line each; a value that the file needs quoted is quoted."""


def _row(dumper: yaml.SafeDumper, row: _Row) -> yaml.Node:
    return dumper.represent_mapping("tag:yaml.org,2002:map", row.items(), flow_style=True)


class _Row(dict[str, Any]):
    """A mapping that is written on one line."""


_Dumper.add_representer(_Row, _row)


def _yaml(test: UnitTestDef, first_one: bool) -> str:
    """One item of the list `tests:`, with that key in front if the project has no tests yet."""
    data: dict[str, Any] = {"name": test.name, "start": test.start.isoformat() if test.start else None}
    for key, part in (("records", test.records), ("fields", test.fields), ("rows", test.rows)):
        if part:
            data[key] = {name: [_Row(row) for row in rows] for name, rows in part.items()}
    data["expect"] = {metric: {record: _Row({day.isoformat(): _whole(value) for day, value in days.items()})
                               for record, days in records.items()} for metric, records in test.expect.items()}
    text = yaml.dump([data], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000)
    return ("tests:\n" if first_one else "") + "".join(f"  {line}\n" for line in text.splitlines() if line)


def _whole(value: float | None) -> float | int | None:
    return int(value) if value is not None and value == int(value) and abs(value) < 1e15 else value
