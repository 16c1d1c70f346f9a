"""Which records really changed, by series and by metric: what depends on them is computed for those records only."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date

from metricsql.bind.metrics import BoundMetric
from metricsql.bind.tree import SeriesRef, fields, leaves
from metricsql.build.compute import with_children
from metricsql.build.engine import Engine, quoted
from metricsql.plan.affected import Differences
from metricsql.project.definition import CALCULATED
from metricsql.sql import moves
from metricsql.sql.context import Context
from metricsql.sql.sources import records_name

MOVED = "moved records"
"""`model, source, record, day`: where values of a series differ from those of the last build; of a metric without the day."""
CONCERNED = "concerned records"
FEW_RECORDS = 0.2
"""The share of records up to which only they are computed."""


class Moved:
    """What is known of the records that changed. Sources of which it is not known count as changed for everybody."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.known: set[tuple[str, str]] = set()
        """Per model, the sources that were compared."""
        self.unknown: set[tuple[str, str]] = set()
        """The metrics that were written without being compared."""
        engine.run(f"CREATE OR REPLACE TEMP TABLE {quoted(MOVED)} (model VARCHAR, source VARCHAR, record INTEGER, day DATE)")

    def series(self, model: str, namespace: str, columns: Mapping[str, str], before: str, now: str) -> None:
        """Compare two tables `record, day, <column>...` with the days of a kept table that were collapsed again."""
        sources = {f"{namespace}.{name}": column for name, column in columns.items()}
        self.engine.run(f"INSERT INTO {quoted(MOVED)} {moves.of_series(model, sources, before, now)}")
        self.known |= {(model, source) for source in sources}

    def some(self, model: str, metrics: Sequence[str], records: str) -> None:
        """Take down that some metrics may have changed for the records of a query."""
        sources = [f"{CALCULATED}.{name}" for name in metrics]
        for source in sources:
            self.engine.run(f"INSERT INTO {quoted(MOVED)} SELECT ?, ?, record, NULL FROM ({records})", [model, source])
        self.known |= {(model, source) for source in sources}

    def metrics(self, model: str, metrics: Sequence[str], changed: str) -> None:
        """Take down the records of a table of changed values."""
        sources = [f"{CALCULATED}.{name}" for name in metrics]
        self.engine.run(f"INSERT INTO {quoted(MOVED)} {moves.of_metrics(model, sources, changed)}")
        self.known |= {(model, source) for source in sources}

    def anything(self, model: str, metrics: Sequence[str]) -> None:
        """Take down that any record of some metrics may have changed."""
        self.unknown |= {(model, f"{CALCULATED}.{name}") for name in metrics}

    def differences(self, found: Differences, kept: Mapping[tuple[str, str], Collection[str]]) -> Differences:
        """The differences of series by what their collapsed values are: rows may change and amount to the same.

        `kept` gives the names of the series that are kept per model and namespace.
        """
        days: dict[str, set[date]] = {}
        for source, day in self.engine.rows(f"SELECT DISTINCT source, day FROM {quoted(MOVED)}"):
            days.setdefault(source, set()).add(day)
        series = dict(found.series)
        for namespace, name in found.series:
            holders = [model for (model, other), names in kept.items() if other == namespace and name in names]
            source = f"{namespace}.{name}"
            if holders and all((model, source) in self.known for model in holders):
                series[namespace, name] = frozenset(days.get(source, ()))
        return Differences(series, found.namespaces, found.fields, found.edited, found.built_through)

    def concerned(self, context: Context, metric: BoundMetric, found: Differences, queries: Mapping[str, str | None]) -> str | None:
        """A query for the records of a metric that may change; None for all.

        `queries` are those of metrics that are still to be computed.
        """
        if metric.id in found.edited or any((f.model, f.name) in found.fields for f in fields(metric.tree)):
            return None
        parts = [self._of(context, series, found, queries) for series in dict.fromkeys(leaf.series for leaf in leaves(metric.tree))]
        return None if None in parts else "\nUNION ALL ".join(part for part in parts if part) or None

    def _of(self, context: Context, series: SeriesRef, found: Differences, queries: Mapping[str, str | None]) -> str | None:
        """The same for one source; empty if it did not change."""
        source = (series.model, f"{series.namespace}.{series.name}")
        if series.calculated and series.name in queries:
            query = queries[series.name]
            return query if query is None or not series.rollup else moves.companies_of(context, series.model, query)
        if series.namespace in found.namespaces or source in self.unknown:
            return None
        if source in self.known:
            return moves.concerned(context, series, source[1], MOVED)
        return None if (series.namespace, series.name) in found.series else ""

    def few(self, context: Context, model: str, queries: Sequence[str]) -> Mapping[str, str] | None:
        """The conditions that choose the records of some queries, with what belongs to them; None if they are many."""
        engine = self.engine
        engine.run(f"CREATE OR REPLACE TEMP TABLE {quoted(CONCERNED)} AS SELECT DISTINCT record FROM (\n"
                   + "\nUNION ALL ".join(queries) + "\n)")
        count, everyone = engine.rows(f"SELECT (SELECT COUNT(*) FROM {quoted(CONCERNED)}), "
                                      f"(SELECT COUNT(*) FROM {quoted(records_name(context, model))})")[0]
        if count > FEW_RECORDS * everyone:
            return None
        chosen = f"{{}} IN (SELECT record FROM {quoted(CONCERNED)})"
        return with_children(context, chosen) if model == context.definition.root else {model: chosen.format("record")}
