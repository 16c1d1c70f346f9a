"""Runs commands of the documentation, and compares what they print with what a page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

_SECONDS = re.compile(r"\(\d+\.\d s\)")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC")


def run(command: str, folder: Path) -> str:
    """What a command prints, errors and notes too. The tools are those of the Python that runs the tests."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "COLUMNS": "110", "NO_COLOR": "1"}
    environment.pop("METRICSQL_PROJECT", None)
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, encoding="utf-8", check=False, timeout=300)
    return done.stdout


def plain(text: str) -> list[str]:
    """The lines of an output without what differs from run to run."""
    text = _MOMENT.sub("(moment)", _SECONDS.sub("(seconds)", text))
    return [line.rstrip() for line in text.strip().splitlines()]


def matches(printed: str, shown: str) -> bool:
    """Whether an output is the one that is shown; `...` stands for any lines, or for anything within a line."""
    pattern = "\n".join(plain(shown))
    parts = [".*".join(map(re.escape, re.split(r"(?<=[ (])\.\.\.(?= )", part)))
             for part in re.split(r"^\.\.\.$\n?", pattern, flags=re.MULTILINE)]
    last = "\n" if pattern.endswith("...") else ""
    return re.fullmatch("(?:.*\n)*?".join(parts), "\n".join(plain(printed)) + last) is not None


def commands(block: str) -> list[tuple[str, str]]:
    """Every command of a console block, with the output that is shown for it."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)
    assert not parts[0].strip(), "a console block begins with `$ `"
    found = []
    for part in parts[1:]:
        lines = part.splitlines()
        end = next(i for i, line in enumerate(lines) if not line.endswith("\\"))
        found.append(("\n".join(lines[: end + 1]), "\n".join(lines[end + 1 :])))
    return found
