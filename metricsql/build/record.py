"""Reads what stands behind the values of one record: its inputs by day, its fields, its rows, its children.

Everything comes from the steps of a build, narrowed to the record. The built file is read for the stored field
history only; `stored.py` reads what it holds of the values themselves.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from metricsql.bind.sources import BoundModel
from metricsql.bind.tree import Field, SeriesRef
from metricsql.build.catalog import attach, read_catalog, read_names
from metricsql.build.engine import Engine, open_reader, quoted, reading
from metricsql.build.raw_rows import DayRows, RawRow, count_rows, read_rows
from metricsql.build.status import Status, read_status
from metricsql.build.stored import StoredValue, newest_as_of, stored_value
from metricsql.build.temporary import create
from metricsql.compiler import Compiled, compile_metrics
from metricsql.diagnostics import Diagnostic, Findings, ProjectError, did_you_mean
from metricsql.plan.nodes import ModelPlan, Plan
from metricsql.project.definition import Definition
from metricsql.sql import record as sql
from metricsql.sql.conditions import mentioned
from metricsql.sql.context import Context
from metricsql.sql.fields import CURRENT, GIVEN, timeline_names
from metricsql.sql.history import history_steps, result_name
from metricsql.sql.raw_rows import RowQuery, first_row_day, scoped_rows
from metricsql.sql.sources import records_name, rows_name
from metricsql.sql.steps import Step, needed, statement

TITLE = "name"
"""The field that people know a record by."""


@dataclass(frozen=True)
class Held:
    """A value of a field from a day on; from `LONG_AGO` on for what counts before the first known one."""

    since: date
    value: float | str | None
    origin: str


@dataclass(frozen=True)
class RecordData:
    """What is known of one record. `inputs` and `metrics` hold a value per day."""

    model: str
    key: str
    title: str | None
    since: date | None
    inputs: Mapping[SeriesRef, Mapping[date, float]]
    metrics: Mapping[str, Mapping[date, float | None]]
    fields: Mapping[Field, Sequence[Held]]
    outside: Mapping[str, Mapping[str, str | None]]
    """Every `where` that leaves the record out, with the current fields that it asks for."""


class RecordReader:
    """The answers about one record and its children. `context.start` is the first day of the grid."""

    def __init__(self, engine: Engine, context: Context, compiled: Compiled, plan: Plan) -> None:
        self.engine, self.context, self.compiled, self.plan = engine, context, compiled, plan
        self.have: list[str] = []
        self.known: dict[tuple[str, str], RecordData] = {}

    def data(self, model: str, key: str) -> RecordData:
        """What is known of the record that was asked for, or of a child of it."""
        if (model, key) not in self.known:
            plan = self.plan.model(model)
            assert plan is not None
            self.known[model, key] = self._data(plan, key)
        return self.known[model, key]

    def counts(self, series: SeriesRef, key: str, first: date, last: date) -> dict[date, DayRows]:
        """How many rows stand behind each day of a series."""
        if not self.has_rows(series):
            return {}
        return count_rows(self.engine, RowQuery(self.context, series, key, first, last))

    def rows(self, series: SeriesRef, key: str, first: date, last: date, days: Sequence[date] | None,
             limit: int | None) -> list[RawRow]:
        """The rows behind the days of a series from `first` to `last`, or some of them; the newest first."""
        if not self.has_rows(series):
            return []
        query = RowQuery(self.context, series, key, first, last, None if days is None else tuple(days))
        return read_rows(self.engine, query, self.context.definition, limit)

    def children(self, model: str) -> int:
        """How many records of a child model belong to the record that was asked for."""
        return int(self.engine.value(f"SELECT COUNT(*) FROM {quoted(records_name(self.context, model))}"))

    def stored(self, metric: str, key: str, day: date) -> StoredValue:
        """What the built file holds of a value."""
        found = stored_value(self.engine, self.status, self.compiled.metrics[metric].model, metric, key, day)
        changed = tuple(source for source in found.changed_sources if source in self._sources())
        return replace(found, changed_sources=changed)

    def _sources(self) -> set[str]:
        """The sources that the metrics read, by the names that a build notes them under."""
        definition = self.context.definition
        inputs = [series for plan in self.plan.models for series in plan.inputs]
        models = {*(plan.model for plan in self.plan.models), *(series.model for series in inputs)}
        read = [definition.series[s.namespace].source for s in inputs if s.namespace in definition.series]
        read += [definition.models[model].records for model in models]
        histories = [definition.models[model].history for model in models]
        return {str(source) for source in [*read, *histories] if source is not None}

    @cached_property
    def status(self) -> Status:
        """What was built, and what has changed since."""
        return read_status(self.engine, self.context.definition, self.compiled)

    def has_rows(self, series: SeriesRef) -> bool:
        """Whether there are rows: of a source, or values of children."""
        return series.rollup if series.calculated else rows_name(series.namespace) in self.have

    # One record

    def _data(self, plan: ModelPlan, key: str) -> RecordData:
        model = self.context.sources.models[plan.model]
        title = self._loaded(model, key, [sql.field_column(TITLE)])[0] if TITLE in _names(model) else None
        since = self._loaded(model, key, ["since"])[0] if model.since is not None else None
        return RecordData(plan.model, key, str(title) if title else None, since if isinstance(since, date) else None,
                          self._inputs(plan, key), self._metrics(plan, key), self._fields(plan, key),
                          self._outside(plan, model, key))

    def _loaded(self, model: BoundModel, key: str, columns: Sequence[str]) -> Sequence[object]:
        return self.engine.rows(sql.loaded_record(self.context, model.name, key, columns))[0] if columns else ()

    def _inputs(self, plan: ModelPlan, key: str) -> dict[SeriesRef, dict[date, float]]:
        if not plan.inputs:
            return {}
        steps, series = sql.input_steps(self.context, plan, self.compiled.flags, key)
        have = [name for name in self.have if name != records_name(self.context, plan.model)]
        rows = self.engine.rows(statement(needed(steps, steps[-1].name, have)))
        return {one: {row[0]: row[i] for row in rows if row[i] is not None} for i, one in enumerate(series, 1)}

    def _metrics(self, plan: ModelPlan, key: str) -> dict[str, dict[date, float | None]]:
        names = [metric.id for metric in plan.metrics]
        rows = self.engine.rows(sql.results_of(result_name(plan.model), key, names))
        return {name: {row[0]: row[i] for row in rows} for i, name in enumerate(names, 1)}

    def _fields(self, plan: ModelPlan, key: str) -> dict[Field, list[Held]]:
        found: dict[Field, list[Held]] = {}
        for field, table in timeline_names(plan).items():
            known = dict(self.engine.rows(sql.origins(sql.origins_name(plan.model), field, key)))
            rows = self.engine.rows(sql.timeline(table, key))
            found[field] = [Held(day, value, self._origin(plan.model, known.get(day), day)) for day, value in rows]
        return found

    def _origin(self, model: str, priority: int | None, day: date) -> str:
        declared = self.context.definition.models[model]
        if priority == GIVEN:
            return str(declared.history)
        return str(declared.records) if priority in (CURRENT, None) else f"the build of {day}"

    def _outside(self, plan: ModelPlan, model: BoundModel, key: str) -> dict[str, dict[str, str | None]]:
        found: dict[str, dict[str, str | None]] = {}
        for where in dict.fromkeys(metric.where for metric in plan.metrics if metric.where is not None):
            if self._loaded(model, key, [self.compiled.flags[where]])[0] is not True:
                asked = [name for name in mentioned(where) if name in _names(model)]
                now = self._loaded(model, key, [sql.field_column(name) for name in asked])
                found[where] = {name: str(value) if value is not None else None
                                for name, value in zip(asked, now, strict=True)}
        return found


def _names(model: BoundModel) -> set[str]:
    return {field.name for field in model.fields}


@contextmanager
def reading_record(definition: Definition, metrics: Sequence[str], key: str, as_of: date) -> Iterator[RecordReader]:
    """A reader for a record and some metrics of its model; its grid ends on the later of `as_of` and what is built.

    Raises `ProjectError` if the project is wrong or has no such record.
    """
    engine = open_reader(definition.database, definition.folder)
    try:
        findings = Findings()
        catalog, sources = read_catalog(engine, definition, findings)
        compiled = compile_metrics(definition, catalog, sources, findings)
        findings.raise_errors()
        context = Context(definition, sources, catalog, max(as_of, newest_as_of(engine) or as_of), all_names=True)
        if definition.start is None:
            context = replace(context, catalog=read_names(engine, context))
        loader = _Loader(engine, context, compiled, compiled.metrics[metrics[0]].model, key)
        yield loader.load(compiled.plan(definition, metrics))
    finally:
        engine.close()


class _Loader:
    """Loads a record, its children and their rows into temporary tables."""

    def __init__(self, engine: Engine, context: Context, compiled: Compiled, model: str, key: str) -> None:
        self.engine, self.context, self.compiled, self.model, self.key = engine, context, compiled, model, key
        self.have: list[str] = []

    def load(self, plan: Plan) -> RecordReader:
        self.records()
        if not self.engine.value(f"SELECT COUNT(*) FROM {quoted(records_name(self.context, self.model))}"):
            raise self.unknown_record()
        self.rows(plan)
        self.fields(plan)
        self.engine.close_outside()
        self.results(plan)
        reader = RecordReader(self.engine, self.context, self.compiled, plan)
        reader.have = self.have
        return reader

    def records(self) -> None:
        root = self.context.definition.root
        for model in sorted(self.context.sources.models.values(), key=lambda m: m.name != root):
            by = "record" if model.name == self.model else "company" if self.model == root else None
            conditions = self.compiled.conditions.get(model.name, ())
            declared = model.definition.records
            with reading(str(declared), declared.place):
                attach(self.engine, declared)
                steps = sql.scoped_records(self.context, model, conditions, by, self.key)
                self.create(records_name(self.context, model.name), steps)

    def rows(self, plan: Plan) -> None:
        """Every row of the record and its children, and from them the first day that windows can see."""
        read: dict[str, set[str]] = {}
        for series in (s for p in plan.models for s in p.inputs if not s.calculated):
            read.setdefault(series.namespace, set()).add(series.name)
        loaded = [namespace for namespace in read if namespace in self.context.sources.series]
        for namespace in loaded:
            bound = self.context.sources.series[namespace]
            source = bound.definition.source
            with reading(str(source), source.place):
                attach(self.engine, source)
                columns = self.context.catalog.series[namespace]
                self.create(rows_name(namespace), scoped_rows(self.context, bound, sorted(read[namespace]), columns))
        start = self.context.start
        first = self.engine.value(first_row_day(loaded)) if loaded else None
        self.context = replace(self.context, definition=replace(self.context.definition, start=start),
                               catalog=replace(self.context.catalog, first_day=first))

    def fields(self, plan: Plan) -> None:
        for model_plan in plan.models:
            if not model_plan.fields:
                continue
            if self.context.catalog.has_store:
                stored = sql.scoped_store(self.context, model_plan.model)
                self.engine.run(f"CREATE OR REPLACE TEMP TABLE {quoted(sql.STORED)} AS {stored}")
            steps = sql.known_values(self.context, model_plan)
            for name in (steps[-1].name, *timeline_names(model_plan).values()):
                self.create(name, needed(steps, name, self.have))

    def results(self, plan: Plan) -> None:
        steps = history_steps(self.context, plan, self.compiled.flags)
        for model_plan in plan.models:
            self.create(result_name(model_plan.model), needed(steps, result_name(model_plan.model), self.have))

    def create(self, name: str, steps: Sequence[Step]) -> None:
        create(self.engine, name, steps, self.have)
        self.have.append(name)

    def unknown_record(self) -> ProjectError:
        keys = [row[0] for row in self.engine.rows(sql.all_keys(self.context, self.context.sources.models[self.model]))]
        return ProjectError(Diagnostic("unknown-record", f"there is no {self.model} with the key `{self.key}`",
                                       hint=did_you_mean(self.key, keys)))
