"""When builds are due, by the clocks of the project. Reads no clock, and knows nothing of what a build does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)
_LONGEST_PAUSE_FOR_LOCK = timedelta(minutes=5)


@dataclass(frozen=True)
class Timetable:
    """One build a day, not before a time of day in a time zone, and repeats of it so long after its end.

    Moments go in with any time zone and come out in UTC. A time of day that the clocks skip is as far from
    midnight as on other days, so the clocks show an hour more; of one that comes twice the first counts.
    """

    zone: ZoneInfo
    not_before: time
    again_after: Sequence[timedelta] = ()

    def day(self, moment: datetime) -> date:
        """The day that the clocks of the project show."""
        return moment.astimezone(self.zone).date()

    def opening(self, day: date) -> datetime:
        """The moment from which on the build of a day may start."""
        return datetime.combine(day, self.not_before, self.zone).astimezone(UTC)

    def allowed(self, moment: datetime) -> datetime:
        """The first moment, from this one on, at which a build may start: never between midnight and the opening."""
        return max(moment.astimezone(UTC), self.opening(self.day(moment)))

    def next_opening(self, moment: datetime) -> datetime:
        """The opening of the day after the one of this moment."""
        return self.opening(self.day(moment) + timedelta(days=1))

    def repeats(self, started: datetime, ended: datetime) -> list[datetime]:
        """When the build of a day is repeated. What would come after midnight is left to the next day's build."""
        moments = sorted(ended + pause for pause in self.again_after)
        return [moment for moment in moments if self.day(moment) == self.day(started)]


def pause(failures: int, locked: bool) -> timedelta:
    """How long to wait after so many failures on end: 1, 2, 4, ... minutes, at most an hour (5 minutes for a lock)."""
    longest = _LONGEST_PAUSE_FOR_LOCK if locked else _LONGEST_PAUSE
    return min(longest, _FIRST_PAUSE * (1 << min(failures - 1, 10)))
