"""What is said where something that Spark needs is missing. None of this starts Spark."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.projects import write_project

ROOT = Path(__file__).parents[2]
MISSING: dict[str, tuple[str, dict[str, str], str]] = {
    "no-spark": ("import sys; sys.modules['pyspark'] = None; ", {}, "pip install metricsql[spark]"),
    "no-java": ("", {"JAVA_HOME": "/nowhere", "PATH": "/usr/sbin"}, "Java 17"),
}


@pytest.mark.parametrize("code", MISSING)
def test_what_is_missing_is_said(code: str, tmp_path: Path) -> None:
    if code == "no-java":
        pytest.importorskip("pyspark", reason="PySpark is not installed (pip install 'metricsql[spark]')")
    before, environment, hint = MISSING[code]
    day = "2025-01-01"
    write_project(tmp_path, {"companies.csv": "id\na\n"}, [{"id": "one", "formula": "1"}], until=day, start=day,
                  series={"metrics": {"sql": "select 'a' as record, 'x' as name, date '2025-01-01' as date, 1 as value"}})
    words = [sys.executable, "-c", f"{before}from metricsql.cli import main; main()", "build", "--engine", "spark"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT), **environment})
    assert done.returncode == 3, done.stderr
    assert f"error[{code}]" in done.stderr and hint in done.stderr and "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*.duckdb")) and not list(tmp_path.glob("*.parquet"))
