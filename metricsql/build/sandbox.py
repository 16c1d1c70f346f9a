"""A project's metrics over the rows of a test: a folder of its own with a database that holds these rows.

Only the sources are replaced. What is built from them is built as always.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from metricsql.build.engine import Engine, open_writer, quoted
from metricsql.diagnostics import Diagnostic, Place, ProjectError
from metricsql.project.definition import EVENTS, NAMESPACES, Definition, ModelDef, SeriesDef, SourceDef, UnitTestDef

DATABASE = "test.duckdb"
RECORDS, HISTORY, ROWS = "records", "history", "rows"
"""The schemas of the tables that stand for sources; their names appear in messages."""
ALWAYS = "0001-01-01"
"""Since when a field holds that no history of the test mentions."""
Row = Mapping[str, Any]


@contextmanager
def sandbox(definition: Definition, test: UnitTestDef, fields: Mapping[str, Iterable[str]]) -> Iterator[Definition]:
    """The definition with the rows of a test as its sources; `fields` are needed, given or not."""
    with tempfile.TemporaryDirectory(prefix="metricsql-test-") as name:
        folder = Path(name)
        engine = open_writer(folder / DATABASE, folder)
        try:
            for schema in (RECORDS, HISTORY, ROWS):
                engine.run(f"CREATE SCHEMA {quoted(schema)}")
            models = {name: _model(engine, model, definition, test, fields.get(name, ()))
                      for name, model in definition.models.items()}
            series = {s.namespace: _series(engine, s, test, list(models)) for s in _all_series(definition, test)}
        finally:
            engine.close()
        yield replace(definition, folder=folder, database=folder / DATABASE, models=models, series=series,
                      start=test.start or _start(test), until=last_day(test), tables={}, tests=())


def last_day(test: UnitTestDef) -> date:
    """The as-of day of a test: the last one that is expected."""
    return test.as_of or max(_expected_days(test), default=date(2000, 1, 1))


def _expected_days(test: UnitTestDef) -> list[date]:
    return [day for records in test.expect.values() for days in records.values() for day in days]


def _start(test: UnitTestDef) -> date | None:
    """The first expected day where no row is older; else the first day with rows, as in every project."""
    written = [str(row[key])[:10] for rows in test.rows.values() for row in rows for key in ("date", "day", "time")
               if row.get(key) is not None]
    first = min(_expected_days(test), default=None)
    return first if first is not None and all(day > first.isoformat() for day in written) else None


def _all_series(definition: Definition, test: UnitTestDef) -> list[SeriesDef]:
    """The namespaces that the test has rows for, and those that exist only because the project declares them."""
    declared = [s for s in definition.series.values() if s.namespace in test.rows or s.namespace not in NAMESPACES]
    return [*declared, *(SeriesDef(name, SourceDef()) for name in test.rows if name not in definition.series)]


# Sources


def _model(engine: Engine, model: ModelDef, definition: Definition, test: UnitTestDef,
           fields: Iterable[str]) -> ModelDef:
    mapping = model.records.columns
    names = [mapping.get(name, name) for name in (model.key, model.company, model.since) if name]
    rows = test.records.get(model.name)
    place = test.locate((RECORDS, model.name) if rows is not None else ())
    rows = _expected_records(model.name, names[0], definition, test) if rows is None else rows
    columns = _columns([*names, *fields], rows)
    _fill(engine, RECORDS, model.name, columns, rows, place)
    kept = {ours: theirs for ours, theirs in mapping.items() if theirs in columns}
    source = SourceDef(table=f"{RECORDS}.{model.name}", columns=kept, place=place)
    history = _history(test.fields.get(model.name, ()), rows, names[0])
    given = test.locate(("fields", model.name))
    _fill(engine, HISTORY, model.name, _columns(["record", "field", "day", "value"], history), history, given)
    return replace(model, records=source, history=SourceDef(table=f"{HISTORY}.{model.name}", place=given))


def _expected_records(model: str, key: str, definition: Definition, test: UnitTestDef) -> list[Row]:
    """The records for which values are expected, for a test that gives none of this model itself."""
    own = {metric.id for metric in definition.metrics if metric.model == model}
    named = [record for metric, records in test.expect.items() if metric in own for record in records]
    return [{key: record} for record in dict.fromkeys(named)]


def _history(given: Sequence[Row], records: Sequence[Row], key: str) -> list[Row]:
    """The given histories; every other field of a record holds on all days."""
    told = {(str(row.get("record")), str(row.get("field"))) for row in given}
    held = [{"record": record.get(key), "field": name, "day": ALWAYS, "value": value} for record in records
            for name, value in record.items() if (str(record.get(key)), name) not in told]
    return [*given, *held]


def _series(engine: Engine, series: SeriesDef, test: UnitTestDef, models: Sequence[str]) -> SeriesDef:
    rows = test.rows.get(series.namespace, ())
    place = test.locate((ROWS, series.namespace))
    usual = ["action", "date", "count", *models] if series.namespace == EVENTS else ["record", "name", "date", "value"]
    columns = _columns([] if rows else usual, rows)
    _fill(engine, ROWS, series.namespace, columns, rows, place)
    mapping = {ours: theirs for ours, theirs in series.source.columns.items() if theirs in columns}
    return replace(series, source=SourceDef(table=f"{ROWS}.{series.namespace}", columns=mapping, place=place))


def _columns(first: Iterable[str], rows: Iterable[Row]) -> list[str]:
    return list(dict.fromkeys([*first, *(name for row in rows for name in row)]))


def _fill(engine: Engine, schema: str, name: str, columns: Sequence[str], rows: Sequence[Row], place: Place) -> None:
    """A table of texts, as a CSV file would have them."""
    seen: dict[str, str] = {}
    for column in columns:
        if seen.setdefault(column.lower(), column) != column:
            message = f"the columns `{seen[column.lower()]}` and `{column}` differ by case only"
            raise ProjectError(Diagnostic("duplicate-column", message, place))
    table = f"{quoted(schema)}.{quoted(name)}"
    engine.run(f"CREATE TABLE {table} ({', '.join(f'{quoted(column)} VARCHAR' for column in columns)})")
    if rows:
        values = ", ".join("UNNEST(?::VARCHAR[])" for _ in columns)
        cells = [[_text(row.get(column)) for row in rows] for column in columns]
        engine.run(f"INSERT INTO {table} SELECT {values}", cells)


def _text(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case _:
            return str(value)
