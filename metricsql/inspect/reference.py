"""`docs/reference.md`, written from the operator registry: `python -m metricsql.inspect.reference > docs/reference.md`.

Every word about an operator is the registry's; only the parts that are no operators are described here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from metricsql import operators
from metricsql.operators import Operator, PeriodOperator, WindowOperator

LETTERS = "abcdefgh"
EXAMPLE = "activities.login"
HEAD = """\
# Reference

Every part, operation, group, sign and function, as the program knows them. This page is generated from the operator
registry by `python -m metricsql.inspect.reference`; a test holds it up to date. What the words mean and where the rules
come from is in [semantics.md](semantics.md).

In the tables `a`, `b` stand for arguments, `x` for the value of a series on its day, `day` for the day, `w` for what
the window gives, `n` for a number of days. A result that is not finite is always missing.
"""
PARTS = (
    ("a number", '{"type": "rawNumber", "value": 4}', "4"),
    ("a text, to be compared with `equal to`", '{"type": "rawValue", "value": "Gold"}', "'Gold'"),
    ("a field of the record", '{"type": "propertyValue", "prop": "company.custom.seats"}', "company.custom.seats"),
    ("an operation over the last days",
     '{"type": "metricOverTime", "days": 7, "op": "SUM", "prop": "activities.login"}',
     "rolling_sum(activities.login, 7)"),
)
IF_FORMS = """\
IF also has the forms `["IF", a, CONDITION, b, then, else]` with one of `"more than"`, `"less than"`, `"equal to"`, and
`["IF", a, CONDITION, then, else]` with one of `"has value"`, `"has no value"`. The condition may be written as the part
`{"type": "condition", "value": "more than"}`. In an expression these are `if(a > b, then, else)` and
`if(has_value(a), then, else)`.
"""


TABLES = """\
Expressions of output tables ([semantics.md, section 9](semantics.md#9-output-tables)) have every sign and function of the
chapters above that stands on one row, and these. `x` is any expression, `n` a written whole number, `w` what the window gives.
"""


def reference() -> str:
    """The whole page."""
    groups = operators.groups()
    planhat = [block for block in groups if block.json.isupper()]
    signed = [block for block in groups if block.sign and block not in planhat]
    others = [block for block in groups if block not in planhat and block not in signed]
    return "\n".join([
        HEAD, "## Parts", "", *_parts(),
        "## Operations over time", "", *_windows([block for block in operators.windows() if not block.part]),
        "## Groups", "", IF_FORMS, *_groups(planhat),
        "## Signs", "", *_groups(signed), "### Which sign binds first", "", *_signs(groups),
        "## Functions", "", *_groups(others),
        "## Output tables", "", TABLES, *_periods(), *_calls_of(operators.table_operators()),
    ]).rstrip("\n") + "\n"


def _parts() -> Iterator[str]:
    own = [(block.meaning, f'{{"type": "{block.json}", "prop": "{EXAMPLE}"}}', f"{block.function}({EXAMPLE})")
           for block in operators.windows() if block.part]
    rows = [[meaning, f"`{json}`", f"`{text}`"] for meaning, json, text in (*PARTS, *own)]
    rows.append(["the condition of an IF", '`{"type": "condition", "value": "more than"}`', "a sign such as `>`"])
    yield from _table(["part", "JSON", "expression"], rows)
    yield from _windows([block for block in operators.windows() if block.part])


def _windows(blocks: Sequence[WindowOperator]) -> Iterator[str]:
    rows = [[_also(b.json, b.json_aliases), _window_calls(b), b.meaning, b.nulls, _window_sql(b)] for b in blocks]
    yield from _table(["JSON", "expression", "meaning", "missing values", "SQL"], rows)


def _window_calls(block: WindowOperator) -> str:
    series = ", ".join(["series", *(["n"] if block.takes_days else [])])
    calls = [f"`{name}({series})`" for name in (block.function, *block.function_aliases)]
    return "; ".join(calls + [f"`{block.function}({series}, '{mode}')`" for mode in block.modes or ()])


def _window_sql(block: WindowOperator) -> str:
    window = block.history.replace("{x}", block.input)
    if block.modes is None and block.result == "{leaf}":
        return _code(window)
    modes = [f"{mode}: {_code(sql)}" for mode, sql in (block.modes or {}).items()]
    return "; ".join([f"w = {_code(window)}", *(modes or [_code(block.result)])])


def _groups(blocks: Sequence[Operator]) -> Iterator[str]:
    rows = [[_also(b.json, b.json_aliases), _calls(b), _arity(b), b.meaning, b.nulls, _sql(b)] for b in blocks]
    yield from _table(["JSON", "expression", "arguments", "meaning", "missing values", "SQL"], rows)


def _calls(block: Operator) -> str:
    counts = [block.least] if block.most is None else range(block.least, block.most + 1)
    forms = [", ".join(LETTERS[:count]) + (", …" if block.most is None else "") for count in counts]
    calls = [f"{name}({form})" for name in (block.function, *block.function_aliases) for form in forms]
    if block.sign is not None:
        texts = (block.sign.text, *block.sign.aliases)
        space = " " if block.sign.text.isalpha() else ""
        calls = [f"{t}{space}a" if block.sign.prefix else f"a {t} b" for t in texts] + calls
    return ", ".join(f"`{call}`" for call in calls)


def _arity(block: Operator) -> str:
    if block.most is None:
        return f"{block.least} or more" + (f", usually {block.usual}" if block.usual else "")
    return str(block.least) if block.least == block.most else f"{block.least} to {block.most}"


def _sql(block: Operator) -> str:
    templates = [sql for sql in (block.sql_one, block.sql_constant, block.sql) if sql is not None]
    return "; ".join(map(_code, templates)) + (", from left to right" if block.fold and (block.most or 3) > 2 else "")


def _periods() -> Iterator[str]:
    rows = [[", ".join(f"`{name}{b.form[len(b.function):]}`" for name in (b.function, *b.function_aliases)), b.meaning, b.nulls,
             _period_sql(b)] for b in operators.periods()]
    yield from _table(["expression", "meaning", "missing values", "SQL"], rows)


def _period_sql(block: PeriodOperator) -> str:
    if not block.window:
        return ""
    window = _code(block.result.replace("{w}", block.window))
    return window if block.then is None else f"w = {window}; `{block.then}`"


def _calls_of(blocks: Sequence[Operator]) -> Iterator[str]:
    yield from _table(["expression", "meaning", "missing values", "SQL"],
                      [[_calls(b), b.meaning, b.nulls, _sql(b)] for b in blocks])


def _signs(groups: Sequence[Operator]) -> Iterator[str]:
    levels: dict[int, list[Operator]] = {}
    for block in groups:
        if block.sign is not None:
            levels.setdefault(block.sign.binds, []).append(block)
    rows = []
    for binds in sorted(levels, reverse=True):
        signs = [block.sign for block in levels[binds] if block.sign]
        side = "before a value" if signs[0].prefix else "from the right" if signs[0].right else "from the left"
        rows.append([" ".join(f"`{text}`" for sign in signs for text in (sign.text, *sign.aliases)), side])
    yield "The first row binds most tightly. Two comparisons in a row need an `and` or parentheses."
    yield ""
    yield from _table(["sign", "taken"], rows)


def _also(name: str, aliases: Sequence[str]) -> str:
    return f"`{name}`" + (f", also {', '.join(f'`{alias}`' for alias in aliases)}" if aliases else "")


def _code(template: str) -> str:
    """A template of the registry with names that people read."""
    names = {"args": "a, b, …", "leaf": "w", **{str(i): letter for i, letter in enumerate(LETTERS)}}
    return "`" + re.sub(r"\{(\w+)\}", lambda match: names.get(match[1], match[1]), template) + "`"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(header)
    yield "|" + "---|" * len(header)
    yield from map(_row, rows)
    yield ""


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


if __name__ == "__main__":
    import sys

    sys.stdout.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    print(reference(), end="")
