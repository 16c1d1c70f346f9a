"""Writes the SQL of the last days while the engine is still at work on what comes before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date

from metricsql.build.compute import DayQuery, day_queries
from metricsql.compiler import Compiled
from metricsql.sql.context import Context


class Ahead:
    """The queries of days, as they will most likely be asked for; else they are written when they are."""

    def __init__(self, context: Context, compiled: Compiled, days: Mapping[date, Sequence[str]]) -> None:
        self.context, self.compiled, self.days = context, compiled, days
        pool = ThreadPoolExecutor(1)  # the day that is needed first is written first
        self._written = {day: pool.submit(day_queries, context, compiled, metrics, day) for day, metrics in sorted(days.items())}
        pool.shutdown(wait=False)

    def queries(self, context: Context, compiled: Compiled, metrics: Sequence[str], day: date) -> list[DayQuery]:
        """The queries of a day: those that are written already, if it was for just this."""
        if self.days.get(day) == metrics and compiled is self.compiled and context == self.context:
            return self._written[day].result()
        return day_queries(context, compiled, metrics, day)
