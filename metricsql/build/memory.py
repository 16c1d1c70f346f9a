"""Into how many batches of companies a build of everything is cut, so that it keeps to its memory."""

from __future__ import annotations

from metricsql.build.change_points import estimate
from metricsql.build.engine import Engine, quoted
from metricsql.plan.nodes import Plan
from metricsql.sql.context import Context
from metricsql.sql.sources import records_name

MOST_BATCHES = 256
SHARE = 0.4
"""The part of the memory limit that one batch of windows may take; measured."""


def batches(engine: Engine, context: Context, plan: Plan) -> int:
    """1 if all values fit into memory at once."""
    room = SHARE * limit(engine)
    days = max((context.as_of - context.start).days + 1, 0)
    needed = 0
    for model in plan.models:
        records = int(engine.value(f"SELECT COUNT(*) FROM {quoted(records_name(context, model.model))}"))
        cells = estimate(engine, context, model) if model.model in context.change_points else records * days
        width = 2 + len(model.inputs) + len(model.metrics) + sum(len(stage.leaves) for stage in model.stages)
        needed = max(needed, 8 * width * cells)
    return min(MOST_BATCHES, max(1, -(-needed // int(room))))


def limit(engine: Engine) -> float:
    """The memory that the engine may fill, in bytes."""
    return engine.memory_limit()
