"""How DuckDB's SQL is printed. Only what differs from sqlglot's own output, each with its reason."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.generator import Generator

from metricsql.sql.dialects.readable import FOR_PEOPLE, Words, with_words


def anonymous_sql(generator: Generator, node: exp.Anonymous) -> str:
    if node.name != "MOMENT":
        return str(generator.anonymous_sql(node))
    time, place = node.expressions  # one number of both is several times cheaper to compare than a row of both
    return f"CAST(EPOCH_US({generator.sql(time)}) AS HUGEINT) * 18446744073709551616 + {generator.sql(place)}"


WORDS: Words = {**FOR_PEOPLE, exp.Anonymous: anonymous_sql}
Readable = with_words(DuckDB, WORDS)
"""DuckDB, printed for people."""
