"""Expressions and questions that find rows which cannot be used, for the report of a build."""

from __future__ import annotations

from collections.abc import Sequence

from sqlglot import exp

from metricsql.bind.sources import BoundModel, BoundSeries
from metricsql.project.definition import SourceDef
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.sources import as_number, as_text, day_of, filled_text, names_model, scan, source_steps
from metricsql.sql.steps import Step, statement
from metricsql.sql.syntax import column, named, text

SHOWN = 60
"""Characters of a culprit that are kept as an example."""


def row_problems(context: Context, series: BoundSeries, models: Sequence[str]) -> list[exp.Expression]:
    """`problem, culprit` of a row of a namespace; NULL for a good row."""
    zone = context.definition.timezone
    day, time = day_of(series.time, zone), as_text(series.time)
    cases = [(syntax.fill("({0} IS NULL OR NOT ({1}))", [day, syntax.in_calendar(day)]), "date", time)]
    if series.value is not None:
        words, value = as_text(series.value), as_number(series.value)
        unreadable = syntax.fill("({0} IS NULL OR NOT ISFINITE({0}))", [value])
        if series.value_optional:
            unreadable = exp.And(this=syntax.fill("{0} IS NOT NULL", [filled_text(series.value)]), expression=unreadable)
        cases.append((unreadable, "value", words))
    cases.append((syntax.fill("{0} IS NULL", [filled_text(series.name)]), "name", exp.cast(exp.Null(), "text")))
    cases += _unknown_records(context, series, models)
    return [named(_case([(test, text(reason)) for test, reason, _ in cases]), "problem"),
            named(_case([(test, _short(words)) for test, _, words in cases]), "culprit")]


def _unknown_records(context: Context, series: BoundSeries,
                     models: Sequence[str]) -> list[tuple[exp.Expression, str, exp.Expression]]:
    found = [column("record", f"{model} named") for model in models]
    nobody = syntax.fill("COALESCE({args}) IS NULL", found) if found else exp.true()
    if not series.by_model:
        assert series.record is not None
        return [(nobody, "record", as_text(series.record))]
    names = [filled_text(c) for model, c in series.by_model.items() if model in models]
    said = syntax.fill("CONCAT_WS(', ', {args})", names)
    missing: exp.Expression | None = None
    culprits = []
    for model, named_by in series.by_model.items():
        if model in models:
            unknown = syntax.fill("({0} IS NOT NULL AND {1} IS NULL)", [filled_text(named_by), column("record", f"{model} named")])
            missing = unknown if missing is None else exp.Or(this=missing, expression=unknown)
            culprits.append((unknown, filled_text(named_by)))
    assert missing is not None
    return [(nobody, "record", said), (exp.Paren(this=missing), "unknown", _case(culprits))]


def record_problems(model: BoundModel) -> list[exp.Expression]:
    """`problem, culprit` of a record."""
    cases: list[tuple[exp.Expression, str, exp.Expression]] = []
    if model.company is not None:
        unknown = syntax.fill("{0} IS NULL", [column("record", "c")])
        cases.append((unknown, "company", as_text(model.company)))
    if model.since is not None:
        bad = syntax.fill("({0} IS NOT NULL AND {1} IS NULL)", [filled_text(model.since), day_of(model.since, "UTC")])
        cases.append((bad, "since", as_text(model.since)))
    if not cases:
        return [named(exp.cast(exp.Null(), "text"), "problem"), named(exp.cast(exp.Null(), "text"), "culprit")]
    return [named(_case([(test, text(reason)) for test, reason, _ in cases]), "problem"),
            named(_case([(test, _short(words)) for test, _, words in cases]), "culprit")]


def _case(branches: Sequence[tuple[exp.Expression, exp.Expression]]) -> exp.Expression:
    return exp.Case(ifs=[exp.If(this=test.copy(), true=value.copy()) for test, value in branches])


def _short(words: exp.Expression) -> exp.Expression:
    return syntax.fill("LEFT({0}, {n})", [words], n=exp.Literal.number(SHOWN))


def keys_of(model: BoundModel) -> str:
    """One row: how many rows the records source has, and how many of them without a key."""
    before, table = source_steps(model.definition.records, "source", "")
    keyless = syntax.filtered(exp.Count(this=exp.Star()), syntax.fill("{0} IS NULL", [filled_text(model.key)]))
    query = exp.select(exp.Count(this=exp.Star()), keyless).from_(syntax.aliased(table, "s"))
    return statement([*before, Step("keys", "", query)])


def repeated_keys(model: BoundModel, limit: int) -> str:
    """The first keys that several rows have."""
    before, table = source_steps(model.definition.records, "source", "")
    key = as_text(model.key)
    query = exp.select(named(key, "key")).from_(syntax.aliased(table, "s"))
    query = query.where(syntax.fill("{0} <> ''", [key])).group_by(exp.Literal.number(1))
    query = query.having(syntax.fill("COUNT(*) > 1")).order_by(exp.Literal.number(1)).limit(limit)
    return statement([*before, Step("repeated", "", query)])


def count_lines(source: SourceDef, path: str) -> str:
    """Reads one CSV file through and leaves the lines that cannot be split in `reject_errors`."""
    one = SourceDef(path=path)
    query = exp.select(exp.Count(this=exp.Star())).from_(_as_plain_file(scan(one, rejects=True)))
    return statement([Step("lines", "", query)])


def _as_plain_file(table: exp.Expression) -> exp.Expression:
    """Without `union_by_name`, which a single file whose name looks like a pattern would get."""
    kept = [e for e in table.this.expressions if not (isinstance(e, exp.PropertyEQ) and e.this.name == "union_by_name")]
    table.this.set("expressions", kept)
    return table


__all__ = ["count_lines", "keys_of", "names_model", "record_problems", "repeated_keys", "row_problems"]
