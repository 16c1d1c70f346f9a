"""The folders are the pipeline: imports point one way, and each engine library has one home."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "metricsql"
ORDER = ["version", "diagnostics", "project", "operators", "formula", "library", "bind", "plan", "sql", "compiler", "canonical",
         "build", "inspect", "api", "run", "cli"]
"""Each may import those before it, and itself."""
LAZY = {("api", "cli")}
HOME = {"sqlglot": "sql", "duckdb": "build", "pyspark": "build", "click": "cli"}
FILES = sorted(PACKAGE.rglob("*.py"))


def stage(file: Path) -> str:
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return parts[0]


def imports(file: Path) -> Iterator[tuple[str, bool]]:
    """Modules a file imports, and whether only for type checking."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    typing_only = {node for block in ast.walk(tree) if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
                   for node in ast.walk(block)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node in typing_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node in typing_only
            if node.module == "metricsql":
                yield from ((f"metricsql.{alias.name}", node in typing_only) for alias in node.names)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_imports_point_down(file: Path) -> None:
    here = stage(file)
    if here == "__init__":
        return
    for module, _ in imports(file):
        if module.startswith("metricsql."):
            there = module.split(".")[1]
            if there in ("__version__",):
                continue
            assert ORDER.index(there) <= ORDER.index(here), f"{here} imports {module}"


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_engine_libraries_stay_at_home(file: Path) -> None:
    for module, typing_only in imports(file):
        library = module.split(".")[0]
        if library in HOME and not typing_only:
            assert stage(file) == HOME[library], f"{file.name} imports {library}"


def test_stages_before_sql_name_no_engine() -> None:
    for folder in ("formula", "bind", "plan", "operators"):
        for file in (PACKAGE / folder).glob("*.py"):
            text = file.read_text(encoding="utf-8").lower()
            assert "duckdb" not in text and "spark" not in text and "dialect" not in text, file


def test_help_and_version_are_light() -> None:
    import subprocess
    import sys

    for words in (["--version"], ["--help"]):
        code = ("import sys; from metricsql.cli import main\n"
                f"sys.argv = ['metricsql', *{words}]\n"
                "try:\n    main()\nexcept SystemExit:\n    pass\n"
                "heavy = {'duckdb', 'sqlglot', 'pydantic'} & set(sys.modules)\nassert not heavy, heavy")
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_code_is_clean() -> None:
    import subprocess
    import sys

    done = subprocess.run([sys.executable, "-m", "ruff", "check", PACKAGE.parent], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
