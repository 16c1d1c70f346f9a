"""`Project`: a project in memory, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricsql.diagnostics import Diagnostic, Findings, ProjectError, did_you_mean

if TYPE_CHECKING:
    import duckdb

    from metricsql.build.find import Found
    from metricsql.build.output_tables.table import Row, Table
    from metricsql.build.report import BuildReport
    from metricsql.build.status import Status
    from metricsql.build.summary import DaySummary
    from metricsql.compiler import Compiled
    from metricsql.inspect.explain import Explanation
    from metricsql.inspect.graph import Graph
    from metricsql.inspect.unit_tests import Outcome
    from metricsql.inspect.why import Why
    from metricsql.inspect.why_cell import WhyCell
    from metricsql.library import Entry
    from metricsql.library.adding import Addition
    from metricsql.project import Definition
    from metricsql.sql.context import Context


def load(path: str | Path = ".") -> Project:
    """The project of a file or folder.

    Everything that can be wrong in it is checked, data included. Raises `ProjectError` with every diagnostic; a row of an
    output table that cannot be computed is unavailable, and does not keep a project from being loaded.
    """
    from metricsql.project import read_definition

    project = Project(read_definition(Path(path)))
    project.check(lint=False, strict=False).raise_errors()
    return project


class Project:
    """A project whose files are read. Its sources are opened only when a method needs them."""

    def __init__(self, definition: Definition, connection: duckdb.DuckDBPyConnection | None = None) -> None:
        self.definition = definition
        self.connection = connection

    def check(self, names: bool = True, lint: bool = True, strict: bool = True) -> Findings:
        """Every error and warning there is.

        With `names`, data is asked which series it carries, and how often for the warnings of `lint`. What makes only
        single rows of output tables unavailable is an error; without `strict` a warning.
        """
        if self.definition.errors:
            return self._further_faults()
        findings, context, compiled = self._compile(names)
        if self.definition.tables:
            from metricsql.build.output_tables.check import check_all_tables

            check_all_tables(self.definition, context.catalog, names, strict, findings)
        if lint:
            from metricsql.inspect.lint import lint as find

            data = names and not findings.errors
            findings.extend(find(context, compiled, data=data))
            if self.definition.tables:
                from metricsql.inspect.lint.tables import lint_tables

                findings.extend(lint_tables(self.definition, context.as_of, data))
        return findings

    def _further_faults(self) -> Findings:
        """What is wrong in a project whose files have errors, without what only follows from these errors."""
        from metricsql.bind.metrics import read_formulas

        findings = Findings([*self.definition.errors, *self.definition.warnings])
        if self.definition.names_known:
            found = self._compile(names=False)[0].items
            findings.extend(item for item in found if item.code != "unknown-metric" and item not in findings.items)
        else:
            read_formulas(self.definition, findings)
        return findings

    def sql(self, *metrics: str, as_of: str | date | None = None, day: str | date | None = None, dialect: str = "duckdb") -> str:
        """One SQL statement over the sources with the columns `record`, `day` and the metrics.

        With `day`, the one-day form: grouped aggregates instead of windows, for the rows of that day. The metrics must
        be of one model. Raises `ProjectError` for an unknown metric.
        """
        from metricsql.compiler import sql_statement

        findings, context, compiled = self._compile(names=True, as_of=as_of)
        findings.raise_errors()
        self._known(metrics, compiled)
        models = {compiled.metrics[name].model for name in metrics}
        if len(models) > 1:
            raise ProjectError(Diagnostic("several-models", "one statement has metrics of one model; found "
                                          + ", ".join(sorted(models))))
        on_day = None if day is None else self._day(day)
        return sql_statement(context, compiled, list(dict.fromkeys(metrics)), dialect, on_day)

    def build(
        self, as_of: str | date | None = None, *, select: Sequence[str] | None = None, full: bool = False,
        strict: bool = False, dry_run: bool = False, memory_limit: str | None = None, threads: int | None = None,
        engine: str | None = None, progress: Callable[[str], None] | None = None,
    ) -> BuildReport:
        """Compute every metric through a day and write the database. Returns what was done.

        `select` takes ids, `+id`, `id+` and `tag:name`. Raises `ProjectError` or `EngineError`; then the
        database is what it was before.
        """
        from metricsql.build.engine import starting

        connection = starting()  # while the rest is loaded
        from metricsql.build.build import Request, build
        from metricsql.project.definition import with_engine

        chosen = None if select is None else self.select(select)
        request = Request(self._day(as_of), chosen, full, strict, dry_run, memory_limit, threads)
        return build(with_engine(self.definition, engine), request, progress or (lambda stage: None), connection)

    def formula_sql(
        self, text: str, *, as_of: str | date | None = None, day: str | date | None = None, dialect: str = "duckdb",
    ) -> str:
        """SQL for a formula of the root model, written as JSON or as an expression; its column is `value`."""
        from metricsql.project import MetricDef, parse_formula

        root = self.definition.root
        if root is None:
            raise ProjectError(Diagnostic("no-model", "this project has no models, so a formula has nothing to read"))
        added = MetricDef("value", root, parse_formula(text, "the formula"))
        others = tuple(m for m in self.definition.metrics if m.id.lower() != "value")
        return Project(replace(self.definition, metrics=(*others, added))).sql("value", as_of=as_of, day=day, dialect=dialect)

    def values(
        self, metric: str, *, records: Sequence[str] | None = None, first: str | date | None = None,
        last: str | date | None = None, limit: int | None = None,
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Column names and built rows of a metric, by record and day; with a limit, the newest days."""
        from metricsql.build.read import metric_rows

        model = self._metric_model(metric)
        days = [None if day is None else self._day(day) for day in (first, last)]
        return ["record", "day", metric], metric_rows(self.definition, model, metric, records, days[0], days[1], limit)

    def summary(self, metric: str, *, first: str | date | None = None,
                last: str | date | None = None) -> list[DaySummary]:
        """Built values of a metric over all records, day by day: how many there are, their mean and spread."""
        from metricsql.build.summary import summarise

        model = self._metric_model(metric)
        days = [None if day is None else self._day(day) for day in (first, last)]
        return summarise(self.definition, model, metric, days[0], days[1])

    def find(self, where: str | None = None, *, model: str | None = None, day: str | date | None = None,
             show: Sequence[str] = (), limit: int | None = None) -> Found:
        """The records for which a condition over fields and metrics holds on a built day (default: the last one).

        `show` names further fields and metrics to return. Raises `ProjectError`.
        """
        from metricsql.build.find import Wanted, find

        chosen = self._model(model)
        return find(self.definition, Wanted(chosen, where, show, None if day is None else self._day(day), limit))

    def why(self, metric: str, record: str, day: str | date | None = None, *, rows: int | None = 10) -> Why:
        """The value of a metric taken apart, down to raw rows (at most `rows` for each operation over time, None for all).

        Without a day it is the last one. Raises `ProjectError` if there is no such metric, record or day.
        """
        from metricsql.inspect.why import why

        self._metric_model(metric)
        declared = next(known for known in self.definition.metrics if known.id == metric)
        return why(self.definition, declared, record, None if day is None else self._day(day), self._day(None), rows)

    def table(self, name: str, interval: str | None = None, start: str | date | None = None, end: str | date | None = None,
              *, as_of: str | date | None = None) -> Table:
        """An output table, computed now: ledgers are read from their sources, metrics from the built file.

        `start` and `end` choose the periods that are returned; values do not depend on them. Raises `ProjectError`.
        """
        from metricsql.build.output_tables.compute import Wanted, read_table

        first, last = (None if day is None else self._day(day) for day in (start, end))
        return read_table(self.definition, Wanted(name, self._day(as_of), interval, first, last))

    def rows_of(self, table: Table, names: Sequence[str]) -> list[Row]:
        """The rows of a computed table with these titles or keys, in the order of the names. Raises `ProjectError`."""
        from metricsql.build.output_tables.compute import find_rows

        return find_rows(table, names)

    def why_cell(self, table: str, row: str, period: str | None = None, *, interval: str | None = None, segment: str | None = None,
                 as_of: str | date | None = None, rows: int | None = 10) -> WhyCell:
        """A cell of an output table taken apart: `row` is a title or key, `period` a title or a day in it (default: the last).

        At most `rows` executions are shown, None for all. Raises `ProjectError` if there is no such cell.
        """
        from metricsql.build.output_tables.compute import Wanted
        from metricsql.inspect.why_cell import why_cell

        return why_cell(self.definition, Wanted(table, self._day(as_of), interval), row, period, segment, rows)

    def table_sql(self, name: str, interval: str | None = None, start: str | date | None = None,
                  end: str | date | None = None, *, as_of: str | date | None = None) -> str:
        """One SQL statement with the cells of an output table: `position, row, period_start, period_end, is_partial, value,
        reason`. It runs as pasted in a DuckDB opened on the built file, from the project folder. Raises `ProjectError`."""
        from metricsql.build.output_tables.compute import Wanted, table_statement

        first, last = (None if day is None else self._day(day) for day in (start, end))
        return table_statement(self.definition, Wanted(name, self._day(as_of), interval, first, last))

    def status(self) -> Status:
        """What is built through which day, and what is stale."""
        from metricsql.build.engine import open_reader
        from metricsql.build.status import read_status

        findings, _, compiled = self._compile(names=False)
        findings.raise_errors()
        engine = open_reader(self.definition.database, self.definition.folder)
        try:
            return read_status(engine, self.definition, compiled)
        finally:
            engine.close()

    def explain(self, metric: str) -> Explanation:
        """What a metric says in words, what it reads, who uses it, and its plan. Raises `ProjectError`."""
        from metricsql.inspect.explain import explain

        findings, _, compiled = self._compile(names=False)
        findings.raise_errors()
        self._known([metric], compiled)
        return explain(metric, compiled, self.definition)

    def graph(self, upstream: Sequence[str] = (), downstream: Sequence[str] = ()) -> Graph:
        """What depends on what: all of it, or only what given nodes need and what needs them.

        A node is named as it is shown: a metric, a series, a field, a model or a source. Raises `ProjectError`.
        """
        from metricsql.inspect.graph import make_graph

        findings, _, compiled = self._compile(names=False)
        findings.raise_errors()
        return make_graph(compiled, self.definition).around(upstream, downstream)

    def run_tests(self, *names: str) -> list[Outcome]:
        """Run the tests of the project, or those with these names. Raises `ProjectError` for an unknown name."""
        from metricsql.inspect.unit_tests import run_test

        known = [test.name for test in self.definition.tests]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise ProjectError([Diagnostic("unknown-test", f"there is no test `{name}`", hint=did_you_mean(name, known))
                                for name in unknown])
        return [run_test(self.definition, test) for test in self.definition.tests if not names or test.name in names]

    def record_test(self, metric: str, record: str, day: str | date, days: int = 1) -> str:
        """A test, as YAML, that expects the built values of a record on a day and the days before it."""
        from metricsql.inspect.record_test import record_test

        self._metric_model(metric)
        return record_test(self.definition, metric, record, self._day(day), days)

    def library(self) -> Sequence[Entry]:
        """The ready rows of tables and the ready metrics that can be added to a project."""
        from metricsql.library.entries import entries

        return entries()

    def add_ready(
        self, id: str, bindings: Mapping[str, str] | None = None, *, table: str | None = None, name: str | None = None,
        model: str | None = None, dry_run: bool = False,
    ) -> Addition:
        """Add a ready row to a table, or a ready metric, and write the file it goes to. Returns what was added.

        `bindings` say which row, series, field or constant stands for an input; an input of a row that is not bound
        takes the row of its name. `name` is the title of the row or the id of the metric. Raises `ProjectError` if
        something is missing, or wrong with the project that would come out; then nothing is written. This object
        still is the project without the addition.
        """
        from metricsql.library.adding import Wanted, plan_addition, write_addition
        from metricsql.library.entries import find_entry
        from metricsql.project import read_definition

        addition = plan_addition(self.definition, Wanted(find_entry(id), bindings or {}, table, name, model))
        known = {(found.code, found.message) for found in self.check().items}
        after = Project(read_definition(self.definition.file, {addition.file: addition.inserted.text})).check()
        new = [found for found in after.items if (found.code, found.message) not in known]
        Findings(new).raise_errors()
        if not dry_run:
            write_addition(addition)
        return replace(addition, warnings=(*addition.warnings, *new), written=not dry_run)

    def json_schema(self, part: bool = False) -> dict[str, Any]:
        """JSON Schema of the project file (or of a part that it includes), with the project's names as suggestions."""
        from metricsql.inspect.json_schema import json_schema, project_names

        _, context, _ = self._compile(names=True)
        return json_schema(project_names(self.definition, context.catalog), part)

    def report(self, *metrics: str) -> str:
        """One self-contained HTML page about built metrics (selection words; all without any)."""
        from metricsql.compiler import select_metrics
        from metricsql.inspect.page import write_page
        from metricsql.inspect.report import make_report

        findings, context, compiled = self._compile(names=True)
        findings.raise_errors()
        chosen = select_metrics(compiled, metrics) if metrics else list(compiled.metrics)
        return write_page(make_report(self.definition, context, compiled, chosen))

    def relation(self, metric: str) -> duckdb.DuckDBPyRelation:
        """The built values of a metric: `record, day, <metric>`.

        The relation's connection is the caller's own if the project has one, else a new one. Raises
        `ProjectError` if the metric is unknown or not built.
        """
        from metricsql.build.read import metric_relation

        return metric_relation(self.definition, self._metric_model(metric), metric, self.connection)

    def select(self, words: Sequence[str]) -> list[str]:
        """The metric ids that selection words mean (`id`, `+id`, `id+`, `+id+`, `tag:name`)."""
        from metricsql.compiler import select_metrics

        findings, _, compiled = self._compile(names=False)
        findings.raise_errors()
        return select_metrics(compiled, [words] if isinstance(words, str) else words)

    def _model(self, name: str | None) -> str:
        """The model of a name; the root without one."""
        models = self.definition.models
        if name is None and self.definition.root is None:
            raise ProjectError(Diagnostic("no-model", "this project has no models"))
        chosen = name or self.definition.root or ""
        if chosen not in models:
            raise ProjectError(Diagnostic("unknown-model", f"there is no model `{chosen}`",
                                          hint=did_you_mean(chosen, models) or "the models are " + ", ".join(models)))
        return chosen

    def _metric_model(self, metric: str) -> str:
        for declared in self.definition.metrics:
            if declared.id == metric:
                return declared.model
        raise unknown_metric(metric, self.definition)

    def _known(self, metrics: Sequence[str], compiled: Compiled) -> None:
        if not metrics:
            raise ProjectError(Diagnostic("no-metric", "name at least one metric"))
        for name in metrics:
            if name not in compiled.metrics:
                raise unknown_metric(name, self.definition)

    def _day(self, as_of: str | date | None) -> date:
        from metricsql.compiler import default_as_of, read_day

        return default_as_of(self.definition) if as_of is None else read_day(as_of)

    def _compile(self, names: bool, as_of: str | date | None = None) -> tuple[Findings, Context, Compiled]:
        from metricsql.build.catalog import read_catalog, read_names
        from metricsql.build.conditions import try_conditions
        from metricsql.build.engine import open_reader
        from metricsql.compiler import compile_metrics
        from metricsql.sql.context import Context

        findings = Findings(list(self.definition.warnings))
        engine = open_reader(self.definition.database, self.definition.folder)
        try:
            catalog, sources = read_catalog(engine, self.definition, findings)
            context = Context(self.definition, sources, catalog, self._day(as_of))
            if names:
                context = replace(context, catalog=read_names(engine, context, findings=findings))
            compiled = compile_metrics(self.definition, context.catalog, sources, findings)
            try_conditions(engine, self.definition, sources, compiled, findings)
        finally:
            engine.close()
        return findings, context, compiled


def unknown_metric(name: str, definition: Definition) -> ProjectError:
    """The error for an id that no metric has."""
    known = [metric.id for metric in definition.metrics]
    return ProjectError(Diagnostic("unknown-metric", f"no calculated metric with the id `{name}`",
                                   hint=did_you_mean(name, known)))


def sql(formula: Any, **options: Any) -> str:
    """SQL for a formula without a project; see `metricsql.canonical.formula_sql`."""
    from metricsql.canonical import formula_sql

    return formula_sql(formula, **options)
