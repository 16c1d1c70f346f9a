"""Counts values of days that were built already and are others now, and says why (`docs/incremental-builds.md`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from metricsql.build.engine import Engine, quoted
from metricsql.build.patch import columns_of
from metricsql.build.report import Settled
from metricsql.build.store import LAST
from metricsql.build.work import Work, settled_causes
from metricsql.compiler import Compiled
from metricsql.plan.affected import Cause
from metricsql.sql import writes
from metricsql.sql.context import Context


def count_settled(engine: Engine, context: Context, compiled: Compiled, work: Work) -> list[Settled]:
    """What changed of the values that the last build had, by metric. Differences of rounding (1e-9) do not count."""
    causes = _causes(compiled, work, context.definition.root)
    found: list[Settled] = []
    models: dict[str, list[str]] = {}
    for name in causes:
        models.setdefault(compiled.metrics[name].model, []).append(name)
    for model, names in models.items():
        both = set(engine.columns(f"{quoted(LAST)}.{writes.built_table(model)}")) & set(columns_of(engine, model))
        known = [name for name in names if name in both]
        if known:
            found += _counted(engine, model, known, causes)
    return sorted(found, key=lambda one: list(compiled.metrics).index(one.metric))


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


def _counted(engine: Engine, model: str, names: Sequence[str], causes: Mapping[str, Sequence[Cause]]) -> list[Settled]:
    spans = [span for name in names for cause in causes[name] for span in cause.spans]
    whole = any(not cause.spans for name in names for cause in causes[name])
    first = date.min if whole or not spans else min(span[0] for span in spans)
    last = date.max if whole or not spans else max(span[1] for span in spans)
    found: dict[str, list[tuple[date, int]]] = {}
    for day, *counts in engine.rows(writes.differences_by_day(model, names, quoted(LAST)), [first, last, first, last]):
        for name, count in zip(names, counts, strict=True):
            if count:
                found.setdefault(name, []).append((day, int(count)))
    return [Settled(name, sum(count for _, count in days), min(days)[0], max(days)[0], tuple(causes[name]))
            for name, days in found.items()]
