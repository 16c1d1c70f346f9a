"""One build, from sources to the finished file."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone

from metricsql.build import compute
from metricsql.build.changes import nothing_changed, project_digest
from metricsql.build.catalog import read_catalog, read_names
from metricsql.build.conditions import try_conditions
from metricsql.build.engine import Engine, open_reader, quoted
from metricsql.build.load import load_records, load_rows, note_sources
from metricsql.build.report import BuildReport, Unusable
from metricsql.build.store import writing
from metricsql.compiler import Compiled, compile_metrics, described
from metricsql.diagnostics import Diagnostic, Findings, ProjectError
from metricsql.project.definition import Definition
from metricsql.project.document import dump
from metricsql.sql.context import Context
from metricsql.sql.history import history_steps
from metricsql.sql.sources import records_name, rows_name
from metricsql.version import __version__

Told = Callable[[str], None]
"""Is told what begins now."""


@dataclass(frozen=True)
class Request:
    """What a build is asked for. `select` holds metric ids; None means all."""

    as_of: date
    select: Sequence[str] | None = None
    full: bool = False
    strict: bool = False
    dry_run: bool = False
    memory_limit: str | None = None
    threads: int | None = None


def build(definition: Definition, request: Request, told: Told = lambda stage: None) -> BuildReport:
    """Compute the metrics and write the file. Raises `ProjectError` or `EngineError`; then nothing is written."""
    report = BuildReport(request.as_of, None, definition.database, dry_run=request.dry_run)
    if not (request.full or request.strict) and request.select is None and is_current(definition, request.as_of):
        return replace(report, unchanged=True)
    if request.dry_run:
        engine = open_reader(definition.database, definition.folder)
        try:
            _Build(engine, definition, request, report, told).prepare()
        finally:
            engine.close()
        return report
    with writing(definition.database, definition.folder, request.memory_limit, request.threads) as engine:
        _Build(engine, definition, request, report, told).run()
        told("write")
    return report


def is_current(definition: Definition, as_of: date) -> bool:
    """Whether the database already holds just what a build would write."""
    if not definition.database.is_file():
        return False
    engine = open_reader(definition.database, definition.folder)
    try:
        return nothing_changed(engine, definition, as_of)
    finally:
        engine.close()


class _Build:
    """The state of one build: what is known so far."""

    def __init__(self, engine: Engine, definition: Definition, request: Request, report: BuildReport, told: Told) -> None:
        self.engine, self.definition, self.request, self.report, self.told = engine, definition, request, report, told
        self.context: Context
        self.compiled: Compiled
        self.first_warnings: list[Diagnostic] = []
        self.started = datetime.now(timezone.utc).replace(tzinfo=None)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.told(name)
        begun = time.perf_counter()
        yield
        self.report.seconds[name] = self.report.seconds.get(name, 0.0) + time.perf_counter() - begun

    def run(self) -> None:
        self.prepare()
        with self.stage("fields"):
            stores = compute.store_fields(self.engine, self.context)
            self.context = replace(self.context, catalog=replace(self.context.catalog, has_store=True))
            plan = self.compiled.plan(self.definition, self.request.select)
            tracked = compute.keep_field_steps(self.engine, self.context, plan)
        self.engine.close_outside()
        with self.stage("compute"):
            have = [*self.loaded(), *tracked]
            steps = history_steps(self.context, plan, self.compiled.flags)
            self.report.rows = compute.compute(self.engine, self.context, plan, steps, have, self.carried(), self.told_model)
        with self.stage("write"):
            self.finish(stores)

    def prepare(self) -> None:
        """Everything up to the point where values are computed."""
        findings = Findings(list(self.definition.warnings))
        with self.stage("check"):
            catalog, sources = read_catalog(self.engine, self.definition, findings)
            compiled = compile_metrics(self.definition, catalog, sources, findings)
            try_conditions(self.engine, self.definition, sources, compiled, findings)
            findings.raise_errors()
            self.compiled, self.first_warnings = compiled, findings.warnings
        self.context = Context(self.definition, sources, catalog, self.request.as_of, numbered=True, all_names=True)
        with self.stage("read"):
            self.report.unusable = [*load_records(self.engine, self.context, compiled.conditions),
                                    *load_rows(self.engine, self.context)]
            self.context = replace(self.context, catalog=read_names(self.engine, self.context, have_rows=True))
        self.compiled = self.with_warnings()
        self.refuse_bad_rows()
        chosen = set(self.compiled.metrics if self.request.select is None else self.request.select)
        for metric in self.compiled.metrics.values():
            if metric.id in chosen:
                self.report.metrics.setdefault(metric.model, []).append(metric.id)
        for model in self.context.sources.models:
            table = quoted(records_name(self.context, model))
            self.report.records[model] = self.engine.value(f"SELECT COUNT(*) FROM {table}")
        self.report.start = self.context.start if self.context.start <= self.context.as_of else None

    def with_warnings(self) -> Compiled:
        """Bind again, now that the names of all series are known, to warn of those that no data carries."""
        findings = Findings()
        compiled = compile_metrics(self.definition, self.context.catalog, self.context.sources, findings, self.compiled.formulas)
        self.report.warnings = list(dict.fromkeys([*self.first_warnings, *findings.warnings]))
        return compiled

    def refuse_bad_rows(self) -> None:
        if self.request.strict and self.report.unusable:
            raise ProjectError([Diagnostic("unusable-rows", str(item), hint="without `--strict` such rows are left out")
                                for item in self.report.unusable])

    def loaded(self) -> list[str]:
        """The tables that hold records and rows by now."""
        return [*(records_name(self.context, model) for model in self.context.sources.models),
                *(rows_name(namespace) for namespace in self.context.sources.series)]

    def told_model(self, model: str) -> None:
        self.told(f"compute {model}")

    def carried(self) -> Mapping[str, Sequence[str]]:
        """Per model, the columns that a build of selected metrics keeps from the table there is.

        A build of everything starts from nothing, and gives the space of the old tables back first.
        """
        if self.request.select is None:
            compute.drop_tables(self.engine, compute.built_tables(self.engine))
            return {}
        known = {metric.id for metric in self.compiled.metrics.values()}
        kept: dict[str, list[str]] = {}
        for model in self.report.metrics:
            plan = self.compiled.plan(self.definition, self.request.select).model(model)
            computed = {metric.id for metric in plan.metrics} if plan else set()
            present = compute.columns_of(self.engine, "metrics", model)
            kept[model] = [name for name in present if name in known and name not in computed]
        return kept

    def finish(self, stores: bool) -> None:
        engine, context = self.engine, self.context
        number = compute.next_build(engine)
        for model in self.report.rows:
            compute.write_latest(engine, context, model, context.catalog.fields.get(model, {}))
        plan = self.compiled.plan(self.definition, self.request.select)
        built = [self.compiled.metrics[m.id] for p in plan.models for m in p.metrics]
        self.report.metrics = {p.model: [m.id for m in p.metrics] for p in plan.models}
        definitions = {metric.id: described(metric) for metric in built}
        if self.request.select is None:
            engine.run('DELETE FROM "_metricsql"."metrics"')
        compute.note_metrics(engine, built, definitions, context.as_of, number)
        note_sources(engine, context, number)
        digest = project_digest(self.definition) if self.request.select is None else None
        compute.note_build(engine, number, self.started, context, __version__, stores, digest, dump(self.report.to_dict()))


__all__ = ["BuildReport", "Request", "Unusable", "build"]
