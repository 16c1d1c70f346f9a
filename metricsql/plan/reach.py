"""Look-back and reach: which days of a source a metric's day reads, and which days of it a source's day changes.

Both are one number. A value of day d that reads the days d - k to d is changed by exactly the days d - k to d,
so a changed day s changes the days s to s + k. None stands for all days so far, or for all that follow.

Nothing of sources or engines is known here: a builder that knows which days changed asks `changed_days`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from metricsql.bind.metrics import BoundMetric, in_order
from metricsql.bind.tree import Field, Leaf, SeriesRef, fields, leaves
from metricsql.plan.nodes import ModelPlan, Plan
from metricsql.plan.planner import days_before

Days = int | None
"""A number of days; None where there is no bound."""


@dataclass(frozen=True)
class Reads:
    """What a metric reads, itself and through the metrics it uses."""

    series: Mapping[SeriesRef, Days] = field(default_factory=dict)
    """Every raw series, as a formula of the metric's model would name it, with the look-back into it."""
    fields: tuple[Field, ...] = ()
    """Fields, which hold from the day they are stored until the next stored one: their look-back has no bound."""

    @property
    def look_back(self) -> Days:
        """The days before its own that a value reads of any series: 0 for only the day itself, None for all."""
        return longest(self.series.values())

    @property
    def reach(self) -> Days:
        """The days after a changed day of any series on which values change; None for all. Fields stay out."""
        return self.look_back


def longest(spans: Iterable[Days]) -> Days:
    """The longest of some spans; 0 without any, None if one has no bound."""
    known = list(spans)
    return None if None in known else max((span for span in known if span is not None), default=0)


def reads(metrics: Iterable[BoundMetric]) -> dict[str, Reads]:
    """What every metric reads, by id. Metrics that are used must be among them."""
    found: dict[str, Reads] = {}
    for metric in in_order(metrics):
        found[metric.id] = _reads(metric, found)
    return found


def changed_days(first: date, last: date, reach: Days) -> tuple[date, date | None]:
    """First and last day of a metric that change when the days `first` to `last` of a series do; None for no end."""
    if reach is None or reach > (date.max - last).days:
        return first, None
    return first, last + timedelta(days=reach)


def _reads(metric: BoundMetric, known: Mapping[str, Reads]) -> Reads:
    series: dict[SeriesRef, Days] = {}
    used = dict.fromkeys(fields(metric.tree))
    for leaf in leaves(metric.tree):
        for source, inner in _sources(leaf, known):
            named = replace(source, rollup=source.model != metric.model)
            spans = [_joined(days_before(leaf), inner), *([series[named]] if named in series else [])]
            series[named] = longest(spans)
        if leaf.series.calculated and leaf.series.name in known:
            used.update(dict.fromkeys(known[leaf.series.name].fields))
    return Reads(series, tuple(used))


def _sources(leaf: Leaf, known: Mapping[str, Reads]) -> Iterable[tuple[SeriesRef, Days]]:
    """The raw series behind a leaf, with the look-back from the days that the leaf reads."""
    if not leaf.series.calculated:
        return [(leaf.series, 0)]
    return known[leaf.series.name].series.items() if leaf.series.name in known else []


def _joined(outer: Days, inner: Days) -> Days:
    """The look-back of a window over values that look back themselves."""
    return None if outer is None or inner is None else outer + inner


def first_rows(plan: Plan, model: str, first: date, start: date) -> dict[str, date]:
    """The first row per model that must be computed so that those of `model` are right from `first` on.

    Windows over calculated metrics look at earlier rows of the grid; the grid begins at `start`.
    """
    found: dict[str, date] = {}
    target = plan.model(model)
    if target is None:
        return found
    found[model] = _back(first, _own_look_back(target), start)
    for child in (p for p in plan.models if p.model != model):
        used = [days_before(leaf) for leaf in target.stages[0].leaves
                if leaf.series.calculated and leaf.series.rollup and leaf.series.model == child.model]
        if used:
            found[child.model] = _back(found[model], _joined(longest(used), _own_look_back(child)), start)
    return found


def _own_look_back(plan: ModelPlan) -> Days:
    """How far the windows over the model's own metrics look back, one stage behind the other."""
    total: Days = 0
    for stage in plan.stages[1:]:
        total = _joined(total, longest(days_before(leaf) for leaf in stage.leaves))
    return total


def _back(day: date, days: Days, start: date) -> date:
    if days is None or days >= (day - start).days:
        return start
    return day - timedelta(days=days)
