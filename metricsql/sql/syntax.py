"""Small builders over sqlglot. Every identifier is quoted, every value of a user is a literal node.

`operand` is the one place that puts parentheses around an operand: trees built by hand print
`a - (b - c)` as `a - b - c` otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import sqlglot
from sqlglot import exp

from metricsql.sql.dialects import DUCKDB, printed

PLAIN = (exp.Column, exp.Literal, exp.Func, exp.Paren, exp.Null, exp.Boolean, exp.Subquery, exp.Placeholder)


def identifier(name: str) -> exp.Identifier:
    """A quoted identifier."""
    return exp.to_identifier(name, quoted=True)


def column(name: str, table: str | None = None) -> exp.Column:
    """A quoted column, of a table if given."""
    return exp.Column(this=identifier(name), table=identifier(table) if table else None)


def table(name: str, alias: str | None = None, schema: str | None = None) -> exp.Table:
    """A quoted table or step."""
    made = exp.Table(this=identifier(name), db=identifier(schema) if schema else None)
    if alias:
        made.set("alias", exp.TableAlias(this=identifier(alias)))
    return made


def aliased(source: exp.Expression, alias: str) -> exp.Expression:
    """A table, table function or subquery under another name."""
    named_so = source.copy()
    named_so.set("alias", exp.TableAlias(this=identifier(alias)))
    return named_so


def text(value: str) -> exp.Literal:
    """A text literal."""
    return exp.Literal.string(value)


def number(value: float) -> exp.Expression:
    """A number literal that reads back as the same number."""
    whole = value == int(value) and abs(value) < 1e15
    spelled = str(abs(int(value))) if whole else repr(abs(value))
    literal = exp.Literal.number(spelled)
    return exp.Neg(this=literal) if value < 0 else literal


def day(value: date) -> exp.Expression:
    """A date literal."""
    return exp.Cast(this=text(value.isoformat()), to=exp.DataType(this=exp.DType.DATE))


def in_calendar(value: exp.Expression) -> exp.Expression:
    """Whether a day is one that every part of the program can hold: from the year 1 to the year 9999."""
    return fill("{0} BETWEEN {first} AND {last}", [value], first=day(date.min), last=day(date.max))


def named(expression: exp.Expression, name: str) -> exp.Expression:
    """`expression AS "name"`, without the alias where it says nothing."""
    if isinstance(expression, exp.Column) and expression.name == name and isinstance(expression.this, exp.Identifier):
        return expression
    return exp.Alias(this=expression, alias=identifier(name))


def operand(expression: exp.Expression) -> exp.Expression:
    """The expression as an operand of a sign: in parentheses unless it holds together anyway."""
    whole = isinstance(expression, PLAIN) and not isinstance(expression, exp.Binary | exp.Unary | exp.Is | exp.In)
    return expression if whole or isinstance(expression, exp.Paren) else exp.Paren(this=expression)


def double(expression: exp.Expression) -> exp.Expression:
    """The expression as a DOUBLE."""
    return exp.Cast(this=expression, to=exp.DataType(this=exp.DType.DOUBLE))


def select(*expressions: exp.Expr) -> exp.Select:
    """`SELECT expressions`, which are used as they are: copying them is what takes most of the time of making SQL."""
    return exp.Select().select(*expressions, copy=False)


def function(name: str, *arguments: exp.Expression) -> exp.Expression:
    """A function call, printed as written."""
    return exp.Anonymous(this=name, expressions=list(arguments))


def moment(time: exp.Expression, place: exp.Expression) -> exp.Expression:
    """What orders the rows of a day: the time, then the place in the source. Every dialect has its own form of it."""
    return function("MOMENT", time, place)


def all_of(conditions: Iterable[exp.Expression]) -> exp.Expression | None:
    """The conditions joined by AND; None without any."""
    result: exp.Expression | None = None
    for condition in conditions:
        result = condition if result is None else exp.And(this=result, expression=condition)
    return result


def filtered(aggregate: exp.Expression, condition: exp.Expression) -> exp.Expression:
    """`aggregate FILTER (WHERE condition)`."""
    return exp.Filter(this=aggregate, expression=exp.Where(this=condition))


@lru_cache(maxsize=1024)
def _parsed(template: str) -> exp.Expression:
    tree = sqlglot.parse_one(template, dialect="duckdb")
    # sqlglot reads LOG10(x) as LOG(10, x), which DuckDB computes as a quotient and so not exactly
    plain = tree.transform(lambda node: function("LOG10", node.expression) if isinstance(node, exp.Log) else node)
    assert isinstance(plain, exp.Expression)
    return plain


def fill(template: str, arguments: Sequence[exp.Expression] = (), **names: exp.Expression) -> exp.Expression:
    """A template of the operator registry with its placeholders replaced by trees.

    `{0}`, `{1}` stand for arguments, `{args}` for all of them, `{x}` and the like for named ones.
    """
    spelled = {name: f"__{name}" for name in names}
    positions = [f"__{i}" for i in range(len(arguments))]
    parsed = _parsed(template.format(*positions, args=", ".join(positions), **spelled))
    trees = {**{f"__{i}": tree for i, tree in enumerate(arguments)}, **{f"__{n}": t for n, t in names.items()}}
    made: exp.Expression = _filled(parsed, trees, set())
    return made


def _filled(node: Any, trees: Mapping[str, exp.Expression], used: set[str]) -> Any:
    """A template with its placeholders replaced. A tree that stands nowhere yet is put in as it is: copying takes time."""
    if isinstance(node, exp.Column) and node.name in trees:
        tree = trees[node.name]
        if tree.parent is not None or node.name in used:
            tree = tree.copy()
        used.add(node.name)
        inside = isinstance(node.parent, exp.Binary | exp.Unary | exp.Is) and not isinstance(node.parent, exp.Paren)
        return operand(tree) if inside else tree
    if isinstance(node, list):
        return [_filled(one, trees, used) for one in node]
    if not isinstance(node, exp.Expr):
        return node
    return type(node)(**{key: _filled(value, trees, used) for key, value in node.args.items()})


def uses(template: str, position: int, count: int) -> int:
    """How often a template mentions an argument. NULLIF counts twice: DuckDB expands it to a CASE."""
    mention = f"{{{position}}}"
    found = template.count(mention) + template.count(f"NULLIF({mention}")
    return found or (1 if "{args}" in template and position < count else 0)


def render(expression: exp.Expression, dialect: str = DUCKDB, pretty: bool = True) -> str:
    """The SQL text of a tree, which is not copied for it: nothing that these dialects print changes a tree."""
    if isinstance(expression, exp.Identifier):
        return _name(expression.name, dialect)
    return expression.sql(dialect=printed(dialect), pretty=pretty, max_text_width=100, copy=False)


@lru_cache(maxsize=4096)
def _name(name: str, dialect: str) -> str:
    return identifier(name).sql(dialect=printed(dialect))
