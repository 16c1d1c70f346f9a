"""Every metric of a panel on every row of its grid (docs/semantics.md sections 1, 2 and 7)."""

from __future__ import annotations

from datetime import date

from .arithmetic import total
from .fields import FieldPast
from .groups import number_value
from .model import Metric, Number, Panel, RuleError, Value
from .names import ZERO_FILLED, SeriesName, read_field_name, read_series_name
from .parts import Place
from .rawdata import grids, sent_values

Rows = dict[tuple[str, date], Number]


def evaluate(panel: Panel) -> dict[str, Rows]:
    """The numbers of every metric: one per grid row of its model, and nothing else."""
    world = World(panel)
    return {metric.id: world.rows(metric) for metric in panel.metrics}


class World:
    """A panel with everything read once; it is the source of the values of parts."""

    def __init__(self, panel: Panel) -> None:
        self._panel = panel
        self._metrics = {metric.id: metric for metric in panel.metrics}
        if len(self._metrics) != len(panel.metrics):
            raise RuleError("two metrics with one id")
        self._sent = sent_values(panel)
        self._fields = FieldPast(panel)
        self._grids = grids(panel)
        self._done: dict[str, Rows] = {}
        self._path: list[str] = []
        self._known_series: dict[tuple[SeriesName, str, str], dict[date, float]] = {}

    def rows(self, metric: Metric) -> Rows:
        """The rows of one metric, computed when they are first asked for (section 7: what is used is built first)."""
        if metric.id in self._path:
            raise RuleError("a cycle: " + " -> ".join([*self._path, metric.id]))
        if metric.id not in self._done:
            self._path.append(metric.id)
            self._done[metric.id] = {
                (key, day): self._result(metric, key, day)
                for key in self._panel.models[metric.model]
                for day in self._grids[metric.model, key]
            }
            self._path.pop()
        return self._done[metric.id]

    def _result(self, metric: Metric, key: str, day: date) -> Number:
        """One number: NULL outside `where`, else the formula's, with `missing: zero` applied once, at the output."""
        if metric.where is not None and key not in metric.where:
            return None
        result = number_value(metric.formula, Place(self, metric.model, key, day))
        return 0.0 if result is None and metric.missing_zero else result

    def default_trend(self) -> str:
        """The project's `trend:`."""
        return self._panel.trend

    def field(self, prop: object, model: str, key: str, day: date) -> Value:
        """The field of a record as tracked for a day."""
        return self._fields.value(model, key, read_field_name(prop, model, self._panel.models), day)

    def series(self, prop: object, model: str, key: str) -> tuple[SeriesName, dict[date, float]]:
        """The series that a formula of a model names, with its values for one record of that model."""
        name = read_series_name(prop, model, self._panel.root, self._panel.models)
        if (name, model, key) not in self._known_series:
            self._known_series[name, model, key] = self._of_record(name, key) if name.model == model else self._of_children(name, key)
        return name, self._known_series[name, model, key]

    def _of_record(self, name: SeriesName, key: str) -> dict[date, float]:
        """The values of a record's own series: the days that have one."""
        if name.namespace == "calculated":
            metric = self._metrics.get(name.name)
            if metric is None or metric.model != name.model:
                raise RuleError(f"{name.model} has no calculated metric {name.name!r}")
            return {day: value for (owner, day), value in self.rows(metric).items() if owner == key and value is not None}
        sent = self._sent.get((name, key), {})
        if name.namespace not in ZERO_FILLED:
            return sent
        # A day without data is 0 on grid days only; before the grid there is only what was sent.
        return {day: 0.0 for day in self._grids[name.model, key]} | sent

    def _of_children(self, name: SeriesName, company: str) -> dict[date, float]:
        """The sum over the children of a company, day by day; a day on which no child has a value is absent."""
        children = [key for key, record in self._panel.models[name.model].items() if record.company == company]
        series = [self._of_record(name, key) for key in children]
        sums = {day: total([values[day] for values in series if day in values]) for day in {day for values in series for day in values}}
        return {day: value for day, value in sums.items() if value is not None}
