"""The built flights metrics against SQL that was written by hand, by another route, over the raw file."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb
import pytest

import metricsql
from tests.flights.hand_sql import HAND_SQL
from tests.projects import same

FIXTURE = Path(__file__).parents[2] / "fixtures" / "flights"


@pytest.fixture(scope="module")
def flights(tmp_path_factory: pytest.TempPathFactory) -> metricsql.Project:
    folder = tmp_path_factory.mktemp("flights")
    shutil.copytree(FIXTURE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.duckdb*"))
    project = metricsql.load(folder)
    report = project.build()
    assert report.rows == {"company": 16 * 365, "asset": 3322 * 365}
    return project


@pytest.mark.parametrize("metric", sorted(HAND_SQL))
def test_equals_hand_written_sql(flights: metricsql.Project, metric: str) -> None:
    expected = duckdb.sql(HAND_SQL[metric].format(data=FIXTURE / "data")).fetchall()
    built = {(record, day): value for record, day, value in flights.relation(metric).fetchall()}
    assert len(expected) in (16 * 365, 73 * 365)
    wrong = [(r, d, v, built[r, d]) for r, d, v in expected if not same(built[r, d], v)]
    assert not wrong, f"{len(wrong)} of {len(expected)} differ, first {wrong[:3]}"
