"""`metricsql find`."""

from __future__ import annotations

import click

from metricsql.cli.main import project_path
from metricsql.cli.output import format_option, print_rows


@click.command("find")
@click.option("--where", "-w", metavar="CONDITION", help="what must hold, over fields and metrics [default: nothing]")
@click.option("--model", "-m", metavar="NAME", help="the kind of record [default: the root, such as company]")
@click.option("--day", metavar="DAY", help="the day that is looked at [default: the last built one]")
@click.option("--show", "-s", multiple=True, metavar="NAME", help="another field or metric to print (may be repeated)")
@click.option("--limit", type=click.IntRange(0), help="number of records [default: all]")
@format_option("table", "csv", "json")
def command(where: str | None, model: str | None, day: str | None, show: tuple[str, ...], limit: int | None,
            form: str) -> None:
    """List the records for which CONDITION holds, with everything that it names.

    Texts stand in single quotes, names with spaces in double quotes. Where a metric and a field have one name it
    means the metric; `custom.seats` means the field. Fields are taken as they were on the day.

    \b
    Example:
      metricsql find --where "segment = 'Enterprise' and quiet_days > 30" --show owner
      metricsql find --model enduser --where "user_is_active = 0 and role = 'Admin'" --day 2026-01-31
    """
    from metricsql.api import Project
    from metricsql.project import load_definition

    found = Project(load_definition(project_path())).find(where, model=model, day=day, show=show, limit=limit)
    print_rows(found.columns, found.rows, form)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
    click.echo(f"{len(found.rows)} of {found.records} records of {found.model} on {found.day}", err=True)
