"""A build whose rows are read, computed and written by Spark.

What is declared, the records with their fields, and the state stay with DuckDB in the built file; Spark is given them
as Parquet. What comes out are folders of Parquet by months, which the built file shows as views: when it takes its
place, they do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricsql.bind.sources import BoundSeries, BoundSources
from metricsql.build import changes, kept, note, outside, rows
from metricsql.build.build import Build
from metricsql.build.changes import Changes
from metricsql.build.compute import tables_there
from metricsql.build.engine import literal, quoted
from metricsql.build.outside import Stretch
from metricsql.build.rows import Reading
from metricsql.build.settled import count_settled
from metricsql.build.spark import months, session
from metricsql.build.spark.sources import Sources, escaped
from metricsql.build.spread import Changed
from metricsql.build.work import Work
from metricsql.plan.reach import first_rows
from metricsql.plan.spans import Span, days_of
from metricsql.sql import distributed, problems, syntax, writes
from metricsql.sql.context import Context
from metricsql.sql.day import day_steps
from metricsql.sql.history import history_steps, result_name
from metricsql.sql.inputs import collapsed
from metricsql.sql.sources import Part, records_name, row_models, rows_name, rows_steps
from metricsql.sql.steps import Step, needed
from metricsql.sql.views import rows_view

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class SparkReader(rows.Reader):
    """Reads rows with Spark, into a view."""

    def __init__(self, build: SparkBuild) -> None:
        super().__init__(build.engine)
        self.build = build

    def load(self, context: Context, found: Reading, chosen: frozenset[str] | None = None) -> None:
        found.loaded = chosen
        if chosen is None or chosen:
            self.build.read_series(found.series, chosen)

    def fingerprints(self, context: Context, found: Reading) -> str:
        folder = context.definition.folder.resolve().as_posix() + "/"
        frame = self.build.spark.sql(distributed.fingerprints(self.build.over, found.series, folder))
        file = "file" if found.stamps is not None else "''"
        return (f"SELECT namespace, {file} AS file, name, day, problem, rows, hash::HUGEINT, ordered::HUGEINT, models, culprits "
                f"FROM {self.build.handed_over(frame, f'days of {found.series.namespace}')}")

    def rejects(self, found: Reading, paths: Sequence[str]) -> Mapping[str, Sequence[str]]:
        return self.build.sources.rejects(paths)

    def tied(self, context: Context, found: Reading, days: str) -> list[tuple[str, date]]:
        self.build.give("days in another order", f"SELECT name, day FROM {days}")
        frame = self.build.spark.sql(distributed.tied_days(self.build.over, found.series, "days in another order"))
        return [(name, day) for name, day in
                self.engine.rows(f"SELECT name, day FROM {self.build.handed_over(frame, f'tied {found.series.namespace}')}")]


class SparkBuild(Build):
    """One build on Spark. `over` is the context whose sources are Spark's views."""

    def __init__(self, *known: Any) -> None:
        super().__init__(*known)
        self.output = changes.output_of(self.definition)
        self.folder = self.output
        self.scratch = self.folder
        self.opened = ExitStack()
        self.old: list[Path] = []
        self.made: list[Stretch] = []

    def __exit__(self, *failure: Any) -> None:
        self.opened.close()
        if self.folder != self.output:
            outside.remove([self.folder if failure[0] is not None or not self.made else self.scratch])

    def committed(self) -> None:
        outside.remove(self.old)

    # Between the engines

    def records_file(self, model: str) -> Path:
        """The records of a model with all their fields; results are shown with them."""
        return self.folder / f"records.{model}.parquet"

    def give(self, name: str, query: str, path: Path | None = None) -> None:
        """A query of DuckDB as a view of Spark."""
        path = path or self.scratch / f"{name}.parquet"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.engine.run(f"COPY ({query}) TO {literal(str(path))} (FORMAT parquet)")
        with session.errors():
            self.spark.view(name, self.spark.session.read.parquet(escaped(str(path))))

    def handed_over(self, frame: DataFrame, name: str) -> str:
        """A query of Spark as a table expression of DuckDB."""
        folder = self.scratch / name
        self.spark.write(frame, str(folder))
        return f"READ_PARQUET({literal(outside.pattern(folder))})"

    # Stages of a build

    def reader(self) -> rows.Reader:
        if self.folder == self.output:
            self.folder = self.output / f"build-{note.next_build(self.engine)}"
            self.scratch = self.folder / "scratch"
            outside.remove([self.folder])
            self.spark = self.opened.enter_context(session.opened(self.definition.engine))
            self.sources = Sources(self.engine, self.spark, self.scratch)
            self.give_records()
        return SparkReader(self)

    def give_records(self) -> None:
        """Every record with its number, for the rows that name it."""
        self.over = replace(self.context, positioned=True)
        for model in self.context.sources.models:
            name = records_name(self.context, model)
            self.give(name, f"SELECT * FROM temp.{quoted(name)}", self.records_file(model))

    def read_series(self, series: BoundSeries, chosen: frozenset[str] | None) -> None:
        """The view with the rows of a namespace."""
        types = self.context.catalog.series[series.namespace]
        folder = self.definition.folder.resolve().as_posix()
        paths = None if chosen is None else [name if name.startswith("/") or ":" in name[:3] else f"{folder}/{name}"
                                             for name in sorted(chosen)]
        bound = self.sources.rows(series, types, rows_view(series.namespace), paths)
        known = self.over.sources
        self.over = replace(self.over, sources=BoundSources(known.models, {**known.series, series.namespace: bound}))
        models = row_models(self.over, bound)
        part = Part(file=distributed.FILE)
        self.spark.keep(rows_name(series.namespace), distributed.query(
            rows_steps(self.over, bound, models, None, problems.row_problems(self.over, bound, models), part)))

    def work(self, found: Changes) -> Work:
        """Records that come, go or change concern every month, and so does a selection of metrics: all is computed then."""
        work = super().work(found)
        why = "records are new, gone or changed" if work.companies or any(work.children.values()) or any(work.gone.values()) else None
        why = "metrics were asked for" if work.selected is not None else why
        if work.everything or not work.anything or not (why or work.built_through is None):
            return work
        return Work(why or "nothing is built yet", work.differences, built_through=work.built_through)

    def arranged(self, planned: Work, models: frozenset[str]) -> Work:
        """Results on Spark have a row for every day."""
        return planned

    def prepare(self, found: Changes, planned: Work, likely: Work) -> Work:
        return self.collapse(found, planned, likely)

    def collapse(self, found: Changes, work: Work, likely: Work) -> Work:
        """Collapse the series that metrics read: the months in which days changed."""
        before = kept.read_columns(self.engine) if self.before.why_not is None and not any(found.records.gone.values()) else {}
        wanted = kept.needs(self.context, self.compiled.plan(self.definition), before, self.readings)
        self.over = replace(self.context, sources=self.over.sources, positioned=True)
        for need in wanted:
            self.collapse_one(need)
        for namespace in self.readings:
            self.spark.release(rows_name(namespace))
        kept.note_columns(self.engine, wanted)
        others = [one for one in outside.stretches(self.engine) if not one.table.startswith("series.")]
        outside.note_stretches(self.engine, [*others, *self.made])
        self.context = replace(self.context, kept=kept.columns_of(wanted))
        return work

    def collapse_one(self, need: kept.Need) -> None:
        """One table of kept series: what changed anew, the folders of other months as they are."""
        table, reading = f"series.{need.model}.{need.namespace}", self.readings[need.namespace]
        touched = None if need.days is None else months.months_of((day, day) for day in need.days)
        if touched is not None:
            self.made += [one for one in outside.stretches(self.engine) if one.table == table and months.month_of(one.first) not in touched]
        if touched is None or touched:
            spans = [(date.min, date.max)] if touched is None else [(month, outside.last_of_month(month)) for month in sorted(touched)]
            self.read_days(reading, need.columns, None if touched is None else spans)
            days = [syntax.in_calendar(syntax.column("day"))]
            query = collapsed(self.over, need.model, need.namespace, need.columns, days)
            rows = f"collapsed {need.model} {need.namespace}"
            self.spark.query(rows, distributed.query([Step("kept", "", query)]))
            self.write(table, distributed.some_days(rows, spans))
        self.show(distributed.kept_view(need.model, need.namespace), table,
                  ["record INT", "day DATE", *(f"{session.quoted(name)} DOUBLE" for name in need.columns.values())])

    def read_days(self, reading: Reading, names: Mapping[str, str], spans: Sequence[Span] | None) -> None:
        """Have the rows of some days (None: all) in the view of rows."""
        if reading.whole:
            return
        files = None if spans is None else reading.files_with(self.engine, names, days_of(spans))
        if files is None or not files <= (reading.loaded or frozenset()):
            if files is not None and not files:
                return
            self.read_series(reading.series, files)
            reading.loaded = files

    # Folders

    def write(self, table: str, query: str) -> None:
        """Write the rows of a query by months, as folders of a table."""
        folder = self.folder / f"{table}.{sum(one.table == table for one in self.made)}"
        self.spark.write(self.spark.sql(distributed.in_stretches(query)), str(folder), [distributed.STRETCH])
        self.made += outside.found_in(table, folder, distributed.STRETCH)

    def show(self, view: str, table: str, columns: Sequence[str]) -> None:
        """The rows of all folders of a table as a view of Spark."""
        folders = [escaped(one.folder) for one in self.made if one.table == table]
        with session.errors():
            reader = self.spark.session.read.schema(", ".join(columns))
            self.spark.view(view, reader.parquet(*folders) if folders else self.spark.session.createDataFrame([], ", ".join(columns)))

    def show_metrics(self, model: str) -> None:
        metrics = self.compiled.columns()[model]
        columns = ["record STRING", f"{session.quoted(distributed.NUMBER)} INT", "day DATE"]
        self.show(distributed.metrics_view(model), f"metrics.{model}", [*columns, *(f"{session.quoted(name)} DOUBLE" for name in metrics)])

    # Values

    def compute(self, work: Work) -> None:
        """Metrics in the history form, children before the root; days behind the last one in the day form."""
        self.over = replace(self.context, sources=self.over.sources, positioned=True)
        self.spread_records()
        for table in self.over.timelines.values():
            self.give(table, f"SELECT * FROM temp.{quoted(table)}")
        whole = (self.context.start, self.context.as_of)
        models = {metric.id: metric.model for metric in self.compiled.metrics.values()}
        rewrite = months.Rewrite({model: [whole] for model in models.values()}, []) if work.everything is not None else \
            months.plan_rewrite(work, models, outside.stretches(self.engine), *whole)
        self.made += rewrite.kept
        for model_plan in self.compiled.plan(self.definition).models:
            for span in rewrite.spans[model_plan.model]:
                self.told(f"compute {model_plan.model}")
                self.history(model_plan.model, span, work.everything is not None)
            self.show_metrics(model_plan.model)
        for day in rewrite.days:
            self.told(f"compute {day}")
            self.one_day(day)

    def history(self, model: str, span: Span, whole: bool) -> None:
        """All metrics of a model on some days. Of a build of everything, results of children are read as they were written."""
        metrics = self.compiled.columns()[model]
        plan = self.compiled.plan(self.definition, metrics)
        rows = first_rows(plan, model, span[0], self.context.start)
        over = replace(self.over, as_of=span[1], rows_from=rows)
        have = tables_there(over)
        if whole:
            for child in (one.model for one in plan.models if one.model != model):
                self.spark.query(result_name(child), distributed.numbered(distributed.metrics_view(child), self.compiled.columns()[child]))
                have.append(result_name(child))
        steps = history_steps(over, plan, self.compiled.flags)
        self.spark.query(result_name(model), distributed.query(needed(steps, result_name(model), have)))
        self.write(f"metrics.{model}", distributed.results(over, model, metrics, span))

    def one_day(self, day: date) -> None:
        """All metrics on one day, from the stored ones of the days before."""
        plan = self.compiled.plan(self.definition)
        steps, have = day_steps(self.over, plan, self.compiled.flags, day), tables_there(self.over)
        for model in (one.model for one in plan.models):
            metrics, result = self.compiled.columns()[model], result_name(model)
            self.spark.query(result, distributed.query(needed(steps, result, have)))
            self.write(f"metrics.{model}", distributed.results(self.over, model, metrics, (day, day)))
            today = self.made[-1].folder if self.made and self.made[-1].table == f"metrics.{model}" else None
            if today is not None:
                with session.errors():
                    self.spark.view(f"{model} today", self.spark.session.read.parquet(escaped(today)))
                self.spark.query(result, distributed.numbered(f"{model} today", metrics))
            have.append(result)
        for model in (one.model for one in plan.models):
            self.show_metrics(model)

    def spread_records(self) -> None:
        """Distribute the records, so that nothing is moved that is made of them."""
        with session.errors():
            partitions = int(self.spark.session.conf.get("spark.sql.shuffle.partitions") or "200")
        for model in self.over.sources.models:
            name = records_name(self.over, model)
            with session.errors():
                self.spark.view(f"given {name}", self.spark.session.table(session.quoted(name)))
            self.spark.query(name, distributed.spread(f"given {name}", partitions))

    def write_values(self, work: Work, changed: Changed | None) -> None:
        columns = self.compiled.columns()
        for name in [*outside.shown(self.engine), *self.engine.tables(writes.METRICS_SCHEMA)]:
            outside.drop_shown(self.engine, name)
        for model, metrics in columns.items():
            outside.show(self.engine, model, metrics, [one for one in self.made if one.table == f"metrics.{model}"])
            facts = self.context.catalog.fields.get(model, {})
            file = str(self.records_file(model))
            self.engine.run(writes.show_latest(self.context, model, metrics, facts, outside.exactly(file)))
            self.report.rows[model] = int(self.engine.value(f"SELECT COUNT(*) FROM {writes.built_table(model)}"))
        there = outside.stretches(self.engine)
        records = [Stretch(f"records.{model}", date.min, date.max, str(self.folder)) for model in columns]
        self.old = [folder for folder in outside.unused(self.output, there, [*self.made, *records]) if folder != self.folder]
        if changed is None and work.built_through is not None:
            self.report.settled = count_settled(self.engine, self.context, self.compiled, work, changed, self.digests)
        outside.note_stretches(self.engine, [*self.made, *records])
