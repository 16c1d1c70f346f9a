"""`metricflow`: those metrics of `standard` that MetricFlow can express, and nothing else, on both sides."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.data import Size
from benchmarks.peers.metricflow import METRICS
from benchmarks.workload import OWN, Bar, Entry, Options, Prepared, Workload, times
from benchmarks.workloads.standard import make, task


def _prepare(folder: Path, options: Options) -> Prepared:
    size = options.size(Size())
    if options.metricflow_companies is not None:
        size = replace(size, companies=options.metricflow_companies)
    told = task(folder, size, options.memory)
    told = replace(told, metrics=tuple(name for name in told.metrics if name in METRICS))
    rows = make(folder, size, told.metrics)
    return Prepared(
        [Entry(OWN, OWN, told), Entry("limit", "physical_limit", told), Entry("metricflow", "metricflow", told, OWN)], rows,
        [Bar("at least 10 times faster than MetricFlow's SQL", lambda lines: times(lines, "metricflow"), 10, at_least=True)])


WORKLOAD = Workload("the metrics of `standard` that MetricFlow can express", _prepare)
