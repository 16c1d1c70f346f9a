"""Computes output tables: ledgers from their sources, tables of metrics from the built file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

from metricsql.bind.sources import BoundLedger, bind_ledger
from metricsql.bind.tables import BoundTable, bind_table
from metricsql.build.catalog import attach
from metricsql.build.engine import Engine, open_reader, quoted, reading
from metricsql.build.output_tables.table import Cell, Period, Row, Table, period_title
from metricsql.diagnostics import Diagnostic, Findings, ProjectError, did_you_mean
from metricsql.formula.titles import normal
from metricsql.plan.periods import PeriodPlan, plan_table
from metricsql.project.definition import Definition, SourceDef, TableDef
from metricsql.project.table_schema import INTERVALS
from metricsql.sql import facts
from metricsql.sql.period_grid import BY_PERIOD, START, Calendar, by_period_steps, ledger_steps, needs
from metricsql.sql.period_metrics import EXECUTIONS, FIELD_PREFIX, KnownField, metric_steps
from metricsql.sql.periods import table_steps
from metricsql.sql.sources import attach_words
from metricsql.sql.steps import Step, statement
from metricsql.sql.writes import LATEST, METRICS_SCHEMA

MOST_PERIODS = 50_000
"""A table with more columns is not computed."""
ORDER = ("position", "period_start")


@dataclass(frozen=True)
class Wanted:
    """Which table, and how it is cut. None stands for what the project file says."""

    name: str
    as_of: date
    interval: str | None = None
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True)
class Prepared:
    """A table that is ready to be computed: the steps with its executions, and the rest of the plan."""

    table: BoundTable
    plan: PeriodPlan
    calendar: Calendar
    executions: Mapping[str, str]
    """The step with the executions of every source."""
    before: Sequence[Step]
    ledgers: Sequence[BoundLedger]
    first: date | None
    last: date | None

    @property
    def segmented(self) -> bool:
        """Whether the table has a block of rows for each value of a field."""
        return self.table.definition.by is not None

    def by_period(self) -> list[Step]:
        """The steps up to what executions come to in each period."""
        return [*self.before, *by_period_steps(self.executions, self.plan, self.calendar, self.segmented)]

    def cells(self) -> list[Step]:
        """The steps from there to the cells."""
        return table_steps(self.plan, self.calendar, self.segmented, self.first, self.last)


def read_table(definition: Definition, wanted: Wanted) -> Table:
    """Compute a table. Raises `ProjectError` for an unknown one, or if anything but single rows is wrong with it."""
    with prepared_table(definition, wanted) as (engine, prepared):
        return compute_table(engine, prepared)


def find_rows(table: Table, names: Sequence[str]) -> list[Row]:
    """The rows with these titles or keys. Raises `ProjectError` for a name that no row has."""
    found: list[Row] = []
    titles = list(dict.fromkeys(row.title for row in table.rows))
    for name in names:
        same = [row for row in table.rows if normal(name) in (normal(row.title), row.key)]
        if not same:
            raise ProjectError(Diagnostic("unknown-row", f"the table `{table.name}` has no row `{name}`",
                                          hint=did_you_mean(name, titles) or "the rows are " + ", ".join(titles[:12])))
        found += same
    return found


def table_statement(definition: Definition, wanted: Wanted) -> str:
    """The whole table as one statement that runs from the project folder."""
    with prepared_table(definition, wanted, as_pasted=True) as (_, prepared):
        pass
    attached = sorted({ledger.source.attach for ledger in prepared.ledgers if ledger.source.attach is not None})
    first = "".join(f"-- before this: ATTACH {attach_words(path)}\n" for path in attached)
    return first + statement([*prepared.by_period(), *prepared.cells()], order_by=ORDER)


@contextmanager
def prepared_table(definition: Definition, wanted: Wanted, as_pasted: bool = False) -> Iterator[tuple[Engine, Prepared]]:
    """A table that is ready to be computed, and an engine that reads the built file. Raises `ProjectError`."""
    check_wanted(definition, wanted)
    engine = open_reader(definition.database, definition.folder)
    try:
        findings = Findings()
        prepared = prepare(engine, definition, wanted, findings, as_pasted)
        findings.raise_errors()
        assert prepared is not None
        yield engine, prepared
    finally:
        engine.close()


def check_wanted(definition: Definition, wanted: Wanted) -> None:
    """Raise `ProjectError` for a table or an interval that does not exist."""
    if wanted.name not in definition.tables:
        known = list(definition.tables)
        listed = "the tables are " + ", ".join(known) if known else "declare it under `tables:`"
        raise ProjectError(Diagnostic("unknown-table", f"there is no table `{wanted.name}`",
                                      hint=did_you_mean(wanted.name, known) or listed))
    if wanted.interval is not None and wanted.interval not in INTERVALS:
        listed = "the intervals are " + ", ".join(INTERVALS)
        raise ProjectError(Diagnostic("unknown-interval", f"there is no interval `{wanted.interval}`",
                                      hint=did_you_mean(wanted.interval, INTERVALS) or listed))


def prepare(engine: Engine, definition: Definition, wanted: Wanted, findings: Findings,
            as_pasted: bool = False) -> Prepared | None:
    """Bind and plan a table; None with findings if it cannot be computed at all.

    With `as_pasted` the paths of ledgers stay as they are written.
    """
    declared = definition.tables[wanted.name]
    bound = bind_table(definition, declared, findings)
    ledgers = bind_ledgers(engine, declared, findings)
    if findings.errors:
        return None
    if as_pasted:
        ledgers = {name: replace(one, source=replace(one.source, folder=None)) for name, one in ledgers.items()}
    plan = plan_table(bound)
    calendar = Calendar(wanted.interval or declared.interval, declared.fiscal_year_start, wanted.as_of)
    if declared.model is not None:
        check_built(engine, bound)
        executions = {"": EXECUTIONS}
        before = metric_steps(plan, declared, built_fields(engine, bound, definition), findings)
    else:
        executions, before = _ledgers(definition, plan, ledgers)
    if findings.errors:
        return None
    first, last = wanted.first or declared.first, wanted.last or declared.last
    return Prepared(bound, plan, calendar, executions, before, list(ledgers.values()), first, last)


def bind_ledgers(engine: Engine, table: TableDef, findings: Findings) -> dict[str, BoundLedger]:
    """The ledgers of a table whose columns are known; what is wrong with them goes to the findings."""
    found: dict[str, BoundLedger] = {}
    for name, source in table.ledgers.items():
        types = _columns_of_source(engine, source, findings)
        bound = bind_ledger(source, types, findings) if types is not None else None
        if bound is not None:
            found[name] = bound
    return found


def _columns_of_source(engine: Engine, source: SourceDef, findings: Findings) -> dict[str, str] | None:
    """Column -> type of a source; None with a finding if it cannot be read."""
    try:
        with reading(str(source), source.place):
            attach(engine, source)
            return {row[0]: row[1] for row in engine.rows(facts.describe(source))}
    except ProjectError as error:
        findings.extend(error.diagnostics)
        return None


def _ledgers(definition: Definition, plan: PeriodPlan,
             ledgers: Mapping[str, BoundLedger]) -> tuple[dict[str, str], list[Step]]:
    names = {source: f"ledger {source}" if source else "ledger" for source in ledgers}
    steps: list[Step] = []
    for source, ledger in ledgers.items():
        steps += ledger_steps(names[source], ledger, definition.timezone, "last" in needs(plan))
    return names, steps


def check_built(engine: Engine, table: BoundTable) -> None:
    """Raise `ProjectError` if a metric of the table is not built yet."""
    missing = unbuilt(engine, table)
    if missing:
        raise ProjectError([Diagnostic("not-built", f"the metric `{name}` is not built yet", hint="`metricsql build` computes it")
                            for name in missing])


def unbuilt(engine: Engine, table: BoundTable) -> list[str]:
    """The metrics of a table that are not built yet."""
    built = _built_columns(engine, table.definition.model or "")
    return list(dict.fromkeys(item.metric for item in table.items if item.metric is not None and item.metric not in built))


def built_fields(engine: Engine, table: BoundTable, definition: Definition) -> dict[str, KnownField]:
    """The fields of the table's model, as the built file has them."""
    model = table.definition.model or ""
    taken = {"record", "day", *(metric.id.lower() for metric in definition.metrics if metric.model == model)}
    found = {}
    for label, kind in _built_columns(engine, model + LATEST).items():
        if label.lower() not in taken:
            bare = label.removeprefix(FIELD_PREFIX)
            found[bare if bare.lower() in taken else label] = KnownField(label, "number" if kind == "DOUBLE" else "text")
    return found


def _built_columns(engine: Engine, table: str) -> dict[str, str]:
    """Column -> type of a built table; empty if there is none."""
    sql = "SELECT column_name, data_type FROM information_schema.columns WHERE table_catalog = current_catalog() " \
          "AND table_schema = ? AND table_name = ? ORDER BY ordinal_position"
    return dict(engine.rows(sql, [METRICS_SCHEMA, table]))


def compute_table(engine: Engine, prepared: Prepared) -> Table:
    """The cells of a table. Its sources are read in one statement of their own, the first."""
    load_by_period(engine, prepared, BY_PERIOD)
    engine.close_outside()
    check_size(engine, prepared)
    rows = engine.rows(statement(prepared.cells(), order_by=ORDER))
    return as_table(prepared, rows)


def load_by_period(engine: Engine, prepared: Prepared, name: str) -> None:
    """What executions come to in each period, as a temporary table."""
    declared = prepared.table.definition
    ledgers = list(declared.ledgers.values())
    with reading(", ".join(map(str, ledgers)), ledgers[0].place if ledgers else declared.locate(())):
        engine.run(f"CREATE OR REPLACE TEMP TABLE {quoted(name)} AS\n{statement(prepared.by_period())}")


def check_size(engine: Engine, prepared: Prepared) -> None:
    """Refuse a table with too many columns before it is computed."""
    calendar = prepared.calendar
    sql = f"SELECT MIN({quoted(START)}), MAX({quoted(START)}), EPOCH({calendar.step}) FROM {quoted(BY_PERIOD)}"
    first, last, seconds = engine.rows(sql)[0]
    if first is None:
        return
    end = max(last, datetime.combine(calendar.as_of, datetime.max.time()))
    periods = (end - first).total_seconds() / seconds
    if periods > MOST_PERIODS:
        message = (f"the table would have about {periods:,.0f} columns: from {first.date()} to {end.date()} by "
                   f"{calendar.interval}; at most {MOST_PERIODS:,} are computed")
        raise ProjectError(Diagnostic("too-many-periods", message, prepared.table.definition.locate(("interval",)),
                                      "choose a coarser interval"))


def as_table(prepared: Prepared, cells: Sequence[tuple[Any, ...]]) -> Table:
    """The computed rows as a table."""
    declared, interval = prepared.table.definition, prepared.calendar.interval
    spans = {row[2]: row for row in cells}
    periods = [Period(start, row[3], period_title(start, interval, declared.fiscal_year_start), row[4])
               for start, row in sorted(spans.items())]
    by_position: dict[int, list[tuple[Any, ...]]] = {number: [] for number in range(1, len(prepared.table.rows) + 1)}
    for row in cells:
        by_position.setdefault(row[0], []).append(row)
    rows = []
    for position, found in by_position.items():
        bound = prepared.table.rows[(position - 1) % len(prepared.table.rows)]
        segment = found[0][7] if prepared.segmented and found else None
        rows.append(Row(position, bound.title, bound.key, segment, bound.definition.format, bound.unavailable,
                        [Cell(row[5], row[6]) for row in found]))
    return Table(declared.name, interval, periods, rows)
