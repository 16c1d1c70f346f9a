"""Every kind of source gives the same numbers: text and typed files, tables, queries, other databases."""

from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

import metricsql
from tests.projects import build, query, values, write_project

LAST = {"id": "m", "formula": {"type": "metricOverTime", "days": 1, "op": "LAST", "prop": "metrics.x"}}
COMPANIES = {"companies.csv": "id\n007\n7\n"}
CSV = "record,name,date,value\n007,x,2025-01-01,1\n007,x,2025-01-01T10:00:00Z,2\n7,x,2025-01-02,3.5\n"
EXPECTED = {("007", date(2025, 1, 1)): 2.0, ("007", date(2025, 1, 2)): None, ("7", date(2025, 1, 1)): None,
            ("7", date(2025, 1, 2)): 3.5}
"""Of two points on one day the later one counts."""


def source_of(kind: str, folder: Path) -> Any:
    """Write the rows in one form and say how a project names them."""
    rows = "SELECT * FROM read_csv('{}', all_varchar = true)".format(folder / "rows.csv")
    typed = (f"SELECT record, name, date::TIMESTAMP AS date, value::DECIMAL(9,2) AS value FROM ({rows})")
    with_zone = f"SELECT record, name, date::TIMESTAMPTZ AS date, value::FLOAT AS value FROM ({rows})"
    database = str(folder / ("case.duckdb" if kind == "table" else "other.duckdb"))
    match kind:
        case "csv":
            return "rows.csv"
        case "tsv":
            (folder / "rows.tsv").write_text(CSV.replace(",", "\t"))
            return "rows.tsv"
        case "csv.gz":
            (folder / "rows.csv.gz").write_bytes(gzip.compress(CSV.encode()))
            return "rows.csv.gz"
        case "csv glob":
            head, *lines = CSV.splitlines()
            for number, line in enumerate(lines):
                (folder / f"part{number}.csv").write_text(f"{head}\n{line}\n")
            return "part*.csv"
        case "parquet" | "parquet with time zone":
            chosen = typed if kind == "parquet" else f"SET TimeZone='UTC'; {with_zone}"
            *before, last = chosen.split("; ")
            with duckdb.connect() as connection:
                for statement in before:
                    connection.execute(statement)
                connection.execute(f"COPY ({last}) TO '{folder / 'rows.parquet'}' (FORMAT parquet)")
            return "rows.parquet"
        case "json" | "ndjson":
            array = "true" if kind == "json" else "false"
            duckdb.execute(f"COPY ({rows}) TO '{folder / ('rows.' + kind)}' (FORMAT json, ARRAY {array})")
            return f"rows.{kind}"
        case "table" | "attach":
            with duckdb.connect(database) as connection:
                connection.execute(f"CREATE SCHEMA raw; CREATE TABLE raw.rows AS {typed}; CREATE TABLE plain AS {typed}")
            return {"table": "raw.rows"} if kind == "table" else {"attach": "other.duckdb", "table": "plain"}
        case "sql":
            return {"sql": "select * from read_csv('rows.csv', all_varchar = true) -- as it is;"}
    raise AssertionError(kind)


KINDS = ["csv", "tsv", "csv.gz", "csv glob", "parquet", "parquet with time zone", "json", "ndjson", "table", "attach", "sql"]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_source(kind: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(CSV)
    project = build(write_project(tmp_path, COMPANIES, [LAST], series={"metrics": source_of(kind, tmp_path)}, until="2025-01-02"))
    assert values(project, "m") == EXPECTED
    project.build()  # and again over the file that is there now
    assert values(project, "m") == EXPECTED
    if kind == "table":
        assert query(project, "SELECT COUNT(*) FROM raw.rows") == [(3,)]


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "attach"])
def test_printed_sql_runs_as_pasted(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rows.csv").write_text(CSV)
    project = build(write_project(tmp_path, COMPANIES, [LAST], series={"metrics": source_of(kind, tmp_path)}, until="2025-01-02"))
    monkeypatch.chdir(tmp_path)
    found = {(record, day): value for record, day, value in query(project, project.sql("m"))}
    assert found == EXPECTED


def test_typed_records_and_fields(tmp_path: Path) -> None:
    duckdb.execute(f"""COPY (SELECT * FROM (VALUES (7, 10, true, DATE '2025-01-02'), (8, NULL, NULL, NULL))
        t(id, seats, active, since)) TO '{tmp_path / 'companies.parquet'}' (FORMAT parquet)""")
    formulas = [{"id": "seats", "formula": {"type": "propertyValue", "prop": "company.custom.seats"}},
                {"id": "active", "formula": ["IF", {"type": "propertyValue", "prop": "company.custom.active"}, "equal to",
                                             {"type": "rawValue", "value": "true"}, {"type": "rawNumber", "value": 1},
                                             {"type": "rawNumber", "value": 0}]}]
    project = build(write_project(tmp_path, {}, formulas, start="2025-01-01", until="2025-01-02", fields_before_tracking="constant",
                                  models={"company": {"records": "companies.parquet", "since": "since"}}))
    assert values(project, "seats") == {("7", date(2025, 1, 2)): 10.0, ("8", date(2025, 1, 1)): None, ("8", date(2025, 1, 2)): None}
    assert values(project, "active")["7", date(2025, 1, 2)] == 1.0


def test_a_renamed_root_and_a_declared_child(tmp_path: Path) -> None:
    files = {"customers.csv": "id,plan\nc1,gold\n", "devices.csv": "serial,owner\nd1,c1\nd2,c1\n",
             "events.csv": "action,company,device,date\nping,c1,,2025-01-01\nping,,d1,2025-01-01\nping,,d2,2025-01-01\n",
             "numbers.csv": "record,model,name,date,value\nc1,Company,x,2025-01-01,5\nd1,Device,x,2025-01-01,6\n"}
    metrics = [{"id": "pings", "formula": "rolling_sum(activities.ping, 1)"},
               {"id": "x", "formula": "rolling_last(customer.metrics.x, 1)"},
               {"id": "device_x", "formula": "rolling_sum(device.metrics.x, 1)"},
               {"id": "own", "model": "device", "formula": "rolling_sum(activities.ping, 1)"}]
    models = {"customer": {"records": "customers.csv"}, "device": {"records": "devices.csv", "key": "serial", "company": "owner"}}
    project = build(write_project(tmp_path, files, metrics, models=models, until="2025-01-01",
                                  series={"activities": "events.csv", "metrics": "numbers.csv"}))
    day = date(2025, 1, 1)
    assert values(project, "pings") == {("c1", day): 3.0}  # one by itself, two of its devices
    assert values(project, "x") == {("c1", day): 5.0}
    assert values(project, "device_x") == {("c1", day): 6.0}
    assert values(project, "own") == {("d1", day): 1.0, ("d2", day): 1.0}


def test_a_child_may_be_declared_before_the_root(tmp_path: Path) -> None:
    files = {"companies.csv": "id\na\n", "endusers.csv": "id,company\ne1,a\n",
             "activities.csv": "action,enduser,date\nlogin,e1,2025-01-01\n"}
    models = {"enduser": {"records": "endusers.csv", "company": "company"}, "company": {"records": "companies.csv"}}
    file = write_project(tmp_path, files, [{"id": "m", "formula": "rolling_sum(activities.login, 1)"}], until="2025-01-01")
    declared = yaml.safe_load(file.read_text())
    file.write_text(yaml.safe_dump({**declared, "models": models}, sort_keys=False))
    assert values(build(file), "m") == {("a", date(2025, 1, 1)): 1.0}


def test_unusable_rows_are_counted_and_shown(tmp_path: Path) -> None:
    files = {"companies.csv": "id,since\na,\na,\n,\nb,soon\n", "endusers.csv": "id,company\ne1,a\ne2,nobody\n",
             "metrics.csv": "record,name,date,value\na,x,2025-01-01,1\nzz,x,2025-01-01,1\na,x,yesterday,1\na,x,2025-01-01,many\n"
                            "a,x,2025-01-01,\na,x,2025-01-01,inf\na,x\na,x,2025-01-01,1,2,3\n",
             "activities.csv": "action,company,enduser,date,count\nlogin,a,ghost,2025-01-01,\nlogin,,,2025-01-01,\n"
                               "login,a,e1,2025-01-01,x\n"}
    project = metricsql.load(write_project(tmp_path, files, [LAST], until="2025-01-01"))
    report = project.build()
    found = {(item.source, item.reason): item.rows for item in report.unusable}
    assert found == {
        ("companies.csv", "duplicate"): 1, ("companies.csv", "key"): 1, ("companies.csv", "since"): 1,
        ("endusers.csv", "company"): 1,
        ("metrics.csv", "record"): 1, ("metrics.csv", "date"): 1, ("metrics.csv", "value"): 3, ("metrics.csv", "line"): 2,
        ("activities.csv", "unknown"): 1, ("activities.csv", "record"): 1, ("activities.csv", "value"): 1,
    }
    assert next(i for i in report.unusable if i.reason == "date").examples == ("yesterday",)
    with pytest.raises(metricsql.ProjectError) as stopped:
        project.build(strict=True)
    assert {d.code for d in stopped.value.diagnostics} == {"unusable-rows"}
    assert query(project, "SELECT COUNT(*) FROM _metricsql.builds") == [(1,)]


def test_paths_start_at_the_project_not_at_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("companies.csv", "metrics.csv", "chats.csv"):
        (elsewhere / name).write_text("id,record,name,date,value\nwrong,wrong,x,2025-01-01,99\n")
    files = {"companies.csv": "id\na\n", "metrics.csv": "record,name,date,value\na,x,2025-01-01,1\n",
             "chats.csv": "company_id,type,at\na,chat,2025-01-01\n"}
    series = {"conversations": {"sql": "select company_id as record, type as name, \"at\" as date from 'chats.csv'"}}
    metrics = [LAST, {"id": "chats", "formula": "rolling_sum(conversations.chat, 1)"}]
    monkeypatch.chdir(elsewhere)
    project = build(write_project(tmp_path, files, metrics, until="2025-01-01", series=series))
    assert values(project, "m") == {("a", date(2025, 1, 1)): 1.0}
    assert values(project, "chats") == {("a", date(2025, 1, 1)): 1.0}
    assert "'metrics.csv'" in project.sql("m") and "from 'chats.csv'" in project.sql("chats")
