"""`metricsql table`."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metricsql.cli.main import project_path
from metricsql.cli.output import format_option, print_json, print_rows, print_table, show_diagnostics

if TYPE_CHECKING:
    from metricsql.build.output_tables.table import Table


@click.command("table")
@click.argument("name")
@click.option("--interval", "-i", metavar="I", help="15min, 30min, hour, day, week, month, quarter or year [default: the table's]")
@click.option("--from", "first", metavar="DAY", help="first day to show")
@click.option("--to", "last", metavar="DAY", help="last day to show")
@click.option("--as-of", metavar="DAY", help="last complete day [default: the project's `until`, else yesterday]")
@click.option("--row", "-r", multiple=True, metavar="R", help="only this row, by title or key (may be given several times)")
@click.option("--output", "-o", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="write html or xlsx to a file")
@format_option("table", "csv", "json", "html", "xlsx", "chart")
def command(name: str, interval: str | None, first: str | None, last: str | None, as_of: str | None, row: tuple[str, ...],
            output: Path | None, form: str) -> None:
    """Show the output table NAME: rows by periods, computed now.

    Ledgers are read from their sources, tables of metrics from the built file. csv and json hold raw numbers. A period
    with a * is not complete; a dash is a missing value, whose reason `metricsql why --table` shows.

    \b
    Example:
      metricsql table pnl --interval quarter
      metricsql table pnl --from 2025-01-01 --format xlsx --output pnl.xlsx
    """
    from metricsql.api import Project
    from metricsql.project import load_definition

    if form == "xlsx" and output is None and sys.stdout.isatty():
        raise click.UsageError("a workbook is no text: name a file with --output")
    if output is not None and form not in ("html", "xlsx"):
        raise click.UsageError(f"--output is for html and xlsx, not for {form}")
    project = Project(load_definition(project_path()))
    table = project.table(name, interval, first, last, as_of=as_of)
    if row:
        rows = project.rows_of(table, row)
        table = replace(table, rows=rows)
    _print(table, form, output)


def _print(table: Table, form: str, output: Path | None) -> None:
    from metricsql.inspect import table_text

    match form:
        case "json":
            print_json(table.to_json())
        case "csv":
            columns, rows = table_text.raw_rows(table)
            print_rows(columns, rows, "csv")
        case "html" if output is not None:
            output.write_text(table_text.as_html(table), encoding="utf-8")
        case "html":
            click.echo(table_text.as_html(table), nl=False)
        case "xlsx":
            table_text.write_xlsx(table, output or sys.stdout.buffer)
        case "chart":
            from metricsql.inspect.chart import print_table_chart

            print_table_chart(table)
        case _:
            print_table(table_text.header(table), table_text.text_rows(table), right=True)
            _notes(table)


def _notes(table: Table) -> None:
    """Why rows are unavailable."""
    from metricsql.diagnostics import Diagnostic

    unavailable = {row.title: row.unavailable for row in table.rows if row.unavailable is not None}
    show_diagnostics([Diagnostic("unavailable-row", f"`{title}` is unavailable: {reason}", severity="warning")
                      for title, reason in unavailable.items()])
