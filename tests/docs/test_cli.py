"""The examples of `docs/cli.md` run in a copy of `fixtures/acme` and print what the page shows."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.docs.console import commands, matches, run
from tests.docs.pages import DOCS, ROOT, Block, blocks

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of acme that was built once."""
    folder = tmp_path_factory.mktemp("docs") / "acme"
    shutil.copytree(ROOT / "fixtures" / "acme", folder, ignore=shutil.ignore_patterns("*.duckdb*"))
    run("metricsql build", folder)
    assert (folder / "acme.duckdb").exists()
    return folder


@pytest.mark.parametrize("block", list(blocks(DOCS / "cli.md", "console")), ids=str)
def test_examples(block: Block, built: Path, tmp_path: Path) -> None:
    folder = tmp_path / "acme"
    shutil.copytree(built, folder)
    for command, shown in commands(block.text):
        printed = run(command, folder)
        assert matches(printed, shown), f"{command}\n{printed}"
