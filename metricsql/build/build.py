"""One build, from sources to the finished file: only what changed since the last one is computed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Self

from metricsql.bind.metrics import read_formulas
from metricsql.build import change_points, changes, compute, kept, note, outside, rows, totals
from metricsql.build.ahead import Ahead
from metricsql.build.aside import aside
from metricsql.build.catalog import names_of, read_catalog
from metricsql.build.changes import Before, Changes
from metricsql.build.conditions import try_conditions
from metricsql.build.engine import Limits
from metricsql.build.known_records import OPTION as KNOWN_RECORDS
from metricsql.build.known_records import KnownRecords, known_before
from metricsql.build.moved import Moved
from metricsql.build.output_tables.check import check_tables
from metricsql.build.output_tables.stored import OPTION, StoredTables, table_digests
from metricsql.build.patch import count_rows
from metricsql.build.records import RecordChanges, load_records, note_records, read_once, record_changes, take_records
from metricsql.build.report import BuildReport, Unusable
from metricsql.build.rows import Reading, read_rows
from metricsql.build.settled import count_settled
from metricsql.build.spread import Changed
from metricsql.build.store import NothingToWrite, Seen, Side, trying, writing
from metricsql.build.work import Work, plan_work
from metricsql.build.write import carry_out
from metricsql.compiler import Compiled, compile_metrics
from metricsql.diagnostics import Diagnostic, Findings, ProjectError
from metricsql.project.definition import Definition
from metricsql.sql import differences
from metricsql.sql.context import Context

if TYPE_CHECKING:
    import duckdb

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


def build(definition: Definition, request: Request, told: Told = lambda stage: None,
          connection: Future[duckdb.DuckDBPyConnection] | None = None) -> BuildReport:
    """Compute what changed and write the file, over a connection of its own, which may be open already.

    Raises `ProjectError` or `EngineError`; then nothing is written.
    """
    report = BuildReport(request.as_of, None, definition.database, dry_run=request.dry_run)
    place = trying if request.dry_run else writing
    try:
        limits = Limits(request.memory_limit, request.threads)
        opened = None if connection is None else connection.result()
        with closing(Seen(definition.database, definition.folder, limits, opened)) as seen:
            if not (request.full or request.strict) and request.select is None and is_current(seen, definition, request.as_of):
                return replace(report, unchanged=True)
            with place(seen) as side, _kind(definition)(side, definition, request, report, told) as work:
                work.run()
                told("write")
    except NothingToWrite:
        return replace(report, unchanged=not request.dry_run)
    if not request.dry_run:
        work.committed()
    return report


def _kind(definition: Definition) -> type[Build]:
    """The build of the engine that the project names."""
    if definition.engine.name == "spark":
        from metricsql.build.spark.build import SparkBuild

        return SparkBuild
    return Build


def is_current(seen: Seen, definition: Definition, as_of: date) -> bool:
    """Whether the database already holds just what a build would write."""
    return definition.database.is_file() and changes.nothing_changed(seen.engine, definition, as_of)


class Build:
    """The state of one build: what is known so far. This one computes with DuckDB."""

    def __init__(self, side: Side, definition: Definition, request: Request, report: BuildReport, told: Told) -> None:
        self.side, self.engine = side, side.engine
        self.definition, self.request, self.report, self.told = definition, request, report, told
        self.context: Context
        self.compiled: Compiled
        self.before: Before
        self.readings: dict[str, Reading] = {}
        self.tables = StoredTables(self.engine, definition, request.as_of)
        self.stamps: Mapping[str, Mapping[str, str]]
        self.known_records: KnownRecords | None = None
        """What the last build knew of records, if they cannot have changed."""
        self.options: Mapping[str, str]
        self.same_records = False
        self.digests: Mapping[str, str] = {}
        self.first_warnings: list[Diagnostic] = []
        self.started = datetime.now(UTC).replace(tzinfo=None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        """Whatever became of the build."""

    def committed(self) -> None:
        """After the new file has taken its place."""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.told(name)
        begun = time.perf_counter()
        yield
        self.report.seconds[name] = self.report.seconds.get(name, 0.0) + time.perf_counter() - begun

    def run(self) -> None:
        with self.stage("check"):
            self.check()
        if self.before.why_not is not None:
            self.side.write()  # else the state that is compared with can be read in the file that is there
        with self.stage("read"):
            found = self.read()
        self.side.write()
        with self.stage("fields"):
            stores, same = note.store_fields(self.engine, self.context, self.same_since())
            planned = self.work(found)
            work = self.arranged(planned, change_points.still_held(self.engine, self.compiled.plan(self.definition)))
            same &= self.before.as_of == self.request.as_of and self.before.options == {**self.before.options, **self.noted()}
            same &= all(name in self.options for name in self.before.options if name.startswith(OPTION))
        self.tell(work)
        if self.request.dry_run or (same and not work.anything and note.is_noted(self.engine, self.definition, self.stamps)):
            raise NothingToWrite
        if same and not work.anything:
            self.report.unchanged = True
            self.collapse(found, planned, work)  # days behind the as-of day may have changed
            note.note_state(self.engine, self.readings, self.noted(), self.stamps, self.same_records)
            note.note_same(self.engine, self.definition)
            return
        with self.stage("collapse"):
            work = self.prepare(found, planned, work)
            self.report.tasks = work.described(self.context, self.compiled.metrics, self.report.records)
        with self.stage("compute"):
            changed = self.compute(work)
        with self.stage("write"):
            self.finish(work, changed, stores)

    def reader(self) -> rows.Reader:
        """What reads rows."""
        return rows.Reader(self.engine)

    def write_values(self, work: Work, changed: Changed | None) -> None:
        """The last values of every record, and what the report says of all values."""
        engine, context = self.engine, self.context
        note.write_latest(engine, context, change_points.on_last_day(context, self.compiled, work))
        self.report.settled = count_settled(engine, context, self.compiled, work, changed, self.digests)
        through = context.as_of if work.selected is None else None
        models = change_points.held(engine)
        self.report.rows = {**count_rows(engine), **change_points.count_rows(engine, models, through)}
        self.report.change_points = change_points.counts(engine, models)
        self.report.every_day = change_points.refused(engine, context, self.compiled.plan(self.definition))

    def prepare(self, found: Changes, planned: Work, likely: Work) -> Work:
        """Bring the kept series up to date, and choose how each model is computed: most likely as before."""
        planned = self.collapse(found, planned, likely)
        return self.arranged(planned, change_points.choose(self.engine, self.context, self.compiled, planned))

    def check(self) -> None:
        """Read what the project is, and bind it."""
        findings, faults = Findings(list(self.definition.warnings)), Findings()
        formulas = aside(read_formulas, self.definition, faults)
        self.stamps = note.stamps_now(self.definition)
        self.before = changes.read_before(self.engine)
        if self.request.full:
            self.before = Before(as_of=self.before.as_of, why_not="it was asked for")
        self.known_records = known_before(self.engine, self.definition, self.before, self.stamps)
        if self.known_records is None:
            self.definition = read_once(self.engine, self.definition)
        catalog, sources = read_catalog(self.engine, self.definition, findings, self.request.as_of, self.known_records)
        given = formulas.result()
        findings.extend(faults.items)
        compiled = compile_metrics(self.definition, catalog, sources, findings, given)
        try_conditions(self.engine, self.definition, sources, compiled, findings)
        check_tables(self.engine, self.definition, catalog, False, self.request.strict, findings)
        findings.raise_errors()
        self.compiled, self.first_warnings = compiled, findings.warnings
        self.context = Context(self.definition, sources, catalog, self.request.as_of, numbered=True, all_names=True)
        if self.before.why_not is None and (odd := changes.changed_options(self.before, self.context, self.compiled)):
            self.before = Before(as_of=self.before.as_of, why_not=f"{' and '.join(odd)} changed")

    def read(self) -> Changes:
        """Records, and the rows of files that changed; what differs from the last build."""
        known = self.before.why_not is None
        records, of_records = self.read_records(known)
        now = changes.options(self.context, self.compiled)
        for namespace, series in self.context.sources.series.items():
            same = known and self.before.options.get(f"series {namespace}") == now[f"series {namespace}"]
            files = changes.files_before(self.engine, f"series {namespace}") if same else None
            self.readings[namespace] = read_rows(self.reader(), self.context, series, files, not records.same_set)
        unusable = [item for some in of_records.unusable.values() for item in some]
        self.report.unusable = [*unusable, *rows.unusable(self.engine, self.readings.values()), *self.tables.load()]
        self.context = replace(self.context, catalog=names_of(self.engine, self.context, self.readings.values()))
        self.compiled = self.with_warnings()
        self.refuse_bad_rows()
        self.report.start = self.context.start if self.context.start <= self.context.as_of else None
        self.options = {**changes.options(self.context, self.compiled), **changes.records_digests(self.engine, self.context),
                        **table_digests(self.definition, self.stamps), KNOWN_RECORDS: of_records.text()}
        return changes.find_changes(self.engine, self.before, self.options, self.compiled, records, self.readings)

    def read_records(self, known: bool) -> tuple[RecordChanges, KnownRecords]:
        """Fill the tables of records; how they differ from those of the last build, and what is in them."""
        if self.known_records is not None:
            take_records(self.engine, self.context)
            return RecordChanges(), self.known_records
        unusable = load_records(self.engine, self.context, self.compiled.conditions, known)
        note_records(self.engine, self.context, self.flags())
        wheres = sorted(set(self.before.wheres) & set(self.compiled.flags))
        changed = record_changes(self.engine, wheres) if known else RecordChanges()
        return changed, KnownRecords.of(self.context.catalog, unusable)

    def flags(self) -> dict[str, dict[str, str]]:
        """Per model, the column of each condition that its records have."""
        names = {label: where for where, label in self.compiled.flags.items()}
        return {model: {names[label]: label for label, _ in conditions} for model, conditions in self.compiled.conditions.items()}

    def with_warnings(self) -> Compiled:
        """Bind again, now that the names of all series are known, to warn of those that no data carries."""
        findings = Findings()
        compiled = compile_metrics(self.definition, self.context.catalog, self.context.sources, findings, self.compiled.formulas)
        self.report.warnings = list(dict.fromkeys([*self.first_warnings, *findings.warnings]))
        return compiled

    def same_since(self) -> date | None:
        """The day of the last build, if it saw the same records with the same values of their fields."""
        records = changes.records_digests_of(self.options)
        return self.before.as_of if records and records.items() <= self.before.options.items() else None

    def same_timelines(self) -> bool:
        """Whether the values of fields over time cannot differ from what the last build noted, nor the records."""
        histories = any(model.history is not None for model in self.definition.models.values())
        same_project = self.before.project == changes.project_digest(self.definition)
        until = self.context.catalog.stored_until
        return same_project and not histories and until is not None and self.same_since() == until < self.context.as_of

    def refuse_bad_rows(self) -> None:
        if self.request.strict and self.report.unusable:
            raise ProjectError([Diagnostic("unusable-rows", str(item), hint="without `--strict` such rows are left out")
                                for item in self.report.unusable])

    def work(self, found: Changes) -> Work:
        """What must be computed. Fields are stored by now."""
        self.context = replace(self.context, catalog=replace(self.context.catalog, has_store=True))
        plan = self.compiled.plan(self.definition)
        self.context = replace(self.context, timelines=compute.keep_timelines(self.engine, self.context, plan))
        self.same_records = self.same_timelines()
        if self.same_records:
            return plan_work(self.engine, self.context, self.compiled, found, self.request.select)
        if self.known_records is not None:  # else they are noted, because they were compared
            note_records(self.engine, self.context, self.flags())
        queries = [query for model_plan in plan.models for query in differences.timelines(self.context, model_plan)]
        changes.note_timelines(self.engine, queries)
        if found.everything is None:
            found.found = replace(found.found, fields=changes.changed_fields(self.engine))
        return plan_work(self.engine, self.context, self.compiled, found, self.request.select)

    def arranged(self, planned: Work, models: frozenset[str]) -> Work:
        """The work if some models are held as change points."""
        self.context = replace(self.context, change_points=models)
        self.digests = change_points.digests(self.context, self.compiled, self.compiled.plan(self.definition))
        return change_points.arranged(self.engine, planned, self.context, self.compiled, self.digests, self.before.options)

    def noted(self) -> dict[str, str]:
        """What else decides values, to be compared with by the next build."""
        return {**self.options, **self.digests}

    def collapse(self, found: Changes, work: Work, likely: Work) -> Work:
        """Bring the kept series up to date; with that it is known whose values changed, where there are tasks to narrow."""
        columns = kept.read_columns(self.engine) if self.before.why_not is None else {}
        wanted = kept.needs(self.context, self.compiled.plan(self.definition), columns, self.readings)
        narrows = bool(work.tasks or self.context.change_points) and work.selected is None
        moved = Moved(self.engine) if narrows else None
        sums = totals.plan_totals(self.engine, self.context, self.compiled.plan(self.definition), likely, wanted, found.records.gone)
        made = replace(self.context, kept=kept.columns_of(wanted), totals=sums.totals)
        work = replace(work, ahead=Ahead(made, self.compiled, likely.days))
        kept.refresh(self.engine, self.context, wanted, self.readings, found.records.gone, moved)
        totals.refresh(self.engine, sums)
        for series in self.context.sources.series:
            rows.forget(self.engine, series)
        self.context = made
        return work if moved is None else replace(work, moved=moved, differences=moved.differences(work.differences, made.kept))

    def compute(self, work: Work) -> Changed | None:
        """Bring the tables of metrics up to date; which values changed, where that is known. From here on nothing else is read."""
        self.engine.close_outside()
        if outside.stretches(self.engine):
            outside.forget(self.engine)
        return carry_out(self.engine, self.context, self.compiled, work, self.told)

    def tell(self, work: Work) -> None:
        """What the report says of the work before it is done."""
        for model in self.compiled.plan(self.definition, self.request.select).models:
            self.report.metrics[model.model] = [metric.id for metric in model.metrics]
        self.report.records = note.count_records(self.engine, self.context)
        self.report.tasks = work.described(self.context, self.compiled.metrics, self.report.records)
        self.report.everything = work.everything

    def finish(self, work: Work, changed: Changed | None, stores: bool) -> None:
        engine, context = self.engine, self.context
        note.keep_records(engine, context, self.same_since() is not None)
        self.write_values(work, changed)
        self.report.tables = self.tables.write(work.selected is not None)
        note.note_metrics(engine, context, self.compiled, work, note.next_build(engine))
        if work.selected is None:
            note.note_state(engine, self.readings, self.noted(), self.stamps, self.same_records)
        note.note_build(engine, context, work, self.report, self.started, stores)


__all__ = ["BuildReport", "Request", "Unusable", "build"]
