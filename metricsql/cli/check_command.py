"""`metricsql check`."""

from __future__ import annotations

import click

from metricsql.cli.main import WRONG, project_path
from metricsql.cli.output import format_option, print_json, show_diagnostics
from metricsql.diagnostics import Diagnostic, ProjectError


@click.command("check")
@format_option("text", "json", default="text")
def command(form: str) -> None:
    """Validate the project, its formulas and its sources; report ALL errors and warnings.

    \b
    Example:
      metricsql check --project fixtures/acme
    """
    from metricsql.api import Project
    from metricsql.project import read_definition

    found: list[Diagnostic] = []
    count = 0
    try:
        project = Project(read_definition(project_path()))
        count = len(project.definition.metrics)
        found = project.check().items
    except ProjectError as error:
        found = error.diagnostics
    errors = sum(item.severity == "error" for item in found)
    if form == "json":
        print_json({"errors": errors, "warnings": len(found) - errors, "diagnostics": [item.to_dict() for item in found]})
    else:
        show_diagnostics(found)
        click.echo(_summary(errors, len(found) - errors, count), err=True)
    if errors:
        raise click.exceptions.Exit(WRONG)


def _summary(errors: int, warnings: int, metrics: int) -> str:
    counts = [f"{n} {word}{'s' if n != 1 else ''}" for n, word in ((errors, "error"), (warnings, "warning")) if n]
    return ", ".join(counts) if counts else f"{metrics} metric{'s' if metrics != 1 else ''}, nothing wrong"
