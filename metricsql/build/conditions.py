"""Tries every `where:` on the records, so that its faults are said of the condition and before a build begins."""

from __future__ import annotations

import duckdb

from metricsql.bind.sources import BoundSources
from metricsql.build.engine import Engine
from metricsql.compiler import Compiled
from metricsql.diagnostics import EngineError, Findings
from metricsql.project.definition import Definition
from metricsql.sql import facts


def try_conditions(engine: Engine, definition: Definition, sources: BoundSources, compiled: Compiled, findings: Findings) -> None:
    """Report the conditions that the engine cannot compute for every record."""
    fails: dict[str, bool] = {}
    for metric in definition.metrics:
        flag = compiled.flags.get(metric.where or "")
        condition = next((c for name, c in compiled.conditions.get(metric.model, ()) if name == flag), None)
        if condition is None:
            continue
        sql = facts.tried(sources.models[metric.model].definition.records, condition)
        if fails.setdefault(sql, sql not in fails and _fails(engine, sql)):
            findings.error("bad-condition", "the condition does not fit what the fields of the records hold",
                           metric.locate(("where",)), "numbers are compared with numbers and texts with texts; a regular "
                           "expression must be whole, and `//` must not divide by 0")


def _fails(engine: Engine, sql: str) -> bool:
    """Whether the condition is to blame for a failure; what else can go wrong comes up when the source is read."""
    try:
        engine.rows(sql)
    except EngineError as error:
        return isinstance(error.__context__, duckdb.DataError | duckdb.ProgrammingError)
    return False

