"""Stores every output table as `tables.<name>` in a build, in the same transaction as the metrics.

Ledgers are read while sources may still be read; the cells are computed when everything else is.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from metricsql.bind.tables import bind_table
from metricsql.build.engine import Engine, quoted, reading
from metricsql.build.files import rejected_lines
from metricsql.build.output_tables.compute import ORDER, Prepared, Wanted, check_size, load_by_period, prepare, unbuilt
from metricsql.build.report import Unusable
from metricsql.build.state import state
from metricsql.diagnostics import Findings
from metricsql.project.definition import Definition, RowDef, TableDef
from metricsql.project.document import dump
from metricsql.sql.period_grid import BY_PERIOD, unusable_executions
from metricsql.sql.steps import statement

SCHEMA = "tables"
OPTION = "table "
"""Begins the names under which the state remembers tables."""
EXAMPLES = 3


class StoredTables:
    """The output tables of one build."""

    def __init__(self, engine: Engine, definition: Definition, as_of: date) -> None:
        self.engine, self.definition, self.as_of = engine, definition, as_of
        self.loaded: dict[str, Prepared] = {}

    def load(self) -> list[Unusable]:
        """Read the ledgers of all tables; returns what could not be used. Raises `ProjectError` for what cannot be read."""
        found: list[Unusable] = []
        for name, table in self.definition.tables.items():
            if table.model is not None:
                continue
            prepared = self.prepare(name)
            load_by_period(self.engine, prepared, BY_PERIOD)
            check_size(self.engine, prepared)
            self.engine.run(f"CREATE OR REPLACE TEMP TABLE {quoted(_kept(name))} AS FROM temp.{quoted(BY_PERIOD)}")
            found += [item for item in self.unusable(prepared) if item not in found]
            self.loaded[name] = prepared
        return found

    def prepare(self, name: str) -> Prepared:
        """A table, ready to be computed. Raises `ProjectError`."""
        findings = Findings()
        prepared = prepare(self.engine, self.definition, Wanted(name, self.as_of), findings)
        findings.raise_errors()
        assert prepared is not None
        return prepared

    def unusable(self, prepared: Prepared) -> list[Unusable]:
        """The executions of a table that cannot be used."""
        found: list[Unusable] = []
        for ledger in prepared.ledgers:
            source = ledger.source
            with reading(str(source), source.place):
                rows = self.engine.rows(unusable_executions(ledger, self.definition.timezone, EXAMPLES))
            found += [Unusable(str(source), reason, count, tuple(e for e in examples or () if e)) for reason, count, examples in rows]
            found += rejected_lines(self.engine, source)
        return found

    def write(self, selected: bool = False) -> list[str]:
        """Compute and store all tables, and remove those that are no longer declared; returns their names.

        A build of `selected` metrics leaves a table alone whose metrics are not all built yet.
        """
        self.engine.run(f"CREATE SCHEMA IF NOT EXISTS {quoted(SCHEMA)}")
        known = {row[0] for row in self.engine.rows(f"SELECT name FROM {state('options')}")}
        for gone in self.engine.tables(SCHEMA):
            if OPTION + gone in known and gone not in self.definition.tables:
                self.engine.run(f"DROP TABLE {_stored(gone)}")
        written = []
        for name in self.definition.tables:
            if selected and name not in self.loaded and not self.is_built(name):
                continue
            if name in self.loaded:
                prepared = self.loaded[name]
                self.engine.run(f"CREATE OR REPLACE TEMP TABLE {quoted(BY_PERIOD)} AS FROM temp.{quoted(_kept(name))}")
            else:
                prepared = self.prepare(name)
                load_by_period(self.engine, prepared, BY_PERIOD)
                check_size(self.engine, prepared)
            self.engine.run(f"CREATE OR REPLACE TABLE {_stored(name)} AS\n{statement(prepared.cells(), order_by=ORDER)}")
            written.append(name)
        self.engine.run(f"DROP TABLE IF EXISTS temp.{quoted(BY_PERIOD)}")
        return written

    def is_built(self, name: str) -> bool:
        """Whether all metrics of a table are built."""
        return not unbuilt(self.engine, bind_table(self.definition, self.definition.tables[name], Findings()))


def _kept(name: str) -> str:
    return f"{BY_PERIOD} of {name}"


def _stored(name: str) -> str:
    return f"{quoted(SCHEMA)}.{quoted(name)}"


def table_digests(definition: Definition, stamps: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """One text per table for its definition and the files of its ledgers; another one each time where these may change
    unseen."""
    found = {}
    for name, table in definition.tables.items():
        files = {key: stamps.get(ledger_name(table, key)) or uuid.uuid4().hex for key in table.ledgers}
        found[OPTION + name] = dump([table_data(table), files])
    return found


def ledger_name(table: TableDef, source: str) -> str:
    """What the state calls a ledger."""
    return f"{OPTION}{table.name} {source}".rstrip()


def table_data(table: TableDef) -> dict[str, Any]:
    """What decides the values of a table, as data."""
    plain = ("name", "model", "interval", "fiscal_year_start", "first", "last", "strict_reuse", "seed", "by", "where")
    ledgers = {key: {part: value for part, value in asdict(source).items() if part in ("path", "table", "sql", "attach", "columns")}
               for key, source in table.ledgers.items()}
    return {**{key: _plain(getattr(table, key)) for key in plain}, "ledgers": ledgers, "rows": [_row(row) for row in table.rows]}


def _row(row: RowDef) -> dict[str, Any]:
    plain = ("event", "metric", "measure", "name", "display", "kind", "opening", "over", "where")
    return {**{key: getattr(row, key) for key in plain}, "calculation": row.calculation and row.calculation.expression}


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value
