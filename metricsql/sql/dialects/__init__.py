"""How SQL is printed. A dialect is offered only if tests execute what is printed in it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from metricsql.sql.dialects import duckdb

DUCKDB, SPARK = "duckdb", "spark"
"""The names of the dialects; the module of that name has `Readable`."""
PRINTED: dict[str, Any] = {DUCKDB: duckdb.Readable}
"""The dialects that were needed so far, DuckDB's always; loading one takes a while."""


def dialects() -> list[str]:
    """The names of all dialects that SQL can be printed in."""
    return [DUCKDB, SPARK]


def printed(name: str) -> Any:
    """sqlglot's dialect of a name, as it is printed here."""
    if name not in PRINTED:
        PRINTED[name] = import_module(f"{__name__}.{name}").Readable
    return PRINTED[name]
