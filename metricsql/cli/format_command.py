"""`metricsql format`."""

from __future__ import annotations

import click

from metricsql.cli.main import project_path


@click.command("format")
@click.argument("target", metavar="FILE|METRIC|-")
@click.option("--to", type=click.Choice(["json", "expression"]), help="spelling to write [default: the other one]")
def command(target: str, to: str | None) -> None:
    """Print a formula in its other spelling, canonically: JSON as an expression, an expression as JSON.

    \b
    Example:
      metricsql format seat_utilization
      metricsql format formulas/quiet_days.json --to json
    """
    from metricsql.inspect.spelling import respell

    click.echo(respell(target, to, project_path))
