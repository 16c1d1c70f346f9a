"""The daily job: waits until a build is due, tries it, and says when the next one is.

Waiting is the work of `sched` of the standard library; the calendar is `Timetable`
(`docs/decisions/run-keeps-its-own-calendar.md`). The clock is given, so that a test need not wait.
"""

from __future__ import annotations

import sched
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, Protocol
from zoneinfo import ZoneInfo

from metricsql.compiler import default_as_of
from metricsql.project import load_definition
from metricsql.run.attempt import Attempt, attempt, last_build
from metricsql.run.timetable import Timetable, pause

Reason = Literal["daily", "again", "retry"]


class Clock(Protocol):
    """What the job needs of time."""

    def now(self) -> datetime:
        """The moment, with a time zone."""

    def wait(self, seconds: float) -> None:
        """Let time pass: so many seconds, or fewer."""


class MachineClock:
    """The clock of the machine.

    It waits half a minute at most. Whoever waits looks at the clock again after that, so a build is not late by
    the hours that the machine was asleep, or by which its clock was set.
    """

    LONGEST = 30.0

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        time.sleep(min(seconds, self.LONGEST))


@dataclass(frozen=True)
class Due:
    """When to try next, and why."""

    moment: datetime
    reason: Reason


class Told(Protocol):
    """Is told what happens."""

    def waiting(self, due: Due, zone: ZoneInfo) -> None:
        """Nothing is due before that."""

    def attempted(self, made: Attempt, reason: Reason, following: Due | None) -> None:
        """A build has ended; `following` is None if no other one comes."""


@dataclass
class Daily:
    """The daily job of one project; `options` go to every build."""

    path: Path
    timetable: Timetable
    told: Told
    clock: Clock = field(default_factory=MachineClock)
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scheduler = sched.scheduler(lambda: self.clock.now().timestamp(), self.clock.wait)
        self.failures = 0
        self.built: tuple[datetime, datetime] | None = None
        """Start and end of the build from which the repeats of its day are counted."""

    def run(self) -> None:
        """Build day after day, until `KeyboardInterrupt`, which is how a signal stops it."""
        try:
            due = self.first()
            if due.moment > self.clock.now():
                self.told.waiting(due, self.timetable.zone)
            self.enter(due)
            self.scheduler.run()
        except KeyboardInterrupt:
            return

    def once(self) -> Attempt | None:
        """One attempt, if one is due now. Returns what became of it."""
        due = self.first()
        if due.moment > self.clock.now():
            self.told.waiting(due, self.timetable.zone)
            return None
        made = attempt(self.path, self.clock.now, self.options)
        self.told.attempted(made, due.reason, None)
        return made

    def first(self) -> Due:
        """At once if the build of this day has not happened; else what follows it."""
        now = self.clock.now()
        found = last_build(self.path, default_as_of(load_definition(self.path), now))
        if found is None or found.started < self.timetable.opening(self.timetable.day(now)):
            return Due(self.timetable.allowed(now), "daily")
        return self.after(found.started, found.finished)

    def enter(self, due: Due) -> None:
        self.scheduler.enterabs(due.moment.timestamp(), 0, self.fire, (due.reason,))

    def fire(self, reason: Reason) -> None:
        """Try to build, and enter what comes next. Called late, it may be night again, where nothing is built."""
        now = self.clock.now()
        allowed = self.timetable.allowed(now)
        if allowed > now:
            self.enter(Due(allowed, "daily"))
            return
        if reason == "again" and not self.built_on_the_day_of(now):
            reason = "daily"
        made = attempt(self.path, self.clock.now, self.options)
        if made.zone is not None:
            self.timetable = replace(self.timetable, zone=made.zone)
        if made.outcome == "stopped":
            self.told.attempted(made, reason, None)
            raise KeyboardInterrupt
        following = self.following(made)
        self.told.attempted(made, reason, following)
        self.enter(following)

    def following(self, made: Attempt) -> Due:
        """What to do after an attempt."""
        if not made.is_over:
            self.failures += 1
            return Due(made.end + pause(self.failures, made.outcome == "locked"), "retry")
        self.failures = 0
        return self.after(made.start, made.end)

    def after(self, started: datetime, ended: datetime) -> Due:
        """What follows a build that is over: a repeat on the same day, or the build of the next day.

        A repeat whose time came during the build is due at once; several such are one.
        """
        if self.built is None or not self.built_on_the_day_of(started):
            self.built = started, ended
        later = [moment for moment in self.timetable.repeats(*self.built) if moment > started]
        return Due(later[0], "again") if later else Due(self.timetable.next_opening(started), "daily")

    def built_on_the_day_of(self, moment: datetime) -> bool:
        """Whether the build of this day has happened."""
        return self.built is not None and self.timetable.day(self.built[0]) == self.timetable.day(moment)
