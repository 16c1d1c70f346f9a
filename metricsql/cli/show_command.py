"""`metricsql show`."""

from __future__ import annotations

import click

from metricsql.cli.main import project_path
from metricsql.cli.output import format_option, print_rows


@click.command("show")
@click.argument("metric")
@click.option("--record", "-r", multiple=True, metavar="R", help="only this record (may be given several times)")
@click.option("--from", "first", metavar="DAY", help="first day")
@click.option("--to", "last", metavar="DAY", help="last day")
@click.option("--limit", type=click.IntRange(0), help="number of rows [default: 20 newest in a table, else all]")
@format_option("table", "csv", "json", "chart")
def command(metric: str, record: tuple[str, ...], first: str | None, last: str | None, limit: int | None,
            form: str) -> None:
    """Show the built values of METRIC.

    A chart has a line for each record; without --record, for more than six records, it shows their mean and the
    band in which nine of ten of them lie.

    \b
    Example:
      metricsql show seat_utilization --record acme-1 --from 2026-01-01 --format csv
      metricsql show health_score --record acme-1 --record acme-2 --format chart
    """
    from metricsql.api import Project
    from metricsql.project import load_definition

    project = Project(load_definition(project_path()))
    if form == "chart" and not record:
        from metricsql.inspect.chart import MOST_RECORDS, print_spread

        days = project.summary(metric, first=first, last=last)
        if max((day.records for day in days), default=0) > MOST_RECORDS:
            print_spread(metric, days if limit is None else days[len(days) - min(limit, len(days)):])
            return
    if limit is None and form == "table":
        limit = 20
    columns, rows = project.values(metric, records=list(record) or None, first=first, last=last, limit=limit)
    if form == "chart":
        from metricsql.inspect.chart import print_chart

        print_chart(metric, rows)
    else:
        print_rows(columns, rows, form)
