"""A failure in words."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.changes.machine import Failure
from tests.changes.state import State, references

SHOWN = 12


def told(seed: int, failure: Failure) -> str:
    """Seed, steps, what differs, and the formulas of the metrics that do."""
    return "\n".join(_lines(seed, failure))


def _lines(seed: int, failure: Failure) -> Iterator[str]:
    yield f"seed {seed}, {len(failure.steps)} steps"
    for number, (words, step) in enumerate(zip(failure.words, failure.steps, strict=True)):
        yield f"  {number}. {words}"
        yield f"     {step}"
    if failure.error:
        yield f"stopped by {failure.error[:2000]}"
    yield f"{len(failure.wrong)} differences" + (", such as" if len(failure.wrong) > SHOWN else "")
    yield from (f"  {wrong}" for wrong in failure.wrong[:SHOWN])
    for metric in dict.fromkeys(wrong.column for wrong in failure.wrong):
        yield from _formulas(failure.state, metric, set())
    yield f"options: {options(failure.state)}"


def _formulas(state: State, name: str, seen: set[str]) -> Iterator[str]:
    if name in seen or name not in {metric.id for metric in state.metrics}:
        return
    seen.add(name)
    metric = state.metric(name)
    more = f", where {metric.where.text()}" if metric.where else ""
    more += ", missing zero" if metric.missing_zero else ""
    yield f"  {metric.model} {name}{more} = {json.dumps(metric.formula)}"
    for used in sorted(references(metric.formula)):
        yield from _formulas(state, used, seen)


def options(state: State) -> str:
    """The options of a state."""
    kinds = {source.namespace: source.kind for source in state.sources.values()}
    return (
        f"start {state.start}, timezone {state.timezone}, trend {state.trend}, fields {state.before_tracking}, "
        f"collapse {state.collapse}, zeros {state.zeros}, sources {kinds}"
    )
