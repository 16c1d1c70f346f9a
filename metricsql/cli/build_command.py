"""`metricsql build`."""

from __future__ import annotations

import click

from metricsql.cli.main import project_path
from metricsql.cli.output import Progress, format_option, print_json, show_diagnostics


@click.command("build")
@click.option("--as-of", metavar="DAY", help="last day to compute [default: the project's `until`, else yesterday]")
@click.option("--full", is_flag=True, help="compute everything anew")
@click.option("--select", "-s", multiple=True, metavar="METRIC", help="only these: ID, +ID (with what it uses), ID+, tag:NAME")
@click.option("--strict", is_flag=True, help="stop at rows that cannot be used; nothing is written then")
@click.option("--dry-run", is_flag=True, help="say what would be computed, write nothing")
@click.option("--memory-limit", metavar="SIZE", help="of the whole process, for example 4GB")
@click.option("--threads", type=click.IntRange(1), help="threads of the engine")
@click.option("--engine", metavar="NAME", help="duckdb or spark [default: the project's `engine`, else duckdb]")
@format_option("text", "json", default="text")
def command(as_of: str | None, full: bool, select: tuple[str, ...], strict: bool, dry_run: bool, memory_limit: str | None,
            threads: int | None, engine: str | None, form: str) -> None:
    """Compute the metrics through a day and write them into the project's DuckDB file.

    \b
    Example:
      metricsql build --as-of 2026-01-31
      metricsql build --select +health_score --strict
    """
    from metricsql.api import Project
    from metricsql.project import load_definition

    project = Project(load_definition(project_path()))
    with Progress() as progress:
        report = project.build(as_of, select=list(select) or None, full=full, strict=strict, dry_run=dry_run,
                               memory_limit=memory_limit, threads=threads, engine=engine, progress=progress)
    show_diagnostics(report.warnings)
    if form == "json":
        print_json(report.to_dict())
        return
    for line in report.lines():
        click.echo(line, err=True)
