"""`metricsql status`."""

from __future__ import annotations

import click

from metricsql.cli.main import project_path
from metricsql.cli.output import format_option, print_json, print_table


@click.command("status")
@format_option("table", "json")
def command(form: str) -> None:
    """Say what is built through which day, what changed since, and what is stale.

    \b
    Example:
      metricsql status
    """
    from metricsql.api import Project
    from metricsql.project import load_definition

    status = Project(load_definition(project_path())).status()
    if form == "json":
        print_json(status.to_dict())
        return
    print_table(["metric", "model", "built through", "state"],
                [[m.id, m.model, m.built_through, ": ".join([m.state, *([", ".join(m.because)] if m.because else [])])]
                 for m in status.metrics])
    for line in status.lines():
        click.echo(line, err=True)
