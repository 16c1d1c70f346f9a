"""SQL for a formula without a project, over three canonical relations.

| relation  | columns                                          | one row is                                  |
|-----------|--------------------------------------------------|---------------------------------------------|
| `records` | `model, record, company, since`                  | a record; `company` only for children       |
| `series`  | `model, record, prop, day, value`                | a value of a series; at most one a day      |
| `fields`  | `model, record, field, day, number, text`        | a field's value from that day on            |

`prop` is the full name, such as `activities.login`. The result has the columns `record`, `day` and `value`.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from metricsql.bind.catalog import NOTHING
from metricsql.bind.sources import BoundModel, BoundSources, Column
from metricsql.compiler import compile_metrics, read_day, selection_statement
from metricsql.diagnostics import Diagnostic, Findings, ProjectError, did_you_mean
from metricsql.operators import window
from metricsql.project import Definition, MetricDef, ModelDef, SourceDef, Written, parse_formula
from metricsql.sql.canonical import FIRST_DAY, LAST_DAY, canonical_records
from metricsql.sql.context import Context
from metricsql.sql.history import history_steps

ROOT = "company"
CHILDREN = ("enduser", "asset", "project")
RESULT = "value"
TRENDS = list(window("trend").modes or ())


def formula_sql(
    formula: Any, *, model: str = ROOT, trend: str = "ratio", start: str | date | None = None,
    as_of: str | date | None = None, missing: str = "null", dialect: str = "duckdb",
) -> str:
    """One statement with `record`, `day`, `value` for a formula, over the canonical relations.

    `formula` is JSON data, JSON text or an expression. The grid runs from `start` (default: the first day in
    `series`) to `as_of` (default: the last one). Calculated metrics need a project. Raises `ProjectError`.
    """
    if trend not in TRENDS:
        raise ProjectError(Diagnostic("bad-trend", f"found `{trend}` as `trend`, expected one of {', '.join(TRENDS)}",
                                      hint=did_you_mean(str(trend), TRENDS)))
    if missing not in ("null", "zero"):
        raise ProjectError(Diagnostic("bad-value", f"found `{missing}` as `missing`, expected one of null, zero"))
    written = parse_formula(formula, "formula") if isinstance(formula, str) else Written(formula)
    definition = _definition(MetricDef(RESULT, model, written, missing_zero=missing == "zero"), trend)
    findings = Findings()
    compiled = compile_metrics(definition, NOTHING, _sources(definition), findings)
    findings.raise_errors()
    first, last = _day(start) or FIRST_DAY, _day(as_of) or LAST_DAY
    definition = replace(definition, start=first)
    context = Context(definition, _sources(definition), replace(NOTHING, first_day=FIRST_DAY), last, canonical=True)
    plan = compiled.plan(definition)
    records = [canonical_records(name, name != ROOT) for name in definition.models]
    return selection_statement([*records, *history_steps(context, plan, {})], model, [RESULT], dialect)


def _definition(metric: MetricDef, trend: str) -> Definition:
    models = {name: ModelDef(name, SourceDef(), company=None if name == ROOT else "company", since="since")
              for name in (ROOT, *CHILDREN)}
    if metric.model not in models:
        raise ProjectError(Diagnostic("unknown-model", f"there is no model `{metric.model}`", hint="the models are " + ", ".join(models)))
    return Definition(Path(), Path(), "formula", Path(), trend=trend, models=models, metrics=(metric,))


def _sources(definition: Definition) -> BoundSources:
    any_column = Column("since", "DATE")
    return BoundSources({name: BoundModel(model, any_column, (), None if name == ROOT else any_column, any_column)
                         for name, model in definition.models.items()}, {})


def _day(value: str | date | None) -> date | None:
    return None if value is None else read_day(value)
