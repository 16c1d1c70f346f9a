"""`metricsql schema`."""

from __future__ import annotations

from pathlib import Path

import click

from metricsql.cli.main import project_path
from metricsql.cli.output import print_json


@click.command("schema")
@click.option("--output", "-o", metavar="FILE", help="file to write [default: standard output]")
@click.option("--part", is_flag=True, help="the schema of a file that another one includes, which needs no version")
def command(output: str | None, part: bool) -> None:
    """Print the JSON Schema of the project file, so that editors check it while it is typed.

    With a project (here, or by --project) its metrics, models, series and fields are offered for completion. The
    line `# yaml-language-server: $schema=metricsql.schema.json` at the top of a project file tells editors of it.

    \b
    Example:
      metricsql schema --output metricsql.schema.json
    """
    from metricsql.api import Project
    from metricsql.diagnostics import ProjectError
    from metricsql.inspect.json_schema import json_schema
    from metricsql.project import load_definition

    try:
        made = Project(load_definition(project_path())).json_schema(part)
    except ProjectError as error:
        made = json_schema(part=part)
        if error.diagnostics[0].code != "missing-project":
            click.echo("note: the project has errors, so the schema does not know its names", err=True)
    if output is None:
        print_json(made)
        return
    import json

    Path(output).write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    click.echo(output, err=True)
