"""All metrics of a project, bound and in the order in which they can be computed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from metricsql.bind.binder import bind_formula
from metricsql.bind.catalog import Catalog
from metricsql.bind.cycles import cycles
from metricsql.bind.scope import Scope
from metricsql.bind.tree import Tree, leaves
from metricsql.diagnostics import Findings
from metricsql.formula import in_text, read_expression, read_json
from metricsql.formula.nodes import Formula, Name, Window, walk
from metricsql.project.definition import CALCULATED, Definition, MetricDef, Written


@dataclass(frozen=True)
class BoundMetric:
    """A metric whose formula is resolved. `uses` are the ids of the metrics it reads directly."""

    definition: MetricDef
    formula: Formula
    tree: Tree

    @property
    def id(self) -> str:
        return self.definition.id

    @property
    def model(self) -> str:
        return self.definition.model

    @property
    def uses(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(leaf.series.name for leaf in leaves(self.tree) if leaf.series.calculated))


def read_formula(written: Written, findings: Findings) -> Formula | None:
    """The formula of a written text or of JSON data."""
    if written.expression is not None:
        spot = in_text(written.expression, written.locate(()), written.source)
        return read_expression(written.expression, findings, spot)
    return read_json(written.data, findings, written.locate)


def read_formulas(definition: Definition, findings: Findings) -> dict[str, Formula]:
    """The formula of every metric whose text has no faults."""
    read = {metric.id: read_formula(metric.written, findings) for metric in definition.metrics}
    return {id_: formula for id_, formula in read.items() if formula is not None}


def bind_metrics(definition: Definition, catalog: Catalog, formulas: Mapping[str, Formula],
                 findings: Findings) -> list[BoundMetric]:
    """Every metric without faults, those that others use first. Faults of all of them go to the findings."""
    bound: dict[str, BoundMetric] = {}
    for metric in definition.metrics:
        formula = formulas.get(metric.id)
        if formula is None or metric.model not in definition.models:
            continue
        tree = bind_formula(formula, Scope(definition, catalog, metric.model), findings)
        if tree is not None:
            bound[metric.id] = BoundMetric(metric, formula, tree)
    cyclic = _report_cycles(definition, formulas, findings)
    return in_order(metric for metric in bound.values() if metric.id not in cyclic)


def in_order(metrics: Iterable[BoundMetric]) -> list[BoundMetric]:
    """The metrics such that each stands behind those it uses; otherwise as they were declared."""
    known = {metric.id: metric for metric in metrics}
    done: dict[str, BoundMetric] = {}
    for first in known:
        stack = [first]
        while stack:
            waiting = [used for used in known[stack[-1]].uses if used in known and used not in done]
            if waiting:
                stack.extend(reversed(waiting))
            else:
                metric = known[stack.pop()]
                done.setdefault(metric.id, metric)
    return list(done.values())


def upstream(metrics: Mapping[str, BoundMetric], wanted: Iterable[str], given: Collection[str] = ()) -> set[str]:
    """The wanted metrics and everything they use, directly or not; not what is given, nor what only that uses."""
    found: set[str] = set()
    queue = list(wanted)
    while queue:
        current = queue.pop()
        if current in metrics and current not in found and current not in given:
            found.add(current)
            queue.extend(metrics[current].uses)
    return found


def downstream(metrics: Mapping[str, BoundMetric], wanted: Iterable[str]) -> set[str]:
    """The wanted metrics and everything that uses them, directly or not."""
    users: dict[str, list[str]] = {}
    for metric in metrics.values():
        for used in metric.uses:
            users.setdefault(used, []).append(metric.id)
    found: set[str] = set()
    queue = list(wanted)
    while queue:
        current = queue.pop()
        if current not in found:
            found.add(current)
            queue.extend(users.get(current, ()))
    return found


def _report_cycles(definition: Definition, formulas: Mapping[str, Formula], findings: Findings) -> set[str]:
    """Name each cycle once, with its whole path; returns the metrics that stand on one."""
    edges = {id_: _referenced(formula, formulas) for id_, formula in formulas.items()}
    places = {metric.id: metric.place for metric in definition.metrics}
    cyclic: set[str] = set()
    for cycle in cycles(edges):
        if not cyclic.issuperset(cycle):
            shown = " -> ".join(f"`{id_}`" for id_ in (*cycle, cycle[0]))
            needs = "these metrics need each other" if len(cycle) > 1 else "this metric needs itself"
            findings.error("cycle", f"{needs}: {shown}", places[cycle[0]],
                           "a metric cannot use its own value, not even of earlier days")
        cyclic.update(cycle)
    return cyclic


def _referenced(formula: Formula, known: Mapping[str, Formula]) -> list[str]:
    """Ids after the last `calculated.` prefix of every series name; enough to see cycles before binding."""
    found = []
    for node in walk(formula):
        if isinstance(node, Window) and isinstance(node.of, Name):
            before, _, id_ = node.of.text.rpartition(f"{CALCULATED}.")
            if id_ in known and before.count(".") <= 1:
                found.append(id_)
    return list(dict.fromkeys(found))
