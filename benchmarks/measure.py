"""Runs one contender in a process of its own and measures it: wall seconds from outside, memory and processor time inside."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.data import Size
from benchmarks.peers import contender
from benchmarks.workload import Task

PAUSE = 1.0
"""Seconds of rest before each run, in which the disk ends what the one before left it to do."""


class RunFailed(Exception):
    """A contender did not come to an end; the text is what it said."""


@dataclass(frozen=True)
class Measured:
    """One run. `seconds` is the life of the process, start-up included; sizes are in bytes.

    `cpu` is the processor time of all its threads: on a busy machine it says more than the wall clock.
    """

    seconds: float
    cpu: float
    peak: int
    rows: int
    size: int
    details: dict[str, Any] = field(default_factory=dict)


def measure(peer: str, task: Task) -> Measured:
    """Run a contender. Raises `RunFailed` with what it said."""
    told = json.dumps({"peer": peer, **asdict(task)}, default=str)
    os.sync()  # what was prepared, or written and removed by the one before, is not this one's to wait for
    time.sleep(PAUSE)
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "benchmarks.measure", told], cwd=Path(__file__).parent.parent,
                          capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise RunFailed(done.stderr or f"ended with {done.returncode}")
    found = json.loads(done.stdout.splitlines()[-1])
    seconds = found.pop("seconds", seconds)
    size_written = bytes_of(contender(peer).output(task.folder))
    return Measured(seconds, found.pop("cpu"), found.pop("peak"), found.pop("rows"), size_written, found)


def bytes_of(path: Path) -> int:
    """What a file or a folder takes on disk; 0 if it is not there."""
    if path.is_dir():
        return sum(f.stat().st_size for f in path.rglob("*"))
    return path.stat().st_size if path.exists() else 0


def _peak() -> int:
    """The most memory this process ever held, in bytes."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(told: str) -> None:
    """The inside of the process: run, then say what is known."""
    known = json.loads(told)
    task = Task(Path(known["folder"]), Size(**known["size"]), known["model"], tuple(known["metrics"]), known["memory"])
    peer = contender(known["peer"])
    found = _commanded(peer, task) if hasattr(peer, "command") else {**peer.run(task), "peak": _peak()}
    used = resource.getrusage(resource.RUSAGE_CHILDREN if "seconds" in found else resource.RUSAGE_SELF)
    print(json.dumps({**found, "cpu": used.ru_utime + used.ru_stime}))


def _commanded(peer: Any, task: Task) -> dict[str, Any]:
    """Run the command of a contender, as its users do, and nothing around it."""
    begun = time.perf_counter()
    done = subprocess.run(peer.command(task), cwd=task.folder, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise SystemExit(done.stderr)
    unit = 1 if sys.platform == "darwin" else 1024
    return {**peer.said(done.stdout), "seconds": seconds, "peak": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit}


if __name__ == "__main__":
    main(sys.argv[1])
