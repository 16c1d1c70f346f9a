"""Values that stay the same for days: on which days a model's values can change, and which ones move every day.

Between two such days (change points) every value that does not move is the same, so it has to be computed and stored
only once. Pure; knows no engine and no data.
"""

from __future__ import annotations

from collections.abc import Iterable

from metricsql import operators
from metricsql.bind.tree import Leaf, SeriesRef, leaves
from metricsql.plan.nodes import ModelPlan, PlannedMetric
from metricsql.plan.planner import reads_row
from metricsql.project.definition import ZERO_FILLED

AS_ZEROS = ("sum", "last", "min", "max", "total_sum", "days_since")
"""Windows that give the same over a series with zeros if only the first and the last of a run of zeros are there."""


def why_not(plan: ModelPlan) -> str | None:
    """Why the values of a model cannot be held as change points; None if they can."""
    if len(plan.stages) > 1:
        return f"it has a window over its calculated metric `{plan.stages[1].leaves[0].series.name}`"
    for leaf in plan.stages[0].leaves:
        if leaf.series.calculated:
            return f"it reads `{leaf.series}`, which has a value on every day"
        if zero_filled(leaf) and not (leaf.op in AS_ZEROS or is_same_day(leaf)):
            return f"it asks for {operators.window(leaf.op).json} of `{leaf.series}`, where days without data count, too"
    return None


def zero_filled(leaf: Leaf) -> bool:
    """Whether a day without data is 0 for a leaf."""
    return leaf.series.namespace in ZERO_FILLED


def is_same_day(leaf: Leaf) -> bool:
    """Whether a leaf is the value of the day itself."""
    return leaf.days == 1 and operators.window(leaf.op).same_day is not None


def moves(leaf: Leaf) -> bool:
    """Whether the value of a leaf changes with every day, though what its window gives does not."""
    return "{day}" in operators.window(leaf.op).result


def moving(plan: ModelPlan) -> frozenset[str]:
    """The metrics whose values change every day, by a leaf of their own or through a metric of the same row."""
    found: set[str] = set()
    for metric in plan.metrics:
        if any(leaf.series.name in found if reads_row(leaf) else moves(leaf) for leaf in leaves(metric.tree)):
            found.add(metric.id)
    return frozenset(found)


def constant(plan: ModelPlan) -> tuple[PlannedMetric, ...]:
    """The metrics whose values change on change points only."""
    without = moving(plan)
    return tuple(metric for metric in plan.metrics if metric.id not in without)


def days_after(leaf: Leaf) -> tuple[int, ...]:
    """How many days after a day with data the value of a leaf may change: on the day itself, and when it leaves the window.

    A trend has a value on days with data only, so it ends the day after. Where days without data are 0, such a day may
    enter the window the day after data, and the last one before data may be the only one in it.
    """
    block = operators.window(leaf.op)
    if leaf.days is None:
        return (0,)
    if block.reads == "offset":
        return (0, 1)
    if zero_filled(leaf) and leaf.op != "sum" and not is_same_day(leaf):
        return (-1, 0, 1, leaf.days - 1, leaf.days)
    return (0, leaf.days)


def change_days(plan: ModelPlan) -> dict[SeriesRef, tuple[int, ...]]:
    """Per input, how many days after a day with data any value may change."""
    return {series: _sorted(days for leaf in plan.stages[0].leaves if leaf.series == series for days in days_after(leaf))
            for series in plan.inputs}


def _sorted(days: Iterable[int]) -> tuple[int, ...]:
    return tuple(sorted(set(days)))
