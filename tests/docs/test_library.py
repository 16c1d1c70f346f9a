"""`docs/library.md` is up to date, names every ready row and metric, and its examples run in a copy of a fixture."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from metricsql.library import entries
from metricsql.library.reference import reference
from tests.docs.console import commands, matches, run
from tests.docs.pages import DOCS, ROOT, blocks, text_of


def test_the_page_is_up_to_date() -> None:
    assert text_of("library.md") == reference(), "python -m metricsql.library.reference > docs/library.md"


@pytest.mark.parametrize("id", [entry.id for entry in entries()])
def test_everything_is_on_the_page(id: str) -> None:
    assert f"#### {id}\n" in text_of("library.md")


@pytest.mark.slow
def test_examples(tmp_path: Path) -> None:
    folder = tmp_path / "subscriptions"
    shutil.copytree(ROOT / "fixtures" / "subscriptions", folder, ignore=shutil.ignore_patterns("*.duckdb*"))
    for block in blocks(DOCS / "library.md", "console"):
        for command, shown in commands(block.text):
            printed = run(command, folder)
            assert matches(printed, shown), f"{command}\n{printed}"
