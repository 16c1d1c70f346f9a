"""A state as the oracle reads it."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from tests.changes.state import MODELS, Cell, State
from tests.oracle import Metric, Panel, Point, Record

NOBODY = "a record that never was"


def panel_of(state: State) -> Panel:
    """The panel of a state before the build of its as-of day: what is stored for that day will be overwritten."""
    models = {
        model: {
            key: Record(
                key,
                dict.fromkeys(state.columns[model]) | {n: e.fields.get(n) for n in state.columns[model]},
                e.company,
                e.since,
            )
            for key, e in state.of_model(model).items()
        }
        for model in MODELS
    }
    points = [
        Point(source.namespace, row.name, local(row.at, state.timezone), row.value, row.records)
        for source in state.sources.values()
        for row in source.rows()
        if row.bad is None
    ]
    return Panel(
        models=models,
        points=points,
        metrics=[_metric(state, m.id) for m in state.metrics],
        as_of=state.as_of,
        start=state.start,
        collapse={_setting(space, name): how for space, names in state.collapse.items() for name, how in names.items()},
        zeros_missing={_setting("metrics", name) for name, how in state.zeros.items() if how == "missing"},
        trend=state.trend,
        fields_before_tracking=state.before_tracking,
        history=_history(state),
    )


def local(at: date | datetime, zone: str) -> date | datetime:
    """A time on the clocks of the project."""
    if isinstance(at, datetime) and at.tzinfo is not None:
        return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return at


def _setting(namespace: str, name: str) -> str:
    return namespace if name == "default" else f"{namespace}.{name}"


def _metric(state: State, identifier: str) -> Metric:
    metric = state.metric(identifier)
    where = metric.where
    inside = None if where is None else {key for key, e in state.of_model(metric.model).items() if where.holds(e)}
    return Metric(metric.id, metric.formula, metric.model, metric.missing_zero, inside)


def _history(state: State) -> list[tuple[str, str, str, date, Cell]]:
    newest = state.newest_stored()
    stores = newest is None or state.as_of >= newest
    rows: dict[tuple[str, str, str, date], Cell] = {}
    for (model, record, name), past in state.stored.items():
        rows |= {
            (model, record, name, day): value for day, value in past.items() if not (stores and day == state.as_of)
        }
    for model, past_of_model in state.given.items():
        rows |= {(model, record, name, day): value for (record, name, day), value in past_of_model.items()}
    if newest is not None:
        rows["company", NOBODY, "no field", newest] = (
            None  # unchanged values take no space, but the day counts as stored
        )
    return [(*key, value) for key, value in rows.items()]
