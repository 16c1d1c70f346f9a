"""`metricsql test`."""

from __future__ import annotations

import click

from metricsql.cli.main import WRONG, project_path
from metricsql.cli.output import format_option, print_json


@click.command("test")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option("--record-test", "recorded", metavar="METRIC", help="print a test made of present data; nothing is run")
@click.option("--record", "-r", metavar="R", help="with --record-test: the record whose values are expected")
@click.option("--day", metavar="DAY", help="with --record-test: the last expected day")
@click.option("--days", type=click.IntRange(1), default=1, show_default=True, help="with --record-test: how many days")
@format_option("text", "json", default="text")
def command(names: tuple[str, ...], recorded: str | None, record: str | None, day: str | None, days: int,
            form: str) -> None:
    """Run the tests that the project declares under `tests:` (or those with these names).

    Each test has a few input rows and the values that its metrics must have; it is built like the project itself,
    in a folder of its own. A difference exits with 1.

    \b
    Example:
      metricsql test
      metricsql test --record-test quiet_days --record acme-1 --day 2026-03-31 >> metricsql.yml
    """
    from metricsql.api import Project
    from metricsql.project import load_definition

    if recorded is not None and (record is None or day is None):
        raise click.UsageError("--record-test needs --record and --day")
    project = Project(load_definition(project_path()))
    if recorded is not None:
        click.echo(project.record_test(recorded, record or "", day or "", days), nl=False)
        return
    outcomes = project.run_tests(*names)
    failed = sum(not outcome.passed for outcome in outcomes)
    if form == "json":
        print_json({"tests": len(outcomes), "failed": failed, "outcomes": [outcome.to_dict() for outcome in outcomes]})
    else:
        for line in (line for outcome in outcomes for line in outcome.lines()):
            click.echo(line)
        told = f"{len(outcomes)} test{'' if len(outcomes) == 1 else 's'}, {failed or 'none'} failed"
        click.echo(told if outcomes else "the project has no `tests:`", err=True)
    if failed:
        raise click.exceptions.Exit(WRONG)
