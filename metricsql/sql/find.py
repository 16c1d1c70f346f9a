"""The question behind `find`: which records satisfy a condition over fields and metrics on one day.

Metrics are read from the built table, fields as they were tracked for the day. Names that are written in a
condition become columns here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlglot import exp

from metricsql.bind.catalog import FieldFacts
from metricsql.bind.tree import Field
from metricsql.diagnostics import Findings, Place, nearest
from metricsql.plan.nodes import ModelPlan
from metricsql.project.definition import CALCULATED
from metricsql.sql import syntax
from metricsql.sql.conditions import Condition, check_kinds, mentioned, parse_condition
from metricsql.sql.context import Context
from metricsql.sql.fields import field_steps, timeline_names
from metricsql.sql.sources import FIELD
from metricsql.sql.steps import Labels, Step
from metricsql.sql.syntax import column, named

BUILT_SCHEMA, RECORD, DAY, TITLE = "metrics", "record", "day", "name"
Meaning = Field | str
"""A field, or the id of a metric."""


@dataclass(frozen=True)
class Names:
    """What may be named of the records of one model. Where a metric and a field share a name, the metric wins."""

    model: str
    fields: Mapping[str, FieldFacts]
    metrics: Sequence[str]
    elsewhere: Mapping[str, str]
    """Metrics of other models, with their model; for hints."""

    def meaning(self, spelled: str) -> Meaning | None:
        """What a spelling stands for: `seats`, `custom.seats`, `company.custom.seats`, `calculated.quiet_days`."""
        if spelled in self.metrics:
            return spelled
        for name in (spelled, spelled.removeprefix(f"{self.model}.")):
            if name.removeprefix(CALCULATED + ".") in self.metrics:
                return name.removeprefix(CALCULATED + ".")
            field = name if name in self.fields else name.removeprefix(FIELD)
            if field in self.fields:
                return Field(self.model, field, self.fields[field].kind)
        return None

    def kind(self, meaning: Meaning) -> str:
        return "number" if isinstance(meaning, str) else meaning.kind

    def near(self, name: str) -> str | None:
        """The known name that was probably meant; a much longer one was not."""
        found = nearest(name, self.known())
        return found if found is not None and len(found) <= 2 * len(name) else None

    def known(self) -> dict[str, Meaning]:
        """Every name without a prefix."""
        names = dict.fromkeys([*self.metrics, *self.fields])
        return {name: meaning for name in names if (meaning := self.meaning(name)) is not None}


@dataclass(frozen=True)
class Question:
    """What is asked: columns with their labels, and what must hold (None: every record)."""

    model: str
    labels: Mapping[Meaning, str]
    condition: Condition | None
    title: Field | None = None
    """The name of a record where nobody asked for it: shown as it is now, whatever the day."""

    @property
    def metrics(self) -> list[str]:
        return [meaning for meaning in self.labels if isinstance(meaning, str)]

    @property
    def fields(self) -> list[Field]:
        return [meaning for meaning in self.labels if isinstance(meaning, Field)]

    @property
    def plan(self) -> ModelPlan:
        """The part of a plan that the steps of fields need."""
        return ModelPlan(self.model, (), tuple(self.fields), ())


def ask(names: Names, where: str | None, show: Iterable[str] = ()) -> Question:
    """The question of a condition and of further names to show. Raises `ProjectError` for what cannot be asked."""
    findings = Findings()
    spelled = mentioned(where) if where is not None else []
    meanings = {name: m for name in [*names.known(), *spelled, *show] if (m := names.meaning(name)) is not None}
    for name in show:
        if name not in meanings:
            message = f"`{name}` is neither a field nor a metric of {names.model}"
            findings.error("unknown-field", message, hint=_hint(name, names))
    asked = [meanings[name] for name in [*spelled, *show] if name in meanings]
    name_field = Field(names.model, TITLE, names.fields[TITLE].kind) if TITLE in names.fields else None
    title = name_field if name_field not in asked else None
    labels = _labels(dict.fromkeys([*([title] if title else []), *asked]))
    condition = None if where is None else _condition(where, names, meanings, labels, findings)
    findings.raise_errors()
    return Question(names.model, labels, condition, title)


def _labels(chosen: Iterable[Meaning]) -> dict[Meaning, str]:
    """Column names: ids of metrics as they are, fields under their own name where that is free."""
    chosen = list(chosen)
    ids = [meaning for meaning in chosen if isinstance(meaning, str)]
    taken = {RECORD, DAY, *(name.lower() for name in ids)}
    unique = Labels([RECORD, DAY, *ids])
    wanted = {m: FIELD + m.name if m.name.lower() in taken else m.name for m in chosen if isinstance(m, Field)}
    return {meaning: unique(meaning, wanted[meaning]) if isinstance(meaning, Field) else meaning for meaning in chosen}


def _condition(where: str, names: Names, meanings: Mapping[str, Meaning], labels: Mapping[Meaning, str],
               findings: Findings) -> Condition | None:
    for name in mentioned(where):
        if name not in meanings:
            quotes = f'"{name}"' in where and names.near(name) is None
            hint = f"a text stands in single quotes: '{name}'" if quotes else _hint(name, names)
            found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", where)
            place = _place(where, found.start(), len(name)) if found else _place(where, 0, len(where))
            findings.error("unknown-field", f"the condition uses `{name}`, which is not known here", place, hint)
    if findings.errors:
        return None
    columns = {name: _column(meaning, labels) for name, meaning in meanings.items()}
    condition = parse_condition(where, columns, _place(where, 0, len(where)), findings)
    if condition is not None:
        kinds = {name: names.kind(m) for name, m in meanings.items() if names.kind(m) != "unknown"}
        check_kinds(where, kinds, _place(where, 0, len(where)), findings)
    return condition


def _place(where: str, at: int, width: int) -> Place:
    """A place in the text of the condition."""
    return Place("where", None, at + 1, "", where, width)


def _column(meaning: Meaning, labels: Mapping[Meaning, str]) -> exp.Expression:
    """A name as a column; a field that never had a value is NULL, which is compared with anything."""
    if meaning not in labels or (isinstance(meaning, Field) and meaning.kind == "unknown"):
        return exp.Null()
    return column(labels[meaning])


def _hint(name: str, names: Names) -> str:
    if name in names.elsewhere:
        return f"it is a metric of {names.elsewhere[name]}: add `--model {names.elsewhere[name]}`"
    if (near := names.near(name)) is not None:
        return f"did you mean `{near}`?"
    known = list(names.known())
    return "known are " + ", ".join(f"`{k}`" for k in known[:8]) + (" ..." if len(known) > 8 else "")


# Steps


def records_on(model: str, day: date) -> Step:
    """The records that have a row on the day; the steps of fields hang on them."""
    query = exp.select(column(RECORD)).from_(syntax.table(model, schema=BUILT_SCHEMA))
    query = query.where(column(DAY).eq(syntax.day(day)))
    return Step(model, f"Every {model} with a row on the day.", query)


def tracked_steps(context: Context, question: Question) -> tuple[list[Step], list[str]]:
    """The steps of the fields' histories as the last build stored them (and as they are given), and their names."""
    model = context.sources.models[question.model]
    stored = {**context.sources.models, question.model: replace(model, fields=())}
    context = replace(context, sources=replace(context.sources, models=stored))
    return field_steps(context, question.plan), list(timeline_names(question.plan).values())


def answer(question: Question, day: date, limit: int | None) -> list[Step]:
    """`record`, then the question's columns, by record."""
    timelines = timeline_names(question.plan)
    query = exp.select(column(RECORD, "m"), *[named(column(m, "m"), m) for m in question.metrics])
    query = query.from_(syntax.table(question.model, "m", BUILT_SCHEMA))
    for field in question.fields:
        name = timelines[field]
        begin, end = column("valid_from", name), column("valid_to", name)
        on_day = [syntax.fill("{0} <= {1}", [begin, syntax.day(day)]),
                  syntax.fill("({0} > {1} OR {0} IS NULL)", [end, syntax.day(day)])]
        tests = [syntax.fill("{0} IS NULL", [end])] if field == question.title else on_day
        holds = syntax.all_of([column(RECORD, name).eq(column(RECORD, "m")), *tests])
        query = query.join(syntax.table(name), on=holds, join_type="left")
        query = query.select(named(column("value", name), question.labels[field]))
    query = query.where(column(DAY, "m").eq(syntax.day(day)))
    found = Step("on the day", "The records with what the condition names.", query)
    shown = [column(label) for label in question.labels.values()]
    last = exp.select(column(RECORD), *shown).from_(syntax.table(found.name))
    if question.condition is not None:
        last = last.where(question.condition)
    last = last.order_by(column(RECORD))
    return [found, Step("answer", "", last if limit is None else last.limit(limit))]

