"""`docs/tutorial.md` as a newcomer follows it: every bash block runs, from an empty folder on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.console import matches, run
from tests.docs.pages import DOCS, blocks

MARK = "@@@ next block"
MOST_COMMANDS = 10
pytestmark = pytest.mark.slow


def test_tutorial(tmp_path: Path) -> None:
    steps = list(blocks(DOCS / "tutorial.md", "bash", "text"))
    scripts, shown = steps[0::2], steps[1::2]
    assert {script.language for script in scripts} == {"bash"} and {text.language for text in shown} == {"text"}
    printed = run("set -e\n" + f"echo '{MARK}'\n".join(script.text for script in scripts), tmp_path).split(f"{MARK}\n")
    assert len(printed) == len(shown), printed[-1]
    for script, output, expected in zip(scripts, printed, shown, strict=True):
        assert matches(output, expected.text), f"{script}:\n{output}"


def test_ten_commands_are_enough() -> None:
    lines = [line for block in blocks(DOCS / "tutorial.md", "bash") for line in block.text.splitlines()]
    assert sum(line.startswith(("metricsql ", "cd ", "cat ")) for line in lines) <= MOST_COMMANDS
