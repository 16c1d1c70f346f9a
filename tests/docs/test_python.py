"""`docs/python.md`: its blocks run one after the other, and every public name is on the page."""

from __future__ import annotations

import contextlib
import io
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

import metricsql
from tests.docs.pages import DOCS, ROOT, blocks, text_of


def test_blocks_run_and_print_what_they_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "fixtures" / "acme", tmp_path / "acme", ignore=shutil.ignore_patterns("*.duckdb*"))
    monkeypatch.chdir(tmp_path / "acme")
    names: dict[str, Any] = {}
    printed = ""
    for block in blocks(DOCS / "python.md", "python", "text"):
        if block.language == "text":
            assert printed == block.text, block
            continue
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec(compile(block.text, str(block), "exec"), names)
        printed = out.getvalue()


@pytest.mark.parametrize("name", metricsql.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    assert re.search(rf"\b{name}\b", text_of("python.md"))


@pytest.mark.parametrize("name", [name for name in vars(metricsql.Project) if not name.startswith("_")])
def test_every_method_of_a_project_is_documented(name: str) -> None:
    assert f"`{name}(" in text_of("python.md")
