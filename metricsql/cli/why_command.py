"""`metricsql why`."""

from __future__ import annotations

import click

from metricsql.cli.main import project_path
from metricsql.cli.output import format_option, print_json


@click.command("why")
@click.argument("metric")
@click.option("--record", "-r", required=True, metavar="R", help="the key of the record")
@click.option("--day", "-d", metavar="D", help="the day, as YYYY-MM-DD [default: the last one]")
@click.option("--rows", type=click.IntRange(0), default=10, show_default=True, metavar="N",
              help="how many values and raw rows to show of each operation over time")
@format_option("text", "json", default="text")
def command(metric: str, record: str, day: str | None, rows: int, form: str) -> None:
    """Take one value of METRIC apart: the formula with the value of every part, the days that were looked at, the
    raw rows behind them, and the rule that was applied.

    It is computed from the sources as they are now, and compared with what the built file holds.

    \b
    Example:
      metricsql why seat_utilization --record acme-1 --day 2026-01-31
      metricsql why quiet_days --record acme-17 --day 2026-03-31 --format json
    """
    from metricsql.api import Project
    from metricsql.project import load_definition

    found = Project(load_definition(project_path())).why(metric, record, day, rows=rows)
    if form == "json":
        print_json(found.to_dict())
        return
    for line in found.lines():
        click.echo(line)
