"""Runs `find`: the records of a built file that satisfy a condition on one day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb

from metricsql.bind.catalog import Catalog
from metricsql.build.catalog import read_catalog
from metricsql.build.engine import Engine, quoted
from metricsql.build.patch import columns_of
from metricsql.build.read import not_built, open_built
from metricsql.build.temporary import create
from metricsql.diagnostics import Diagnostic, EngineError, Findings, ProjectError
from metricsql.project.definition import Definition
from metricsql.sql.context import Context
from metricsql.sql.find import Names, Question, answer, ask, records_on, tracked_steps
from metricsql.sql.steps import needed, statement


@dataclass(frozen=True)
class Found:
    """Records that satisfy a condition. `columns` begins with `record`; `notes` say what may surprise."""

    model: str
    day: date
    columns: list[str]
    rows: list[tuple[Any, ...]]
    records: int
    """How many records have a row on the day."""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Wanted:
    """What is looked for."""

    model: str
    where: str | None = None
    show: Sequence[str] = ()
    day: date | None = None
    limit: int | None = None


def find(definition: Definition, wanted: Wanted) -> Found:
    """The records, by key. Raises `ProjectError` for a condition that cannot be asked or a day that is not built."""
    engine = open_built(definition)
    try:
        findings = Findings()
        catalog, sources = read_catalog(engine, definition, findings)
        findings.raise_errors()
        question = ask(_names(definition, catalog, wanted.model), wanted.where, wanted.show)
        day = _check_built(engine, question, wanted.day)
        engine.run(f"CREATE TEMP TABLE {quoted(wanted.model)} AS\n{statement([records_on(wanted.model, day)])}")
        timelines = _track(engine, Context(definition, sources, catalog, day), question)
        engine.close_outside()
        rows = _answer(engine, question, day, wanted.limit)
        records = engine.value(f"SELECT COUNT(*) FROM {quoted(wanted.model)}")
        notes = [*_stale(engine, question, day), *_untracked(engine, question, timelines, day)]
    finally:
        engine.close()
    return Found(wanted.model, day, ["record", *question.labels.values()], rows, records, notes)


def _names(definition: Definition, catalog: Catalog, model: str) -> Names:
    own = [m.id for m in definition.metrics if m.model == model]
    others = {m.id: m.model for m in definition.metrics if m.model != model}
    return Names(model, catalog.fields.get(model, {}), own, others)


def _check_built(engine: Engine, question: Question, day: date | None) -> date:
    """The day that is asked about, if everything the question needs is built for it."""
    built = columns_of(engine, question.model)
    if not built:
        raise not_built(f"no metric of the model `{question.model}` is built yet")
    missing = [name for name in question.metrics if name not in built]
    if missing:
        raise ProjectError([not_built(f"the metric `{name}` is not built yet").diagnostics[0] for name in missing])
    first, last = engine.rows(f'SELECT MIN(day), MAX(day) FROM "metrics".{quoted(question.model)}')[0]
    if first is None:
        raise not_built(f"no {question.model} has a day yet")
    if day is not None and not first <= day <= last:
        message = f"{day} is not built: the days of {question.model} run from {first} to {last}"
        raise ProjectError(Diagnostic("day-not-built", message))
    return day or last


def _track(engine: Engine, context: Context, question: Question) -> list[str]:
    """The histories of the fields as temporary tables, since they may read given files."""
    if not question.fields:
        return []
    steps, timelines = tracked_steps(context, question)
    made = [question.model]
    for name in timelines:
        create(engine, name, needed(steps, name, made), made)
        made.append(name)
    return timelines


def _answer(engine: Engine, question: Question, day: date, limit: int | None) -> list[tuple[Any, ...]]:
    try:
        return engine.rows(statement(answer(question, day, limit)))
    except EngineError as error:
        cause = error.__context__
        if error.diagnostics[0].code == "engine" and isinstance(cause, duckdb.DataError | duckdb.ProgrammingError):
            hint = "numbers are compared with numbers, texts with texts; for each record it is true or false"
            message = "the condition does not fit what its fields and metrics hold"
            raise ProjectError(Diagnostic("bad-condition", message, hint=hint)) from None
        raise


def _stale(engine: Engine, question: Question, day: date) -> list[str]:
    through = dict(engine.rows('SELECT metric, built_through FROM "_metricsql"."metrics"'))
    return [f"{name} is built through {through[name]} only, so it has no value on {day}"
            for name in question.metrics if name in through and through[name] < day]


def _untracked(engine: Engine, question: Question, timelines: Sequence[str], day: date) -> list[str]:
    notes = []
    for tracked, name in zip(question.fields, timelines, strict=True):
        if tracked == question.title:
            continue
        first = engine.value(f"SELECT MIN(valid_from) FROM {quoted(name)} WHERE value IS NOT NULL")
        if first is None or first > day:
            since = f"is known from {first} on only" if first else "has no value at all"
            notes.append(f"the field `{tracked.name}` {since}, so it is missing on {day}")
    return notes
