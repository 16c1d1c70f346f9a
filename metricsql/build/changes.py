"""What has changed since the last build: options, metrics, records, rows, fields.

Everything is compared with what the last build wrote into the built file (`state`), by content and not by any
watermark: late data of any age is found. Files with the same size and times are not read again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib import metadata
from pathlib import Path
from typing import Any

import duckdb

from metricsql.bind.metrics import BoundMetric
from metricsql.bind.sources import BoundSeries
from metricsql.build.engine import Engine, quoted
from metricsql.build.files import files_of, sources_of
from metricsql.build.output_tables.stored import table_data
from metricsql.build.records import NOW, RecordChanges
from metricsql.build.rows import Reading
from metricsql.build.state import has_state, is_current_layout, state
from metricsql.compiler import Compiled
from metricsql.plan.affected import Differences
from metricsql.project.definition import Definition, MetricDef, SourceDef
from metricsql.project.document import dump
from metricsql.sql import differences
from metricsql.sql.context import Context
from metricsql.sql.sources import row_models
from metricsql.version import __version__

TIMELINES = "timelines now"


# What a build was made of


def project_digest(definition: Definition) -> str:
    """One text for everything a project declares that can decide a value."""
    models = {name: {"records": _source(m.records), "key": m.key, "company": m.company, "since": m.since,
                     "history": m.history and _source(m.history)} for name, m in definition.models.items()}
    series = {name: {"source": _source(s.source), "collapse": dict(s.collapse), "zeros": dict(s.zeros)}
              for name, s in definition.series.items()}
    everything = {
        "version": __version__, "engine": engine_version(definition), "timezone": definition.timezone,
        "start": str(definition.start), "trend": definition.trend,
        "fields_before_tracking": definition.fields_before_tracking, "models": models, "series": series,
        "metrics": [_metric(metric) for metric in definition.metrics],
        "tables": [table_data(table) for table in definition.tables.values()],
    }
    return _digest(everything)


def engine_version(definition: Definition) -> str:
    """The engine with its version; for one that writes outside the built file, also where to."""
    if definition.engine.name == "duckdb":
        return duckdb.__version__
    return f"{definition.engine.name} {version_of('pyspark')} {output_of(definition)}"


def output_of(definition: Definition) -> Path:
    """The folder for results that lie outside the built file."""
    database = definition.database.resolve()
    return Path(definition.engine.output or database.with_name(f"{database.stem}.parquet"))


def version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "?"


def _digest(data: Any) -> str:
    return hashlib.sha256(dump(data).encode("utf-8")).hexdigest()


def _source(source: SourceDef) -> dict[str, Any]:
    return {key: value for key, value in asdict(source).items() if key in ("path", "table", "sql", "attach", "columns")}


def _metric(metric: MetricDef) -> dict[str, Any]:
    return {"id": metric.id, "model": metric.model, "data": metric.written.data, "expression": metric.written.expression,
            "missing_zero": metric.missing_zero, "where": metric.where}


def metric_digest(metric: BoundMetric) -> str:
    """One text for what a metric means: its bound formula, with the trend and the kinds of fields in it."""
    declared = metric.definition
    return _digest([metric.model, repr(metric.tree), declared.missing_zero, declared.where])


def options(context: Context, compiled: Compiled) -> dict[str, str]:
    """What else decides values, by name."""
    definition = context.definition
    found = {
        "product version": __version__, "engine version": engine_version(definition), "timezone": definition.timezone,
        "models": dump({name: m.definition.company is None for name, m in context.sources.models.items()}),
        "start": str(context.start), "wheres": dump(sorted(compiled.flags)), "columns": dump(compiled.columns()),
    }
    for namespace, series in context.sources.series.items():
        found[f"series {namespace}"] = _series(context, series)
    return found


RECORDS = "records "
"""Begins the names of options that tell which records there were."""


def records_digests(engine: Engine, context: Context) -> dict[str, str]:
    """One text per model for its records with all their fields, which `metrics.<model>_latest` shows."""
    found = {}
    for model in context.sources.models.values():
        columns = dump([field.name for field in model.fields])
        content = engine.rows(f"SELECT COUNT(*), SUM(HASH(r)::HUGEINT)::VARCHAR FROM {quoted(model.name)} AS r")[0]
        found[f"{RECORDS}{model.name}"] = _digest([columns, *content])
    return found


def records_digests_of(options: Mapping[str, str]) -> dict[str, str]:
    """What `records_digests` told, among other options."""
    return {name: digest for name, digest in options.items() if name.startswith(RECORDS)}


def _series(context: Context, series: BoundSeries) -> str:
    declared = series.definition
    columns = [repr(part) for part in (series.name, series.time, series.value, series.record, series.model, dict(series.by_model))]
    return _digest([declared.namespace, _source(declared.source), dict(declared.collapse), dict(declared.zeros), columns,
                    row_models(context, series)])


# Without reading any data


def nothing_changed(engine: Engine, definition: Definition, as_of: date) -> bool:
    """Whether the newest build was of this project, these files and this day, and wrote everything.

    Sources that are not files (tables, queries, attached databases) may change unseen, so they always count as changed.
    """
    if not (has_state(engine) and is_current_layout(engine)):
        return False
    last = engine.rows('SELECT digest, as_of FROM "_metricsql"."builds" ORDER BY build DESC LIMIT 1')
    if not last or last[0] != (project_digest(definition), as_of):
        return False
    return all(files_of(definition, source) == files_before(engine, name) for name, source in sources_of(definition))


def changed_sources(engine: Engine, definition: Definition) -> dict[str, str]:
    """The sources whose files changed since they were read, by what they are for (`series metrics`).

    A file that was only copied with its time is no change here.
    """
    if not (has_state(engine) and is_current_layout(engine)):
        return {}
    found = {}
    for name, source in sources_of(definition):
        now = files_of(definition, source)
        if now is not None and _written(now) != _written(files_before(engine, name)):
            found[name] = str(source)
    return found


def _written(stamps: Mapping[str, str]) -> dict[str, str]:
    """Sizes and times of writing, without the times at which files came to their places."""
    return {name: stamp.rpartition(" ")[0] for name, stamp in stamps.items()}


def files_before(engine: Engine, source: str) -> dict[str, str]:
    """The files that the last build read of a source, with their stamps."""
    return dict(engine.rows(f"SELECT file, stamp FROM {state('files')} WHERE source = ?", [source]))


# Compared with the state of the last build


@dataclass
class Before:
    """The last build, as far as the next one can go on from it."""

    options: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    """The digest of each metric that is built."""
    as_of: date | None = None
    why_not: str | None = None
    """Why nothing can be compared with it; then everything is computed."""
    project: str | None = None
    """The digest of the project as it was then."""

    @property
    def wheres(self) -> list[str]:
        return list(json.loads(self.options.get("wheres", "[]")))


def read_before(engine: Engine) -> Before:
    """What the built file says of the last build."""
    builds = engine.rows('SELECT as_of, digest FROM "_metricsql"."builds" ORDER BY build DESC LIMIT 1') if has_state(engine) else []
    if not builds:
        return Before(why_not="nothing is built yet")
    if not is_current_layout(engine):
        return Before(why_not="the file is of another version of the product")
    last = builds[0]
    if last[1] is None:
        return Before(as_of=last[0], why_not="the last build was of selected metrics only")
    return Before(dict(engine.rows(f"SELECT name, value FROM {state('options')}")),
                  dict(engine.rows(f"SELECT metric, digest FROM {state('metrics')}")), last[0], project=last[1])


@dataclass
class Changes:
    """Everything that differs. With `everything` (a reason) all of it is computed, whatever else is said."""

    everything: str | None = None
    options: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    records: RecordChanges = field(default_factory=RecordChanges)
    found: Differences = field(default_factory=Differences)


def changed_options(before: Before, context: Context, compiled: Compiled) -> list[str]:
    """The options that change how any row is read, so that nothing of the last build can be used."""
    now = options(context, compiled)
    return [name for name in ("product version", "engine version", "timezone", "models") if before.options.get(name) != now[name]]


def find_changes(engine: Engine, before: Before, now: Mapping[str, str], compiled: Compiled, records: RecordChanges,
                 readings: Mapping[str, Reading]) -> Changes:
    """What the metrics must follow, apart from fields, which are compared when they are stored."""
    if before.why_not is not None:
        return Changes(before.why_not)
    if before.options.get("start") != now["start"]:
        return Changes("the first day of the grid changed")
    digests = {metric.id: metric_digest(metric) for metric in compiled.metrics.values()}
    series = {(namespace, name): days for namespace, one in readings.items() if one.changed is not None
              for name, days in one.changed.items()}
    unread = [name for name, one in readings.items() if one.changed is None]
    gone = [name.removeprefix("series ") for name in before.options if name.startswith("series ") and name not in now]
    found = Differences(
        series, frozenset([*unread, *gone]), {}, frozenset(name for name, digest in digests.items() if before.metrics.get(name) != digest),
        before.as_of)
    return Changes(None, [f"series {name}" for name in [*unread, *gone]], sorted(before.metrics.keys() - digests.keys()), records, found)


def changed_fields(engine: Engine) -> dict[tuple[str, str], date]:
    """Per model and field, the first day from which a record has another value than at the last build."""
    rows = engine.rows(differences.changed_fields(state("timelines"), quoted(TIMELINES), state("records"), quoted(NOW)))
    return {(model, name): day for model, name, day in rows}


def note_timelines(engine: Engine, queries: Sequence[str]) -> None:
    """Make the table with the values of fields over time."""
    engine.run(f"CREATE TEMP TABLE {quoted(TIMELINES)} AS "
               + (" UNION ALL ".join(queries) or f"SELECT * FROM {state('timelines')} LIMIT 0"))
