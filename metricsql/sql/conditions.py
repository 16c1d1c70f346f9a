"""`where:` and `find --where`: one DuckDB boolean expression over known names.

The text is parsed as one expression and never run as a statement: subqueries, aggregates, windows and
functions that are not plain arithmetic or text are refused, whatever the engine would make of them.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from metricsql.diagnostics import Findings, Place, did_you_mean, nearest

Condition = exp.Expression
ALLOWED_FUNCTIONS = (
    exp.Abs, exp.Ceil, exp.Coalesce, exp.Concat, exp.Contains, exp.EndsWith, exp.Floor, exp.Greatest, exp.If, exp.Case,
    exp.Least, exp.Left, exp.Length, exp.Lower, exp.Nullif, exp.RegexpLike, exp.Replace, exp.Right, exp.Round, exp.Sign,
    exp.StartsWith, exp.StrPosition, exp.Substring, exp.Trim, exp.Upper, exp.And, exp.Or, exp.Xor, exp.Cast, exp.TryCast,
)
FORBIDDEN = (exp.Query, exp.Subquery, exp.Window, exp.AggFunc, exp.Star, exp.Lambda, exp.Placeholder, exp.Parameter,
             exp.Command, exp.DDL, exp.DML)
ALLOWED_TYPES = ("DOUBLE", "INT", "BIGINT", "VARCHAR", "TEXT", "DATE", "BOOLEAN", "FLOAT", "DECIMAL")


def parse_condition(text: str, names: Mapping[str, exp.Expression], place: Place,
                    findings: Findings) -> exp.Expression | None:
    """The condition with every name replaced by its expression; None with findings if it is not allowed."""
    tree = _parse(text, place, findings)
    if tree is None or not _is_allowed(tree, place, findings):
        return None
    unknown = list(dict.fromkeys(c.name for c in tree.find_all(exp.Column) if c.table or c.name not in names))
    for name in unknown:
        known = ", ".join(f"`{n}`" for n in list(names)[:8])
        findings.error("unknown-field", f"the condition uses `{name}`, which is not known here", place,
                       did_you_mean(name, names) or (f"texts stand in single quotes: '{name}'" if known == "" or
                                                     nearest(name, names) is None else None) or f"known are {known}")
    if unknown:
        return None
    safe = tree.transform(lambda node: exp.TryCast(**node.args) if type(node) is exp.Cast else node)
    return safe.transform(lambda node: names[node.name].copy() if isinstance(node, exp.Column) else node)


def _parse(text: str, place: Place, findings: Findings) -> exp.Expression | None:
    try:
        statements = sqlglot.parse(f"SELECT ({text}\n)", dialect="duckdb")
    except (SqlglotError, RecursionError):
        findings.error("bad-condition", "this is not one condition", place, "for example: segment = 'Enterprise' and seats > 10")
        return None
    select = statements[0] if len(statements) == 1 else None
    parts = [] if not isinstance(select, exp.Select) else select.expressions
    plain = isinstance(select, exp.Select) and not any(v for k, v in select.args.items() if k != "expressions")
    if len(parts) != 1 or not plain or not isinstance(parts[0], exp.Paren):
        findings.error("bad-condition", "this is not one condition", place, "a condition is a single expression over fields")
        return None
    return parts[0].this


def _is_allowed(tree: exp.Expression, place: Place, findings: Findings) -> bool:
    for node in tree.walk():
        if isinstance(node, FORBIDDEN):
            findings.error("forbidden-condition", "a condition cannot hold a query, an aggregate or a window", place)
            return False
        if isinstance(node, exp.Func) and not isinstance(node, ALLOWED_FUNCTIONS):
            name = node.name if isinstance(node, exp.Anonymous) else node.sql_name()
            findings.error("forbidden-condition", f"the function `{name.lower()}` cannot be used in a condition", place)
            return False
        if isinstance(node, exp.DataType) and not node.is_type(*ALLOWED_TYPES):
            findings.error("forbidden-condition", f"a condition cannot cast to `{node.sql().lower()}`", place)
            return False
    return True

