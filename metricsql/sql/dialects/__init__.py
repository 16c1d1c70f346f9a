"""How SQL is printed. A dialect is offered only if tests execute what is printed in it."""

from metricsql.sql.dialects import duckdb, spark

PRINTED = {duckdb.NAME: duckdb.Readable, spark.NAME: spark.Readable}
"""Each dialect by its name."""


def dialects() -> list[str]:
    """The names of all dialects that SQL can be printed in."""
    return list(PRINTED)
