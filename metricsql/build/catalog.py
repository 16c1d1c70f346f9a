"""Reads the facts that binding needs: columns, fields and their kinds, names of series, the first day."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from metricsql.bind.catalog import Catalog, FieldFacts
from metricsql.bind.sources import BoundSources, Column, bind_sources
from metricsql.build.engine import Engine, reading
from metricsql.diagnostics import Findings, ProjectError
from metricsql.project.definition import Definition, SourceDef
from metricsql.sql import facts
from metricsql.sql.context import Context
from metricsql.sql.differences import days_now, newest_names

if TYPE_CHECKING:
    from metricsql.build.known_records import KnownRecords
    from metricsql.build.rows import Reading


def read_catalog(engine: Engine, definition: Definition, findings: Findings, storing: date | None = None,
                 known: KnownRecords | None = None) -> tuple[Catalog, BoundSources]:
    """Columns and fields. A source that cannot be read goes to the findings and is left out.

    `storing` is the day for which fields will be stored: what is stored of it so far will be forgotten. What is `known` of
    records is not looked for again; nor in their history, of which a build stores nothing that it does not know.
    """
    columns = _Columns(engine, findings)
    records = known.columns if known else columns.of({name: model.records for name, model in definition.models.items()})
    histories = columns.of({name: m.history for name, m in definition.models.items() if m.history is not None})
    series = columns.of({name: declared.source for name, declared in definition.series.items()})
    has_store, stored_until = _stored(engine)
    catalog = Catalog(records, histories, series, stored_until=stored_until, has_store=has_store)
    sources = bind_sources(definition, catalog, findings)
    given_until = _given_until(engine, definition, sources, findings)
    newest = max((day for day in (stored_until, given_until) if day is not None), default=None)
    readable = sources.models.keys() == definition.models.keys()  # else nothing will be stored
    forgotten = storing if storing is not None and readable and (newest is None or storing >= newest) else None
    fields = known.fields if known else _fields(engine, definition, sources, catalog, findings, forgotten)
    return replace(catalog, fields=fields, stored_until=newest), sources


def names_of(engine: Engine, context: Context, readings: Iterable[Reading]) -> Catalog:
    """The context's catalog with the names of all series and the first usable day, from the days that a build noted."""
    tables = [days_now(one.series) for one in readings]
    names: dict[tuple[str, str], set[str]] = {}
    first: date | None = None
    for namespace, name, model, day in engine.rows(newest_names(tables)) if tables else ():
        names.setdefault((model, namespace), set()).add(name)
        first = day if first is None else min(first, day)
    frozen = {key: frozenset(value) for key, value in names.items()}
    return replace(context.catalog, names=frozen, unread=frozenset(), first_day=first)


def read_names(engine: Engine, context: Context, findings: Findings | None = None) -> Catalog:
    """The context's catalog with the names of all series and the first usable day."""
    names: dict[tuple[str, str], set[str]] = {}
    first: date | None = None
    if context.definition.models.keys() != context.sources.models.keys():
        return replace(context.catalog, unread=frozenset(context.definition.series))  # whose rows these are cannot be known
    unread = set(context.definition.series).difference(context.sources.series)
    for namespace, series in context.sources.series.items():
        models = facts.named_models(context, series)
        declared = series.definition.source
        try:
            with reading(str(declared), declared.place):
                found = engine.rows(facts.names_and_days(context, series))
        except ProjectError as error:
            if findings is None:
                raise
            findings.extend(error.diagnostics)
            unread.add(namespace)
            continue
        for name, *days in (row for row in found if row[0]):
            for model, day in zip(models, days, strict=True):
                if day is not None:
                    names.setdefault((model, namespace), set()).add(name)
                    first = day if first is None else min(first, day)
    frozen = {key: frozenset(value) for key, value in names.items()}
    return replace(context.catalog, names=frozen, unread=frozenset(unread), first_day=first)


class _Columns:
    def __init__(self, engine: Engine, findings: Findings) -> None:
        self.engine, self.findings = engine, findings

    def of(self, sources: Mapping[str, SourceDef]) -> dict[str, dict[str, str]]:
        return {name: found for name, source in sources.items() if (found := self.one(source)) is not None}

    def one(self, source: SourceDef) -> dict[str, str] | None:
        try:
            with reading(str(source), source.place):
                self.attach(source)
                rows = self.engine.rows(facts.describe(source))
        except ProjectError as error:
            self.findings.extend(error.diagnostics)
            return None
        columns = {row[0]: row[1] for row in rows}
        if columns in ({}, {"column0": "VARCHAR"}, {"json": "JSON"}):  # what the engine makes of a file without anything
            self.findings.error("empty-source", f"`{source}` holds no names of columns: it is empty, or not UTF-8", source.place,
                                "a CSV file begins with a line of names; a JSON file holds objects")
            return None
        return columns

    def attach(self, source: SourceDef) -> None:
        attach(self.engine, source)


def attach(engine: Engine, source: SourceDef) -> None:
    """Make the database of an `attach` source visible under its path."""
    if source.attach is not None:
        from metricsql.build.engine import literal, quoted

        known = {row[0] for row in engine.rows("SELECT database_name FROM duckdb_databases()")}
        if source.attach not in known:
            engine.run(f"ATTACH {literal(source.attach_location)} AS {quoted(source.attach)} (READ_ONLY)")


def _stored(engine: Engine) -> tuple[bool, date | None]:
    if not all(engine.columns(f'"_metricsql"."{table}"') for table in ("fields", "builds")):
        return False, None
    return True, engine.value('SELECT MAX(as_of) FROM "_metricsql"."builds" WHERE stores_fields')


def _given_until(engine: Engine, definition: Definition, sources: BoundSources, findings: Findings) -> date | None:
    """The newest day of any given history: it counts like a stored one (section 5)."""
    days: list[date] = []
    for model in sources.models.values():
        declared = model.definition.history
        if declared is not None and model.history is not None:
            with _into(findings), reading(str(declared), declared.place):
                sql = facts.newest_given(declared, model.history["day"], definition.timezone)
                days += [day for day, in engine.rows(sql) if day is not None]
    return max(days, default=None)


def _fields(engine: Engine, definition: Definition, sources: BoundSources, catalog: Catalog,
            findings: Findings, forgotten: date | None) -> dict[str, dict[str, FieldFacts]]:
    """Every field of every model: from records, given history and stored history."""
    seen: dict[str, dict[str, list[tuple[int, str | None]]]] = {name: {} for name in definition.models}
    for name, model in sources.models.items():
        declared = model.definition
        with _into(findings), reading(str(declared.records), declared.records.place):
            row = engine.rows(facts.field_kinds(declared.records, model.fields))[0]
            for i, found in enumerate(model.fields):
                seen[name].setdefault(found.name, []).append((row[2 * i], row[2 * i + 1]))
                if found == model.key and not row[2 * i]:
                    findings.warn("no-records", f"`{declared.records}` holds no records", declared.records.place)
        if declared.history is not None and model.history is not None:
            with _into(findings), reading(str(declared.history), declared.history.place):
                sql = facts.given_kinds(declared.history, model.history["field"], model.history["value"])
                _add(seen[name], engine.rows(sql))
    if catalog.has_store:
        for name, *rest in engine.rows(facts.stored_kinds(forgotten)):
            if name in seen:
                _add(seen[name], [tuple(rest)])
    return {model: {name: _kind(found) for name, found in fields.items()} for model, fields in seen.items()}


def _add(fields: dict[str, list[tuple[int, str | None]]], rows: list[tuple[Any, ...]]) -> None:
    for name, count, example in rows:
        if name is not None:
            fields.setdefault(name, []).append((count, example))


def _kind(found: list[tuple[int, str | None]]) -> FieldFacts:
    example = next((example for _, example in found if example is not None), None)
    if example is not None:
        return FieldFacts("text", example)
    return FieldFacts("number" if any(count for count, _ in found) else "unknown")


class _into:
    """Collects what is wrong with one source and goes on with the next."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: Any, trace: Any) -> bool:
        if isinstance(error, ProjectError):
            self.findings.extend(error.diagnostics)
            return True
        return False


__all__ = ["Column", "attach", "names_of", "read_catalog", "read_names"]
