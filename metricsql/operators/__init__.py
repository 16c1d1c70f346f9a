"""The vocabulary: one registry, filled with one block per operator from `groups.py`, `windows.py` and `periods.py`.

It serves two grids. Formulas of daily metrics have everything but `periods.py`; expressions of output tables have every
operator on one row, the `rolling_` windows, and `periods.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from metricsql.operators.groups import OPERATORS
from metricsql.operators.operator import Kind, Operator, PeriodOperator, Sign, Value, WindowOperator
from metricsql.operators.periods import PERIOD_OPERATORS, TABLE_OPERATORS, over_periods
from metricsql.operators.windows import WINDOW_OPERATORS

__all__ = [
    "Kind", "Operator", "PeriodOperator", "Sign", "Value", "WindowOperator", "function", "functions", "group",
    "group_heads", "groups", "operator", "period", "periods", "register", "registered", "signs", "table_function",
    "table_functions", "table_operators", "window", "window_by_json", "window_names", "windows",
]

_groups: dict[str, Operator] = {}
_heads: dict[str, list[Operator]] = {}
_windows: dict[str, WindowOperator] = {}
_window_names: dict[str, WindowOperator] = {}
_functions: dict[str, Operator | WindowOperator] = {}
_tables: dict[str, Operator] = {block.key: block for block in TABLE_OPERATORS}
_periods: dict[str, PeriodOperator] = {block.key: block for block in PERIOD_OPERATORS}


def register(block: Operator | WindowOperator) -> None:
    """Add one operator to the vocabulary. Raises `ValueError` if one of its names is taken."""
    functions = (block.function, *block.function_aliases)
    spellings = (block.json, *block.json_aliases)
    keys = _groups if isinstance(block, Operator) else _windows
    taken = block.key in keys or any(name.lower() in _functions for name in functions)
    if taken or _heads_clash(block, spellings):
        raise ValueError(f"an operator named like `{block.key}` exists already")
    if isinstance(block, Operator):
        _groups[block.key] = block
        for head in spellings:
            _heads.setdefault(head, []).append(block)
    else:
        _windows[block.key] = block
        _window_names.update(dict.fromkeys(spellings, block))
    _functions.update(dict.fromkeys((f.lower() for f in functions), block))


def _heads_clash(block: Operator | WindowOperator, spellings: tuple[str, ...]) -> bool:
    """Two groups may share a head only if the number of arguments tells them apart (`-a` and `a - b`)."""
    if isinstance(block, WindowOperator):
        return any(spelling in _window_names for spelling in spellings)
    known = [other for head in spellings for other in _heads.get(head, [])]
    return any(block.least <= (other.most or other.least) and other.least <= (block.most or block.least)
               for other in known)


@contextmanager
def registered(block: Operator | WindowOperator) -> Iterator[None]:
    """Have an operator for the time of a block."""
    register(block)
    try:
        yield
    finally:
        _forget(block)


def _forget(block: Operator | WindowOperator) -> None:
    for names in (_groups, _windows, _window_names, _functions):
        for name in [name for name, known in names.items() if known is block]:
            del names[name]
    for head in [head for head, known in _heads.items() if block in known]:
        _heads[head] = [other for other in _heads[head] if other is not block]
        if not _heads[head]:
            del _heads[head]


def operator(key: str) -> Operator:
    """The group operator of a key."""
    return _groups[key] if key in _groups else _tables[key]


def window(key: str) -> WindowOperator:
    """The window operator of a key."""
    return _windows[key]


def group(head: str, arguments: int) -> Operator | None:
    """The group operator written with this JSON head; the count of arguments tells `-a` from `a - b`."""
    known = _heads.get(head, [])
    fitting = [block for block in known if block.least <= arguments and arguments <= (block.most or arguments)]
    return next(iter(fitting or known), None)


def window_by_json(name: str) -> WindowOperator | None:
    """The window operator written with this `op` or part type."""
    return _window_names.get(name)


def function(name: str) -> Operator | WindowOperator | None:
    """The operator that an expression calls by this name (any case)."""
    return _functions.get(name.lower())


def groups() -> list[Operator]:
    """All group operators, in the order of the reference."""
    return list(_groups.values())


def windows() -> list[WindowOperator]:
    """All window operators, in the order of the reference."""
    return list(_windows.values())


def group_heads() -> list[str]:
    """Every JSON head, aliases included."""
    return list(_heads)


def window_names(*, part: bool) -> list[str]:
    """Every part type (`part`) or every `op` of `metricOverTime`, aliases included."""
    return [name for name, block in _window_names.items() if block.part is part]


def functions() -> list[str]:
    """Every function name of expressions, aliases included."""
    return list(_functions)


def signs() -> list[Operator]:
    """All operators that are written with a sign."""
    return [block for block in _groups.values() if block.sign]


def period(key: str) -> PeriodOperator:
    """The period operator of a key."""
    found = table_function(key)
    return found if isinstance(found, PeriodOperator) else _periods[key]


def periods() -> list[PeriodOperator]:
    """Everything that stands over periods in output tables, in the order of the reference."""
    return [*_periods.values(), *(over_periods(block) for block in windows() if block.reads == "window")]


def table_operators() -> list[Operator]:
    """The operators on one row that only output tables have."""
    return list(_tables.values())


def table_function(name: str) -> Operator | PeriodOperator | None:
    """The operator that an expression of an output table calls by this name (any case)."""
    name = name.lower()
    found = _tables.get(name) or _periods.get(name) or _functions.get(name)
    if isinstance(found, WindowOperator):
        return over_periods(found) if found.reads == "window" else None
    return found


def table_functions() -> list[str]:
    """Every function name of expressions of output tables, aliases included."""
    return [name for name in (*_functions, *_tables, *_periods) if table_function(name) is not None]


for _group in OPERATORS:
    register(_group)
for _window in WINDOW_OPERATORS:
    register(_window)
