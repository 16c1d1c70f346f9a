"""`metricsql sql`."""

from __future__ import annotations

import sys

import click

from metricsql.cli.main import project_path


@click.command("sql")
@click.argument("metrics", nargs=-1, metavar="METRIC...")
@click.option("--table", "-t", metavar="NAME", help="the SQL of an output table instead")
@click.option("--interval", "-i", metavar="I", help="the interval of the table [default: its own]")
@click.option("--as-of", metavar="DAY", help="last day of the grid [default: the project's `until`, else yesterday]")
@click.option("--day", metavar="DAY", help="the one-day form: the rows of this day, without window functions")
@click.option("--dialect", default="duckdb", show_default=True, metavar="NAME", help="SQL dialect to print: duckdb, or spark for a script")
def command(metrics: tuple[str, ...], table: str | None, interval: str | None, as_of: str | None, day: str | None,
            dialect: str) -> None:
    """Print one statement with the columns record, day and METRIC..., or the one of an output table.

    It reads the sources themselves and the stored field history, and runs as pasted in a DuckDB that is opened on
    the built file from the project folder. With `-` a formula of the root model is read from standard input; its
    column is `value`.

    \b
    Example:
      metricsql sql seat_utilization
      metricsql sql --table pnl --interval quarter
      echo 'rolling_sum(activities.login, 7)' | metricsql sql -
    """
    from metricsql.api import Project
    from metricsql.project import load_definition

    if (table is None) == (not metrics):
        raise click.UsageError("name metrics, or a table with --table")
    if table is not None and (day is not None or dialect != "duckdb"):
        raise click.UsageError("--day and --dialect are for metrics; the SQL of tables is DuckDB's")
    if interval is not None and table is None:
        raise click.UsageError("--interval goes with --table")
    if "-" in metrics and len(metrics) > 1:
        raise click.UsageError("`-` stands alone: a formula is either typed in or that of a metric")
    project = Project(load_definition(project_path()))
    if table is not None:
        click.echo(project.table_sql(table, interval, as_of=as_of))
    elif metrics == ("-",):
        click.echo(project.formula_sql(sys.stdin.read(), as_of=as_of, day=day, dialect=dialect))
    else:
        click.echo(project.sql(*metrics, as_of=as_of, day=day, dialect=dialect))
