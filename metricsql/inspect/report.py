"""`metricsql report`: what is said of each metric, with its built values in numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from metricsql.build.engine import Engine
from metricsql.build.patch import columns_of
from metricsql.build.read import open_built
from metricsql.build.status import Status, read_status
from metricsql.build.summary import Coverage, DaySummary, read_coverage, read_days
from metricsql.compiler import Compiled, sql_statement
from metricsql.inspect.explain import Explanation, explain
from metricsql.project.definition import Definition, MetricDef
from metricsql.sql.context import Context


@dataclass(frozen=True)
class Section:
    """One metric. Without `coverage` it is not built."""

    metric: MetricDef
    explanation: Explanation
    sql: str
    state: str
    coverage: Coverage | None = None
    days: Sequence[DaySummary] = ()

    @property
    def title(self) -> str:
        return self.metric.name or self.metric.id

    @property
    def share(self) -> float | None:
        """The share of grid rows that have a value."""
        return self.coverage.values / self.coverage.rows if self.coverage and self.coverage.rows else None

    @property
    def last(self) -> DaySummary | None:
        """The last built day."""
        return self.days[-1] if self.days else None

    def some_days(self, most: int = 24) -> list[DaySummary]:
        """Ends of months, or of days in between where that is few, back from the last day."""
        ends = [day for day, after in zip(self.days, [*self.days[1:], None], strict=True)
                if after is None or day.day.month != after.day.month]
        if len(ends) > most:
            step = -(-len(ends) // most)
            return ends[::-1][::step][::-1]
        return ends if len(ends) >= 3 else list(self.days[::-1][:: max(1, -(-len(self.days) // most))][::-1])


@dataclass(frozen=True)
class Report:
    """All metrics of a report, in the order of the project file."""

    project: str
    sections: Sequence[Section]
    last_build: dict[str, Any] | None = None
    notes: Sequence[str] = field(default_factory=list)

    @property
    def as_of(self) -> date | None:
        """The newest built day of any metric."""
        return max((s.last.day for s in self.sections if s.last), default=None)


def make_report(definition: Definition, context: Context, compiled: Compiled, chosen: Sequence[str]) -> Report:
    """The report of the chosen metrics. Raises `ProjectError` if nothing is built at all."""
    engine = open_built(definition)
    try:
        status = read_status(engine, definition, compiled)
        order = [metric.id for metric in definition.metrics if metric.id in set(chosen)]
        sections = [_section(engine, context, compiled, name, status) for name in order]
    finally:
        engine.close()
    return Report(definition.name, sections, status.last_build, list(status.lines())[1:])


def _section(engine: Engine, context: Context, compiled: Compiled, name: str, status: Status) -> Section:
    declared = compiled.metrics[name].definition
    state = next(metric.state for metric in status.metrics if metric.id == name)
    told = explain(name, compiled, context.definition)
    sql = sql_statement(context, compiled, [name])
    if name not in columns_of(engine, declared.model):
        return Section(declared, told, sql, "not built")
    return Section(declared, told, sql, state, read_coverage(engine, declared.model, name),
                   read_days(engine, declared.model, name))
