"""Locks, permissions, full disks, damaged files: exit code 3, a message that says who or what, and nothing lost."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pytest

import metricsql
from tests.bad_input.shop import DATABASE, Said, Shop, promises

LOCKS = """
import sys, time
from pathlib import Path
from metricsql.build.store import locked
with locked(Path(sys.argv[1])):
    print("ready", flush=True)
    time.sleep(60)
"""
OPENS = """
import sys, time, duckdb
connection = duckdb.connect(sys.argv[1], read_only=sys.argv[2] == "read")
connection.execute("SELECT COUNT(*) FROM metrics.company").fetchall()
print("ready", flush=True)
time.sleep(60)
"""
KILLS_ITSELF = """
import os, metricsql
metricsql.load(".").build(full=True, progress=lambda stage: stage == "write" and os.kill(os.getpid(), 9))
"""


@contextmanager
def another_process(program: str, *arguments: str) -> Iterator[int]:
    """A process that holds something; yields its id."""
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def disk(folder: Path, size: str) -> Iterator[None]:
    """A small disk of its own at a folder; skips the test where none may be made."""
    folder.mkdir(exist_ok=True)
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a small disk")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True).returncode:
        pytest.skip("a disk may not be mounted here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def moved(shop: Shop, folder: Path) -> Shop:
    shutil.copytree(shop.folder, folder, dirs_exist_ok=True)
    other = Shop(folder)
    other.remember()
    return other


def fails(shop: Shop, command: str, code: str, *words: str) -> Said:
    """The command exits with 3 and says the code and the words; the database is what it was."""
    said = shop.run(command)
    promises(said, shop)
    assert (said.exit, said.codes) == (3, [code]), str(said)
    assert all(word in said.err for word in words), str(said)
    return said


def test_somebody_else_builds(shop: Shop) -> None:
    with another_process(LOCKS, str(shop.database)) as pid:
        fails(shop, "metricsql build --full", "locked", f"process {pid} is building `{DATABASE}` already")
        assert shop.run("metricsql show logins").exit == 0
        assert shop.run("metricsql check").exit == 0
    assert shop.run("metricsql build --full").exit == 0


def test_the_lock_of_a_dead_process_holds_nobody(shop: Shop) -> None:
    (shop.folder / f".{DATABASE}.lock").write_text("4194303")
    assert shop.run("metricsql build --full").exit == 0


def test_somebody_has_the_database_open_for_writing(shop: Shop) -> None:
    with another_process(OPENS, str(shop.database), "write") as pid:
        for command in ("metricsql build", "metricsql build --full", "metricsql show logins", "metricsql status"):
            fails(shop, command, "locked", f"process {pid} has the database open for writing")
    assert shop.run("metricsql build --full").exit == 0


def test_readers_stop_nobody(shop: Shop) -> None:
    with another_process(OPENS, str(shop.database), "read"):
        said = shop.run("metricsql build --full")
        promises(said, shop)
        assert said.exit == 0, said.err


@pytest.mark.parametrize("kept", [0, 1, 4096, 12_288, 0.3, 0.9])
def test_a_damaged_database(shop: Shop, kept: float) -> None:
    whole = shop.database.read_bytes()
    shop.database.write_bytes(whole[: kept if isinstance(kept, int) else int(len(whole) * kept)])
    shop.remember()
    for command in ("metricsql check", "metricsql show logins", "metricsql build --full"):
        said = shop.run(command)
        promises(said, shop)
        if said.exit == 0:  # what is gone was not needed
            assert isinstance(kept, float)
        else:
            assert said.exit == 3 and said.codes[0] in ("not-a-database", "damaged-database"), str(said)


def test_damage_inside_the_database(shop: Shop) -> None:
    whole = bytearray(shop.database.read_bytes())
    for at in range(262_144, len(whole), 4096):
        whole[at : at + 64] = b"\xff" * 64
    shop.database.write_bytes(whole)
    shop.remember()
    for command in ("metricsql build --full", "metricsql show logins", "metricsql status"):
        said = shop.run(command)
        promises(said, shop)
        assert said.exit == 3, str(said)


def test_a_log_of_something_else(shop: Shop) -> None:
    shop.write(f"{DATABASE}.wal", b"this is no log")
    shop.remember()
    for command in ("metricsql build --full", "metricsql show logins"):
        said = shop.run(command)
        promises(said, shop)
        assert said.exit in (0, 3), str(said)


def test_a_full_disk(shop: Shop, tmp_path: Path) -> None:
    size = shop.database.stat().st_size
    with disk(tmp_path / "small", f"{size + size // 3}"):
        small = moved(shop, tmp_path / "small")
        fails(small, "metricsql build --full", "disk-full", "there is no space left", "nothing was changed")
        assert len(small.values()) == len(shop.values())


def test_a_disk_that_fills_up_in_the_middle(shop: Shop, tmp_path: Path) -> None:
    rows = "".join(f"c1,n{i % 300},2025-01-{1 + i % 9:02},{i * 7919 % 100003}\n" for i in range(150_000))
    shop.write("data/metrics.csv", "record,name,date,value\n" + rows)
    shop.write("data/companies.csv", "id,created,segment,seats\n" + "".join(f"c{i},2025-01-01,x{i * i},{i}\n" for i in range(200_000)))
    used = sum(path.stat().st_size for path in shop.folder.rglob("*") if path.is_file())
    with disk(tmp_path / "small", str(used + shop.database.stat().st_size + 300_000)):
        small = moved(shop, tmp_path / "small")
        fails(small, "metricsql build --full", "disk-full", "there is no space left", "nothing was changed")


def test_a_disk_that_may_not_be_written(shop: Shop, tmp_path: Path) -> None:
    with disk(tmp_path / "small", "32m"):
        small = moved(shop, tmp_path / "small")
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path / "small")], check=True)
        fails(small, "metricsql build --full", "no-permission", "cannot be written to")
        assert small.run("metricsql show logins").exit == 0
        assert small.run("metricsql check").exit == 0


@contextmanager
def as_nobody(shop: Shop) -> Iterator[Shop]:
    """A copy of the shop for a user who is not root, and to whom permissions apply."""
    if sys.platform == "win32":
        pytest.skip("permissions are other ones there")
    with tempfile.TemporaryDirectory() as folder:
        other = moved(shop, Path(folder) / "shop")
        for path in (Path(folder), *Path(folder).rglob("*")):
            path.chmod(0o777 if path.is_dir() else 0o666)
        for command in ("check", "build --full", "show logins"):  # whatever is imported lazily is here by now
            other.run(f"metricsql {command}")
        other.remember()
        root = os.geteuid() == 0
        try:
            yield other
        finally:
            if root:
                os.seteuid(0)


def without_root() -> None:
    if os.geteuid() == 0:
        os.seteuid(65534)


@pytest.mark.parametrize(("file", "exit", "code"), [
    ("metricsql.yml", 1, "unreadable-file"), ("formulas/answer.json", 1, "unreadable-file"), ("data/companies.csv", 1, "unreadable-file"),
    ("data/activities.csv", 1, "unreadable-file"), (DATABASE, 3, "no-permission"),
])
def test_a_file_that_may_not_be_read(shop: Shop, file: str, exit: int, code: str) -> None:
    with as_nobody(shop) as other:
        (other.folder / file).chmod(0)
        without_root()
        said = other.run("metricsql check")
        os.seteuid(os.getuid())
        promises(said, other)
        assert (said.exit, said.codes) == (exit, [code]), str(said)
        assert f"`{file}`" in said.err


def test_a_folder_that_may_not_be_written(shop: Shop) -> None:
    with as_nobody(shop) as other:
        for path in other.folder.glob(".*.lock"):
            path.unlink()
        other.folder.chmod(0o555)
        without_root()
        try:
            fails(other, "metricsql build --full", "no-permission", "cannot be written to")
        finally:
            os.seteuid(os.getuid())
            other.folder.chmod(0o777)


def test_the_whole_program(shop: Shop) -> None:
    """The same exit codes from a process of its own, and no traceback when nobody reads what it says."""
    run = [str(Path(sys.executable).with_name("metricsql"))]
    for arguments, code in ((["show", "logons"], 1), (["nothing"], 2), (["check", "--project", "no"], 1)):
        done = subprocess.run([*run, *arguments], cwd=shop.folder, capture_output=True, text=True)
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
    closed = subprocess.Popen([*run, "show", "logins", "--format", "csv"], cwd=shop.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert closed.stdout is not None and closed.stderr is not None
    closed.stdout.close()
    assert b"Traceback" not in closed.stderr.read()
    closed.wait()


def test_memory(shop: Shop) -> None:
    fails(shop, "metricsql build --full --memory-limit 1KB", "out-of-memory", "does not fit")


def test_a_killed_build_leaves_what_was_there(shop: Shop) -> None:
    before = shop.values()
    done = subprocess.run([sys.executable, "-c", KILLS_ITSELF], cwd=shop.folder, capture_output=True)
    assert done.returncode == -9, done.stderr
    assert shop.values() == before
    begun = time.monotonic()
    assert shop.run("metricsql build --full").exit == 0
    assert time.monotonic() - begun < 30
    assert not [path.name for path in shop.folder.glob(".*building*")]


def test_the_connection_of_a_caller(shop: Shop) -> None:
    with duckdb.connect() as connection:
        project = metricsql.Project(metricsql.load(shop.folder).definition, connection)
        with pytest.raises(metricsql.ProjectError):
            project.relation("logons")
        assert len(project.relation("logins").fetchall()) == 18
