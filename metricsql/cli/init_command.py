"""`metricsql init`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("init")
@click.argument("folder", metavar="[DIR]", default=".", type=click.Path(path_type=Path, file_okay=False))
def command(folder: Path) -> None:
    """Write a small runnable project with sample data into DIR (default: here).

    \b
    Example:
      metricsql init demo
      metricsql build --project demo
    """
    from metricsql.project.sample import write_sample

    for path in write_sample(folder):
        click.echo(path.as_posix())
    where = "" if folder == Path(".") else f" --project {folder.as_posix()}"
    click.echo(f"next: metricsql build{where}", err=True)
