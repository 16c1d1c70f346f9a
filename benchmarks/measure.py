"""Runs one contender in a process of its own and measures it from outside: wall seconds and peak memory."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.data import Size
from benchmarks.peers import contender

GIGABYTE = 1e9


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


def measure(name: str, folder: Path, size: Size, memory: str | None) -> Measured:
    """Run a contender. Raises `RuntimeError` with what it said if it fails."""
    told = json.dumps({"name": name, "folder": str(folder), "size": asdict(size), "memory": memory})
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "benchmarks.measure", told], cwd=Path(__file__).parent.parent,
                          capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr}")
    found = json.loads(done.stdout.splitlines()[-1])
    size_written = _bytes(contender(name).output(folder))
    return Measured(seconds, found.pop("cpu"), found.pop("peak"), found.pop("rows"), size_written, found)


def _bytes(path: Path) -> int:
    return sum(f.stat().st_size for f in path.rglob("*")) if path.is_dir() else path.stat().st_size


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
    task = json.loads(told)
    found = contender(task["name"]).run(Path(task["folder"]), Size(**task["size"]), task["memory"])
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({**found, "cpu": used.ru_utime + used.ru_stime, "peak": _peak()}))


if __name__ == "__main__":
    main(sys.argv[1])
