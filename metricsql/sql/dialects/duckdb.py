"""How DuckDB's SQL is printed. Only what differs from sqlglot's own output, each with its reason."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.duckdb import DuckDB as Base

from metricsql.sql.dialects.readable import ForPeople

NAME = "duckdb"


class Readable(Base):
    """DuckDB, printed for people."""

    class Generator(ForPeople, Base.Generator):  # type: ignore[misc, valid-type]
        """The methods are called by the name of the kind of node."""

        def anonymous_sql(self, expression: exp.Anonymous) -> str:
            if expression.name != "MOMENT":
                return str(super().anonymous_sql(expression))
            time, place = expression.expressions  # one number of both is several times cheaper to compare than a row of both
            return f"CAST(EPOCH_US({self.sql(time)}) AS HUGEINT) * 18446744073709551616 + {self.sql(place)}"
