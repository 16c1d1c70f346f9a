"""One attempt to build a project, whatever becomes of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import ZoneInfo

from metricsql.api import Project
from metricsql.compiler import default_as_of
from metricsql.diagnostics import Diagnostic, EngineError, MetricsqlError, ProjectError, failure
from metricsql.project import load_definition

if TYPE_CHECKING:
    from metricsql.build.report import BuildReport

Outcome = Literal["built", "unchanged", "wrong", "failed", "locked", "stopped"]
"""`wrong` is a fault of the project, which does not go away by itself; `failed` one of the machine, which may."""


@dataclass
class Attempt:
    """What became of a build. Moments are in UTC; `zone` is that of the project, if it could be read."""

    start: datetime
    end: datetime
    outcome: Outcome = "failed"
    as_of: date | None = None
    zone: ZoneInfo | None = None
    report: BuildReport | None = None
    diagnostics: list[Diagnostic] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether to try at once again would change nothing."""
        return self.outcome not in ("failed", "locked")

    def to_dict(self) -> dict[str, Any]:
        """The line of the log as JSON-ready data."""
        report = self.report
        return {
            "start": in_utc(self.start), "end": in_utc(self.end),
            "as_of": self.as_of.isoformat() if self.as_of else None,
            "outcome": self.outcome, "unchanged": self.outcome == "unchanged",
            "metrics": sum(len(ids) for ids in report.metrics.values()) if report else 0,
            "rows": sum(report.rows.values()) if report else 0,
            "settled": {item.metric: item.values for item in report.settled} if report else {},
            "errors": sorted({item.code for item in self.diagnostics if item.severity == "error"}),
        }


def attempt(path: Path, now: Callable[[], datetime], options: Mapping[str, Any]) -> Attempt:
    """Read the project anew and build it through its yesterday (or `until`). Raises nothing that a build may raise."""
    made = Attempt(now(), now())
    try:
        _build(made, path, options)
    except ProjectError as error:
        made.outcome, made.diagnostics = "wrong", error.diagnostics
    except EngineError as error:
        made.outcome = "locked" if any(item.code == "locked" for item in error.diagnostics) else "failed"
        made.diagnostics = error.diagnostics
    except KeyboardInterrupt:
        made.outcome = "stopped"
    except Exception as error:
        if os.environ.get("METRICSQL_TRACEBACK"):
            raise
        made.diagnostics = [failure(error)]
    made.end = now()
    return made


def _build(made: Attempt, path: Path, options: Mapping[str, Any]) -> None:
    definition = load_definition(path)
    made.zone = ZoneInfo(definition.timezone)
    made.as_of = default_as_of(definition, made.start)
    made.report = Project(definition).build(made.as_of, **options)
    made.outcome = "unchanged" if made.report.unchanged else "built"
    made.diagnostics = made.report.warnings


@dataclass(frozen=True)
class LastBuild:
    """The newest build that the database tells of."""

    started: datetime
    finished: datetime


def last_build(path: Path, as_of: date) -> LastBuild | None:
    """The last build, if it is of every metric and through this day at least."""
    try:
        status = Project(load_definition(path)).status()
    except MetricsqlError:
        return None  # the attempt that follows says it
    if status.last_build is None or any(m.built_through is None or m.built_through < as_of for m in status.metrics):
        return None
    if date.fromisoformat(status.last_build["as_of"]) < as_of:
        return None
    started, finished = (datetime.fromisoformat(status.last_build[key]).replace(tzinfo=UTC)
                         for key in ("started_at", "finished_at"))
    return LastBuild(started, finished)


def in_utc(moment: datetime) -> str:
    """A moment as ISO 8601 in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


__all__ = ["Attempt", "LastBuild", "Outcome", "attempt", "in_utc", "last_build"]
