"""Bound metrics -> `Plan`. Equal leaves are one leaf; a window over a metric starts the next stage."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from metricsql import operators
from metricsql.bind.metrics import BoundMetric
from metricsql.bind.tree import Field, Leaf, SeriesRef, fields, leaves
from metricsql.plan.nodes import ModelPlan, Plan, PlannedMetric, Stage
from metricsql.project.definition import Definition


def make_plan(metrics: Sequence[BoundMetric], definition: Definition, given: Collection[str] = ()) -> Plan:
    """The plan of metrics that stand in build order; metrics they use must be among them, or be given as stored."""
    root = definition.root
    models = [name for name in definition.models if name != root] + ([root] if root else [])
    plans = [_model_plan(name, [m for m in metrics if m.model == name], frozenset(given)) for name in models]
    return Plan(tuple(plan for plan in plans if plan.stages))


def reads_row(leaf: Leaf) -> bool:
    """Whether a leaf over a metric of the same model is just that metric's value in the row."""
    return leaf.series.calculated and not leaf.series.rollup and leaf.days == 1 and operators.window(leaf.op).same_row


def days_before(leaf: Leaf) -> int | None:
    """How many days before its own a leaf reads; None for all of them."""
    block = operators.window(leaf.op)
    if leaf.days is None:
        return None
    return leaf.days if block.reads == "offset" else leaf.days - 1


def _model_plan(model: str, metrics: list[BoundMetric], given: frozenset[str]) -> ModelPlan:
    stages: dict[str, int] = {}
    for metric in metrics:
        stages[metric.id] = max((_stage_of(leaf, stages, given) for leaf in leaves(metric.tree)), default=1)
    used = [leaf for metric in metrics for leaf in leaves(metric.tree)]
    first = [leaf for leaf in used if not _own_metric(leaf, given)]
    reach = [days_before(leaf) for leaf in first]
    return ModelPlan(
        model,
        _unique(leaf.series for leaf in first),
        _unique_fields(field for metric in metrics for field in fields(metric.tree)),
        tuple(_stage(number, metrics, stages, given) for number in sorted(set(stages.values()))),
        max((days for days in reach if days is not None), default=0),
        None in reach,
        given,
    )


def _stage_of(leaf: Leaf, stages: dict[str, int], given: frozenset[str]) -> int:
    """The stage that can use a leaf: that of its metric for the same row, else the one behind it."""
    if not _own_metric(leaf, given):
        return 1
    return stages[leaf.series.name] + (0 if reads_row(leaf) else 1)


def _own_metric(leaf: Leaf, given: frozenset[str]) -> bool:
    """Whether a leaf reads a metric that is computed with it."""
    return leaf.series.calculated and not leaf.series.rollup and leaf.series.name not in given


def _stage(number: int, metrics: list[BoundMetric], stages: dict[str, int], given: frozenset[str]) -> Stage:
    here = [metric for metric in metrics if stages[metric.id] == number]
    everything = [leaf for metric in metrics for leaf in leaves(metric.tree)]
    if number == 1:
        windows = [leaf for leaf in everything if not _own_metric(leaf, given)]
    else:
        windows = [leaf for leaf in everything
                   if _own_metric(leaf, given) and not reads_row(leaf) and stages[leaf.series.name] == number - 1]
    planned = [PlannedMetric(m.id, m.tree, m.definition.missing_zero, m.definition.where) for m in here]
    return Stage(number, tuple(dict.fromkeys(windows)), tuple(planned))


def _unique(items: Iterable[SeriesRef]) -> tuple[SeriesRef, ...]:
    return tuple(dict.fromkeys(items))


def _unique_fields(items: Iterable[Field]) -> tuple[Field, ...]:
    return tuple(dict.fromkeys(items))
