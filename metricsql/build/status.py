"""What is built through which day, and what is stale."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from metricsql.bind.metrics import downstream
from metricsql.build.changes import changed_sources
from metricsql.build.engine import Engine
from metricsql.build.state import has_state
from metricsql.compiler import Compiled, described
from metricsql.project.definition import Definition


@dataclass(frozen=True)
class MetricStatus:
    """The state of one metric; `since` is the last day it is built for."""

    id: str
    model: str
    built_through: date | None
    state: str


@dataclass
class Status:
    """The state of a project's database."""

    database: str
    metrics: list[MetricStatus] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed_sources: list[str] = field(default_factory=list)
    last_build: dict[str, Any] | None = None

    def lines(self) -> Iterator[str]:
        """The rest of the state in sentences."""
        if self.last_build is None:
            yield f"{self.database} is not built yet; `metricsql build` does it"
            return
        yield f"last build finished {self.last_build['finished_at']} UTC, as of {self.last_build['as_of']}"
        for source in self.changed_sources:
            yield f"the source {source} has changed since"
        for metric in self.removed:
            yield f"{metric} is built, but no longer in the project"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "database": self.database, "last_build": self.last_build,
            "metrics": [{"id": m.id, "model": m.model, "state": m.state,
                         "built_through": m.built_through.isoformat() if m.built_through else None} for m in self.metrics],
            "removed": self.removed, "changed_sources": self.changed_sources,
        }


def read_status(engine: Engine, definition: Definition, compiled: Compiled) -> Status:
    """Compare the project with what the database says of its last builds."""
    status = Status(definition.database.name)
    built: dict[str, tuple[str, date]] = {}
    if has_state(engine):
        built = {row[0]: (row[1], row[2]) for row in
                 engine.rows('SELECT metric, definition, built_through FROM "_metricsql"."metrics"')}
        last = engine.rows('SELECT build, started_at, finished_at, as_of, version FROM "_metricsql"."builds" ORDER BY build DESC LIMIT 1')
        if last:
            names = ("build", "started_at", "finished_at", "as_of", "version")
            status.last_build = _plain(names, last[0])
            status.changed_sources = changed_sources(engine, definition)
    edited = {m.id for m in compiled.metrics.values() if m.id in built and json.loads(built[m.id][0]) != described(m)}
    affected = downstream(compiled.metrics, edited)
    newest = max((day for _, day in built.values()), default=None)
    for metric in compiled.metrics.values():
        day = built[metric.id][1] if metric.id in built else None
        state = ("not built" if day is None else "formula changed" if metric.id in edited else
                 "uses a changed metric" if metric.id in affected else "sources changed" if status.changed_sources else
                 "behind" if newest is not None and day < newest else "current")
        status.metrics.append(MetricStatus(metric.id, metric.model, day, state))
    status.removed = sorted(built.keys() - compiled.metrics.keys())
    return status


def _plain(names: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    return {name: value if isinstance(value, int | str) or value is None else str(value)[:19]
            for name, value in zip(names, row, strict=True)}


__all__ = ["MetricStatus", "Status", "has_state", "read_status"]
