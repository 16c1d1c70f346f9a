"""What SQL is generated for: a project, its data's facts, and the days of its grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING

from metricsql.bind.catalog import Catalog
from metricsql.bind.sources import BoundSources
from metricsql.bind.tree import Field
from metricsql.plan.nodes import ModelPlan
from metricsql.project.definition import CALCULATED, ZERO_FILLED, Definition

if TYPE_CHECKING:
    from metricsql.sql.totals import Totals


@dataclass(frozen=True)
class Context:
    """Everything the SQL stage may know. `as_of` is the last day of the grid."""

    definition: Definition
    sources: BoundSources
    catalog: Catalog
    as_of: date
    numbered: bool = False
    """Records are numbered (as a build has them); else they go by their keys."""
    all_names: bool = False
    """Sources are read whole, not only the series that the plan needs."""
    canonical: bool = False
    """Data comes from the relations `records`, `series` and `fields` instead of sources."""

    day: date | None = None
    """The one day that is asked for, in the day form; `as_of` is the same day then."""
    rows_from: Mapping[str, date] = field(default_factory=dict)
    """Per model, the first day whose rows are computed, where that is not the start of the grid."""
    kept: Mapping[tuple[str, str], Mapping[str, str]] = field(default_factory=dict)
    """Per model and namespace, the series that the built file keeps by day, with their columns there."""
    totals: Mapping[tuple[str, str], Totals] = field(default_factory=dict)
    """Likewise, what it keeps of them through a day, for leaves that read everything."""
    timelines: Mapping[Field, str] = field(default_factory=dict)
    """The tables with the values of fields over time, where they are made already."""
    positioned: bool = False
    """Sources are views that know the file of a row and its place there."""
    change_points: frozenset[str] = frozenset()
    """Models whose values are computed and stored only where they can change."""
    restricted: bool = False
    """Only some records are computed: the tables of records hold just these."""

    @property
    def start(self) -> date:
        """First day of the grid; the day after `as_of` (no grid at all) without data."""
        return self.definition.start or self.catalog.first_day or self.as_of + timedelta(days=1)

    def frame_start(self, plan: ModelPlan) -> date:
        """First day that windows of the plan must see: the look-back before the grid, as far as there is data."""
        first, rows = self.catalog.first_day, self.first_row(plan.model)
        if any(series.namespace in (*ZERO_FILLED, CALCULATED) for series in plan.inputs):  # they have values without data
            first = min(first or self.start, self.start)
        if first is None or first >= rows:
            return rows
        if self.canonical:  # where the data begins is only known to the data
            return first
        return max(first, rows - timedelta(days=min(plan.look_back, (rows - first).days)))

    def first_row(self, model: str) -> date:
        """First day of the rows of a model."""
        return max(self.start, self.day or self.rows_from.get(model, self.start))

    def needs_opening(self, plan: ModelPlan) -> bool:
        """Whether data older than the frame counts for leaves that read everything."""
        first = self.catalog.first_day
        return not self.canonical and plan.unbounded and first is not None and first < self.frame_start(plan)
