"""`metricsql library`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from metricsql.cli.main import project_path
from metricsql.cli.output import format_option, print_json, print_rows, show_diagnostics

if TYPE_CHECKING:
    from metricsql.library import Entry

ACTIONS = ("show", "add")


@click.command("library")
@click.argument("words", nargs=-1, metavar="[WORD...] | show ID | add ID")
@click.option("--kind", type=click.Choice(["row", "metric"]), help="list only rows of tables, or only daily metrics")
@click.option("--table", "-t", metavar="T", help="add: the table a row goes to; list: what each row lacks in it")
@click.option("--bind", "-b", multiple=True, metavar="INPUT=NAME",
              help="add: what stands for an input, a row, a series, a field or a number (may be given several times)")
@click.option("--as", "name", metavar="NAME", help="add: title of the row, id of the metric [default: the usual one]")
@click.option("--model", metavar="M", help="add: the model of a metric [default: the root]")
@click.option("--dry-run", is_flag=True, help="add: print what would be written, and write nothing")
@format_option("table", "json")
def command(words: tuple[str, ...], kind: str | None, table: str | None, bind: tuple[str, ...], name: str | None,
            model: str | None, dry_run: bool, form: str) -> None:
    """List ready rows of tables and ready daily metrics (those that hold every WORD), show one, or add one.

    `add` puts the rows of a table in the place of the inputs, by their titles or as --bind says, checks the project
    that comes out, and writes one item into the project file. Comments and layout stay. What is missing is said.

    \b
    Example:
      metricsql library churn
      metricsql library show quick_ratio
      metricsql library add quick_ratio --table mrr --dry-run
      metricsql library add quiet_days --bind activity=activities.login --as days_without_login
    """
    action = words[0] if words and words[0] in ACTIONS else None
    if action is not None and len(words) != 2:
        raise click.UsageError(f"`{action}` takes one id")
    for_add = {"--bind": bind, "--as": name, "--model": model, "--dry-run": dry_run}
    _refuse_stray(action, {"--kind": kind, "--table": table}, for_add)
    if action == "show":
        _show(words[1], form)
    elif action == "add":
        _add(words[1], dict(map(_binding, bind)), form, table=table, name=name, model=model, dry_run=dry_run)
    else:
        _list(words, kind, table, form)


def _refuse_stray(action: str | None, for_list: dict[str, Any], for_add: dict[str, Any]) -> None:
    stray = [option for option, value in for_add.items() if value and action != "add"]
    stray += [option for option, value in for_list.items() if value and action == "show"]
    stray += ["--kind"] if for_list["--kind"] and action == "add" else []
    if stray:
        raise click.UsageError(f"{stray[0]} does not go with " + (f"`{action}`" if action else "a list"))


def _binding(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip() or not value.strip():
        raise click.BadParameter(f"'{text}' is not of the form INPUT=NAME", param_hint="'--bind'")
    return name.strip(), value.strip()


def _list(words: tuple[str, ...], kind: Any, table: str | None, form: str) -> None:
    from metricsql.library.entries import matching

    found = matching(words, "row" if table is not None else kind)
    lacking = None if table is None else _lacking(found, table)
    if form == "json":
        missing = {} if lacking is None else {id: {"missing": names} for id, names in lacking.items()}
        print_json([{**entry.to_dict(), **missing.get(entry.id, {})} for entry in found])
    elif not found:
        click.echo("the library has nothing with these words", err=True)
    elif lacking is not None:
        print_rows(["id", "title", "missing"], [(e.id, e.title, ", ".join(lacking[e.id]) or None) for e in found], form)
    else:
        columns = ["id", "kind", "group", "description"]
        print_rows(columns, [(e.id, e.kind, e.group, e.description) for e in found], form)


def _lacking(found: list[Entry], table: str) -> dict[str, list[str]]:
    """Per row, the inputs that no row of a table stands for."""
    from metricsql.library.binding import lacking, table_of
    from metricsql.project import load_definition

    rows = table_of(load_definition(project_path()).tables, table)
    return {entry.id: lacking(entry, rows) for entry in found}


def _show(id: str, form: str) -> None:
    from metricsql.library.entries import find_entry
    from metricsql.library.text import lines

    entry = find_entry(id)
    if form == "json":
        print_json(entry.to_dict())
        return
    for line in lines(entry):
        click.echo(line)


def _add(id: str, bindings: dict[str, str], form: str, **options: Any) -> None:
    from metricsql.api import Project
    from metricsql.project import load_definition

    addition = Project(load_definition(project_path())).add_ready(id, bindings, **options)
    if form == "json":
        print_json(addition.to_dict())
        return
    show_diagnostics(addition.warnings)
    click.echo(addition.inserted.added)
    place = f"{addition.file.as_posix()}:{addition.inserted.line}"
    click.echo(f"written to {place}" if addition.written else f"would stand at {place}; nothing is written", err=True)
