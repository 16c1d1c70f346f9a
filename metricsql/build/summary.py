"""Statistics of a built metric over its records, day by day; the engine computes them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from metricsql.build.engine import Engine, quoted
from metricsql.build.patch import columns_of
from metricsql.build.read import not_built, open_built
from metricsql.project.definition import Definition

LOW, MIDDLE, HIGH = 0.05, 0.5, 0.95


@dataclass(frozen=True)
class DaySummary:
    """One day of a metric: how many records have a row and how many a value, and how those values are spread."""

    day: date
    records: int
    values: int
    mean: float | None
    low: float | None
    middle: float | None
    high: float | None

    @property
    def coverage(self) -> float | None:
        """The share of records with a value, from 0 to 1."""
        return self.values / self.records if self.records else None


@dataclass(frozen=True)
class Coverage:
    """How much of a metric's grid has a value. `rows` are records times days."""

    rows: int
    values: int
    records: int
    records_with_value: int
    first: date | None
    last: date | None
    first_value: date | None
    last_value: date | None


def read_days(engine: Engine, model: str, metric: str, first: date | None = None,
              last: date | None = None) -> list[DaySummary]:
    """Every built day in order. Quantiles lie between the two nearest values, as is usual for small numbers of them."""
    x = quoted(metric)
    spread = ", ".join(f"QUANTILE_CONT({x}, {share})" for share in (LOW, MIDDLE, HIGH))
    rows = engine.rows(f"""
SELECT day, COUNT(*), COUNT({x}), CASE WHEN ISFINITE(AVG({x})) THEN AVG({x}) END, {spread}
FROM "metrics".{quoted(model)}
WHERE day >= COALESCE(?, day) AND day <= COALESCE(?, day)
GROUP BY day ORDER BY day""", [first, last])
    return [DaySummary(*row) for row in rows]


def read_coverage(engine: Engine, model: str, metric: str) -> Coverage:
    """The grid of a metric as a whole."""
    x = quoted(metric)
    row = engine.rows(f"""
SELECT COUNT(*), COUNT({x}), COUNT(DISTINCT record), COUNT(DISTINCT record) FILTER (WHERE {x} IS NOT NULL),
       MIN(day), MAX(day), MIN(day) FILTER (WHERE {x} IS NOT NULL), MAX(day) FILTER (WHERE {x} IS NOT NULL)
FROM "metrics".{quoted(model)}""")[0]
    return Coverage(*row)


def summarise(definition: Definition, model: str, metric: str, first: date | None,
              last: date | None) -> list[DaySummary]:
    """The days of one metric. Raises `ProjectError` if it is not built."""
    engine = open_built(definition)
    try:
        if metric not in columns_of(engine, model):
            raise not_built(f"the metric `{metric}` is not built yet")
        return read_days(engine, model, metric, first, last)
    finally:
        engine.close()
