"""Counts values of days that were built already and are others now, and says why (`docs/incremental-builds.md`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from metricsql.build.change_points import differing
from metricsql.build.engine import Engine, quoted
from metricsql.build.patch import Change, columns_of
from metricsql.build.report import Settled
from metricsql.build.spread import Changed
from metricsql.build.store import LAST
from metricsql.build.work import Work, settled_causes
from metricsql.compiler import Compiled
from metricsql.plan.affected import Cause
from metricsql.plan.spans import Span, of_days
from metricsql.sql import writes
from metricsql.sql.context import Context

WHOLE = ("everything", "record")
"""Kinds of causes that may change any day."""


def count_settled(engine: Engine, context: Context, compiled: Compiled, work: Work, changed: Changed | None,
                  digests: Mapping[str, str]) -> list[Settled]:
    """What changed of the values that the last build had, by metric. Differences of rounding (1e-9) do not count.

    `changed` is what tasks found when they compared values with those that were there; the rest is compared here.
    `digests` are those of the models that are held as change points.
    """
    causes = _causes(compiled, work, context.definition.root)
    counts: dict[str, dict[date, int]] = {name: {} for name in causes}
    groups: dict[tuple[str, Span], list[str]] = {}
    for name in causes:
        known = None if changed is None else changed.get(name, ())
        counts[name] = {one.day: one.settled for one in known or () if one.settled}
        if (days := _days(name, causes[name], work, known)) is not None:
            groups.setdefault((compiled.metrics[name].model, days), []).append(name)
    for (model, days), names in groups.items():
        both = set(engine.columns(f"{quoted(LAST)}.{writes.built_table(model)}")) & set(columns_of(engine, model))
        if there := [name for name in names if name in both]:
            query = writes.differences_by_day(model, there, quoted(LAST), differing(engine, LAST, model, digests))
            for day, *numbers in engine.rows(query, [*days, *days]):
                for name, count in zip(there, numbers, strict=True):
                    counts[name][day] = count
    order = list(compiled.metrics)
    found = {name: {day: count for day, count in some.items() if count} for name, some in counts.items()}
    return [Settled(name, sum(days.values()), min(days), max(days), tuple(causes[name]))
            for name, days in sorted(found.items(), key=lambda item: order.index(item[0])) if days]


def _days(name: str, causes: Sequence[Cause], work: Work, known: Sequence[Change] | None) -> Span | None:
    """The first and the last day of the values of a metric that must be compared; None if there are none."""
    if any(cause.kind in WHOLE for cause in causes):
        return date.min, date.max
    if known is None:
        spans = [span for cause in causes for span in cause.spans] or [(date.min, date.max)]
    else:
        days = [one.day for one in known if one.settled is None]
        spans = of_days([*days, *(day for day, names in work.days.items() if name in names)])
    return (min(span[0] for span in spans), max(span[1] for span in spans)) if spans else None


def _causes(compiled: Compiled, work: Work, root: str | None) -> dict[str, list[Cause]]:
    if work.everything is not None:
        return {name: [Cause("everything", work.everything)] for name in compiled.metrics}
    if work.selected is not None:
        return {name: [Cause("everything", "it was asked for")] for name in work.selected}
    causes = {name: list(some) for name, some in settled_causes(work).items() if some}
    for name, metric in compiled.metrics.items():
        if work.children.get(metric.model) or (metric.model == root and work.companies):
            causes.setdefault(name, []).append(Cause("record"))
    return causes
