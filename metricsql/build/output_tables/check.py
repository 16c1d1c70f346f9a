"""Checks every output table: its sources, its rows, and whether data carries the events that are named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from metricsql.bind.catalog import Catalog
from metricsql.bind.sources import BoundLedger
from metricsql.bind.tables import BoundTable, bind_table
from metricsql.build.engine import Engine, open_reader, reading
from metricsql.build.output_tables.compute import bind_ledgers
from metricsql.diagnostics import Diagnostic, Findings, ProjectError, did_you_mean
from metricsql.plan.periods import plan_table
from metricsql.project.definition import Definition, TableDef
from metricsql.sql.period_grid import events_of
from metricsql.sql.period_metrics import KnownField, metric_steps


def check_tables(engine: Engine, definition: Definition, catalog: Catalog, names: bool, strict: bool,
                 findings: Findings) -> None:
    """Everything that is wrong with output tables. `names` asks the data which events it carries.

    What makes only single rows unavailable are errors if `strict`, else warnings.
    """
    for table in definition.tables.values():
        own = Findings()
        bound = bind_table(definition, table, own)
        own.extend(row_faults(bound, strict))
        ledgers = bind_ledgers(engine, table, own)
        if table.model is not None and not own.errors:
            metric_steps(plan_table(bound), table, fields_of(catalog, table), own)
        if names:
            own.extend(_unknown_events(engine, bound, ledgers))
        findings.extend(own.items)


def check_all_tables(definition: Definition, catalog: Catalog, names: bool, strict: bool, findings: Findings) -> None:
    """The same, with an engine of its own."""
    if not definition.tables:
        return
    engine = open_reader(definition.database, definition.folder)
    try:
        check_tables(engine, definition, catalog, names, strict, findings)
    finally:
        engine.close()


def row_faults(table: BoundTable, strict: bool) -> Iterator[Diagnostic]:
    """What is wrong with single rows: errors if `strict`, else warnings."""
    return (fault if strict else replace(fault, severity="warning") for fault in table.faults)


def fields_of(catalog: Catalog, table: TableDef) -> dict[str, KnownField]:
    """The fields of a table's model, as the sources have them."""
    known = catalog.fields.get(table.model or "", {})
    return {name: KnownField(name, "text" if facts.kind == "text" else "number") for name, facts in known.items()}


def _unknown_events(engine: Engine, table: BoundTable, ledgers: Mapping[str, BoundLedger]) -> Iterator[Diagnostic]:
    """Events that no execution carries: names are data, so this is a warning."""
    carried: dict[str, list[str]] = {}
    for source, ledger in ledgers.items():
        try:
            with reading(str(ledger.source), ledger.source.place):
                carried[source] = [row[0] for row in engine.rows(events_of(ledger))]
        except ProjectError as error:
            yield from error.diagnostics
    for row in table.definition.rows:
        if row.event is None or table.definition.model is not None or not carried:
            continue
        source, dot, event = row.event.partition(".")
        named = source in table.definition.ledgers and bool(dot)
        known = carried.get(source, []) if named else [name for names in carried.values() for name in names]
        wanted = event if named else row.event
        if wanted not in known:
            yield Diagnostic("unknown-event", f"no execution carries the event `{wanted}` yet", row.locate(("event",)),
                             did_you_mean(wanted, known), "warning")
