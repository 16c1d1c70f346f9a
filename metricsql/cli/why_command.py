"""`metricsql why`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from metricsql.cli.main import project_path
from metricsql.cli.output import format_option, print_json

if TYPE_CHECKING:
    from metricsql.inspect.why import Why
    from metricsql.inspect.why_cell import WhyCell


@click.command("why")
@click.argument("metric", required=False)
@click.option("--record", "-r", metavar="R", help="the key of the record")
@click.option("--day", "-d", metavar="D", help="the day, as YYYY-MM-DD [default: the last one]")
@click.option("--table", "-t", metavar="NAME", help="a cell of this output table instead of a metric")
@click.option("--row", metavar="ROW", help="the row of the cell, by title or key")
@click.option("--period", metavar="P", help="the period, by its title or a day in it [default: the last one]")
@click.option("--interval", "-i", metavar="I", help="the interval of the table [default: its own]")
@click.option("--segment", metavar="S", help="the segment, in a table with `by` [default: the first one]")
@click.option("--rows", type=click.IntRange(0), default=10, show_default=True, metavar="N",
              help="how many values and raw rows to show of each operation over time")
@format_option("text", "json", default="text")
def command(metric: str | None, record: str | None, day: str | None, table: str | None, row: str | None, period: str | None,
            interval: str | None, segment: str | None, rows: int, form: str) -> None:
    """Take one value of METRIC apart: the formula with the value of every part, the days that were looked at, the
    raw rows behind them, and the rule that was applied.

    With --table, one cell of an output table: its rule, what it reads, the executions behind it, or why it is empty.

    It is computed from the sources as they are now, and compared with what the built file holds.

    \b
    Example:
      metricsql why --table pnl --row "Profit margin" --period 2025-03
      metricsql why seat_utilization --record acme-1 --day 2026-01-31
      metricsql why quiet_days --record acme-17 --day 2026-03-31 --format json
    """
    from metricsql.api import Project
    from metricsql.project import load_definition

    of_table = {"--row": row, "--period": period, "--interval": interval, "--segment": segment}
    of_metric = {"METRIC": metric, "--record": record, "--day": day}
    stray = next((name for name, value in (of_metric if table else of_table).items() if value is not None), None)
    if stray is not None:
        raise click.UsageError(f"{stray} does not go with " + ("--table" if table else "a metric"))
    missing = [name for name, value in ([("--row", row)] if table else [("METRIC", metric), ("--record", record)]) if value is None]
    if missing:
        raise click.UsageError(f"missing {' and '.join(missing)}")
    project = Project(load_definition(project_path()))
    found: Why | WhyCell
    if table is not None:
        found = project.why_cell(table, row or "", period, interval=interval, segment=segment, rows=rows)
    else:
        found = project.why(metric or "", record or "", day, rows=rows)
    if form == "json":
        print_json(found.to_dict())
        return
    for line in found.lines():
        click.echo(line)
