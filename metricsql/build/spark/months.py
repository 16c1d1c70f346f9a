"""What a build on Spark writes again: whole months where values of older days change, single days behind the last one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from metricsql.build.outside import Stretch, last_of_month
from metricsql.build.work import Work
from metricsql.plan.spans import ONE_DAY, Span, clip, days_of, union

MOST_DAYS = 8
"""So many days are added one by one; more are computed as months."""
MOST_PARTS = 12
"""A month in more folders than these is written again as one."""


@dataclass(frozen=True)
class Rewrite:
    """Per model the stretches that are computed in the history form, and the days that are added in the day form."""

    spans: Mapping[str, Sequence[Span]]
    days: Sequence[date]
    kept: Sequence[Stretch] = field(default=())
    """The folders of results that stay."""


def month_of(day: date) -> date:
    """The first day of the month of a day."""
    return day.replace(day=1)


def months_of(spans: Iterable[Span]) -> set[date]:
    """The months that stretches of days touch."""
    return {month_of(day) for first, last in spans for day in days_of([(first, last)])}


def plan_rewrite(work: Work, models: Mapping[str, str], old: Sequence[Stretch], start: date, as_of: date) -> Rewrite:
    """What some work means for the folders of results. `models` gives the model of each metric."""
    through = work.built_through
    assert through is not None
    new = days_of([(max(start, through + ONE_DAY), as_of)]) if through < as_of else []
    alone = [day for day in new if day in work.days]
    added = list(new) if len(alone) == len(list(new)) <= MOST_DAYS else []
    last = min(through, as_of) if added else as_of
    touched: dict[str, set[date]] = {model: set() for model in models.values()}
    for name, found in work.affected.items():
        touched[models[name]] |= months_of(clip(found.spans, start, last))
    for model, months in touched.items():
        own = [one for one in old if one.table == f"metrics.{model}"]
        months |= {month for month in {month_of(one.first) for one in own}
                   if sum(month_of(one.first) == month for one in own) > MOST_PARTS}
        if as_of < through:
            months.add(month_of(as_of))
    spans = {model: [(max(first, start), min(end, last)) for first, end in union((month, last_of_month(month)) for month in months)
                     if max(first, start) <= min(end, last)] for model, months in touched.items()}
    kept = [one for one in old if one.first <= as_of and month_of(one.first) not in touched.get(one.table.removeprefix("metrics."), ())]
    return Rewrite(spans, added, [one for one in kept if one.table.startswith("metrics.")])
