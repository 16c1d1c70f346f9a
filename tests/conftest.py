"""Property tests repeat the same examples on every run; `METRICSQL_EXPLORE=1` looks for new ones."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

settings.register_profile("repeat", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None)
settings.load_profile("explore" if os.environ.get("METRICSQL_EXPLORE") else "repeat")

SLOW = (
    "answers", "bad_input", "build", "changes", "day_form", "find", "flights", "hostile", "incremental", "library", "random", "running",
    "sources", "test_catalogue", "test_python", "test_explain", "test_why", "test_unit_tests", "test_lint", "test_schema", "test_report",
    "test_engine", "output_tables", "cli/", "test_docs", "test_semantics", "test_tables", "test_reach", "test_graph", "benchmarks",
    "test_plans", "tests/spark",
)
"""Parts of the paths of tests that make builds, and so are left out of the quick part."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, in one place; `exhaustive` tests are slow, too."""
    for item in items:
        path = item.nodeid.partition("::")[0]
        if any(word in path for word in SLOW) or item.get_closest_marker("exhaustive"):
            item.add_marker(pytest.mark.slow)
        if "tests/spark/" in path:
            item.add_marker(pytest.mark.xdist_group("spark"))  # one process of Java at a time
