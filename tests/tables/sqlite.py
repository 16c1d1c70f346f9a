"""Expressions of a table as SQL for SQLite: only those on which SQLite and the rules agree by definition.

These are arithmetic, `abs`, `coalesce`, `nullif`, `case`, comparisons, `between`, `and or not`, and as window functions
over the periods `lag`, `lead`, `cumulative` and the rolling functions.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from random import Random

from .expressions import Call, Node, Number, Reference

PLAIN = {"+": "({} + {})", "-": "({} - {})", "*": "({} * {})", "/": "({} / {})", "negate": "(-{})", "abs": "ABS({})",
         "coalesce": "COALESCE({}, {})", "nullif": "NULLIF({}, {})"}
TRUTH = {"<": "{} < {}", ">": "{} > {}", "<=": "{} <= {}", ">=": "{} >= {}", "=": "{} = {}", "<>": "{} <> {}",
         "and": "{} AND {}", "or": "{} OR {}", "not": "NOT {}", "between": "{} BETWEEN {} AND {}"}
"""Those that give 1, 0 or NULL; written as REAL, so that a division after them is a real one."""
ROLLING = {"rolling_sum": "SUM", "rolling_avg": "AVG", "rolling_min": "MIN", "rolling_max": "MAX",
           "rolling_count": "COUNT"}


class Statement:
    """One tree as a chain of steps: a window function over an expression is a column of a step of its own."""

    def __init__(self) -> None:
        self.steps = ["cells"]
        self.text: list[str] = []

    def select(self, tree: Node) -> str:
        expression = self.write(tree)
        steps = f"WITH {', '.join(self.text)} " if self.text else ""
        return f"{steps}SELECT {expression} FROM {self.steps[-1]} ORDER BY period"

    def write(self, node: Node) -> str:
        match node:
            case Number(value=value):
                return repr(float(value))
            case Reference(key=key):
                return f'"row_{key}"'
            case Call(name="nothing"):
                return "NULL"
            case Call(name="iif", arguments=arguments):
                test, then, other = map(self.write, arguments)
                return f"CASE WHEN {test} THEN {then} ELSE {other} END"
            case Call(name=name, arguments=arguments) if name in PLAIN:
                return PLAIN[name].format(*map(self.write, arguments))
            case Call(name=name, arguments=arguments) if name in TRUTH:
                condition = TRUTH[name].format(*(f"({self.write(argument)})" for argument in arguments))
                return f"CAST(({condition}) AS REAL)"
            case Call(name=name, arguments=arguments):
                return self.step(self.window(name, arguments))

    def window(self, name: str, arguments: Sequence[Node]) -> str:
        if name in ("lag", "lead"):
            written = [self.write(argument) for argument in arguments]
            written[1:2] = [str(int(float(written[1])))] if len(written) > 1 else []
            return f"{name.upper()}({', '.join(written)}) OVER (ORDER BY period)"
        argument = self.write(arguments[0])
        if name == "cumulative":
            return f"SUM({argument}) OVER (ORDER BY period ROWS UNBOUNDED PRECEDING)"
        assert isinstance(arguments[1], Number)
        before = int(arguments[1].value) - 1
        return f"CAST({ROLLING[name]}({argument}) OVER (ORDER BY period ROWS {before} PRECEDING) AS REAL)"

    def step(self, expression: str) -> str:
        column, step = f"w{len(self.steps)}", f"step{len(self.steps)}"
        self.text.append(f"{step} AS (SELECT *, {expression} AS {column} FROM {self.steps[-1]})")
        self.steps.append(step)
        return column


def answers(tree: Node, columns: Mapping[str, Sequence[float | None]]) -> list[float | None]:
    """What SQLite says for each period, over the cells of the rows."""
    connection = sqlite3.connect(":memory:")
    names = ", ".join(f'"row_{key}" REAL' for key in columns)
    connection.execute(f"CREATE TABLE cells (period INTEGER, {names})")
    for period, cells in enumerate(zip(*columns.values(), strict=True)):
        connection.execute(f"INSERT INTO cells VALUES ({', '.join('?' * (len(cells) + 1))})", (period, *cells))
    found = [value for (value,) in connection.execute(Statement().select(tree))]
    connection.close()
    return found


def random_tree(random: Random, keys: Sequence[str], depth: int) -> Node:
    """An expression that SQLite understands alike."""
    if depth == 0 or random.random() < 0.1:
        return Number(random.choice((0, 1, 2.5, 10))) if random.random() < 0.2 else Reference(random.choice(keys))

    def below() -> Node:
        return random_tree(random, keys, depth - 1)

    name = random.choice((*PLAIN, *PLAIN, *TRUTH, *ROLLING, "lag", "lag", "lead", "cumulative", "iif"))
    if name in ROLLING:
        return Call(name, (below(), Number(random.randint(1, 5))))
    if name in ("lag", "lead"):
        more = random.choice(((), (Number(random.randint(0, 3)),), (Number(random.randint(0, 3)), below())))
        return Call(name, (below(), *more))
    count = {"negate": 1, "abs": 1, "not": 1, "cumulative": 1, "between": 3, "iif": 3}.get(name, 2)
    return Call(name, tuple(below() for _ in range(count)))
