"""The pipeline from files to SQL, in one place. Each arrow is a function that can be called alone.

| stage   | in -> out                                            | function                     |
|---------|------------------------------------------------------|------------------------------|
| project | files -> `Definition`                                | `project.load_definition`    |
| formula | text or JSON -> `Formula`                            | `formula.read_json`, `read_expression` |
| bind    | `Formula` + names -> `Tree`, metrics in build order  | `bind.metrics.bind_metrics`  |
| plan    | bound metrics -> `Plan` of stages                    | `plan.planner.make_plan`     |
| sql     | `Plan` + sources -> steps, or one statement          | `sql.history.history_steps`  |

Up to here everything is pure; `build` runs the steps, `inspect` and `cli` show what comes out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from metricsql.bind.catalog import Catalog
from metricsql.bind.metrics import BoundMetric, bind_metrics, downstream, in_order, read_formulas, upstream
from metricsql.bind.sources import BoundSources, as_pasted
from metricsql.diagnostics import Diagnostic, Findings, ProjectError, did_you_mean
from metricsql.formula import write_json
from metricsql.formula.nodes import Formula
from metricsql.plan.nodes import Plan
from metricsql.plan.planner import make_plan
from metricsql.project.definition import Definition
from metricsql.sql.conditions import Condition, check_kinds, parse_condition
from metricsql.sql.context import Context
from metricsql.sql.day import day_steps
from metricsql.sql.dialects import SPARK, dialects
from metricsql.sql.history import history_steps, selection
from metricsql.sql.sources import attach_words, field_value, records_steps, row_models, rows_steps
from metricsql.sql.steps import Step, needed, statement
from metricsql.sql.views import as_views, spark_script


@dataclass(frozen=True)
class Compiled:
    """A project's metrics, ready to be planned. `flags` names the column of each `where`."""

    metrics: Mapping[str, BoundMetric]
    flags: Mapping[str, str]
    conditions: Mapping[str, Sequence[tuple[str, Condition]]]
    """Per model: the columns of its conditions, with their expressions over its records source."""
    formulas: Mapping[str, Formula]
    order: Sequence[str] = ()
    """The ids of all metrics as the project declares them."""
    _plans: dict[object, tuple[Definition, Plan]] = field(default_factory=dict, repr=False, compare=False)
    """The plans that were made: a build asks for the same one a dozen times."""

    def columns(self) -> dict[str, list[str]]:
        """Per model with metrics, the columns of its table: its metrics in the order of their declaration."""
        found: dict[str, list[str]] = {}
        position = {name: i for i, name in enumerate(self.order)}
        for metric in sorted(self.metrics.values(), key=lambda one: position[one.id]):
            found.setdefault(metric.model, []).append(metric.id)
        return found

    def plan(self, definition: Definition, wanted: Iterable[str] | None = None, given: Collection[str] = ()) -> Plan:
        """The plan of the wanted metrics (all if None) and of everything they use that is not given as stored."""
        wanted = None if wanted is None else tuple(wanted)
        key = id(definition), wanted, frozenset(given)
        if key not in self._plans:
            chosen = upstream(self.metrics, self.metrics if wanted is None else wanted, given)
            plan = make_plan([m for m in in_order(self.metrics.values()) if m.id in chosen], definition, given)
            self._plans[key] = definition, plan  # which also keeps the definition, so that no other one gets its id
        return self._plans[key][1]


def compile_metrics(definition: Definition, catalog: Catalog, sources: BoundSources, findings: Findings,
                    formulas: Mapping[str, Formula] | None = None) -> Compiled:
    """Read (unless given), bind every metric and condition; faults go to the findings."""
    formulas = read_formulas(definition, findings) if formulas is None else formulas
    metrics = bind_metrics(definition, catalog, formulas, findings)
    flags: dict[str, str] = {}
    conditions: dict[str, list[tuple[str, Condition]]] = {}
    for metric in definition.metrics:
        if metric.where is None or metric.model not in sources.models:
            continue
        model = sources.models[metric.model]
        kinds = catalog.fields.get(metric.model, {})
        names = {f.name: field_value(model, f.name, kinds[f.name].kind if f.name in kinds else "number") for f in model.fields}
        condition = parse_condition(metric.where, names, metric.locate(("where",)), findings)
        if condition is not None:
            known_kinds = {name: facts.kind for name, facts in kinds.items() if facts.kind != "unknown"}
            fits = check_kinds(metric.where, known_kinds, metric.locate(("where",)), findings)
            condition = condition if fits else None
        flag = flags.setdefault(metric.where, f"where {len(flags) + 1}")
        known = conditions.setdefault(metric.model, [])
        if condition is not None and flag not in [name for name, _ in known]:
            known.append((flag, condition))
    return Compiled({metric.id: metric for metric in metrics}, flags, conditions, formulas,
                    [metric.id for metric in definition.metrics])


def all_steps(context: Context, compiled: Compiled, plan: Plan, day: date | None = None) -> list[Step]:
    """Every step from the sources to the results of a plan, in order."""
    steps: list[Step] = []
    root = context.definition.root
    tracked = {p.model: [f.name for f in p.fields] for p in plan.models}
    wheres = {p.model: {m.where for m in p.metrics if m.where} for p in plan.models}
    for model in sorted(context.sources.models.values(), key=lambda m: m.name != root):
        present = {f.name for f in model.fields}
        wanted = {compiled.flags[where] for where in wheres.get(model.name, ())}
        conditions = [c for c in compiled.conditions.get(model.name, ()) if c[0] in wanted]
        steps += records_steps(context, model, [n for n in tracked.get(model.name, ()) if n in present], conditions)
    read: dict[str, set[str]] = {}
    for series in (s for p in plan.models for s in p.inputs if not s.calculated):
        read.setdefault(series.namespace, set()).add(series.name)
    for namespace, names in read.items():
        if (bound := context.sources.series.get(namespace)) is not None:
            steps += rows_steps(context, bound, row_models(context, bound), sorted(names))
    if day is not None:
        return steps + day_steps(context, plan, compiled.flags, day)
    return steps + history_steps(context, plan, compiled.flags)


def sql_statement(context: Context, compiled: Compiled, wanted: Sequence[str], dialect: str = "duckdb",
                  day: date | None = None) -> str:
    """One statement with the columns `record`, `day` and the wanted metrics, which are of one model.

    With a day, the day form: the rows of that day.
    """
    if dialect not in dialects():
        raise unknown_dialect(dialect)
    context = replace(context, sources=as_pasted(context.sources))
    if dialect == SPARK:
        return ";\n\n".join(spark_statements(context, compiled, wanted, day)) + ";"
    plan = compiled.plan(context.definition, wanted)
    model = compiled.metrics[wanted[0]].model
    sources = {context.sources.series[s.namespace].definition.source for p in plan.models for s in p.inputs
               if s.namespace in context.sources.series}
    sources |= {m.definition.records for m in context.sources.models.values()}
    attached = sorted({source.attach for source in sources if source.attach is not None})
    first = "".join(f"-- before this: ATTACH {attach_words(path)}\n" for path in attached)
    return first + selection_statement(all_steps(context, compiled, plan, day), model, wanted, dialect)


def spark_statements(context: Context, compiled: Compiled, wanted: Sequence[str], day: date | None = None) -> list[str]:
    """The same as statements for Spark: settings, a view for every source that is read, and the one that computes."""
    sources, views = as_views(context.sources, context.catalog)
    context = replace(context, sources=sources)
    steps = all_steps(context, compiled, compiled.plan(context.definition, wanted), day)
    model = compiled.metrics[wanted[0]].model
    used = needed([*steps, selection(model, wanted)], "result")
    return [*spark_script(views, used), selection_statement(steps, model, wanted, SPARK)]


def selection_statement(steps: Sequence[Step], model: str, wanted: Sequence[str], dialect: str = "duckdb") -> str:
    """The wanted columns of a model's result as one statement, with the steps it needs. Raises for an unknown dialect."""
    if dialect not in dialects():
        raise unknown_dialect(dialect)
    last = selection(model, wanted)
    return statement(needed([*steps, last], last.name), dialect, order_by=("record", "day"))


def unknown_dialect(name: str) -> ProjectError:
    """The error for a dialect that is not offered."""
    hint = did_you_mean(name, dialects()) or "the dialects are " + ", ".join(dialects())
    return ProjectError(Diagnostic("unknown-dialect", f"there is no SQL dialect `{name}`", hint=hint))


def default_as_of(definition: Definition, now: datetime | None = None) -> date:
    """`until`, else yesterday on the clocks of the project, at a moment with a time zone (default: now)."""
    import zoneinfo

    if definition.until is not None:
        return definition.until
    zone = zoneinfo.ZoneInfo(definition.timezone)
    return (now.astimezone(zone) if now else datetime.now(zone)).date() - timedelta(days=1)


def read_day(written: str | date) -> date:
    """The day that a text spells as YYYY-MM-DD. Raises `ProjectError`."""
    if isinstance(written, date):
        return written.date() if isinstance(written, datetime) else written
    try:
        if not isinstance(written, str) or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", written):
            raise ValueError(written)
        return date.fromisoformat(written)
    except ValueError:
        raise ProjectError(Diagnostic("bad-day", f"found `{written}`, expected a day as YYYY-MM-DD")) from None


def select_metrics(compiled: Compiled, words: Sequence[str]) -> list[str]:
    """The ids that selection words mean: `id`, `+id` (and what it uses), `id+` (and what uses it), `tag:name`."""
    findings = Findings()
    chosen: set[str] = set()
    for word in words:
        if word.startswith("tag:"):
            tagged = [m.id for m in compiled.metrics.values() if word[4:] in m.definition.tags]
            if not tagged:
                tags = {tag for m in compiled.metrics.values() for tag in m.definition.tags}
                findings.error("unknown-tag", f"no metric has the tag `{word[4:]}`", hint=did_you_mean(word[4:], tags))
            chosen.update(tagged)
            continue
        name = word.removeprefix("+").removesuffix("+")
        if name not in compiled.metrics:
            findings.error("unknown-metric", f"no calculated metric with the id `{name}`", hint=did_you_mean(name, compiled.metrics))
            continue
        chosen.add(name)
        chosen |= upstream(compiled.metrics, [name]) if word.startswith("+") else set()
        chosen |= downstream(compiled.metrics, [name]) if word.endswith("+") else set()
    findings.raise_errors()
    return [name for name in compiled.metrics if name in chosen]


def described(metric: BoundMetric) -> dict[str, Any]:
    """What decides a metric's values, as data: a change of it is a change of the metric."""
    declared = metric.definition
    return {"model": declared.model, "formula": write_json(metric.formula), "where": declared.where,
            "missing": "zero" if declared.missing_zero else "null"}
