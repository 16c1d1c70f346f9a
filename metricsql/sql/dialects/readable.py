"""What is printed alike for every engine, for people to read, and how a dialect gets its own words.

A dialect is a table: the kind of a node, and a function that prints it. sqlglot's own way to add such a table is a
subclass of its generator. Where its compiled build is installed (`sqlglot[c]`) classes cannot have subclasses; then
the generator that is there gets the table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.generator import Generator

Words = Mapping[type[exp.Expr], Callable[[Any, Any], str]]
"""Prints a kind of node; the first argument is the generator, which prints what is inside."""


def not_sql(generator: Generator, node: exp.Not) -> str:
    """`x IS NOT NULL` instead of `NOT x IS NULL`."""
    test = node.this
    if isinstance(test, exp.Is) and isinstance(test.expression, exp.Null):
        return f"{generator.sql(test, 'this')} IS NOT NULL"
    return str(generator.not_sql(node))


def cast_sql(generator: Generator, node: exp.Cast) -> str:
    """`DATE '2025-01-31'` instead of a cast."""
    value = node.this
    if isinstance(value, exp.Literal) and value.is_string and node.to.is_type("date"):
        return f"DATE {generator.sql(value)}"
    return str(generator.cast_sql(node))


FOR_PEOPLE: Words = {exp.Not: not_sql, exp.Cast: cast_sql}


def as_any(*kinds: type[exp.Expr]) -> Words:
    """Nodes that are printed by the method of their name, not as sqlglot's table for an engine says."""
    def by_method(generator: Any, node: exp.Expr) -> str:
        return str(getattr(generator, f"{node.key}_sql", generator.function_fallback_sql)(node))

    return dict.fromkeys(kinds, by_method)


def with_words(base: type[Dialect], words: Words) -> type[Dialect]:
    """A dialect of sqlglot with other words for some kinds of nodes."""
    printer = base.generator_class
    try:
        own = type("Readable", (printer,), {"TRANSFORMS": {**printer.TRANSFORMS, **words}})
        own(dialect=base)
    except TypeError:  # compiled
        own = None

    class Readable(base):  # type: ignore[misc, valid-type]
        """sqlglot's dialect, printed for people."""

        def generator(self, **options: Any) -> Generator:
            made: Any = (own or printer)(dialect=self, **options)
            if own is None:
                made._dispatch = {**made._dispatch, **words}
            return made  # type: ignore[no-any-return]

    return Readable
