"""Sequences of changes that random runs found: each left something else than a full build before it was mended."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import metricsql
from tests.changes.compare import differences, read
from tests.projects import write_project

ROWS = "record,name,date,value\n"


def build(folder: Path, files: dict[str, str], metrics: list[dict[str, Any]], as_of: str, **options: Any) -> list[str]:
    """Write and build a project; what a full build of it would have made otherwise, in words."""
    project = metricsql.load(write_project(folder, files, metrics, **options))
    database = project.definition.database
    copy = folder / "full.duckdb"
    if database.exists():
        shutil.copyfile(database, copy)
    project.build(as_of)
    full = metricsql.load(write_project(folder, {}, metrics, database="full.duckdb", **options))
    full.build(as_of, full=True)
    return [str(difference) for difference in differences(read(database), read(copy))]


def test_another_time_zone_moves_rows_to_other_days(tmp_path: Path) -> None:
    files = {
        "companies.csv": "id\na\n",
        "metrics.csv": ROWS + "a,x,2025-01-02T20:00:00Z,4\na,x,2025-01-05T10:00:00Z,1\n",
    }
    metrics = [{"id": "m", "formula": "rolling_sum(metrics.x, 2)"}]
    assert build(tmp_path, files, metrics, "2025-01-09") == []
    assert build(tmp_path, {}, metrics, "2025-01-09", timezone="Asia/Kolkata") == []


def test_columns_stay_where_another_user_of_a_metric_would_put_them(tmp_path: Path) -> None:
    files = {
        "companies.csv": "id\na\n",
        "endusers.csv": "id,company\nu,a\n",
        "metrics.csv": "record,model,name,date,value\nu,enduser,x,2025-01-01,1\n",
    }
    users = [
        {"id": name, "model": "enduser", "formula": f"rolling_sum(metrics.x, {days})"}
        for name, days in (("p", 1), ("q", 2))
    ]
    for used in ("p", "q"):
        company = {"id": "m", "formula": f"rolling_sum(enduser.calculated.{used}, 2)"}
        assert build(tmp_path, files, [company, *users], "2025-01-04") == []


def test_fields_of_the_last_day_are_those_of_now_on_an_earlier_day_too(tmp_path: Path) -> None:
    metrics = [{"id": "m", "formula": "rolling_sum(metrics.x, 2)"}]
    files = {"companies.csv": "id,seats\na,1\n", "metrics.csv": ROWS + "a,x,2025-01-01,1\n"}
    assert build(tmp_path, files, metrics, "2025-01-04") == []
    assert build(tmp_path, {}, metrics, "2025-01-03") == []
    assert build(tmp_path, {"companies.csv": "id,seats\na,20\n"}, metrics, "2025-01-03") == []


def test_a_field_is_of_the_kind_of_the_values_that_stay_stored(tmp_path: Path) -> None:
    metrics = [{"id": "m", "formula": "rolling_sum(metrics.x, 2)"}]
    files = {"companies.csv": "id,code\na,1\nb,x9\n", "metrics.csv": ROWS + "a,x,2025-01-01,1\n"}
    assert build(tmp_path, files, metrics, "2025-01-04") == []
    assert build(tmp_path, {"companies.csv": "id,code\na,1\n"}, metrics, "2025-01-04") == []
    assert build(tmp_path, {}, metrics, "2025-01-04") == []


def test_zeros_before_the_first_row_of_all(tmp_path: Path) -> None:
    metrics = [{"id": "m", "formula": "rolling_count(tasks.x, 3)"}]
    files = {"companies.csv": "id\na\nb\n", "tasks.csv": ROWS + "a,x,2025-01-10,1\n"}
    assert build(tmp_path, files, metrics, "2025-01-20", start="2025-01-01") == []
    late = files["tasks.csv"] + "b,x,2025-01-06,1\n"
    assert build(tmp_path, {"tasks.csv": late}, metrics, "2025-01-20", start="2025-01-01") == []


def test_files_with_points_of_one_moment_change_their_names(tmp_path: Path) -> None:
    first, second = (json.dumps({"record": "a", "name": "x", "date": "2025-01-02T10:00", "value": v}) for v in (3, 9))
    metrics = [{"id": "m", "formula": "total_sum(metrics.x)"}]
    files = {"companies.csv": "id\na\n", "rows/1.ndjson": first, "rows/2.ndjson": second}
    source = {"metrics": "rows/*.ndjson"}
    assert build(tmp_path, files, metrics, "2025-01-06", series=source) == []
    files = {"rows/1.ndjson": second, "rows/2.ndjson": first}
    assert build(tmp_path, files, metrics, "2025-01-06", series=source) == []


def test_a_new_metric_and_a_changed_record_on_a_grid_of_a_few_days(tmp_path: Path) -> None:
    since = {key: "" for key in "abcdefghijklmnop"}
    files = {"companies.csv": companies(since), "metrics.csv": ROWS + "a,x,2025-01-03,1\n"}
    metrics = [{"id": f"m{days}", "formula": f"rolling_sum(metrics.x, {days})"} for days in range(1, 7)]
    assert build(tmp_path, files, metrics[:5], "2025-01-04") == []
    files = {"companies.csv": companies({**since, "b": "2025-01-04"})}
    assert build(tmp_path, files, metrics, "2025-01-04") == []


def companies(since: dict[str, str]) -> str:
    return "id,since\n" + "".join(f"{key},{day}\n" for key, day in since.items())
