"""`metricsql graph`."""

from __future__ import annotations

import click

from metricsql.cli.main import project_path
from metricsql.cli.output import format_option, print_json


@click.command("graph")
@click.option("--upstream", "-u", multiple=True, metavar="NAME",
              help="only this and what it needs (may be given several times)")
@click.option("--downstream", "-d", multiple=True, metavar="NAME",
              help="only this and what needs it (may be given several times)")
@format_option("text", "json", "mermaid", "dot", default="text")
def command(upstream: tuple[str, ...], downstream: tuple[str, ...], form: str) -> None:
    """Show what depends on what: sources, models, series, fields and metrics, with operations and days.

    NAME is a metric, or a series, field, model or source as the graph shows it.

    \b
    Example:
      metricsql graph --upstream health_score
      metricsql graph --downstream activities.login --format mermaid
    """
    from metricsql.api import Project
    from metricsql.inspect.graph_text import FORMATS
    from metricsql.project import load_definition

    graph = Project(load_definition(project_path())).graph(upstream, downstream)
    if form == "json":
        print_json(graph.to_dict())
        return
    for line in FORMATS[form](graph):
        click.echo(line)
