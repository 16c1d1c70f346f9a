"""What to compute, engine-free: stages of leaves and arithmetic per model. Frozen, without places."""

from __future__ import annotations

from dataclasses import dataclass

from metricsql.bind.tree import Field, Leaf, SeriesRef, Tree


@dataclass(frozen=True)
class PlannedMetric:
    """A column of the result: arithmetic over leaves, fields and metrics of the same row."""

    id: str
    tree: Tree
    missing_zero: bool = False
    where: str | None = None


@dataclass(frozen=True)
class Stage:
    """Windows over what earlier stages gave (`leaves`), then the metrics that are arithmetic on them.

    In the first stage the leaves read the inputs of the model, in later ones its metrics.
    """

    number: int
    leaves: tuple[Leaf, ...]
    metrics: tuple[PlannedMetric, ...]


@dataclass(frozen=True)
class ModelPlan:
    """All that is computed for one model. `look_back` counts the days before a row that its windows read."""

    model: str
    inputs: tuple[SeriesRef, ...]
    fields: tuple[Field, ...]
    stages: tuple[Stage, ...]
    look_back: int = 0
    unbounded: bool = False
    given: frozenset[str] = frozenset()
    """Metrics whose values are stored already, and are read like a series."""

    @property
    def metrics(self) -> tuple[PlannedMetric, ...]:
        return tuple(metric for stage in self.stages for metric in stage.metrics)


@dataclass(frozen=True)
class Plan:
    """Models in the order in which they are computed: children before the root."""

    models: tuple[ModelPlan, ...]

    def model(self, name: str) -> ModelPlan | None:
        return next((plan for plan in self.models if plan.model == name), None)
