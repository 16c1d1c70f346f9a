"""The examples of `docs/why.md` run in a copy of `fixtures/acme` and print what the page shows."""

from __future__ import annotations

import contextlib
import io
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.docs.console import commands, matches, run
from tests.docs.pages import DOCS, ROOT, blocks

pytestmark = pytest.mark.slow
PAGE = DOCS / "why.md"


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of acme that was built."""
    folder = tmp_path_factory.mktemp("why") / "acme"
    shutil.copytree(ROOT / "fixtures" / "acme", folder, ignore=shutil.ignore_patterns("*.duckdb*"))
    run("metricsql build", folder)
    return folder


def test_console(acme: Path) -> None:
    examples = [example for block in blocks(PAGE, "console") for example in commands(block.text)]
    assert len(examples) >= 2
    for command, shown in examples:
        printed = run(command, acme)
        assert matches(printed, shown), f"{command}\n{printed}"


def test_python(acme: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(acme)
    program, shown = blocks(PAGE, "python", "text")
    names: dict[str, Any] = {}
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(program.text, str(program), "exec"), names)
    assert out.getvalue() == shown.text
