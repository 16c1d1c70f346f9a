"""What verbs print: data on standard output, everything else on standard error."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Any

import click

from metricsql.diagnostics import Diagnostic


def show_diagnostics(diagnostics: Sequence[Diagnostic]) -> None:
    """Print findings with a blank line between them."""
    for diagnostic in diagnostics:
        head, _, rest = str(diagnostic).partition(":")
        colour = "red" if diagnostic.severity == "error" else "yellow"
        click.echo(click.style(head, fg=colour, bold=True) + f":{rest}\n", err=True)


def format_option(*formats: str, default: str = "table") -> Callable[[Any], Any]:
    """`--format` with the formats that a verb has."""
    return click.option("--format", "form", type=click.Choice(formats), default=default, show_default=True,
                        help="how the result is printed")


def print_json(data: Any) -> None:
    """Data for programs."""
    click.echo(json.dumps(data, ensure_ascii=False, indent=2, default=plain))


def plain(value: Any) -> Any:
    """A value as JSON has it: days as text, numbers as numbers."""
    return value.isoformat() if isinstance(value, date | datetime) else str(value)


def print_rows(columns: Sequence[str], rows: Iterable[Sequence[Any]], form: str) -> None:
    """A result as a table, as CSV or as JSON."""
    if form == "json":
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    elif form == "csv":
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([["" if v is None else _number(v) for v in row] for row in rows])
        click.echo(out.getvalue(), nl=False)
    else:
        print_table(columns, list(rows))


def _number(value: Any) -> Any:
    return repr(value) if isinstance(value, float) else value


def print_table(columns: Sequence[str], rows: Sequence[Sequence[Any]], right: bool = False) -> None:
    """A table for people, by rich; with `right` every column with a title is set to the right."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for position, column in enumerate(columns):
        numeric = (right and bool(column) and column != "segment") or any(isinstance(row[position], int | float) for row in rows)
        table.add_column(Text(column), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*[Text(shown(value)) for value in row])
    width = None if sys.stdout.isatty() else 10_000
    Console(width=width, highlight=False, soft_wrap=width is not None).print(table)


def shown(value: Any) -> str:
    """A value as people read it; a missing one is a dash."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.0f}" if value == int(value) and abs(value) < 1e15 else f"{value:,.6g}"
    return plain(value) if isinstance(value, date | datetime) else str(value)


class Progress:
    """Says on a terminal what is being done; silent elsewhere."""

    def __init__(self) -> None:
        self.status: Any = None

    def __enter__(self) -> Progress:
        if sys.stderr.isatty():
            from rich.console import Console

            self.status = Console(stderr=True).status("starting")
            self.status.start()
        return self

    def __call__(self, stage: str) -> None:
        if self.status is not None:
            self.status.update(f"{stage} ...")

    def __exit__(self, *ignored: object) -> None:
        if self.status is not None:
            self.status.stop()
