"""`metricsql report`."""

from __future__ import annotations

from pathlib import Path

import click

from metricsql.cli.main import project_path


@click.command("report")
@click.argument("metrics", nargs=-1, metavar="[METRIC...]")
@click.option("--output", "-o", default="report.html", show_default=True, metavar="FILE",
              help="file to write; `-` prints it")
@click.option("--open", "shown", is_flag=True, help="open the file in the browser")
def command(metrics: tuple[str, ...], output: str, shown: bool) -> None:
    """Write one HTML file about METRIC... (default: all): words, formula, SQL, coverage and charts of built values.

    The file needs no network and no other file. Besides ids, METRIC can be `+id`, `id+` and `tag:name`.

    \b
    Example:
      metricsql report --open
      metricsql report tag:health quiet_days --output health.html
    """
    from metricsql.api import Project
    from metricsql.project import load_definition

    page = Project(load_definition(project_path())).report(*metrics)
    if output == "-":
        click.echo(page, nl=False)
        return
    path = Path(output)
    path.write_text(page, encoding="utf-8")
    click.echo(f"{path} ({len(page.encode()) / 1024:,.0f} KB)", err=True)
    if shown:
        click.launch(path.resolve().as_uri())
