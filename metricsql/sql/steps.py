"""A statement as named steps, each with a sentence; printed as CTEs or run one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlglot import exp

from metricsql.diagnostics import one_line
from metricsql.sql.dialects import DUCKDB
from metricsql.sql.syntax import identifier, render


@dataclass(frozen=True)
class Step:
    """One named query. `query` is a tree, or the text of a query that the project file holds."""

    name: str
    comment: str
    query: exp.Expression | str
    inline: bool = False
    """Whether DuckDB should read it anew for each step that needs it: right for parts of a table in the order of days."""
    reads: frozenset[str] = frozenset()
    """The steps that a query given as text reads."""

    def needs(self) -> set[str]:
        """Names of the steps (or tables without a schema) that the query reads."""
        if isinstance(self.query, str):
            return set(self.reads)
        return {found.name for found in self.query.find_all(exp.Table) if found.name and not found.db}

    def text(self, dialect: str = DUCKDB) -> str:
        """The SQL of the query."""
        return self.query if isinstance(self.query, str) else render(self.query, dialect)


def needed(steps: Sequence[Step], last: str, have: Iterable[str] = ()) -> list[Step]:
    """The steps that `last` needs, in order, without those that exist already as tables."""
    known = {step.name: step for step in steps if step.name not in set(have)}
    wanted: set[str] = set()
    queue = [last]
    while queue:
        name = queue.pop()
        if name in known and name not in wanted:
            wanted.add(name)
            queue.extend(known[name].needs())
    return [step for step in steps if step.name in wanted]


def statement(steps: Sequence[Step], dialect: str = DUCKDB, order_by: Sequence[str] = ()) -> str:
    """One statement: all steps but the last as CTEs with their sentences, the last one as its SELECT."""
    *before, last = steps
    parts = [f"{_comment(step.comment)}{render(identifier(step.name), dialect)} AS {_hint(step, dialect)}(\n"
             f"{_indent(step.text(dialect))}\n)" for step in before]
    head = "WITH\n" + ",\n\n".join(parts) + "\n\n" if parts else ""
    order = "\nORDER BY " + ", ".join(render(identifier(name), dialect) for name in order_by) if order_by else ""
    return f"{head}{_comment(last.comment)}{last.text(dialect)}{order}"


def _hint(step: Step, dialect: str) -> str:
    return "NOT MATERIALIZED " if step.inline and dialect == DUCKDB else ""


def _comment(sentence: str) -> str:
    return f"-- {one_line(sentence)}\n" if sentence else ""


def _indent(sql: str) -> str:
    """Two spaces in front, but never inside a quoted text that spans lines."""
    return "  " + sql.replace("\n", "\n  ") if not any("\n" in inside for sign in "'\"`" for inside in sql.split(sign)[1::2]) else sql


class Labels:
    """Readable column names that stay apart even where DuckDB does not see the case."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = {name.lower() for name in taken}
        self.labels: dict[object, str] = {}

    def __call__(self, key: object, wanted: str) -> str:
        """The label of a key: the wanted text, made unique with a number if need be."""
        if key not in self.labels:
            wanted = "".join(c if c.isprintable() else "?" for c in wanted)[:120]
            label, number = wanted, 2
            while label.lower() in self.taken:
                label, number = f"{wanted} ({number})", number + 1
            self.taken.add(label.lower())
            self.labels[key] = label
        return self.labels[key]
