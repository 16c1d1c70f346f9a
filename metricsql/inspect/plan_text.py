"""A plan as text: per model what is read, then stage by stage the windows and the metrics made of them.

| line     | says                                                                              |
|----------|-----------------------------------------------------------------------------------|
| `reads`  | a series, or the sum of a child's series per company and day                      |
| `field`  | a field, as stored for the day                                                    |
| `leaf`   | one window, computed once however many metrics use it                             |
| `metric` | a column of the result: arithmetic on the leaves, fields and metrics of its row   |
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, assert_never

from metricsql.bind.tree import Apply, Constant, Field, Leaf, Tree
from metricsql.formula import write_expression
from metricsql.formula.nodes import Call, Formula, Name, Number, Text, Window
from metricsql.plan.nodes import ModelPlan, Plan, PlannedMetric


def spelled(tree: Tree) -> str:
    """A bound tree as an expression."""
    return write_expression(_written(tree))


def _written(tree: Tree) -> Formula:
    match tree:
        case Constant():
            return Text(tree.value) if isinstance(tree.value, str) else Number(tree.value)
        case Field():
            return Name(str(tree))
        case Leaf():
            return Window(tree.op, Name(str(tree.series)), tree.days, tree.mode)
        case Apply():
            return Call(tree.op, tuple(_written(argument) for argument in tree.args))
        case _:
            assert_never(tree)


def plan_lines(plan: Plan) -> Iterator[str]:
    """The plan as indented lines, children before the root."""
    for model in plan.models:
        yield model.model
        yield from (f"  reads   {series}" for series in model.inputs)
        yield from (f"  field   {field}" for field in model.fields)
        for stage in model.stages:
            yield f"  stage {stage.number}"
            yield from (f"    leaf    {spelled(leaf)}" for leaf in stage.leaves)
            yield from (f"    metric  {_metric(metric)}" for metric in stage.metrics)


def _metric(metric: PlannedMetric) -> str:
    where = f", only where {metric.where}" if metric.where else ""
    return f"{metric.id} = {spelled(metric.tree)}" + (", else 0" if metric.missing_zero else "") + where


def plan_data(plan: Plan) -> list[dict[str, Any]]:
    """The plan as JSON-ready data."""
    return [_model_data(model) for model in plan.models]


def _model_data(model: ModelPlan) -> dict[str, Any]:
    stages = [{"stage": stage.number, "leaves": [spelled(leaf) for leaf in stage.leaves],
               "metrics": [{"id": m.id, "formula": spelled(m.tree)} for m in stage.metrics]} for stage in model.stages]
    return {"model": model.model, "reads": [str(s) for s in model.inputs], "fields": [str(f) for f in model.fields],
            "stages": stages}
