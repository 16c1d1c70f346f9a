"""How DuckDB's SQL is printed. Only what differs from sqlglot's own output, each with its reason."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB as Base

NAME = "duckdb"


class Readable(Base):
    """DuckDB, printed for people."""

    class Generator(Base.Generator):  # type: ignore[misc, valid-type]
        """`x IS NOT NULL` instead of `NOT x IS NULL`, and `DATE '2025-01-31'` instead of a cast."""

        def not_sql(self, expression: exp.Not) -> str:
            test = expression.this
            if isinstance(test, exp.Is) and isinstance(test.expression, exp.Null):
                return f"{self.sql(test, 'this')} IS NOT NULL"
            return str(super().not_sql(expression))

        def cast_sql(self, expression: exp.Cast, safe_prefix: str | None = None) -> str:
            value = expression.this
            literal = isinstance(value, exp.Literal) and value.is_string
            if literal and safe_prefix is None and expression.to.is_type("date"):
                return f"DATE {self.sql(value)}"
            return str(super().cast_sql(expression, safe_prefix))

        def anonymous_sql(self, expression: exp.Anonymous) -> str:
            if expression.name != "MOMENT":
                return str(super().anonymous_sql(expression))
            time, place = expression.expressions  # one number of both is several times cheaper to compare than a row of both
            return f"CAST(EPOCH_US({self.sql(time)}) AS HUGEINT) * 18446744073709551616 + {self.sql(place)}"
