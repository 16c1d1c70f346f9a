"""Random projects against the oracle, which was written from the rules without sight of the compiler."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

import metricsql
from tests.oracle import Panel, evaluate
from tests.oracle.random_formulas import random_panel
from tests.panels import without_twins, write_panel
from tests.projects import all_values, build, same


def compare(project: metricsql.Project, panel: Panel) -> list[str]:
    """Every cell that differs from the oracle, in words."""
    wrong, built = [], all_values(project)
    for metric, expected in evaluate(panel).items():
        found = built[metric]
        if found.keys() != expected.keys():
            odd = sorted(found.keys() ^ expected.keys())[:3]
            wrong.append(f"{metric}: rows differ: {len(found)} built, {len(expected)} expected, such as {odd}")
            continue
        wrong += [f"{metric} {cell}: built {found[cell]}, oracle {value}" for cell, value in expected.items()
                  if not same(found[cell], value)]
    return wrong


@pytest.mark.parametrize("seed", [*range(12), *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(12, 25))])
def test_random_project(seed: int, tmp_path: Path) -> None:
    panel = without_twins(random_panel(random.Random(seed)))
    assert compare(build(write_panel(panel, tmp_path)), panel) == []


def test_a_hundred_random_formulas(tmp_path: Path) -> None:
    panel = without_twins(random_panel(random.Random(2026), metrics=100, days=40, companies=6, depth=4))
    assert len(panel.metrics) == 100
    assert compare(build(write_panel(panel, tmp_path)), panel) == []
