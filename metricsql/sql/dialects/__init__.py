"""How SQL is printed: DuckDB's as people read it, that of other databases as sqlglot writes it."""

import sqlglot


def dialects() -> list[str]:
    """The names of all dialects that SQL can be printed in."""
    return sorted(name for name in sqlglot.Dialect.classes if name)
