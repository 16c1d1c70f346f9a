"""Temporary tables made of steps."""

from __future__ import annotations

from collections.abc import Sequence

from metricsql.build.engine import Engine, quoted
from metricsql.sql.steps import Step, needed, statement


def create(engine: Engine, name: str, steps: Sequence[Step], have: Sequence[str] = ()) -> None:
    """Run the last of the steps, with what it needs, into a temporary table."""
    wanted = needed(steps, steps[-1].name, have)
    engine.run(f"CREATE TEMP TABLE {quoted(name)} AS\n{statement(wanted)}")


def drop(engine: Engine, name: str) -> None:
    """Remove a temporary table, if there is one."""
    engine.run(f"DROP TABLE IF EXISTS temp.{quoted(name)}")
