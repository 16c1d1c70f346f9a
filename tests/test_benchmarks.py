"""The benchmark harness on a small size: it runs, the values agree, and a wrong value would be seen."""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks import windows
from benchmarks.__main__ import main
from benchmarks.compare import Agreement, compare
from benchmarks.data import Size, make_data
from benchmarks.measure import Measured, RunFailed, bytes_of, measure
from benchmarks.peers import contender
from benchmarks.peers.window_queries import QUERIES
from benchmarks.workload import Entry, Task
from benchmarks.workloads import NAMES
from benchmarks.workloads.standard import PEERS, STANDARD, task

ALL = [metric.id for metric in STANDARD]


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.measure.PAUSE", 0)


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
def inline() -> Iterator[None]:
    """Contenders run in this process, which saves the time to start; only ClickHouse keeps to one of its own."""

    def run_here(peer: str, task: Task) -> Measured:
        if peer == "clickhouse":
            return measure(peer, task)
        begun = time.perf_counter()
        found = contender(peer).run(task)
        seconds = time.perf_counter() - begun
        return Measured(seconds, seconds, 1, found.pop("rows"), bytes_of(contender(peer).output(task.folder)), found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("benchmarks.__main__.measure", run_here)
        patch.setattr("benchmarks.workloads.changes.measure", run_here)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, inline: None) -> Path:
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
        assert line["rows"] == 30 * 40 and line["seconds"] >= 0
        if label not in ("own", "limit"):
            assert (line["cells_compared"], line["cells_different"]) == (30 * 40 * len(ALL), {})
    assert lines["own"]["ratio"] == 1 and {"read", "compute"} <= lines["own"]["stages"].keys()


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


def test_contenders_are_measured_in_processes_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one whose package is missing is left out."""
    monkeypatch.setattr("benchmarks.__main__.measure", measure)
    monkeypatch.setattr(contender("window_queries"), "PACKAGES", ("duckdb", "no_such_package"))
    result = run("standard", tmp_path, "--companies", "5", "--days", "5", "--metrics", "2", "--only", "limit")
    assert result["left_out"]["window_queries"] == "not installed: no_such_package"
    assert [line["label"] for line in result["contenders"]] == ["own", "limit"]
    for line in result["contenders"]:
        assert line["seconds"] > 0 and line["cpu_seconds"] > 0 and line["peak_gb"] > 0
    assert 0 < result["contenders"][0]["share_of_limit"] < 1


def test_a_failing_peer_is_left_out_and_a_failing_build_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(peer: str, task: Task) -> Measured:
        if peer in failing:
            raise RunFailed("Traceback\nMemoryError: no more")
        return Measured(1.0, 1.0, 1, 1, 1)

    monkeypatch.setattr("benchmarks.__main__.measure", fail)
    monkeypatch.setattr("benchmarks.__main__.compare", lambda *_: Agreement(1, {}))
    failing = ["window_queries"]
    result = run("standard", tmp_path, "--companies", "2", "--days", "2", "--only", "window_queries,limit")
    assert result["left_out"]["window_queries"] == "MemoryError: no more" and "window_queries" not in by_label(result)
    failing = ["own"]
    with pytest.raises(RunFailed):
        run("standard", tmp_path, "--companies", "2", "--days", "2", "--only", "limit")


def test_slow_contenders_run_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = {"own": 1.0, "physical_limit": 0.5, "window_queries": 5.0, "polars": 2.0}
    monkeypatch.setattr("benchmarks.__main__.measure", lambda peer, task: Measured(seconds[peer], 1.0, 1, 1, 1))
    monkeypatch.setattr("benchmarks.__main__.compare", lambda *_: Agreement(1, {}))
    monkeypatch.setattr("benchmarks.__main__.missing_packages", lambda peer: [])
    result = run("standard", tmp_path, "--companies", "2", "--days", "2", "--runs", "5", "--runs-slow", "2",
                 "--only", "polars,window_queries,limit")
    assert {label: line["runs"] for label, line in by_label(result).items()} == {"own": 5, "limit": 5, "polars": 5, "window_queries": 2}
    assert by_label(result)["window_queries"]["ratio"] == 5
    assert [(bar["value"], bar["reached"]) for bar in result["bars"]] == [(0.5, True), (5.0, True)]


SMALL = {
    "metricflow": ["--companies", "6", "--days", "40"], "catalogue": ["--companies", "3", "--days", "30"],
    "sparse": ["--companies", "200", "--days", "100"], "scale": ["--companies", "2", "--days", "20", "--metrics", "4"],
    "late_all": ["--companies", "4", "--days", "30", "--metrics", "20"],
}
AS_OTHERS = [pytest.param(name, marks=pytest.mark.exhaustive) for name in ("unchanged", "late")]
"""Workloads that run as `late_all` does, with less to do."""


@pytest.mark.parametrize("name", [*SMALL, *AS_OTHERS])
def test_every_workload_runs_and_values_are_equal(name: str, tmp_path: Path, inline: None) -> None:
    result = run(name, tmp_path, *SMALL.get(name, SMALL["late_all"]))
    check_left_out(result)
    compared = [line for line in result["contenders"] if "cells_compared" in line]
    if not compared and result["left_out"]:
        pytest.skip(str(result["left_out"]))
    assert compared or name == "scale"
    assert all(line["cells_compared"] > 0 and line["cells_different"] == {} for line in compared)
    assert result["bars"] or name in ("catalogue", "late", "late_all")


def test_all_workloads_are_tested() -> None:
    assert {*SMALL, "unchanged", "late", "daily", "edit", "standard"} == {*NAMES}


def test_a_day_that_arrives(tmp_path: Path, inline: None) -> None:
    result = run("daily", tmp_path, "--companies", "4", "--days", "20", "--metrics", "15")
    lines = by_label(result)
    assert lines["own"]["rows"] == 4 * 21 and lines["again"]["cells_compared"] == 4 * 21 * 15
    assert result["facts"].keys() == {"share of the full build", "the same without start-up"}


def test_an_edited_formula(tmp_path: Path, inline: None) -> None:
    """The build after the edit has the values of the edited formula."""
    run("edit", tmp_path, "--companies", "4", "--days", "20", "--metrics", "10")
    before, live, after = (tmp_path / "edit" / name / "metricsql.duckdb" for name in ("before", "live", "after"))
    read = {}
    for file in (before, live, after):
        with duckdb.connect(str(file), read_only=True) as connection:
            read[file] = connection.execute("SELECT sum(logins_7d) FROM metrics.company").fetchone()
    assert read[live] == read[after] != read[before]


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


def test_ways_to_ask_about_the_last_days_are_equal(capsys: pytest.CaptureFixture[str]) -> None:
    assert windows.main(["--companies", "7", "--days", "130", "--runs", "1"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == sum(len(ways) for ways in windows.GROUPS.values())
