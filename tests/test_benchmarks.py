"""The benchmark harness on a small size: it runs, the values agree, and a wrong value would be seen."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.__main__ import main
from benchmarks.compare import compare
from benchmarks.data import Size, make_data
from benchmarks.peers import contender
from benchmarks.peers.window_queries import QUERIES
from benchmarks.workload import Entry
from benchmarks.workloads.standard import PEERS, STANDARD, task

ALL = [metric.id for metric in STANDARD]


def run(name: str, folder: Path, *options: str) -> dict[str, Any]:
    """A finished run of a workload: its result, with equal values everywhere."""
    assert main([name, "--folder", str(folder), "--results", str(folder / "results"), *options]) == 0
    result: dict[str, Any] = json.loads((folder / "results" / f"{name}.json").read_text())
    return result


def by_label(result: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {line["label"]: line for line in result["contenders"]}


def check_left_out(result: dict[str, Any]) -> None:
    """Contenders are left out because their package is missing, and for no other reason."""
    for label, reason in result["left_out"].items():
        assert reason.startswith("not installed"), (label, reason)
    if result["left_out"]:
        warnings.warn(f"{result['workload']}: {result['left_out']}", stacklevel=1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of `standard`."""
    folder = tmp_path_factory.mktemp("benchmark")
    run("standard", folder, "--companies", "30", "--days", "40")
    return folder


def entry(folder: Path, peer: str) -> Entry:
    return Entry(peer, peer, task(folder / "standard", Size(companies=30, days=40)), "own")


def test_the_result_says_what_was_measured(folder: Path) -> None:
    result = json.loads((folder / "results" / "standard.json").read_text())
    check_left_out(result)
    assert {"workload", "date", "raw_rows", "cores", "load_before", "versions", "bars"} <= result.keys()
    lines = by_label(result)
    assert {"own", "limit", "window_queries"} <= lines.keys() and lines.keys() | result["left_out"].keys() >= {*PEERS}
    for label, line in lines.items():
        assert {"ratio", "cpu_ratio", "seconds", "cpu_seconds", "peak_gb", "rows", "file_mb"} <= line.keys()
        assert line["rows"] == 30 * 40 and line["seconds"] > 0 and line["peak_gb"] > 0
        if label not in ("own", "limit"):
            assert (line["cells_compared"], line["cells_different"]) == (30 * 40 * len(ALL), {})
    assert lines["own"]["ratio"] == 1 and {"read", "compute"} <= lines["own"]["stages"].keys()
    assert 0 < lines["own"]["share_of_limit"] < 1


def test_a_different_value_is_seen(folder: Path) -> None:
    peer = contender("window_queries")
    with duckdb.connect(str(peer.output(folder / "standard"))) as connection:
        connection.execute("UPDATE logins_total SET value = value * (1 + 1e-8) WHERE company = 'c-000007'")
        connection.execute("UPDATE quiet_days SET value = NULL WHERE company = 'c-000007' AND day = '2025-02-01'")
        connection.execute("DELETE FROM seat_use WHERE company = 'c-000007' AND day = '2025-02-01'")
    found = compare(entry(folder, "window_queries"), entry(folder, "own"), 50)
    assert found.different == {"logins_total": 40, "quiet_days": 1, "seat_use": 1}


def test_most_cells_have_a_value(folder: Path) -> None:
    own, told = contender("own"), entry(folder, "own").task
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{own.output(told.folder)}' AS result (READ_ONLY)")
        empty = [metric for metric in ALL if connection.execute(
            f"SELECT COUNT(value) FROM ({own.values(told, metric)})").fetchone() == (0,)]
    assert not empty


def test_a_missing_package_leaves_a_contender_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contender("window_queries"), "PACKAGES", ("duckdb", "no_such_package"))
    result = run("standard", tmp_path, "--companies", "5", "--days", "5", "--metrics", "2", "--only", "limit")
    assert result["left_out"]["window_queries"] == "not installed: no_such_package"
    assert [line["label"] for line in result["contenders"]] == ["own", "limit"]


def test_every_metric_has_a_query() -> None:
    assert list(QUERIES) == ALL


def test_data_depend_on_the_seed_alone(tmp_path: Path) -> None:
    sizes = {"one": Size(20, 10), "again": Size(20, 10), "other": Size(20, 10, seed=2)}
    read = {}
    for name, size in sizes.items():
        make_data(tmp_path / name, size)
        with duckdb.connect() as connection:
            read[name] = connection.execute(f"SELECT * FROM '{tmp_path / name}/metrics/*.parquet'").fetchall()
    assert read["one"] == read["again"] != read["other"]
