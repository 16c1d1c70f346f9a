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

from metricsql.diagnostics import NOWHERE, Findings, Place, did_you_mean

Condition = exp.Expression
ALLOWED_FUNCTIONS = (
    exp.Abs, exp.Ceil, exp.Coalesce, exp.Concat, exp.Contains, exp.EndsWith, exp.Floor, exp.Greatest, exp.If,
    exp.Case, exp.Least, exp.Left, exp.Length, exp.Lower, exp.Nullif, exp.RegexpLike, exp.Replace, exp.Right,
    exp.Round, exp.Sign, exp.StartsWith, exp.StrPosition, exp.Substring, exp.Trim, exp.Upper, exp.And, exp.Or,
    exp.Xor, exp.Cast, exp.TryCast,
)
ALLOWED_NODES = (
    exp.Column, exp.Identifier, exp.Literal, exp.RawString, exp.Boolean, exp.Null, exp.Paren, exp.Not, exp.Neg, exp.EQ,
    exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ, exp.Is, exp.In, exp.Between, exp.Like,
    exp.ILike, exp.Glob, exp.SimilarTo, exp.Escape, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.DPipe,
    exp.DataType, exp.DataTypeParam, exp.Interval, exp.Var,
)
"""What a condition may be made of, besides functions; everything else is refused, known or not."""
QUERIES = (exp.Query, exp.Subquery, exp.Window, exp.AggFunc, exp.Command, exp.DDL, exp.DML)
COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.In, exp.Between)
NOT_ONE = "this is not one condition"
ALLOWED_TYPES = ("DOUBLE", "INT", "BIGINT", "VARCHAR", "TEXT", "DATE", "TIMESTAMP", "BOOLEAN", "FLOAT", "DECIMAL")


def parse_condition(text: str, names: Mapping[str, exp.Expression], place: Place,
                    findings: Findings) -> exp.Expression | None:
    """The condition with every name replaced by its expression; None with findings if it is not allowed."""
    tree = _parse(text, place, findings)
    if tree is None or not _is_allowed(tree, place, findings):
        return None
    unknown = {_spelled(node): node for node in tree.find_all(exp.Column, bfs=False) if _spelled(node) not in names}
    for name, node in unknown.items():
        findings.error("unknown-field", f"the condition uses `{name}`, which is not known here", place, _advice(name, node, names))
    if unknown:
        return None
    safe = tree.transform(lambda node: exp.TryCast(**node.args) if type(node) is exp.Cast else node)
    named = safe.transform(lambda node: names[_spelled(node)].copy() if isinstance(node, exp.Column) else node)
    return cast(exp.Expression, named)


def _advice(name: str, node: exp.Column, names: Mapping[str, exp.Expression]) -> str:
    """What was probably meant by an unknown name."""
    if node.name in names:
        return f"a field stands here by its name alone: `{node.name}`"
    compared = isinstance(node.parent, COMPARISONS) and (node.arg_key != "this" or isinstance(node.parent, exp.In))
    as_text = f"a text stands in single quotes: '{name}'" if node.this.quoted or compared else None
    return did_you_mean(name, names) or as_text or "known are " + ", ".join(f"`{known}`" for known in list(names)[:12])


def mentioned(text: str) -> list[str]:
    """The names that a condition mentions, in the order of the text; none if it is not a condition."""
    tree = _parse(text, NOWHERE, Findings())
    return [] if tree is None else _names(tree)


def check_kinds(text: str, kinds: Mapping[str, str], place: Place, findings: Findings) -> bool:
    """Find what the engine would refuse only when it meets the row: a text against a number, and what is no truth."""
    tree = _parse(text, place, findings)
    if tree is None:
        return False
    if (gives := _kind(tree.unnest(), kinds)) is not None:
        findings.error("bad-condition", f"this gives a {gives}, not true or false", place, "for example: seats > 10")
        return False
    for node in tree.find_all(*COMPARISONS):
        sides = [side for value in node.args.values() for side in (value if isinstance(value, list) else [value])]
        for name in [_spelled(side) for side in sides if isinstance(side, exp.Column)]:
            odd = next((side for side in sides if _clashes(kinds.get(name), side, kinds)), None)
            if odd is not None:
                message = f"`{name}` is a {kinds[name]}, and is compared with {_described(odd, kinds)}"
                hint = "numbers stand without quotes" if kinds[name] == "number" else "texts stand in single quotes"
                findings.error("wrong-kind", message, place, hint)
                return False
    return True


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
    if not any(line.partition("--")[0].strip() for line in text.splitlines()):
        findings.error("bad-condition", "found nothing, expected a condition", place, "for example: seats > 10")
        return None
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
    if tree.find(*QUERIES):
        findings.error("forbidden-condition", "a condition cannot hold a query, an aggregate or a window", place)
        return False
    for node in tree.walk():
        if isinstance(node, ALLOWED_FUNCTIONS) or (isinstance(node, ALLOWED_NODES) and not isinstance(node, exp.DataType)):
            continue
        if isinstance(node, exp.DataType):
            if node.is_type(*ALLOWED_TYPES):
                continue
            message = f"a condition cannot cast to `{node.sql().lower()}`"
        elif isinstance(node, exp.Func) and not isinstance(node, exp.Collate):
            name = node.name if isinstance(node, exp.Anonymous) else node.sql(dialect="duckdb").partition("(")[0]
            message = f"the function `{name.lower()}` cannot be used in a condition"
        else:
            message = f"a condition cannot hold `{_cut(node.sql(dialect='duckdb'))}`"
        findings.error("forbidden-condition", message, place, "it compares fields with values, joined by `and`, `or` and `not`")
        return False
    return True


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:37] + "..."

