"""Facts that lint needs of the data; each source is read once, and of it only what the question needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from metricsql.bind.tree import SeriesRef
from metricsql.build.catalog import attach
from metricsql.build.engine import Engine, open_reader, reading
from metricsql.compiler import Compiled
from metricsql.sql import rhythm
from metricsql.sql.context import Context

ENOUGH = 1000
"""So many records of a model tell the rhythm of its series."""


@dataclass(frozen=True)
class DataFacts:
    """What was found in the data."""

    gaps: Mapping[SeriesRef, float] = field(default_factory=dict)
    """Days between two days with data of a record, the median of all; only where a record has two such days."""
    records: Mapping[str, int] = field(default_factory=dict)
    """Per model: how many rows its records have; only for models that were asked about."""
    matching: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Per model and `where`: for how many of these rows it holds."""


def read_facts(context: Context, compiled: Compiled, series: Iterable[SeriesRef]) -> DataFacts:
    """The rhythm of some raw series, each named as its own model does, and what every `where` holds for.

    Events have no rhythm here: they are looked up by other columns. Raises `ProjectError` for a source that cannot
    be read.
    """
    wanted = [ref for ref in sorted(set(series), key=str) if _has_rhythm(context, ref)]
    models = [name for name in context.sources.models if compiled.conditions.get(name)
              or any(ref.model == name for ref in wanted)]
    if not models:
        return DataFacts()
    engine = open_reader(context.definition.database, context.definition.folder)
    try:
        records, matching = _records(engine, context, compiled, models)
        return DataFacts(_gaps(engine, context, wanted, records), records, matching)
    finally:
        engine.close()


def _has_rhythm(context: Context, series: SeriesRef) -> bool:
    bound = context.sources.series.get(series.namespace)
    return bound is not None and bound.record is not None and series.model in context.sources.models


def _records(engine: Engine, context: Context, compiled: Compiled,
             models: Iterable[str]) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    counts: dict[str, int] = {}
    matching: dict[tuple[str, str], int] = {}
    texts = {flag: where for where, flag in compiled.flags.items()}
    for name in models:
        model = context.sources.models[name]
        conditions = compiled.conditions.get(name, ())
        declared = model.definition.records
        with reading(str(declared), declared.place):
            attach(engine, declared)
            counts[name], *found = engine.rows(rhythm.record_counts(model, [c for _, c in conditions]))[0]
        matching.update({(name, texts[flag]): number for (flag, _), number in zip(conditions, found, strict=True)})
    return counts, matching


def _gaps(engine: Engine, context: Context, series: Iterable[SeriesRef],
          records: Mapping[str, int]) -> dict[SeriesRef, float]:
    found: dict[SeriesRef, float] = {}
    wanted: dict[str, dict[str, list[str]]] = {}
    for ref in series:
        wanted.setdefault(ref.namespace, {}).setdefault(ref.model, []).append(ref.name)
    for namespace, models in wanted.items():
        bound = context.sources.series[namespace]
        declared = bound.definition.source
        nth = max(1, max(records.get(model, 0) for model in models) // ENOUGH)
        with reading(str(declared), declared.place):
            attach(engine, declared)
            rows = engine.rows(rhythm.median_gaps(context, bound, models, nth))
        found.update({SeriesRef(model, namespace, name): gap for model, name, gap in rows
                      if model is not None and gap is not None})
    return found
