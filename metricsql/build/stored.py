"""What the built file holds of one value, and why it may differ from what the sources give now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from metricsql.build.engine import Engine, quoted
from metricsql.build.patch import columns_of
from metricsql.build.state import has_state
from metricsql.build.status import Status


@dataclass(frozen=True)
class StoredValue:
    """A cell of the built file. `present` says whether there is a row for it; `state` is that of its metric."""

    built: bool
    present: bool = False
    value: float | None = None
    state: str = "not built"
    built_through: date | None = None
    last_build: dict[str, Any] | None = None
    changed_sources: tuple[str, ...] = ()


def stored_value(engine: Engine, status: Status, model: str, metric: str, record: str, day: date) -> StoredValue:
    """The stored value of a metric, with the state of what it was built from."""
    if status.last_build is None or metric not in columns_of(engine, model):
        return StoredValue(False)
    cell = f'SELECT {quoted(metric)} FROM "metrics".{quoted(model)} WHERE record = ? AND day = ?'
    rows = engine.rows(cell, [record, day])
    own = next(found for found in status.metrics if found.id == metric)
    return StoredValue(True, bool(rows), rows[0][0] if rows else None, own.state, own.built_through,
                       status.last_build, tuple(status.changed_sources))


def newest_as_of(engine: Engine) -> date | None:
    """The as-of day of the last build, if there was one."""
    if not has_state(engine):
        return None
    found = engine.value('SELECT as_of FROM "_metricsql"."builds" ORDER BY build DESC LIMIT 1')
    return found if isinstance(found, date) else None
