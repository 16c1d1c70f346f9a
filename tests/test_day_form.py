"""The one-day form gives what the history form gives, on any day."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.oracle.random_formulas import random_panel
from tests.panels import without_twins, write_panel
from tests.projects import all_values, build, query, same


@pytest.mark.parametrize("seed", [100, 101, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in range(102, 112))])
def test_day_form_equals_history_form(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    panel = without_twins(random_panel(rng))
    project = build(write_panel(panel, tmp_path))
    built = all_values(project)
    monkeypatch.chdir(tmp_path)
    days = sorted({day for cells in built.values() for _, day in cells})
    for day in {*days[:1], *days[-1:], *rng.sample(days, min(2, len(days)))}:
        for model in {metric.model for metric in panel.metrics}:
            ids = [metric.id for metric in panel.metrics if metric.model == model]
            sql = project.sql(*ids, day=day)
            assert " OVER " not in sql.split('"' + model + ' windows" AS')[-1]
            rows = query(project, sql)
            assert {(row[0], row[1]) for row in rows} == {cell for cell in built[ids[0]] if cell[1] == day}
            for row in rows:
                for id_, value in zip(ids, row[2:], strict=True):
                    assert same(value, built[id_][row[0], day]), (id_, row[0], day)
