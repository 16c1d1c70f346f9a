"""When builds are due: openings, repeats and pauses, also on days whose clocks jump."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metricsql.run.timetable import Timetable, pause

ZONES = ("UTC", "Europe/Stockholm", "America/Santiago", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


def at(written: str) -> datetime:
    return datetime.fromisoformat(written)


@pytest.mark.parametrize(("zone", "clock", "day", "opening"), [
    ("UTC", "03:00", "2026-03-31", "2026-03-31T03:00+00:00"),
    ("Europe/Stockholm", "03:00", "2026-01-10", "2026-01-10T02:00+00:00"),
    ("Europe/Stockholm", "03:00", "2026-07-10", "2026-07-10T01:00+00:00"),
    ("Europe/Stockholm", "02:30", "2026-03-29", "2026-03-29T01:30+00:00"),  # skipped: the clocks show 03:30
    ("Europe/Stockholm", "02:30", "2026-10-25", "2026-10-25T00:30+00:00"),  # twice: the first time
    ("America/Santiago", "00:00", "2026-09-06", "2026-09-06T04:00+00:00"),  # a day without a midnight
])
def test_opening(zone: str, clock: str, day: str, opening: str) -> None:
    timetable = Timetable(ZoneInfo(zone), time.fromisoformat(clock))
    assert timetable.opening(date.fromisoformat(day)) == at(opening)


@pytest.mark.parametrize(("moment", "allowed"), [
    ("2026-03-31T00:00+02:00", "2026-03-31T03:00+02:00"),
    ("2026-03-31T02:59+02:00", "2026-03-31T03:00+02:00"),
    ("2026-03-31T03:00+02:00", "2026-03-31T03:00+02:00"),
    ("2026-03-31T23:59+02:00", "2026-03-31T23:59+02:00"),
    ("2026-03-31T23:00+00:00", "2026-04-01T03:00+02:00"),
])
def test_no_build_starts_between_midnight_and_the_opening(moment: str, allowed: str) -> None:
    assert Timetable(ZoneInfo("Europe/Stockholm"), time(3)).allowed(at(moment)) == at(allowed)


def test_repeats_stay_on_their_day() -> None:
    timetable = Timetable(ZoneInfo("UTC"), time(3), [timedelta(hours=10), timedelta(hours=2)])
    assert timetable.repeats(at("2026-03-31T03:00Z"), at("2026-03-31T03:10Z")) == \
        [at("2026-03-31T05:10Z"), at("2026-03-31T13:10Z")]
    assert timetable.repeats(at("2026-03-31T15:00Z"), at("2026-03-31T15:10Z")) == [at("2026-03-31T17:10Z")]
    assert timetable.repeats(at("2026-03-31T23:50Z"), at("2026-04-01T00:10Z")) == []


def test_pauses_grow() -> None:
    minutes = [pause(failures, locked=False) // timedelta(minutes=1) for failures in range(1, 10)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [pause(failures, locked=True) // timedelta(minutes=1) for failures in range(1, 6)] == [1, 2, 4, 5, 5]
    assert pause(10_000, locked=False) == timedelta(hours=1)


@given(zone=st.sampled_from(ZONES), clock=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
       moment=st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1)))
def test_one_opening_on_every_day(zone: str, clock: time, moment: datetime) -> None:
    """Openings are on their own day, about a day apart, and the moment that is allowed never lies back."""
    timetable = Timetable(ZoneInfo(zone), clock)
    now = moment.replace(tzinfo=UTC)
    day = timetable.day(now)
    assert timetable.day(timetable.opening(day)) == day
    assert timedelta(hours=22) <= timetable.next_opening(now) - timetable.opening(day) <= timedelta(hours=26)
    assert now <= timetable.allowed(now) < timetable.next_opening(now)
