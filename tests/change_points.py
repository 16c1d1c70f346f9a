"""Projects whose models are held as change points although they are small."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import metricsql
from metricsql.build import change_points
from metricsql.plan.change_points import why_not
from tests.changes.state import MODELS
from tests.oracle import Panel
from tests.oracle.names import ZERO_FILLED
from tests.oracle.random_formulas import random_panel
from tests.panels import without_twins, write_panel
from tests.projects import query


@contextmanager
def held(share: float = 1e9) -> Iterator[None]:
    """Every model that can be is held as change points; with 0 none is."""
    before = change_points.LEAST_CELLS, change_points.MOST_SHARE
    change_points.LEAST_CELLS, change_points.MOST_SHARE = 0, share
    try:
        yield
    finally:
        change_points.LEAST_CELLS, change_points.MOST_SHARE = before


def models_held(project: metricsql.Project) -> set[str]:
    """The models whose values are a view in the built file."""
    views = query(project, "SELECT view_name FROM duckdb_views() WHERE schema_name = 'metrics'")
    return {name for name, in views if not name.endswith("_latest")}


def possible_panel(seed: int, dense: frozenset[str] = frozenset(), **options: Any) -> Panel:
    """A random awkward panel without the metrics for which a model must have a row per day, except models in `dense`."""
    panel = without_twins(random_panel(random.Random(seed), **options))
    with TemporaryDirectory() as folder:
        _, context, compiled = metricsql.load(write_panel(panel, Path(folder)))._compile(names=False)
        plans = {name: compiled.plan(context.definition, [name]) for name in compiled.metrics}
    odd = {name for name, plan in plans.items() if any(why_not(model) for model in plan.models if model.model not in dense)}
    return replace(panel, metrics=[metric for metric in panel.metrics if metric.id not in odd])


def needs_every_day(formula: Any) -> bool:
    """Whether a child's model with this formula must have a row per day: `why_not`, told from the text."""
    match formula:
        case {"type": str(kind), "prop": str(prop), **rest}:
            space = prop.removeprefix(f"{prop.partition('.')[0]}." if prop.partition(".")[0] in MODELS else "").partition(".")[0]
            same_day = rest.get("days") == 1 and rest.get("op") not in ("LENGTH", "TREND")
            if space == "calculated":
                return not same_day
            counts = rest.get("op") in ("AVERAGE", "AVG", "LENGTH", "TREND")
            return kind == "metricOverTime" and space in ZERO_FILLED and counts and not same_day
        case list():
            return any(needs_every_day(item) for item in formula)
        case _:
            return False
