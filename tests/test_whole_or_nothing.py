"""A build is there whole or not at all, whatever stops it and whoever reads meanwhile. Real processes, real signals.

Every state of the file has a checksum over all its relations. Whatever anybody reads must be one of the states
that a build left; the sums of a state must fit together as well, because every round stamps all it writes.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.projects import write_project

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="signals and mounts of Linux")]
METRICSQL = str(Path(sys.executable).with_name("metricsql"))
DATABASE = "case.duckdb"
COMPANIES, DAYS = 300, 150
LAST = "2025-05-30"
KILLS = 50
State = dict[str, tuple[int, int]]
"""Per relation, the number of its rows and the sum of their hashes."""

READER = """
import json, sys, time
from pathlib import Path
from tests.test_whole_or_nothing import read_state
folder, hold = Path(sys.argv[1]), sys.argv[2] == "hold"
import duckdb
connection = duckdb.connect(str(folder / "case.duckdb"), read_only=True) if hold else None
print(json.dumps(read_state(folder, connection)), flush=True)
while not (folder / "enough").exists():
    if not hold:
        print(json.dumps(read_state(folder)), flush=True)
    time.sleep(0.05)
print(json.dumps(read_state(folder, connection)), flush=True)
"""
CRASHES = f"""
import duckdb, os
connection = duckdb.connect("{DATABASE}")
connection.execute("CREATE TABLE mine AS SELECT 42 AS x")
os.kill(os.getpid(), 9)
"""


def read_state(folder: Path, connection: duckdb.DuckDBPyConnection | None = None) -> State:
    """The state of the built file. Checks that its relations belong together."""
    if connection is None:
        with duckdb.connect(str(folder / DATABASE), read_only=True) as own:
            return read_state(folder, own)
    tables = "SELECT table_schema, table_name FROM information_schema.tables ORDER BY ALL"
    state = {}
    for schema, name in connection.execute(tables).fetchall():
        sums = f'SELECT COUNT(*), COALESCE(SUM(HASH(t)::HUGEINT), 0) FROM "{schema}"."{name}" AS t'
        ((rows, total),) = connection.execute(sums).fetchall()
        state[f"{schema}.{name}"] = (int(rows), int(total))
    found = connection.execute('SELECT stamp, twice / 2, week / 7 FROM "metrics"."company" WHERE day = ? '
                               'UNION SELECT stamp, twice / 2, week / 7 FROM "metrics"."company_latest"', [LAST])
    stamps = found.fetchall()
    assert len(stamps) == 1 and len(set(stamps[0])) == 1, stamps
    assert state["metrics.company"][0] == COMPANIES * DAYS
    return state


def without_history(state: State) -> State:
    """What does not depend on the builds before."""
    return {name: found for name, found in state.items() if name.startswith("metrics.") or name == "_metricsql.fields"}


def write_data(folder: Path, number: int) -> None:
    """The data of a round: all days stamped with its number, or, in odd rounds, those of the last week."""
    stamped = "TRUE" if number % 2 == 0 else f"day > DATE '{LAST}' - 7"
    file, following = folder / "metrics.parquet", folder / "next.parquet"
    before = f"SELECT date, ANY_VALUE(value) AS value FROM '{file}' GROUP BY date" if file.exists() else \
        "SELECT NULL::DATE AS date, NULL AS value"
    duckdb.execute(f"""
        COPY (
            SELECT 'c' || company AS record, 'stamp' AS name, day AS date,
                   CASE WHEN {stamped} THEN {number} ELSE before.value END AS value
            FROM RANGE({COMPANIES}) AS companies(company)
            CROSS JOIN (SELECT DATE '{LAST}' - n::INTEGER AS day FROM RANGE({DAYS}) AS numbers(n)) AS days
            LEFT JOIN ({before}) AS before ON before.date = day
            ORDER BY company, day
        ) TO '{following}'""")
    following.replace(file)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose build takes about a second, built once."""
    project = tmp_path_factory.mktemp("built")
    metrics = [{"id": "stamp", "formula": "rolling_last(metrics.stamp, 1)"},
               {"id": "twice", "formula": "rolling_sum(metrics.stamp, 1) + rolling_last(calculated.stamp, 1)"},
               {"id": "week", "formula": "rolling_sum(metrics.stamp, 7)"}]
    longer = "max(rolling_max(metrics.stamp, {0}), rolling_sum(calculated.week, {0}))"
    metrics += [{"id": f"m{days}", "formula": longer.format(days)} for days in range(10, 18)]
    companies = "id,seats\n" + "".join(f"c{i},{i}\n" for i in range(COMPANIES))
    write_data(project, 0)
    write_project(project, {"companies.csv": companies}, metrics, until=LAST, start="2025-01-01",
                  series={"metrics": "metrics.parquet"})
    assert metricsql(project, "build").returncode == 0
    return project


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of that project."""
    shutil.copytree(built, tmp_path / "project")
    return tmp_path / "project"


def metricsql(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([METRICSQL, *words], cwd=folder, capture_output=True, text=True)


def started(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen([METRICSQL, *words], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if ".building" in path.name or path.suffix == ".wal"]


def wait_for_side_file(folder: Path, process: subprocess.Popen[str]) -> None:
    while not leftovers(folder) and process.poll() is None:
        time.sleep(0.001)


def assert_no_lock(folder: Path) -> None:
    with open(folder / f".{DATABASE}.lock", "rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextlib.contextmanager
def reading(folder: Path, how: str) -> Iterator[Path]:
    """A second process that reads all the time, or holds the file open; it must end well."""
    seen = folder / f"{how}.txt"
    program = [sys.executable, "-c", READER, str(folder), how]
    with seen.open("w") as out, subprocess.Popen(program, stdout=out, stderr=subprocess.PIPE, text=True,
                                                 cwd=Path(__file__).parents[1]) as process:
        while not seen.stat().st_size and process.poll() is None:
            time.sleep(0.01)
        try:
            yield seen
        finally:
            (folder / "enough").touch()
            said = process.communicate()[1]
        assert process.returncode == 0, said


def test_killed_at_any_moment(folder: Path) -> None:
    chance = random.Random(4)
    states = [read_state(folder)]
    begun = time.monotonic()
    assert metricsql(folder, "build", "--full").returncode == 0
    length = time.monotonic() - begun
    states.append(read_state(folder))
    interrupted = finished = 0
    with reading(folder, "again") as again, reading(folder, "hold") as held:
        for number in range(1, KILLS + 1):
            write_data(folder, number)
            process = started(folder, "build", *(["--full"] if chance.random() < 0.3 else []))
            if number % 3:  # while the side file is there; else at any moment, the start of the process included
                wait_for_side_file(folder, process)
                time.sleep(chance.uniform(0, length * 0.6))
            else:
                time.sleep(chance.uniform(0, length * 1.1))
            process.kill()
            process.communicate()
            assert_no_lock(folder)
            state = read_state(folder)
            interrupted += bool(leftovers(folder))
            if state != states[-1]:  # the rename had happened
                builds = "_metricsql.builds"
                assert state[builds][0] == states[-1][builds][0] + 1
                assert not leftovers(folder)
                states.append(state)
                finished += 1
        assert interrupted >= KILLS // 4 and finished < KILLS // 2, (interrupted, finished)
        done = metricsql(folder, "build")
        assert done.returncode == 0, done.stderr
        states.append(read_state(folder))
    assert leftovers(folder) == []
    observed = [json.loads(line) for line in again.read_text().splitlines()]
    known = [json.loads(json.dumps(state)) for state in states]
    assert len(observed) > KILLS and all(state in known for state in observed)
    assert observed[-1] == known[-1]
    assert [json.loads(line) for line in held.read_text().splitlines()] == [known[1], known[1]]
    assert without_history(states[-1]) == without_history(built_elsewhere(folder))


def built_elsewhere(folder: Path) -> State:
    """What a build of the same data in an empty folder gives."""
    other = folder.with_name("other")
    shutil.copytree(folder, other, ignore=shutil.ignore_patterns("*.duckdb*"))
    assert metricsql(other, "build").returncode == 0
    return read_state(other)


@pytest.mark.parametrize("moment", [0.05, 0.3])
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_stopped_by_a_signal(folder: Path, sent: signal.Signals, moment: float) -> None:
    before = read_state(folder)
    process = started(folder, "build", "--full")
    wait_for_side_file(folder, process)
    time.sleep(moment)
    process.send_signal(sent)
    said = process.communicate()[0]
    assert process.returncode in (0, 130, -signal.SIGTERM) and "error[" not in said, said
    assert sent == signal.SIGTERM or leftovers(folder) == []
    state = read_state(folder)
    if state != before:  # the file was in its place already
        assert state["_metricsql.builds"][0] == 2 and leftovers(folder) == []
    elif process.returncode == 0:
        pytest.fail("a build that ended well has left no trace")
    assert metricsql(folder, "build", "--full").returncode == 0 and leftovers(folder) == []


def test_two_builds_at_once(folder: Path) -> None:
    first = started(folder, "build", "--full")
    wait_for_side_file(folder, first)
    os.kill(first.pid, signal.SIGSTOP)
    second = metricsql(folder, "build", "--full")
    os.kill(first.pid, signal.SIGCONT)
    assert second.returncode == 3 and f"process {first.pid} is building `{DATABASE}` already" in second.stderr
    first.communicate()
    assert first.returncode == 0 and leftovers(folder) == []


def test_several_builds_start_at_once(folder: Path) -> None:
    """One of them builds; each of the others names a process that did."""
    processes = [started(folder, "build", "--full") for _ in range(3)]
    said = [process.communicate()[0] for process in processes]
    ids = {process.pid for process in processes if process.returncode == 0}
    assert ids
    for process, words in zip(processes, said, strict=True):
        if process.returncode != 0:
            named = re.search(r"process (\d+) is building", words)
            assert process.returncode == 3 and named and int(named[1]) in ids, words
    assert leftovers(folder) == []


@pytest.mark.parametrize("reader", [False, True])
def test_the_log_of_a_program_that_crashed(folder: Path, reader: bool) -> None:
    """A user's table that is only in the log survives a build, and the log does not stay beside the new file."""
    subprocess.run([sys.executable, "-c", CRASHES], cwd=folder)
    assert leftovers(folder) == [f"{DATABASE}.wal"]
    assert metricsql(folder, "build", "--full", "--dry-run").returncode == 0
    assert leftovers(folder) == [f"{DATABASE}.wal"]
    with reading(folder, "hold") if reader else contextlib.nullcontext():
        done = metricsql(folder, "build", "--full")
        assert done.returncode == 0, done.stderr
        assert leftovers(folder) == []
    state = read_state(folder)
    assert state["main.mine"][0] == 1 and state["_metricsql.builds"][0] == 2


def test_the_log_of_a_database_that_is_gone(folder: Path) -> None:
    (folder / f"{DATABASE}.wal").write_bytes(b"a log of something")
    (folder / DATABASE).unlink()
    assert metricsql(folder, "build").returncode == 0
    assert leftovers(folder) == [] and read_state(folder)["_metricsql.builds"][0] == 1


@contextlib.contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A copy of the project on a disk of its own that has about so many bytes left."""
    small = folder.with_name("small")
    small.mkdir(exist_ok=True)
    used = sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.iterdir())
    mount = ["mount", "-t", "tmpfs", "-o", f"size={used + size}", "tmpfs", str(small)]
    if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("a disk may not be mounted here")
    try:
        shutil.copytree(folder, small, dirs_exist_ok=True)
        yield small
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_disk_that_is_full_at_any_moment(folder: Path) -> None:
    write_data(folder, 1)
    before = read_state(folder)
    ended = []
    size = (folder / DATABASE).stat().st_size
    for part in (0.01, 1.05, 1.6, 2.2, 6.0):
        with small_disk(folder, int(size * part) + 16_384) as small:
            done = metricsql(small, "build", "--full")
            ended.append(done.returncode)
            if done.returncode:
                assert done.returncode == 3 and "error[disk-full]" in done.stderr, done.stderr
                assert "nothing was changed" in done.stderr
                assert read_state(small) == before
            assert leftovers(small) == []
            assert_no_lock(small)
    assert ended[0] == 3 and ended[-1] == 0


def test_a_disk_without_any_space(folder: Path) -> None:
    before = read_state(folder)
    with small_disk(folder, 0) as small:
        with contextlib.suppress(OSError), (small / "filler").open("wb", buffering=0) as file:
            while file.write(bytes(4096)):
                pass
        done = metricsql(small, "build", "--full")
        assert done.returncode == 3 and "error[disk-full]" in done.stderr, done.stderr
        assert read_state(small) == before
        (small / "filler").unlink()


def test_a_disk_that_may_not_be_written(folder: Path) -> None:
    with small_disk(folder, 1 << 24) as small:
        shutil.copy(small / DATABASE, small / f".{DATABASE}.building")  # of a build that was killed before
        before = read_state(small)
        subprocess.run(["mount", "-o", "remount,ro", str(small)], check=True)
        done = metricsql(small, "build", "--full")
        assert done.returncode == 3 and "error[no-permission]" in done.stderr, done.stderr
        assert read_state(small) == before
        subprocess.run(["mount", "-o", "remount,rw", str(small)], check=True)
        assert metricsql(small, "build", "--full").returncode == 0 and leftovers(small) == []
