"""The examples of `find.md`, `report.md` and `testing-metrics.md` run in a copy of `fixtures/acme`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docs.console import commands, matches, run
from tests.docs.pages import DOCS, ROOT, blocks

pytestmark = pytest.mark.slow
EXAMPLES = [pytest.param(command, shown, id=f"{page}: {command[10:70]}")
            for page in ("find.md", "report.md", "testing-metrics.md") for block in blocks(DOCS / page, "console")
            for command, shown in commands(block.text)]


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of acme that was built."""
    folder = tmp_path_factory.mktemp("looking") / "acme"
    shutil.copytree(ROOT / "fixtures" / "acme", folder, ignore=shutil.ignore_patterns("*.duckdb*"))
    run("metricsql build", folder)
    return folder


@pytest.mark.parametrize(("command", "shown"), EXAMPLES)
def test_console(acme: Path, command: str, shown: str) -> None:
    printed = run(command, acme)
    assert matches(printed, shown), f"{command}\n{printed}"
