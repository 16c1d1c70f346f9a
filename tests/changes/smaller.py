"""A failure with as few steps, changes and metrics as can be found in short time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

from tests.changes.machine import Failure, Step, replay
from tests.changes.state import Declared


def smaller(seed: int, failure: Failure, seconds: float = 90.0, loose: bool = False, points: bool = False) -> Failure:
    """A failure of the same kind after fewer builds and changes, with fewer metrics."""
    until = time.monotonic() + seconds
    only = _numbers(failure)
    best = failure
    if only is not None:
        found = replay(seed, best.steps, only, loose, points)
        best, only = (found, only) if found and found.error is None else (best, None)
    changed = True
    while changed and time.monotonic() < until:
        changed = False
        for steps in _candidates(best.steps):
            if time.monotonic() > until:
                break
            found = replay(seed, steps, only, loose, points)
            if found is not None and _alike(found, failure):
                best, changed = found, True
                break
    return best


def _alike(found: Failure, failure: Failure) -> bool:
    return (found.error is None) == (failure.error is None)


def _numbers(failure: Failure) -> frozenset[int] | None:
    """The metrics of which cells differ; what they use comes along."""
    columns = {wrong.column for wrong in failure.wrong}
    hit = [metric for metric in failure.state.metrics if metric.id in columns]
    return frozenset(metric.number for metric in _fewest(hit)) or None


def _fewest(hit: list[Declared]) -> list[Declared]:
    """The first one is used by the others, if any is."""
    return hit[:1]


def _candidates(steps: tuple[Step, ...]) -> Iterator[tuple[Step, ...]]:
    """Shorter versions, the shortest first. The first and the last build stay."""
    if len(steps) < 2:
        return
    first, *middle, last = steps
    count = len(middle)
    if any(step.build for step in middle):
        yield (first, *(replace(step, build=None) for step in middle), last)
        if first.build:
            yield (
                replace(first, build=None),
                *(replace(s, build="plain" if i == count - 1 else None) for i, s in enumerate(middle)),
                last,
            )
    size = count
    while size:
        for start in range(0, count, size):
            yield (first, *middle[:start], *middle[start + size :], last)
        size //= 2
    for index, step in enumerate(steps):
        if index and step.build and index < len(steps) - 1:
            yield (*steps[:index], replace(step, build=None), *steps[index + 1 :])
        if len(step.changes) > 1 or (step.changes and index < len(steps) - 1):
            for position in range(len(step.changes)):
                kept = step.changes[:position] + step.changes[position + 1 :]
                yield (*steps[:index], replace(step, changes=kept), *steps[index + 1 :])
