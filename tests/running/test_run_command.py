"""`metricsql run` as a process: its log, its exit codes, and how it stops."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from metricsql.build.store import locked
from tests.projects import build, query, write_project

pytestmark = pytest.mark.slow
METRICSQL = str(Path(sys.executable).with_name("metricsql"))
ALWAYS = ["--not-before", "00:00"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files = {"companies.csv": "id\n" + "".join(f"c{i}\n" for i in range(300)),
             "metrics.csv": "record,name,date,value\nc1,x,2026-03-01,1\n"}
    metrics = [{"id": f"m{days}", "formula": f"rolling_max(metrics.x, {days})"} for days in range(1, 31)]
    write_project(tmp_path, files, metrics, start="2026-01-01")
    return tmp_path


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([METRICSQL, "run", *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


def ended(folder: Path, *words: str) -> tuple[int, list[dict[str, Any]], str]:
    """Exit code, the lines of the log, the words."""
    return finished(started(folder, *words))


def finished(process: subprocess.Popen[str]) -> tuple[int, list[dict[str, Any]], str]:
    out, words = process.communicate(timeout=60)
    assert "Traceback" not in words
    return process.returncode, [json.loads(line) for line in out.splitlines()], words


def yesterday() -> str:
    return (datetime.now(UTC).date() - timedelta(days=1)).isoformat()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_stops_while_it_waits(folder: Path, sent: signal.Signals) -> None:
    process = started(folder, *ALWAYS, "--again-after", "3h")
    assert process.stdout is not None
    line = json.loads(process.stdout.readline())
    process.send_signal(sent)
    code, more, words = finished(process)
    assert (code, more) == (0, []) and words.endswith("stopped\n")
    assert list(line) == \
        ["start", "end", "as_of", "outcome", "unchanged", "metrics", "rows", "settled", "errors", "reason", "next"]
    assert (line["outcome"], line["reason"], line["unchanged"], line["errors"]) == ("built", "daily", False, [])
    assert (line["as_of"], line["metrics"]) == (yesterday(), 30)
    assert line["rows"] == query(build(folder / "metricsql.yml"), "SELECT COUNT(*) FROM metrics.company")[0][0]
    start, end, following = (datetime.fromisoformat(line[key]) for key in ("start", "end", "next"))
    assert start <= end < following <= end + timedelta(hours=24)


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_stops_while_it_builds(folder: Path, sent: signal.Signals) -> None:
    process = started(folder, *ALWAYS)
    side = folder / ".case.duckdb.building"
    while not side.exists():
        time.sleep(0.001)
    process.send_signal(sent)
    code, (line,), words = finished(process)
    assert (code, line["outcome"], line["next"]) == (0, "stopped", None) and words == "stopped\n"
    assert not side.exists() and not (folder / "case.duckdb").exists()


def test_once(folder: Path) -> None:
    code, (line,), words = ended(folder, "--once", *ALWAYS)
    assert (code, line["outcome"], line["next"]) == (0, "built", None) and "built 30 metrics" in words
    code, lines, words = ended(folder, "--once", *ALWAYS)
    assert (code, lines) == (0, []) and words.startswith("next build: ")


def test_once_with_another_build(folder: Path) -> None:
    with locked(folder / "case.duckdb"):
        code, (line,), words = ended(folder, "--once", *ALWAYS)
    assert (code, line["outcome"], line["errors"]) == (3, "locked", ["locked"]) and "is building `case.duckdb`" in words


def test_once_with_a_faulty_project(folder: Path) -> None:
    (folder / "metrics.csv").unlink()
    code, (line,), words = ended(folder, "--once", *ALWAYS)
    assert (code, line["outcome"], line["errors"]) == (1, "wrong", ["missing-file"]) and "error[missing-file]" in words


def test_a_project_that_cannot_be_read_at_the_start(folder: Path) -> None:
    (folder / "metricsql.yml").write_text("- [")
    code, lines, words = ended(folder)
    assert (code, lines) == (1, []) and words.startswith("error[")


@pytest.mark.parametrize(("words", "said"), [
    (["--not-before", "24:00"], "'24:00' is not a time of day"),
    (["--not-before", "3"], "'3' is not a time of day"),
    (["--not-before", "03:00:00"], "is not a time of day"),
    (["--again-after", "2"], "'2' is not a length of time"),
    (["--again-after", ""], "'' is not a length of time"),
    (["--again-after", "0h"], "'0h' is not a length of time"),
    (["--again-after", "2h", "--again-after", "x"], "'x' is not a length of time"),
    (["--again-after", "21h"], "a repeat must come before midnight"),
])
def test_wrong_use(folder: Path, words: list[str], said: str) -> None:
    code, lines, told = ended(folder, *words)
    assert (code, lines) == (2, []) and said in told
