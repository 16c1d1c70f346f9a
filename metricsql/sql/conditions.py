"""`where:` and `find --where`: one DuckDB boolean expression over known names.

The text is parsed as one expression and never run as a statement: subqueries, aggregates, windows and
functions that are not plain arithmetic or text are refused, whatever the engine would make of them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from metricsql.diagnostics import NOWHERE, Findings, Place, did_you_mean, nearest

Condition = exp.Expression
ALLOWED_FUNCTIONS = (
    exp.Abs, exp.Ceil, exp.Coalesce, exp.Concat, exp.Contains, exp.EndsWith, exp.Floor, exp.Greatest, exp.If,
    exp.Case, exp.Least, exp.Left, exp.Length, exp.Lower, exp.Nullif, exp.RegexpLike, exp.Replace, exp.Right,
    exp.Round, exp.Sign, exp.StartsWith, exp.StrPosition, exp.Substring, exp.Trim, exp.Upper, exp.And, exp.Or,
    exp.Xor, exp.Cast, exp.TryCast,
)
FORBIDDEN = (exp.Query, exp.Subquery, exp.Window, exp.AggFunc, exp.Star, exp.Lambda, exp.Placeholder, exp.Parameter,
             exp.Command, exp.DDL, exp.DML)
COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between)
NOT_ONE = "this is not one condition"
ALLOWED_TYPES = ("DOUBLE", "INT", "BIGINT", "VARCHAR", "TEXT", "DATE", "BOOLEAN", "FLOAT", "DECIMAL")


def parse_condition(text: str, names: Mapping[str, exp.Expression], place: Place,
                    findings: Findings) -> exp.Expression | None:
    """The condition with every name replaced by its expression; None with findings if it is not allowed."""
    tree = _parse(text, place, findings)
    if tree is None or not _is_allowed(tree, place, findings):
        return None
    unknown = [name for name in _names(tree) if name not in names]
    for name in unknown:
        known = ", ".join(f"`{n}`" for n in list(names)[:8])
        findings.error("unknown-field", f"the condition uses `{name}`, which is not known here", place,
                       did_you_mean(name, names) or (f"texts stand in single quotes: '{name}'" if known == "" or
                                                     nearest(name, names) is None else None) or f"known are {known}")
    if unknown:
        return None
    safe = tree.transform(lambda node: exp.TryCast(**node.args) if type(node) is exp.Cast else node)
    named = safe.transform(lambda node: names[_spelled(node)].copy() if isinstance(node, exp.Column) else node)
    return cast(exp.Expression, named)


def mentioned(text: str) -> list[str]:
    """The names that a condition mentions, in the order of the text; none if it is not a condition."""
    tree = _parse(text, NOWHERE, Findings())
    return [] if tree is None else _names(tree)


def check_kinds(text: str, kinds: Mapping[str, str], place: Place, findings: Findings) -> None:
    """Find what the engine would refuse only when it meets the row: a text against a number, and what is no truth."""
    tree = _parse(text, place, findings)
    if tree is None:
        return
    if (gives := _kind(tree.unnest(), kinds)) is not None:
        findings.error("bad-condition", f"this gives a {gives}, not true or false", place, "for example: seats > 10")
    for node in tree.find_all(*COMPARISONS):
        sides = [side for value in node.args.values() for side in (value if isinstance(value, list) else [value])]
        for name in [_spelled(side) for side in sides if isinstance(side, exp.Column)]:
            odd = next((side for side in sides if _clashes(kinds.get(name), side, kinds)), None)
            if odd is not None:
                message = f"`{name}` is a {kinds[name]}, and is compared with {_described(odd, kinds)}"
                hint = "numbers stand without quotes" if kinds[name] == "number" else "texts stand in single quotes"
                findings.error("wrong-kind", message, place, hint)
                return


def _clashes(kind: str | None, other: object, kinds: Mapping[str, str]) -> bool:
    found = _kind(other, kinds)
    if kind is None or found is None or kind == found:
        return False
    return not (isinstance(other, exp.Literal) and kind == "number" and _is_number(other.name))


def _kind(node: object, kinds: Mapping[str, str]) -> str | None:
    if isinstance(node, exp.Column):
        return kinds.get(_spelled(node))
    if isinstance(node, exp.Neg):
        return _kind(node.this, kinds)
    return None if not isinstance(node, exp.Literal) else "text" if node.is_string else "number"


def _described(node: object, kinds: Mapping[str, str]) -> str:
    if isinstance(node, exp.Column):
        return f"`{_spelled(node)}`, which is a {_kind(node, kinds)}"
    return f"the {_kind(node, kinds)} {node.sql() if isinstance(node, exp.Expression) else node}"


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _names(tree: exp.Expression) -> list[str]:
    return list(dict.fromkeys(_spelled(node) for node in tree.find_all(exp.Column, bfs=False)))


def _spelled(node: exp.Column) -> str:
    """A name with the prefixes it is written with: `custom.seats`."""
    return ".".join(part.name for part in node.parts)


def _parse(text: str, place: Place, findings: Findings) -> exp.Expression | None:
    try:
        statements = sqlglot.parse(f"SELECT ({text}\n)", dialect="duckdb")
    except (SqlglotError, RecursionError):
        findings.error("bad-condition", NOT_ONE, place, "for example: segment = 'Enterprise' and seats > 10")
        return None
    select = statements[0] if len(statements) == 1 else None
    parts = [] if not isinstance(select, exp.Select) else select.expressions
    plain = isinstance(select, exp.Select) and not any(v for k, v in select.args.items() if k != "expressions")
    if len(parts) != 1 or not plain or not isinstance(parts[0], exp.Paren):
        findings.error("bad-condition", NOT_ONE, place, "a condition is a single expression over fields")
        return None
    return cast(exp.Expression, parts[0].this)


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

