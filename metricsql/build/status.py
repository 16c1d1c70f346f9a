"""What is built through which day, and what is stale."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from metricsql.bind.metrics import BoundMetric, downstream
from metricsql.build.changes import changed_sources
from metricsql.build.engine import Engine
from metricsql.build.state import has_state
from metricsql.build.store import last_attempt
from metricsql.compiler import Compiled, described
from metricsql.plan.reach import Reads, reads
from metricsql.project.definition import Definition


@dataclass(frozen=True)
class MetricStatus:
    """The state of one metric; `since` is the last day it is built for."""

    id: str
    model: str
    built_through: date | None
    state: str
    because: tuple[str, ...] = ()
    """What changed since it was built: sources, or metrics that it uses."""


@dataclass
class Status:
    """The state of a project's database."""

    database: str
    metrics: list[MetricStatus] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    changed_sources: list[str] = field(default_factory=list)
    last_build: dict[str, Any] | None = None
    running: dict[str, Any] | None = None
    """The process that builds at this moment, and since when."""
    failed: dict[str, Any] | None = None
    """When and why the last build failed; None after a good one."""

    def lines(self) -> Iterator[str]:
        """The rest of the state in sentences."""
        if self.running is not None:
            yield f"process {self.running['process']} is building since {self.running['since']} UTC"
        if self.failed is not None:
            yield f"the last build failed at {self.failed['at']} UTC: {self.failed['message']}"
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
            "database": self.database, "last_build": self.last_build, "running": self.running, "failed": self.failed,
            "metrics": [{"id": m.id, "model": m.model, "state": m.state, "because": list(m.because),
                         "built_through": m.built_through.isoformat() if m.built_through else None} for m in self.metrics],
            "removed": self.removed, "changed_sources": self.changed_sources,
        }


def read_status(engine: Engine, definition: Definition, compiled: Compiled) -> Status:
    """Compare the project with what the database says of its last builds."""
    status = Status(definition.database.name, **last_attempt(definition.database))
    built: dict[str, tuple[str, date]] = {}
    changed: dict[str, str] = {}
    if has_state(engine):
        built = {row[0]: (row[1], row[2]) for row in
                 engine.rows('SELECT metric, definition, built_through FROM "_metricsql"."metrics"')}
        last = engine.rows('SELECT build, started_at, finished_at, as_of, version FROM "_metricsql"."builds" '
                           "ORDER BY build DESC LIMIT 1")
        if last:
            status.last_build = _plain(("build", "started_at", "finished_at", "as_of", "version"), last[0])
            changed = changed_sources(engine, definition)
            status.changed_sources = list(dict.fromkeys(changed.values()))
    status.metrics = list(_metrics(compiled, built, changed))
    status.removed = sorted(built.keys() - compiled.metrics.keys())
    return status


def _metrics(compiled: Compiled, built: Mapping[str, tuple[str, date]],
             changed: Mapping[str, str]) -> Iterator[MetricStatus]:
    edited = {m.id for m in compiled.metrics.values() if m.id in built and json.loads(built[m.id][0]) != described(m)}
    users = {other: downstream(compiled.metrics, [other]) for other in edited}
    newest = max((day for _, day in built.values()), default=None)
    known = reads(compiled.metrics.values())
    for metric in compiled.metrics.values():
        used = sorted(other for other in edited if other != metric.id and metric.id in users[other])
        sources = [changed[name] for name in _sources(metric, known[metric.id]) if name in changed]
        day = built[metric.id][1] if metric.id in built else None
        if day is None:
            yield MetricStatus(metric.id, metric.model, None, "not built")
        elif metric.id in edited:
            yield MetricStatus(metric.id, metric.model, day, "formula changed")
        elif used:
            yield MetricStatus(metric.id, metric.model, day, "uses a changed metric", tuple(used))
        elif sources:
            yield MetricStatus(metric.id, metric.model, day, "sources changed", tuple(dict.fromkeys(sources)))
        else:
            yield MetricStatus(metric.id, metric.model, day, "behind" if newest is not None and day < newest else "current")


def _sources(metric: BoundMetric, read: Reads) -> list[str]:
    """What a metric is made of, as the sources are called: its series, and the records and histories of its models."""
    models = dict.fromkeys([metric.model, *(series.model for series in read.series)])
    found = [f"series {series.namespace}" for series in read.series]
    return [*dict.fromkeys(found), *(f"{kind} {model}" for model in models for kind in ("records", "history"))]


def _plain(names: tuple[str, ...], row: tuple[Any, ...]) -> dict[str, Any]:
    return {name: value if isinstance(value, int | str) or value is None else str(value)[:19]
            for name, value in zip(names, row, strict=True)}


__all__ = ["MetricStatus", "Status", "has_state", "read_status"]
