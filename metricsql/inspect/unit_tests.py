"""Runs the tests of a project: builds each one's metrics from its rows, and compares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from metricsql.bind.catalog import NOTHING
from metricsql.bind.metrics import bind_metrics, read_formulas, upstream
from metricsql.bind.tree import fields
from metricsql.build.build import Request, build
from metricsql.build.read import stored_values
from metricsql.build.report import BuildReport
from metricsql.build.sandbox import last_day, sandbox
from metricsql.diagnostics import Diagnostic, Findings, ProjectError
from metricsql.project.definition import Definition, UnitTestDef
from metricsql.sql.conditions import mentioned

TOLERANCE = 1e-9
"""How far a value may be off, relative to it (absolute below 1)."""


@dataclass(frozen=True)
class Difference:
    """A value that is not the expected one. Without `has_row` the grid does not reach it."""

    metric: str
    record: str
    day: date
    expected: float | None
    found: float | None
    has_row: bool = True

    def __str__(self) -> str:
        found = "no row" if not self.has_row else f"found {_shown(self.found)}"
        return f"{self.metric} of {self.record} on {self.day}: expected {_shown(self.expected)}, {found}"

    def to_dict(self) -> dict[str, Any]:
        return {"metric": self.metric, "record": self.record, "day": self.day.isoformat(), "expected": self.expected,
                "found": self.found, "has_row": self.has_row}


@dataclass(frozen=True)
class Outcome:
    """What became of one test. `problems` kept it from being computed; `notes` may explain a difference."""

    name: str
    values: int
    differences: Sequence[Difference] = ()
    problems: Sequence[Diagnostic] = ()
    notes: Sequence[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return not self.differences and not self.problems

    def lines(self) -> Iterator[str]:
        """The outcome as text."""
        wrong = f" ({len(self.differences)} of {self.values} values)" if self.differences else ""
        yield f"{'ok    ' if self.passed else 'FAILED'}  {self.name}{wrong}"
        for difference in self.differences:
            yield f"        {difference}"
        for problem in self.problems:
            yield from (f"        {line}" for line in str(problem).splitlines())
        if not self.passed:
            yield from (f"        note: {note}" for note in self.notes)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {"name": self.name, "passed": self.passed, "values": self.values,
                "differences": [item.to_dict() for item in self.differences],
                "problems": [item.to_dict() for item in self.problems], "notes": list(self.notes)}


def run_test(definition: Definition, test: UnitTestDef) -> Outcome:
    """Build what the test expects from its rows alone, and compare every value."""
    count = sum(len(days) for records in test.expect.values() for days in records.values())
    try:
        chosen, needed = _parts(definition, list(test.expect))
        with sandbox(chosen, test, needed) as alone:
            report = build(alone, Request(last_day(test)))
            problems = list(_unusable(report, definition, test))
            differences = [] if problems else list(_differences(alone, test))
    except ProjectError as error:
        return Outcome(test.name, count, problems=[d for d in error.diagnostics if d.severity == "error"])
    silent = [warning.message for warning in report.warnings if warning.code == "unknown-series"]
    return Outcome(test.name, count, differences, problems, list(dict.fromkeys([*_untold(test, needed), *silent])))


def _parts(definition: Definition, wanted: Sequence[str]) -> tuple[Definition, dict[str, list[str]]]:
    """The project with only the wanted metrics and those they use, and the fields that these read, per model."""
    findings = Findings()
    bound = {m.id: m for m in bind_metrics(definition, NOTHING, read_formulas(definition, findings), findings)}
    if any(name not in bound for name in wanted):
        findings.raise_errors()
    used = upstream(bound, wanted)
    needed: dict[str, list[str]] = {}
    for metric in (bound[name] for name in bound if name in used):
        names = [found.name for found in fields(metric.tree)]
        names += mentioned(metric.definition.where) if metric.definition.where else []
        needed.setdefault(metric.model, []).extend(names)
    metrics = tuple(metric for metric in definition.metrics if metric.id in used)
    return replace(definition, metrics=metrics), {model: list(dict.fromkeys(names)) for model, names in needed.items()}


def _unusable(report: BuildReport, definition: Definition, test: UnitTestDef) -> Iterator[Diagnostic]:
    """Rows of a test that cannot be used are a mistake in it; but children may do without a company."""
    for item in report.unusable:
        schema, _, name = item.source.partition(".")
        model = definition.models.get(name)
        column = model.records.columns.get(model.company, model.company) if model and model.company else ""
        if item.reason != "company" or any(row.get(column) is not None for row in test.records.get(name, ())):
            yield Diagnostic("unusable-rows", str(item), test.locate((schema, name)))


def _differences(alone: Definition, test: UnitTestDef) -> Iterator[Difference]:
    models = {metric.id: metric.model for metric in alone.metrics}
    for metric, records in test.expect.items():
        found = stored_values(alone, models[metric], metric, list(records))
        for record, days in records.items():
            for day, expected in days.items():
                if not _same(found.get((record, day)), expected) or (record, day) not in found:
                    yield Difference(metric, record, day, expected, found.get((record, day)), (record, day) in found)


def _same(found: float | None, expected: float | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return abs(found - expected) <= TOLERANCE * max(1.0, abs(expected))


def _untold(test: UnitTestDef, needed: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Fields that the metrics read and the test is silent about."""
    for model, names in needed.items():
        told = {name for row in test.records.get(model, ()) for name in row}
        told |= {str(row.get("field")) for row in test.fields.get(model, ())}
        for name in names:
            if name not in told:
                yield f"the test gives no {model} a value of the field `{name}`"


def _shown(value: float | None) -> str:
    if value is None:
        return "no value"
    return repr(int(value)) if value == int(value) and abs(value) < 1e15 else repr(float(value))
