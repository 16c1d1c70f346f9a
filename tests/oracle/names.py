"""Reading the names in formulas (docs/semantics.md sections 1.3, 1.5, 1.6 and 2)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .model import RuleError

ALIASES = {"custom": "metrics", "conversation": "conversations", "task": "tasks"}
COUNTED = frozenset({"activities", "conversations", "tasks"})
"""Namespaces of events: a row without a count is 1 and the default collapse is `sum`."""
ZERO_FILLED = frozenset({"conversations", "tasks"})


@dataclass(frozen=True)
class SeriesName:
    """A series of one model: `company` / `metrics` / `Process Runs`."""

    model: str
    namespace: str
    name: str


def namespace_of(written: str) -> str:
    """The namespace a prefix stands for: `custom` is `metrics`."""
    return ALIASES.get(written, written)


def setting_key(written: str) -> tuple[str, str | None]:
    """Read a key of `collapse` or `zeros_missing`: a namespace, or a namespace and the name behind the first dot."""
    namespace, dot, name = written.partition(".")
    return namespace_of(namespace), name if dot else None


def read_series_name(prop: object, own: str, root: str, models: Collection[str]) -> SeriesName:
    """Split a `prop` of a series: an optional model, the namespace, and the rest, dots included, is the name."""
    if not isinstance(prop, str):
        raise RuleError(f"a series is named by text, not by {prop!r}")
    first, _, rest = prop.partition(".")
    model = own
    if first in models:
        model = first
        first, _, rest = rest.partition(".")
    if not first or not rest:
        raise RuleError(f"{prop!r} names no series")
    if model != own and not (own == root and model in models):
        raise RuleError(f"a formula of {own} may not use the series {prop!r}")
    return SeriesName(model, namespace_of(first), rest)


def read_field_name(prop: object, own: str, models: Collection[str]) -> str:
    """The field that `company.custom.seats` names; only fields of the formula's own model are allowed (section 2)."""
    if not isinstance(prop, str):
        raise RuleError(f"a field is named by text, not by {prop!r}")
    first, dot, rest = prop.partition(".")
    if dot and first in models:
        if first != own:
            raise RuleError(f"a formula of {own} may not use the field {prop!r}")
        prop = rest
    return prop.removeprefix("custom.")
