"""What is printed alike for every engine, for people to read: a part of each dialect's generator."""

from __future__ import annotations

from typing import Any

from sqlglot import exp


class ForPeople:
    """`x IS NOT NULL` instead of `NOT x IS NULL`, and `DATE '2025-01-31'` instead of a cast."""

    def not_sql(self: Any, expression: exp.Not) -> str:
        test = expression.this
        if isinstance(test, exp.Is) and isinstance(test.expression, exp.Null):
            return f"{self.sql(test, 'this')} IS NOT NULL"
        return str(super().not_sql(expression))  # type: ignore[misc]

    def cast_sql(self: Any, expression: exp.Cast, safe_prefix: str | None = None) -> str:
        value = expression.this
        if isinstance(value, exp.Literal) and value.is_string and safe_prefix is None and expression.to.is_type("date"):
            return f"DATE {self.sql(value)}"
        return str(super().cast_sql(expression, safe_prefix))  # type: ignore[misc]
