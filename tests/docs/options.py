"""The tables of options in `docs/cli.md`, from the commands: `python -m tests.docs.options` writes them anew.

A table stands between `<!-- options: VERB -->` and `<!-- end -->`.
"""

from __future__ import annotations

import re

import click

from metricsql.cli.main import VERBS, cli
from tests.docs.pages import DOCS

PAGE = DOCS / "cli.md"
EVERYWHERE = ("--project", "--help")
"""Options that every verb has; they are described once."""
_TABLE = re.compile(r"(<!-- options: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def command(verb: str) -> click.Command:
    found = cli.get_command(click.Context(cli), verb)
    assert found is not None
    return found


def options_of(verb: str) -> list[click.Option]:
    """The options of a verb, but for those that every verb has."""
    parameters = [p for p in command(verb).params if isinstance(p, click.Option)]
    return [p for p in parameters if not set(p.opts) & set(EVERYWHERE)]


def table(verb: str) -> str:
    """Usage and options of a verb, in Markdown."""
    context = click.Context(command(verb), info_name=verb, parent=click.Context(cli, info_name="metricsql"))
    usage = " ".join(["metricsql", verb, *command(verb).collect_usage_pieces(context)])
    lines = ["```text", usage, "```"]
    rows = [f"| {_spelled(option, context)} | {_help(option, context)} |" for option in options_of(verb)]
    return "\n".join([*lines, *(["", "| option | meaning |", "|---|---|", *rows] if rows else [])]) + "\n"


def _spelled(option: click.Option, context: click.Context) -> str:
    value = "" if option.is_flag else f" {option.make_metavar(context)}"
    if isinstance(option.type, click.types.IntRange):
        value = " N"
    names = sorted(option.opts, key=len, reverse=True)
    return ", ".join(f"`{name}{value}`" for name in names).replace("|", "\\|")


def _help(option: click.Option, context: click.Context) -> str:
    record = option.get_help_record(context)
    return (record[1] if record else "").replace("  ", " ").replace("|", "\\|")


def with_tables(text: str) -> str:
    """The text of the page with every table as the commands are now."""
    return _TABLE.sub(lambda match: match[1] + table(match[2]) + match[3], text)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    missing = [verb for verb in VERBS if f"<!-- options: {verb} -->" not in PAGE.read_text(encoding="utf-8")]
    if missing:
        print("no table for: " + ", ".join(missing))
