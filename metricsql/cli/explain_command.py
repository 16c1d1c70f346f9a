"""`metricsql explain`."""

from __future__ import annotations

import click

from metricsql.cli.main import project_path
from metricsql.cli.output import format_option, print_json


@click.command("explain")
@click.argument("metric")
@format_option("text", "json", default="text")
def command(metric: str, form: str) -> None:
    """Say in words what METRIC is, what it reads, who uses it, and how it is computed.

    The look-back is how many days before its own a value reads, the reach how many later days change with a day of a
    source. No value is computed.

    \b
    Example:
      metricsql explain seat_utilization
    """
    from metricsql.api import Project
    from metricsql.project import load_definition

    explanation = Project(load_definition(project_path())).explain(metric)
    if form == "json":
        print_json(explanation.to_dict())
        return
    for line in explanation.lines():
        click.echo(line)
