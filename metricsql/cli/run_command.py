"""`metricsql run`."""

from __future__ import annotations

import json
import re
import signal
from datetime import time, timedelta
from typing import TYPE_CHECKING

import click

from metricsql.cli.main import FAILED, WRONG, project_path
from metricsql.cli.output import show_diagnostics

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from metricsql.run.attempt import Attempt
    from metricsql.run.daily import Due, Reason


def time_of_day(ctx: click.Context, param: click.Parameter, value: str) -> time:
    """A time of day, such as 03:00."""
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", value, re.ASCII):
        raise click.BadParameter(f"{value!r} is not a time of day such as 03:00", ctx, param)
    return time.fromisoformat(value)


def lengths_of_time(ctx: click.Context, param: click.Parameter, values: tuple[str, ...]) -> list[timedelta]:
    """Lengths of time, such as 2h, 30m or 1h30m."""
    lengths = []
    for value in values:
        found = re.fullmatch(r"(?:(\d{1,2})h)?(?:(\d{1,4})m)?", value, re.ASCII)
        lengths.append(timedelta(hours=int(found[1] or 0), minutes=int(found[2] or 0)) if found else timedelta())
        if not lengths[-1]:
            raise click.BadParameter(f"{value!r} is not a length of time such as 2h, 30m or 1h30m", ctx, param)
    return lengths


@click.command("run")
@click.option("--not-before", metavar="HH:MM", callback=time_of_day, default="03:00", show_default=True,
              help="time of day, in the project's time zone, before which no build starts")
@click.option("--again-after", metavar="DURATION", callback=lengths_of_time, multiple=True,
              help="build once more so long after the day's build, for late data; may be given several times")
@click.option("--once", is_flag=True, help="build if it is due now, and end; for cron")
@click.option("--memory-limit", metavar="SIZE", help="of the whole process, for example 4GB")
@click.option("--threads", type=click.IntRange(1), help="threads of the engine")
@click.pass_context
def command(ctx: click.Context, not_before: time, again_after: list[timedelta], once: bool,
            memory_limit: str | None, threads: int | None) -> None:
    """Build every day, until SIGTERM or Ctrl+C; one line of JSON for each build.

    \b
    Example:
      metricsql run
      metricsql run --not-before 04:30 --again-after 2h
    """
    from zoneinfo import ZoneInfo

    from metricsql.project import load_definition
    from metricsql.run.daily import Daily
    from metricsql.run.timetable import Timetable

    opening = timedelta(hours=not_before.hour, minutes=not_before.minute)
    if any(opening + pause >= timedelta(days=1) for pause in again_after):
        raise click.BadParameter("a repeat must come before midnight", ctx, param_hint="'--again-after'")
    path = project_path()
    timetable = Timetable(ZoneInfo(load_definition(path).timezone), not_before, again_after)
    daily = Daily(path, timetable, Log(), options={"memory_limit": memory_limit, "threads": threads})
    for stop in (signal.SIGTERM, signal.SIGINT):  # both as Ctrl+C, which a shell lets background jobs ignore
        signal.signal(stop, signal.default_int_handler)
    if not once:
        daily.run()
        click.echo("stopped", err=True)
    elif (made := daily.once()) is not None:
        ctx.exit({"wrong": WRONG, "failed": FAILED, "locked": FAILED}.get(made.outcome, 0))


class Log:
    """One line of JSON on standard output for each build, words on standard error."""

    def waiting(self, due: Due, zone: ZoneInfo) -> None:
        click.echo(f"next build: {due.moment.astimezone(zone):%Y-%m-%d %H:%M} {zone.key}", err=True)

    def attempted(self, made: Attempt, reason: Reason, following: Due | None) -> None:
        from metricsql.run.attempt import in_utc

        show_diagnostics(made.diagnostics)
        for sentence in made.report.lines() if made.report else ():
            click.echo(sentence, err=True)
        line = made.to_dict() | {"reason": reason, "next": in_utc(following.moment) if following else None}
        click.echo(json.dumps(line, ensure_ascii=False))
