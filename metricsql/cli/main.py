"""The entry point: finds verbs by name, and turns our errors into messages and exit codes."""

from __future__ import annotations

import gc
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import click

from metricsql.cli.output import show_diagnostics
from metricsql.diagnostics import EngineError, MetricsqlError, failure
from metricsql.version import __version__

VERBS = {
    "init": "write a small runnable project with sample data",
    "check": "validate everything, report all errors and warnings",
    "sql": "print the SQL of metrics",
    "explain": "say in words what a metric is, what it reads and who uses it",
    "build": "compute what is missing or changed, and write the database",
    "show": "show the values of a metric",
    "table": "show an output table: rows by periods",
    "find": "list the records for which a condition holds",
    "graph": "show what depends on what",
    "report": "write an HTML report with charts, formulas and SQL",
    "why": "take one value apart, down to the raw rows behind it",
    "test": "run the tests of the project's metrics",
    "library": "list ready rows and metrics, and add them to the project",
    "format": "turn a formula from JSON into an expression and back",
    "schema": "print the JSON Schema of the project file, for editors",
    "status": "what is built through which day, and what is stale",
    "run": "the daily job: build every day, again for late data",
}
"""Every verb with its line in `--help`. The module of a verb has its name, with `_command` behind it."""
PROJECT = "METRICSQL_PROJECT"
WRONG, MISUSED, FAILED = 1, 2, 3


class Verbs(click.Group):
    """Loads the module of a verb only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = importlib.import_module(f"metricsql.cli.{name}_command").command
        if not any(parameter.name == "project" for parameter in command.params):
            command.params = [*command.params, project_option()]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from metricsql.diagnostics import nearest

            near = nearest(args[0], VERBS) if args else None
            if near:
                raise click.UsageError(f"there is no command '{args[0]}'; did you mean '{near}'?", ctx) from None
            raise error


def project_option() -> click.Option:
    """`--project`, allowed before and behind the verb."""
    return click.Option(["--project", "-p"], expose_value=False, callback=_remember, metavar="PATH",
                        help="project folder or file; else $METRICSQL_PROJECT, else the nearest metricsql.yml")


def _remember(ctx: click.Context, parameter: click.Parameter, value: str | None) -> None:
    if value is not None:
        ctx.find_root().meta["project"] = value


@click.group(cls=Verbs, params=[project_option()], context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "--version", message="metricsql %(version)s")
def cli() -> None:
    """Metric formulas compiled to readable DuckDB SQL: one value per record and day.

    \b
    Example:
      metricsql init demo && cd demo
      metricsql build
      metricsql show quiet_days
    """


def project_path() -> Path:
    """The project that this call is about."""
    chosen = click.get_current_context().find_root().meta.get("project") or os.environ.get(PROJECT)
    return Path(chosen) if chosen else Path(".")


def program() -> None:
    """The command itself: `main`, then an end at once. Taking the interpreter apart would take longer than a short command.

    So would looking for garbage as often as a long-lived program must. And a thread that waits for the engine shall not
    wait for another one's Python as well.
    """
    gc.set_threshold(300_000)
    sys.setswitchinterval(0.0005)
    code: Any = 0
    try:
        main()
    except SystemExit as stop:
        code = stop.code
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except BrokenPipeError:
        code = FAILED
    os._exit(code if isinstance(code, int) else 0 if code is None else FAILED)


def main() -> None:
    """Run the command line; never ends with a traceback for a fault of the user or of the machine."""
    try:
        code = cli(prog_name="metricsql", standalone_mode=False)
        if isinstance(code, int):  # without its standalone mode, click returns the code of `Exit`
            sys.exit(code)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(MISUSED)
    except EngineError as error:
        show_diagnostics(error.diagnostics)
        sys.exit(FAILED)
    except MetricsqlError as error:
        show_diagnostics(error.diagnostics)
        sys.exit(WRONG)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(FAILED)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("METRICSQL_TRACEBACK") and not isinstance(error, MemoryError | OSError):
            raise
        show_diagnostics([failure(error)])
        sys.exit(FAILED)
