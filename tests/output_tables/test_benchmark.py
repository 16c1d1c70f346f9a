"""The benchmark of output tables runs on a small size, and its values agree."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.tables import main


def test_a_small_size(tmp_path: Path) -> None:
    assert main(["--events", "141", "--days", "70", "--runs", "1", "--intervals", "month,day", "--results", str(tmp_path)]) == 0
    result = json.loads((tmp_path / "tables.json").read_text(encoding="utf-8"))
    assert [(line["rows"], line["periods"], line["cells_different"]) for line in result["intervals"]] == [(200, 3, 0), (200, 70, 0)]
