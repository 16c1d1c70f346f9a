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
    counts: dict[str, int] = {}
    try:
        project = Project(read_definition(project_path()))
        counts = {"metric": len(project.definition.metrics), "table": len(project.definition.tables)}
        found = project.check().items
    except ProjectError as error:
        found = error.diagnostics
    errors = sum(item.severity == "error" for item in found)
    if form == "json":
        print_json({"errors": errors, "warnings": len(found) - errors, "diagnostics": [item.to_dict() for item in found]})
    else:
        show_diagnostics(found)
        click.echo(_summary(errors, len(found) - errors, counts), err=True)
    if errors:
        raise click.exceptions.Exit(WRONG)


def _summary(errors: int, warnings: int, counts: dict[str, int]) -> str:
    wrong = _counted({"error": errors, "warning": warnings})
    return ", ".join(wrong or [*(_counted(counts) or ["0 metrics"]), "nothing wrong"])


def _counted(counts: dict[str, int]) -> list[str]:
    return [f"{number} {word}{'s' if number != 1 else ''}" for word, number in counts.items() if number]
