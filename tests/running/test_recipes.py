"""The recipes of `docs/running.md`, each run once: the lines of cron, the units of systemd, the asset of Dagster."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from metricsql.run.attempt import Attempt
from tests.docs.pages import DOCS, Block, blocks
from tests.projects import write_project

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="recipes for Unix")]
PAGE = DOCS / "running.md"
PLACE = "/srv/metrics"
DATABASE = "case.duckdb"
RANGES = {"minute": 59, "hour": 23, "day": 31, "month": 12, "weekday": 7}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """What the recipes find in their folder: a project, and metricsql in an environment."""
    files = {"companies.csv": "id\na\n", "metrics.csv": "record,name,date,value\na,x,2026-03-01,1\n"}
    write_project(tmp_path, files, [{"id": "total", "formula": "rolling_sum(metrics.x, 30)"}], start="2026-03-01")
    program = tmp_path / ".venv/bin/metricsql"
    program.parent.mkdir(parents=True)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(str(Path(sys.executable).with_name("metricsql")))} "$@"\n')
    program.chmod(0o755)
    return tmp_path


def of(language: str) -> list[Any]:
    return [pytest.param(block, id=str(block)) for block in blocks(PAGE, language)]


def units(place: Path) -> dict[str, str]:
    """The unit files of the page by name, for a project that is elsewhere."""
    found = {}
    for block in blocks(PAGE, "ini"):
        name = re.fullmatch(r"# /etc/systemd/system/(\S+)", block.text.splitlines()[0])
        assert name, f"{block} does not say which file it is"
        found[name[1]] = block.text.replace(PLACE, str(place)).replace("User=metrics", "User=root")
    return found


def setting(unit: str, key: str) -> str:
    (found,) = re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)
    return str(found)


def assert_built(place: Path) -> None:
    status = [str(place / ".venv/bin/metricsql"), "status", "--format", "json"]
    done = subprocess.run(status, cwd=place, capture_output=True)
    assert [metric["state"] for metric in json.loads(done.stdout)["metrics"]] == ["current"]


@pytest.mark.parametrize("block", of("crontab"))
def test_cron(block: Block, place: Path) -> None:
    (line,) = block.text.splitlines()
    *fields, command = line.split(None, 5)
    for field, (name, most) in zip(fields, RANGES.items(), strict=True):
        assert field == "*" or (field.isdigit() and int(field) <= most), f"{name}: {field}"
    assert "%" not in command, "cron ends the command there"
    shell = ["/bin/sh", "-c", command.replace(PLACE, shlex.quote(str(place)))]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(place), "SHELL": "/bin/sh", "LOGNAME": "metrics",
                   **{name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}}
    if " run " in command:  # between midnight and 03:00 nothing is due
        shell[-1] = shell[-1].replace("--once", "--once --not-before 00:00")
    done = subprocess.run(shell, env=environment, cwd="/", capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert_built(place)
    written = {name: (place / name).read_text() for name in re.findall(r">> (\S+)", command)}
    assert all(written.values())
    if "builds.jsonl" in written:
        assert json.loads(written["builds.jsonl"])["outcome"] == "built"


def test_systemd_accepts_the_units(place: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not here")
    folder = tmp_path_factory.mktemp("units")
    for name, text in units(place).items():
        (folder / name).write_text(text)
    files = [str(folder / name) for name in units(place)]
    done = subprocess.run([analyze, "verify", *files], capture_output=True, text=True)
    if "Failed to initialize manager" in done.stderr:
        pytest.skip("systemd-analyze cannot work here")
    about_ours = [line for line in done.stderr.splitlines() if "metricsql" in line]
    assert (done.returncode, about_ours) == (0, []), done.stderr
    calendar = setting(units(place)["metricsql-build.timer"], "OnCalendar")
    assert subprocess.run([analyze, "calendar", calendar], capture_output=True).returncode == 0


def test_the_service_runs_and_stops(place: Path) -> None:
    unit = units(place)["metricsql.service"]
    words = [*shlex.split(setting(unit, "ExecStart")), "--not-before", "00:00"]
    process = subprocess.Popen(words, cwd=setting(unit, "WorkingDirectory"), stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert json.loads(process.stdout.readline())["outcome"] == "built"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert_built(place)


def test_the_service_of_the_timer_runs(place: Path) -> None:
    unit = units(place)["metricsql-build.service"]
    words = shlex.split(setting(unit, "ExecStart"))
    assert subprocess.run(words, cwd=setting(unit, "WorkingDirectory"), capture_output=True).returncode == 0
    assert_built(place)
    (place / "metricsql.yml").write_text("- [")
    done = subprocess.run(words, cwd=setting(unit, "WorkingDirectory"), capture_output=True)
    assert str(done.returncode) in setting(unit, "RestartPreventExitStatus").split()


def test_dagster(place: Path) -> None:
    dagster = pytest.importorskip("dagster", reason="dagster is not installed")
    (block,) = blocks(PAGE, "python")
    names: dict[str, Any] = {"__name__": "recipe"}
    exec(compile(block.text.replace(PLACE, str(place)), str(block), "exec"), names)
    result = dagster.materialize([names["metrics"]])
    (done,) = result.asset_materializations_for_node("metrics")
    assert result.success and done.metadata["unchanged"].value is False
    assert_built(place)
    assert names["nightly"].cron_schedule == "0 3 * * *"
    (place / "metrics.csv").unlink()
    assert not dagster.materialize([names["metrics"]], raise_on_error=False).success


def test_the_line_of_the_log_is_a_real_one() -> None:
    """The keys of the example and of the table are those of the log."""
    from datetime import UTC, datetime

    keys = [*Attempt(datetime.now(UTC), datetime.now(UTC)).to_dict(), "reason", "next"]
    (example,) = blocks(PAGE, "json")
    assert list(json.loads(example.text)) == keys
    table = re.search(r"\| key \|.*?\n\n", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert table and re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", table[0], re.MULTILINE))) == keys
