"""The graph of a project knows its output tables."""

from __future__ import annotations

from pathlib import Path

import metricsql
from tests.output_tables.pnl import write
from tests.projects import write_project


def test_ledgers_lead_to_tables(tmp_path: Path) -> None:
    graph = metricsql.load(write(tmp_path)).graph()
    assert [(edge.source, edge.target, edge.op) for edge in graph.edges] == [("source:ledger.csv", "table:pnl", "rows")]


def test_metrics_lead_to_tables(tmp_path: Path) -> None:
    tables = {"t": {"source": "metrics.company", "rows": [{"metric": "a"}, {"metric": "a", "over": "count", "name": "n"}]}}
    file = write_project(tmp_path, {"companies.csv": "id\nx\n"}, [{"id": "a", "formula": "1 + 1"}, {"id": "b", "formula": "2 + 1"}],
                         until="2025-01-31", tables=tables)
    graph = metricsql.load(file).graph(downstream=["a"])
    assert ("metric:a", "table:t", "shows") in [(edge.source, edge.target, edge.op) for edge in graph.edges]
    assert "metric:b" not in [node.id for node in graph.nodes]
