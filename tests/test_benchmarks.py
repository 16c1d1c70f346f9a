"""The benchmark harness on a small size: it runs, the values agree, and a wrong value would be seen."""

from __future__ import annotations

import json
from pathlib import Path

import duckdb
import pytest

from benchmarks.__main__ import main
from benchmarks.compare import compare
from benchmarks.data import Size, make_data
from benchmarks.peers import contender
from benchmarks.peers.window_queries import QUERIES
from benchmarks.workloads import STANDARD

METRICS = [metric.id for metric in STANDARD]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `standard`."""
    folder = tmp_path_factory.mktemp("benchmark")
    options = ["--companies", "50", "--days", "40", "--folder", str(folder), "--results", str(folder / "results")]
    assert main(["standard", *options]) == 0
    return folder


def test_the_result_says_what_was_measured(folder: Path) -> None:
    result = json.loads((folder / "results" / "standard.json").read_text())
    assert {"workload", "date", "runs", "size", "raw_rows", "cores", "load_before", "versions"} <= result.keys()
    own, peer = result["contenders"]
    assert (own["name"], peer["name"]) == ("own", "window_queries")
    for line in (own, peer):
        assert {"ratio", "cpu_ratio", "seconds", "cpu_seconds", "peak_gb", "rows", "file_mb"} <= line.keys()
        assert line["rows"] == 50 * 40 and line["seconds"] > 0 and line["peak_gb"] > 0
    assert own["ratio"] == 1 and {"read", "compute"} <= own["stages"].keys()
    assert (peer["cells_compared"], peer["cells_different"]) == (50 * 40 * len(METRICS), {})


def test_a_different_value_is_seen(folder: Path) -> None:
    peer = contender("window_queries")
    with duckdb.connect(str(peer.output(folder))) as connection:
        connection.execute("UPDATE logins_total SET value = value * (1 + 1e-8) WHERE company = 'c-000007'")
        connection.execute("UPDATE quiet_days SET value = NULL WHERE company = 'c-000007' AND day = '2025-02-01'")
        connection.execute("DELETE FROM seat_use WHERE company = 'c-000007' AND day = '2025-02-01'")
    found = compare("window_queries", folder, METRICS, sample=50)
    assert found.different == {"logins_total": 40, "quiet_days": 1, "seat_use": 1}


def test_most_cells_have_a_value(folder: Path) -> None:
    own = contender("own")
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{own.output(folder)}' AS result (READ_ONLY)")
        empty = [metric for metric in METRICS if connection.execute(
            f"SELECT COUNT(value) FROM ({own.values(folder, metric)})").fetchone() == (0,)]
    assert not empty


def test_every_metric_has_a_query() -> None:
    assert list(QUERIES) == METRICS


def test_data_depend_on_the_seed_alone(tmp_path: Path) -> None:
    sizes = {"one": Size(20, 10), "again": Size(20, 10), "other": Size(20, 10, seed=2)}
    read = {}
    for name, size in sizes.items():
        make_data(tmp_path / name, size)
        with duckdb.connect() as connection:
            read[name] = connection.execute(f"SELECT * FROM '{tmp_path / name}/metrics/*.parquet'").fetchall()
    assert read["one"] == read["again"] != read["other"]
