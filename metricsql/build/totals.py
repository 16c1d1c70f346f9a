"""Keeps what the series amount to through a day some weeks ago, for metrics that read everything (`sql/totals.py`).

A table stands until something changes on the days that it sums up, or until it is so old that a new one is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from metricsql.build.engine import Engine
from metricsql.build.kept import Need
from metricsql.build.state import SCHEMA, state
from metricsql.build.work import Work
from metricsql.plan.nodes import Plan
from metricsql.plan.spans import ONE_DAY
from metricsql.project.definition import ZERO_FILLED
from metricsql.sql.context import Context
from metricsql.sql.totals import Totals, day_of_totals, make_totals

REST = 30
"""So many of the last days are left out of new totals: most late data is of these."""
LONGEST = 60
"""The days behind totals after which new ones are made."""


@dataclass(frozen=True)
class TotalsPlan:
    """What becomes of the totals: those that stand once the kept series are up to date, and what must be done for it."""

    totals: Mapping[tuple[str, str], Totals]
    """By model and namespace."""
    old: Sequence[str]
    """Tables that hold no longer."""
    new: Sequence[str]
    """Statements that make others."""


def plan_totals(engine: Engine, context: Context, plan: Plan, work: Work, wanted: Sequence[Need],
                gone: Mapping[str, Iterable[str]]) -> TotalsPlan:
    """What becomes of the totals if the kept series change as is wanted, and some records are `gone`.

    New ones are made where days are computed in the day form, or everything is, so that later days can be.
    """
    first = min(work.days, default=context.as_of + ONE_DAY)
    makes = bool(work.days) or work.everything is not None
    tables = {name: day for name in engine.tables(SCHEMA) if (day := day_of_totals(name)) is not None}
    stand: dict[tuple[str, str], Totals] = {}
    new: dict[tuple[str, str], Totals] = {}
    for need in (need for need in wanted if need.namespace not in ZERO_FILLED):
        if columns := _columns(plan, need):
            known = [Totals(need.model, need.namespace, day, columns) for day in tables.values()]
            for one in (one for one in known if one.table in tables and one.through < first):
                due = makes and context.as_of - one.through > timedelta(days=LONGEST)
                if not due and _is_untouched(need, one.through, gone) and _holds(engine, one):
                    stand[need.key] = one
            if makes and need.key not in stand and first.toordinal() > REST + 1:
                new[need.key] = Totals(need.model, need.namespace, first - timedelta(days=REST + 1), columns)
    standing = {one.table for one in stand.values()}
    statements = [make_totals(new[need.key], need.columns) for need in wanted if need.key in new]
    return TotalsPlan({**stand, **new}, [name for name in tables if name not in standing], statements)


def refresh(engine: Engine, plan: TotalsPlan) -> None:
    """Make the tables what the plan says. The kept series are up to date."""
    for name in plan.old:
        engine.run(f"DROP TABLE {state(name)}")
    for statement in plan.new:
        engine.run(statement)


def _columns(plan: Plan, need: Need) -> dict[tuple[str, str], str]:
    """Series and window operator of the leaves that read everything -> the column of their totals."""
    leaves = [leaf for model in plan.models for leaf in model.stages[0].leaves
              if leaf.days is None and not leaf.series.rollup and (leaf.series.model, leaf.series.namespace) == need.key]
    return {(leaf.series.name, leaf.op): f"{need.columns[leaf.series.name]} {leaf.op}"
            for leaf in leaves if leaf.series.name in need.columns}


def _is_untouched(need: Need, through: date, gone: Mapping[str, Iterable[str]]) -> bool:
    """Whether the days through this one are kept as they were."""
    return need.days is not None and through < min(need.days, default=date.max) and not gone.get(need.model)


def _holds(engine: Engine, totals: Totals) -> bool:
    """Whether the table has all that is asked of it."""
    return {"record", *totals.columns.values()} <= set(engine.columns(state(totals.table)))
