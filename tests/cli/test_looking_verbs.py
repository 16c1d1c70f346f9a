"""`find`, `show --format chart`, `report`, `schema` and `test` as they are typed, on the acme project."""

from __future__ import annotations

import csv
import io
import json
import shutil
from pathlib import Path

import pytest
import yaml

from tests.bad_input.shop import Said, Shop

ACME = Path(__file__).parents[2] / "fixtures" / "acme"


@pytest.fixture(scope="module")
def acme(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("acme") / "acme"
    shutil.copytree(ACME, folder, ignore=shutil.ignore_patterns("*.duckdb", ".*"))
    shop = Shop(folder)
    said = shop.run("metricsql build")
    assert said.exit == 0, said.err
    return shop


def run(shop: Shop, command: str, code: int = 0) -> Said:
    said = shop.run(command)
    assert said.exit == code, str(said)
    return said


def test_find_for_the_success_team(acme: Shop) -> None:
    said = run(acme, """metricsql find --where "segment = 'Enterprise' and quiet_days > 30" --show owner""")
    assert "Castlegate Retail" in said.out and "quiet_days" in said.out and "Priya" in said.out
    assert "1 of 40 records of company on 2026-03-31" in said.err


def test_find_formats(acme: Shop) -> None:
    where = '''--where "quiet_days > 100 and custom.seats < 25"'''
    table = run(acme, f"metricsql find {where}").out
    rows = list(csv.DictReader(io.StringIO(run(acme, f"metricsql find {where} --format csv").out)))
    data = json.loads(run(acme, f"metricsql find {where} --format json").out)
    assert [row["record"] for row in rows] == [item["record"] for item in data] and data
    assert all(item["record"] in table and item["quiet_days"] > 100 and item["seats"] < 25 for item in data)
    assert list(data[0]) == ["record", "name", "quiet_days", "seats"]
    assert run(acme, "metricsql find --limit 0 --format json").out == "[]\n"


def test_find_refuses(acme: Shop) -> None:
    assert "error[unknown-field]" in run(acme, "metricsql find --where nothing=1", 1).err
    assert "error[unknown-model]" in run(acme, "metricsql find --model firm", 1).err
    assert "error[bad-day]" in run(acme, "metricsql find --day yesterday", 1).err


def test_charts(acme: Shop) -> None:
    many = run(acme, "metricsql show seat_utilization --format chart").out
    assert "seat_utilization of 40 records, 2024-04-01 to 2026-03-31" in many and "mean" in many
    two = run(acme, "metricsql show seat_utilization -r acme-1 -r acme-2 --from 2026-01-01 --format chart").out
    assert "2026-01-01 to 2026-03-31" in two and "• acme-1   x acme-2" in two
    few = run(acme, "metricsql show workspace_gb --format chart").out  # five workspaces: a line each
    assert all(f"w{i}" in few for i in range(1, 6))
    assert "\x1b" not in many + two + few
    assert "no value to draw" in run(acme, "metricsql show seat_utilization -r acme-40 --format chart").out


def test_report(acme: Shop) -> None:
    said = run(acme, "metricsql report tag:health --output health.html")
    page = (acme.folder / "health.html").read_text(encoding="utf-8")
    assert said.out == "" and "health.html" in said.err
    assert page.count('<section class="metric"') == 4 and page.count("<svg") == 8
    assert "rolling_avg(system.health, 7)" in page
    assert run(acme, "metricsql report health_score --output -").out.startswith("<!DOCTYPE html>")
    assert "error[unknown-tag]" in run(acme, "metricsql report tag:none", 1).err


def test_schema_completes_names(acme: Shop) -> None:
    run(acme, "metricsql schema --output metricsql.schema.json")
    schema = json.loads((acme.folder / "metricsql.schema.json").read_text(encoding="utf-8"))
    series, fields = (schema["$defs"][name]["anyOf"] for name in ("series name", "field name"))
    assert {"activities.v2.export", "calculated.quiet_days", "enduser.calculated.user_is_active",
            "asset.metrics.storage_gb"} <= set(series[0]["enum"])
    assert "company.custom.expected number of logins" in fields[0]["enum"]
    assert series[1] == {"type": "string", "minLength": 1}  # names are data: others are allowed
    assert "nps" in schema["properties"]["series"]["properties"]["metrics"]["properties"]["zeros"]["properties"]
    assert schema["required"] == ["version"]


def test_schema_without_a_project(tmp_path: Path) -> None:
    plain = json.loads(run(Shop(tmp_path), "metricsql schema").out)
    assert plain["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert plain["$defs"]["series name"] == {"type": "string", "minLength": 1}
    assert "required" not in json.loads(run(Shop(tmp_path), "metricsql schema --part").out)
    (tmp_path / "metricsql.yml").write_text("version: 2\n", encoding="utf-8")
    said = run(Shop(tmp_path), "metricsql schema")
    assert json.loads(said.out) == plain and "the project has errors" in said.err


def test_tests_of_the_project(acme: Shop) -> None:
    said = run(acme, "metricsql test")
    assert said.out.count("ok      ") == 2 and "2 tests, none failed" in said.err
    data = json.loads(run(acme, "metricsql test --format json").out)
    assert (data["tests"], data["failed"]) == (2, 0)
    assert "error[unknown-test]" in run(acme, "metricsql test nothing", 1).err
    assert run(acme, "metricsql test --record-test quiet_days", 2).out == ""


def test_a_failing_test_exits_1(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    shop.write("companies.csv", "id\n")
    shop.write("metricsql.yml", """\
version: 1
models: {company: {records: companies.csv}}
metrics: [{id: x, formula: "rolling_sum(metrics.x, 2)"}]
tests:
  - name: adds
    rows: {metrics: [{record: a, name: x, date: 2026-01-01, value: 2}]}
    expect: {x: {a: {2026-01-02: 3}}}
""")
    said = run(shop, "metricsql test", 1)
    assert said.out == "FAILED  adds (1 of 1 values)\n        x of a on 2026-01-02: expected 3, found 2\n"
    data = json.loads(run(shop, "metricsql test --format json", 1).out)
    assert data["outcomes"][0]["differences"] == [{"metric": "x", "record": "a", "day": "2026-01-02", "expected": 3,
                                                   "found": 2, "has_row": True}]


def test_recorded_tests_run(acme: Shop) -> None:
    before = (acme.folder / "metricsql.yml").read_text(encoding="utf-8")
    recorded = ""
    for metric, record in (("seat_utilization", "acme-1"), ("user_days_since_login", "u001")):
        recorded += run(acme, f"metricsql test --record-test {metric} --record {record} --day 2026-03-31 --days 2").out
    names = [test["name"] for test in yaml.safe_load("tests:\n" + recorded)["tests"]]
    assert names == ["seat_utilization of acme-1 from 2026-03-30 to 2026-03-31",
                     "user_days_since_login of u001 from 2026-03-30 to 2026-03-31"]
    acme.write("metricsql.yml", before + recorded)
    try:
        assert "4 tests, none failed" in run(acme, "metricsql test").err
    finally:
        acme.write("metricsql.yml", before)
