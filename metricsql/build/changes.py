"""What has changed since the last build, as far as it can be told without reading any data."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from datetime import date
from typing import Any

from metricsql.build.engine import Engine
from metricsql.build.load import fingerprint, sources_of
from metricsql.build.status import has_state
from metricsql.project.definition import Definition, MetricDef, SourceDef
from metricsql.project.document import dump
from metricsql.version import __version__


def project_digest(definition: Definition) -> str:
    """One text for everything a project declares that can decide a value."""
    models = {name: {"records": _source(m.records), "key": m.key, "company": m.company, "since": m.since,
                     "history": m.history and _source(m.history)} for name, m in definition.models.items()}
    series = {name: {"source": _source(s.source), "collapse": dict(s.collapse), "zeros": dict(s.zeros)}
              for name, s in definition.series.items()}
    everything = {
        "version": __version__, "timezone": definition.timezone, "start": str(definition.start), "trend": definition.trend,
        "fields_before_tracking": definition.fields_before_tracking, "models": models, "series": series,
        "metrics": [_metric(metric) for metric in definition.metrics],
    }
    return hashlib.sha256(dump(everything).encode("utf-8")).hexdigest()


def _source(source: SourceDef) -> dict[str, Any]:
    return {key: value for key, value in asdict(source).items() if key in ("path", "table", "sql", "attach", "columns")}


def _metric(metric: MetricDef) -> dict[str, Any]:
    return {"id": metric.id, "model": metric.model, "data": metric.written.data, "expression": metric.written.expression,
            "missing_zero": metric.missing_zero, "where": metric.where}


def nothing_changed(engine: Engine, definition: Definition, as_of: date) -> bool:
    """Whether the newest build was of this project, these files and this day, and wrote everything.

    Sources that are not files (tables, queries, attached databases) may change unseen, so they always count as changed.
    """
    if not has_state(engine):
        return False
    last = engine.rows('SELECT digest, as_of, build FROM "_metricsql"."builds" ORDER BY build DESC LIMIT 1')
    if not last or last[0][:2] != (project_digest(definition), as_of):
        return False
    read = dict(engine.rows('SELECT source, fingerprint FROM "_metricsql"."sources"'))
    now = {str(source): fingerprint(definition, source) for source in sources_of(definition)}
    return None not in now.values() and read == now
