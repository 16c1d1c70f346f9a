"""The daily job over days and weeks of a made clock, with real builds of a small project."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from metricsql.build.store import locked
from metricsql.project import load_definition
from metricsql.run.attempt import Attempt
from metricsql.run.daily import Daily, Due, MachineClock, Reason
from metricsql.run.timetable import Timetable
from tests.projects import all_values, query, write_project

pytestmark = pytest.mark.slow
METRICS = [{"id": "total", "formula": "rolling_sum(metrics.x, 30)"}]


@dataclass
class MadeClock:
    """A clock that goes as fast as one waits. At its `events` something happens; at `end` somebody stops the job."""

    moment: datetime
    end: datetime
    events: dict[str, Callable[[], Any]] = field(default_factory=dict)

    def now(self) -> datetime:
        return self.moment

    def wait(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds and max(1, min(seconds, 600)))
        for written in [written for written in self.events if at(written) <= self.moment]:
            self.events.pop(written)()
        if self.moment >= self.end:
            raise KeyboardInterrupt


@dataclass
class Heard:
    """What was told: a line for each build, with the moment in the time zone of the project."""

    zone: ZoneInfo
    lines: list[str] = field(default_factory=list)
    made: list[Attempt] = field(default_factory=list)

    def waiting(self, due: Due, zone: ZoneInfo) -> None:
        self.lines.append(f"wait for {self.shown(due.moment)}")

    def attempted(self, made: Attempt, reason: Reason, following: Due | None) -> None:
        self.lines.append(f"{self.shown(made.start)} {reason} {made.outcome} {made.as_of}")
        self.made.append(made)

    def shown(self, moment: datetime) -> str:
        return moment.astimezone(self.zone).strftime("%d %H:%M")


def at(written: str) -> datetime:
    moment = datetime.fromisoformat(written)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@dataclass
class Machine:
    """A project, and a job that runs on it from one moment to another."""

    folder: Path
    zone: str = "UTC"
    not_before: time = time(3)
    again_after: list[timedelta] = field(default_factory=list)

    def run(self, first: str, last: str, events: dict[str, Callable[[], Any]] | None = None) -> list[str]:
        clock = MadeClock(at(first), at(last), events or {})
        self.heard = Heard(ZoneInfo(self.zone))
        Daily(self.folder, Timetable(ZoneInfo(self.zone), self.not_before, self.again_after), self.heard, clock).run()
        return self.heard.lines

    def append(self, row: str) -> None:
        with (self.folder / "metrics.csv").open("a", encoding="utf-8") as file:
            file.write(row + "\n")


def project(folder: Path, **options: Any) -> Machine:
    zone = options.get("timezone", "UTC")
    files = {"companies.csv": "id\na\n", "metrics.csv": "record,name,date,value\na,x,2026-03-01,1\n"}
    write_project(folder, files, METRICS, start="2026-03-01", **options)
    return Machine(folder, zone)


def hours(*numbers: float) -> list[timedelta]:
    return [timedelta(hours=number) for number in numbers]


def test_a_build_a_day(tmp_path: Path) -> None:
    machine = project(tmp_path)
    assert machine.run("2026-03-10T12:00", "2026-03-12T12:00") == [
        "10 12:00 daily built 2026-03-09", "11 03:00 daily built 2026-03-10", "12 03:00 daily built 2026-03-11"]
    assert query(_loaded(tmp_path), "SELECT MAX(day)::VARCHAR FROM metrics.company") == [("2026-03-11",)]


def test_not_before_the_time_of_day(tmp_path: Path) -> None:
    machine = project(tmp_path, timezone="America/New_York")
    assert machine.run("2026-03-10T01:00-04:00", "2026-03-10T12:00-04:00") == \
        ["wait for 10 03:00", "10 03:00 daily built 2026-03-09"]


def built_at(folder: Path, moment: str, as_of: str) -> None:
    """A database that says that it was built at a moment."""
    _loaded(folder).build(as_of=as_of)
    with duckdb.connect(str(folder / "case.duckdb")) as connection:
        connection.execute("UPDATE _metricsql.builds SET started_at = $at::TIMESTAMP, finished_at = $at::TIMESTAMP",
                           {"at": moment})


@pytest.mark.parametrize(("built", "as_of", "line"), [
    ("2026-03-10T03:05", "2026-03-09", "wait for 11 03:00"),
    ("2026-03-10T02:55", "2026-03-09", "10 12:00 daily unchanged 2026-03-09"),  # from before the opening
    ("2026-03-10T03:05", "2026-03-08", "10 12:00 daily built 2026-03-09"),  # of another day
    ("2026-03-09T03:05", "2026-03-08", "10 12:00 daily built 2026-03-09"),
])
def test_a_day_that_is_built_is_not_built_again(tmp_path: Path, built: str, as_of: str, line: str) -> None:
    """Not after a start anew either: the database knows."""
    machine = project(tmp_path)
    built_at(tmp_path, built, as_of)
    assert machine.run("2026-03-10T12:00", "2026-03-10T12:01") == [line]


def test_a_repeat_that_was_missed(tmp_path: Path) -> None:
    machine = project(tmp_path)
    machine.again_after = hours(2, 4, 20)
    built_at(tmp_path, "2026-03-10T03:05", "2026-03-09")
    assert machine.run("2026-03-10T06:00", "2026-03-10T12:00") == \
        ["10 06:00 again unchanged 2026-03-09", "10 07:05 again unchanged 2026-03-09"]


def test_a_new_metric_is_not_yet_built(tmp_path: Path) -> None:
    machine = project(tmp_path)
    built_at(tmp_path, "2026-03-10T03:05", "2026-03-09")
    write_project(tmp_path, {}, [*METRICS, {"id": "new", "formula": "1"}], start="2026-03-01")
    assert machine.run("2026-03-10T12:00", "2026-03-10T12:01") == ["10 12:00 daily built 2026-03-09"]


def test_repeats_find_late_data(tmp_path: Path) -> None:
    machine = project(tmp_path)
    machine.again_after = hours(2, 6)
    events = {"2026-03-10T08:00": lambda: machine.append("a,x,2026-03-02,5")}
    assert machine.run("2026-03-10T03:00", "2026-03-11T04:00", events) == [
        "10 03:00 daily built 2026-03-09", "10 05:00 again unchanged 2026-03-09",
        "10 09:00 again built 2026-03-09", "11 03:00 daily built 2026-03-10"]
    assert machine.heard.made[2].to_dict()["settled"] == {"total": 8}
    assert [found for key, found in all_values(_loaded(tmp_path))["total"].items() if key[1].day == 10] == [6.0]


def test_a_machine_that_slept(tmp_path: Path) -> None:
    """Past the opening: at once when it wakes. Past the next midnight: not before the opening of that day."""
    machine = project(tmp_path)
    clock = MadeClock(at("2026-03-10T12:00"), at("2026-03-15T12:00"))

    def sleep_until(written: str) -> Callable[[], None]:
        return lambda: setattr(clock, "moment", at(written))

    clock.events = {"2026-03-11T01:00": sleep_until("2026-03-11T09:20"),
                    "2026-03-11T20:00": sleep_until("2026-03-13T00:40"),
                    "2026-03-13T03:30": sleep_until("2026-03-14T05:00")}
    heard = Heard(ZoneInfo("UTC"))
    Daily(machine.folder, Timetable(ZoneInfo("UTC"), time(3), hours(1)), heard, clock).run()
    assert heard.lines == [
        "10 12:00 daily built 2026-03-09", "10 13:00 again unchanged 2026-03-09", "11 09:20 daily built 2026-03-10",
        "11 10:20 again unchanged 2026-03-10", "13 03:00 daily built 2026-03-12", "14 05:00 daily built 2026-03-13",
        "14 06:00 again unchanged 2026-03-13", "15 03:00 daily built 2026-03-14", "15 04:00 again unchanged 2026-03-14"]


def test_clocks_that_jump(tmp_path: Path) -> None:
    machine = project(tmp_path, timezone="Europe/Stockholm")
    machine.not_before = time(2, 30)
    assert machine.run("2026-03-28T02:00+01:00", "2026-03-30T12:00+02:00") == [
        "wait for 28 02:30", "28 02:30 daily built 2026-03-27", "29 03:30 daily built 2026-03-28",
        "30 02:30 daily built 2026-03-29"]
    assert machine.run("2026-10-24T02:00+02:00", "2026-10-26T12:00+01:00") == [
        "wait for 24 02:30", "24 02:30 daily built 2026-10-23", "25 02:30 daily built 2026-10-24",
        "26 02:30 daily built 2026-10-25"]
    assert [made.start.astimezone(ZoneInfo("Europe/Stockholm")).fold for made in machine.heard.made] == [0, 0, 0]


def test_a_failure_of_the_machine_is_tried_again(tmp_path: Path) -> None:
    machine = project(tmp_path, database="out/case.duckdb")
    out = tmp_path / "out"
    out.write_text("not a folder")
    assert machine.run("2026-03-10T03:00", "2026-03-11T04:00", {"2026-03-10T03:05": out.unlink}) == [
        "10 03:00 daily failed 2026-03-09", "10 03:01 retry failed 2026-03-09", "10 03:03 retry failed 2026-03-09",
        "10 03:07 retry built 2026-03-09", "11 03:00 daily built 2026-03-10"]
    assert [item.code for item in machine.heard.made[0].diagnostics] == ["disk"]


def test_a_failure_past_midnight_waits_for_the_opening(tmp_path: Path) -> None:
    machine = project(tmp_path, database="out/case.duckdb")
    (tmp_path / "out").write_text("not a folder")
    lines = machine.run("2026-03-10T23:50", "2026-03-11T03:02")
    assert [line[:14] for line in lines] == ["10 23:50 daily", "10 23:51 retry", "10 23:53 retry", "10 23:57 retry",
                                             "11 03:00 daily"]


def test_another_build_is_waited_for(tmp_path: Path) -> None:
    machine = project(tmp_path)
    with contextlib.ExitStack() as held:
        held.enter_context(locked(tmp_path / "case.duckdb"))
        lines = machine.run("2026-03-10T03:00", "2026-03-10T04:00", {"2026-03-10T03:09": held.close})
    assert lines == [
        "10 03:00 daily locked 2026-03-09", "10 03:01 retry locked 2026-03-09", "10 03:03 retry locked 2026-03-09",
        "10 03:07 retry locked 2026-03-09", "10 03:12 retry built 2026-03-09"]


def test_a_fault_of_the_project_waits_for_the_next_time(tmp_path: Path) -> None:
    """It does not go away by itself. The files are read anew each time, so it may be mended by then."""
    machine = project(tmp_path)
    file = tmp_path / "metricsql.yml"
    good = file.read_text()
    machine.again_after = hours(2)
    events = {"2026-03-10T04:00": lambda: file.write_text(good.replace("rolling_sum", "rolling_sun")),
              "2026-03-11T04:00": lambda: file.write_text("- ["), "2026-03-12T04:00": lambda: file.write_text(good)}
    assert machine.run("2026-03-10T03:00", "2026-03-12T06:00", events) == [
        "10 03:00 daily built 2026-03-09", "10 05:00 again wrong 2026-03-09", "11 03:00 daily wrong 2026-03-10",
        "11 05:00 again wrong None", "12 03:00 daily wrong None", "12 05:00 again built 2026-03-11"]
    assert [item.code for item in machine.heard.made[1].diagnostics] == ["unknown-function"]


def test_the_time_zone_may_change(tmp_path: Path) -> None:
    machine = project(tmp_path)
    file = tmp_path / "metricsql.yml"
    text = file.read_text()
    events = {"2026-03-10T12:00": lambda: file.write_text(text + "timezone: Asia/Tokyo\n")}
    assert machine.run("2026-03-10T03:00", "2026-03-12T12:00", events) == [
        "10 03:00 daily built 2026-03-09", "11 03:00 daily built 2026-03-10", "11 18:00 daily built 2026-03-11"]


def test_until_is_the_last_day(tmp_path: Path) -> None:
    machine = project(tmp_path, until="2026-03-05")
    assert machine.run("2026-03-10T03:00", "2026-03-11T04:00") == \
        ["10 03:00 daily built 2026-03-05", "11 03:00 daily unchanged 2026-03-05"]


def test_a_defect_does_not_end_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = project(tmp_path)
    monkeypatch.setattr("metricsql.api.Project.build", lambda *_, **__: 1 / 0)
    events = {"2026-03-10T03:02": monkeypatch.undo}
    assert machine.run("2026-03-10T03:00", "2026-03-10T04:00", events) == [
        "10 03:00 daily failed 2026-03-09", "10 03:01 retry failed 2026-03-09", "10 03:03 retry built 2026-03-09"]
    assert [item.code for item in machine.heard.made[0].diagnostics] == ["internal"]


def test_the_machine_clock_looks_up_often(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    for seconds in (0, 5, 86_400):
        MachineClock().wait(seconds)
    assert slept == [0, 5, 30]
    assert abs(MachineClock().now() - datetime.now(UTC)) < timedelta(minutes=1)


def _loaded(folder: Path) -> Any:
    import metricsql

    return metricsql.Project(load_definition(folder))
