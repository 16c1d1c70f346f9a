"""Names are data: whatever stands in a series, field, record, tag or file name is read as it is, and never runs."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

import metricsql
from tests.bad_input.shop import FOREIGN, Shop, promises

ATTACKS = {
    "a quote": "o'hare",
    "two quotes": "it''s",
    "a double quote": 'the "best"',
    "a statement in single quotes": "'); DROP TABLE metrics.company; --",
    "a statement in double quotes": '"; DROP SCHEMA _metricsql CASCADE; --',
    "a statement": "x; DELETE FROM metrics.company",
    "the end of a comment": "*/ DROP TABLE metrics.company /*",
    "a comment": "-- all",
    "a line break": "first\nsecond",
    "a line break with a statement": "first\n; DROP TABLE metrics.company;\n--",
    "a carriage return and a tab": "a\r\tb",
    "a backslash": "a\\'b\\",
    "braces": "{0} {args} {x} {",
    "percent signs": "100 % s %(a)s",
    "a question mark": "? $1 :name @p",
    "square brackets": "[red]x[/red]",
    "spaces around": "  padded  ",
    "one space": " ",
    "a dot": ".",
    "dots": "v2.export..now",
    "a prefix": "metrics.metrics",
    "a keyword": "select",
    "NULL": "NULL",
    "a number": "2024",
    "a number with zeros": "007",
    "emoji": "🚀 launch 👩‍🚀",
    "right to left": "\u202eevil\u202c",
    "a zero width joiner": "a\u200db",
    "letters that look alike": "аctive",
    "an accent in two characters": "e\u0301",
    "a wildcard": "*.csv",
    "a path": "../../etc/passwd",
    "a function": "read_text('/etc/passwd')",
    "a control character": "a\x07b\x1b[31mc",
    "a long name": "long " * 2000,
    "a dollar quote": "$$ $tag$ x $tag$",
    "unicode escapes": "U&'\\0041' E'\\x41'",
    "a comma": "a,b;c",
    "equals": "=1+1",
    "a name of our own": "company inputs",
    "another name of our own": "record",
}
DAY = "2025-01-02"


def rows(path: Path, header: list[str], lines: list[list[Any]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *lines])


def records(path: Path, fields: list[str], numbers: Mapping[str, int]) -> None:
    """A file that may have any names of columns; CSV files of DuckDB have no line breaks in theirs."""
    columns = ", ".join('"' + name.replace('"', '""') + '" VARCHAR' for name in ("id", *fields))
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE t ({columns})")
        marks = ", ".join("?" for _ in ("id", *fields))
        connection.execute(f"INSERT INTO t VALUES ({marks})", ["c1", *map(str, numbers.values())])
        connection.executemany("INSERT INTO t (id) VALUES (?)", [[name] for name in numbers])
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")


def write(folder: Path) -> Path:
    """A project in which every attack is a series, a field, a record and a tag, with its number as the value."""
    numbers = {name: i for i, name in enumerate(ATTACKS.values(), 1)}
    (folder / "data").mkdir()
    fields = [f"f {name}" for name in numbers]
    records(folder / "data/companies.parquet", fields, numbers)
    rows(folder / "data/activities.csv", ["action", "company", "date", "count"],
         [[name, "c1", DAY, i] for name, i in numbers.items()])
    rows(folder / "data/metrics.csv", ["record", "name", "date", "value"],
         [*([name, "by record", DAY, i] for name, i in numbers.items()), *(["c1", name, DAY, i] for name, i in numbers.items())])
    metrics: list[dict[str, Any]] = [{"id": "by_record", "formula": over_time("metrics.by record")}]
    for name, i in numbers.items():
        shown = {"name": name, "description": name, "unit": name, "tags": [name]}
        metrics.append({"id": f"a{i}", "formula": over_time(f"activities.{name}"), **shown})
        metrics.append({"id": f"m{i}", "formula": over_time(f"metrics.{name}"), "where": f'"f {name.replace(chr(34), chr(34) * 2)}" = {i}'})
        metrics.append({"id": f"f{i}", "formula": {"type": "propertyValue", "prop": f"company.custom.f {name}"}})
        quoted = f"activities.{name}".replace('"', '""')
        metrics.append({"id": f"e{i}", "formula": f'rolling_sum("{quoted}", 1)'})
        equal = {"type": "rawValue", "value": name}
        field = {"type": "propertyValue", "prop": "company.custom.id"}
        metrics.append({"id": f"t{i}", "formula": ["IF", field, "equal to", equal, one(i), one(0)]})
    project = {"version": 1, "name": "hostile", "start": DAY, "until": DAY, "fields_before_tracking": "constant",
               "models": {"company": {"records": "data/companies.parquet"}},
               "series": {"activities": "data/activities.csv", "metrics": "data/metrics.csv"}, "metrics": metrics}
    file = folder / "metricsql.json"
    file.write_text(json.dumps(project), encoding="utf-8")
    return file


def over_time(prop: str) -> dict[str, Any]:
    return {"type": "metricOverTime", "days": 1, "op": "SUM", "prop": prop}


def one(value: float) -> dict[str, Any]:
    return {"type": "rawNumber", "value": value}


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hostile")
    file = write(folder)
    project = metricsql.load(file)
    project.build()
    return file


def built(file: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(file.parent / "hostile.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_name_carries_its_value(hostile: Path) -> None:
    with duckdb.connect(str(hostile.parent / "hostile.duckdb"), read_only=True) as connection:
        result = connection.execute("SELECT * FROM metrics.company WHERE record = 'c1'")
        values: Mapping[str, Any] = dict(zip([c[0] for c in result.description], result.fetchall()[0], strict=True))
    wrong = [f"{kind} {title}: {values[f'{prefix}{i}']}" for i, title in enumerate(ATTACKS, 1)
             for prefix, kind in (("a", "activity"), ("m", "series"), ("f", "field"), ("e", "expression"))
             if values[f"{prefix}{i}"] != i]
    assert not wrong


def test_every_name_is_a_record(hostile: Path) -> None:
    found = dict(built(hostile, "SELECT record, by_record FROM metrics.company WHERE record <> 'c1'"))
    assert found == {name: i for i, name in enumerate(ATTACKS.values(), 1)}


def test_every_name_is_compared_as_a_text(hostile: Path) -> None:
    for i, name in enumerate(ATTACKS.values(), 1):
        found = built(hostile, f"SELECT record FROM metrics.company WHERE t{i} = {i}")
        assert found == [(name,)]


def test_nothing_ran(hostile: Path) -> None:
    tables = [row[0] for row in built(hostile, "SELECT table_schema || '.' || table_name FROM information_schema.tables ORDER BY 1")]
    assert {"metrics.company", "metrics.company_latest", "_metricsql.builds", "_metricsql.fields"} <= set(tables)
    assert built(hostile, "SELECT COUNT(*) FROM metrics.company") == [(len(ATTACKS) + 1,)]
    assert built(hostile, "SELECT COUNT(*) FROM _metricsql.fields WHERE field LIKE 'f %' AND record = 'c1'") == [(len(ATTACKS),)]


def test_the_latest_values_hold_every_field(hostile: Path) -> None:
    columns = [row[0] for row in built(hostile, "SELECT column_name FROM information_schema.columns WHERE table_name = 'company_latest'")]
    assert {f"f {name}" for name in ATTACKS.values()} <= set(columns)


def test_the_printed_sql_runs_and_gives_the_same(hostile: Path) -> None:
    project = metricsql.load(hostile)
    wanted = [f"{prefix}{i}" for i in range(1, len(ATTACKS) + 1) for prefix in "amft"]
    sql = project.sql(*wanted)
    here = Path.cwd()
    os.chdir(hostile.parent)
    try:
        with duckdb.connect("hostile.duckdb", read_only=True) as connection:
            found = connection.execute(sql).fetchall()
    finally:
        os.chdir(here)
    columns = ", ".join(wanted)
    assert found == built(hostile, f"SELECT record, day, {columns} FROM metrics.company ORDER BY record, day")


@pytest.mark.parametrize("title", ATTACKS)
def test_messages_are_safe_to_print(hostile: Path, title: str) -> None:
    shop = Shop(hostile.parent)
    name = ATTACKS[title]
    for arguments in (["--", name], ["a1", "--record", name + "!"]):
        said = shop.call(["show", *arguments])
        assert said.exit == 1 and not FOREIGN.search(said.err), said
        assert not any((ord(c) < 32 and c not in "\n\t") or 0x7f <= ord(c) < 0xa0 for c in said.err), ascii(said.err)
        assert len(said.err) < 2000
    assert shop.call(["show", "a1", "--record", name]).exit == 0


@pytest.mark.parametrize("title", ["a statement in single quotes", "a statement in double quotes", "the end of a comment"])
def test_names_on_the_command_line(hostile: Path, title: str) -> None:
    shop, name = Shop(hostile.parent), ATTACKS[title]
    position = list(ATTACKS).index(title) + 1
    assert shop.call(["build", "--dry-run", "--select", f"tag:{name}"]).exit == 0
    quoted = name.replace('"', '""')
    found = shop.call(["find", "--where", f'"f {quoted}" = {position}', "--format", "csv"])
    assert found.exit == 0 and found.out.splitlines()[1].startswith("c1,"), str(found)


FILE_NAMES = [name for title, name in ATTACKS.items()
              if not set("/\\?*[") & set(name) and name.strip(". ") and len(name) < 200]
"""A `*`, `?` or `[` makes a pattern of the name of a file."""


@pytest.mark.parametrize("name", FILE_NAMES)
def test_files_of_any_name(name: str, tmp_path: Path) -> None:
    companies, activities, formula, database = f"{name}.csv", f"ev {name}.csv", f"{name}.json", f"db {name}.duckdb"
    rows(tmp_path / companies, ["id"], [["c1"]])
    rows(tmp_path / activities, ["action", "company", "date"], [["login", "c1", DAY]])
    (tmp_path / formula).write_text(json.dumps(over_time("activities.login")), encoding="utf-8")
    project = {"version": 1, "start": DAY, "until": DAY, "database": database, "models": {"company": {"records": companies}},
               "series": {"activities": activities}, "metrics": [{"id": "logins", "formula": {"file": formula}}]}
    (tmp_path / "metricsql.yml").write_text(yaml.safe_dump(project), encoding="utf-8")
    opened = metricsql.load(tmp_path)
    opened.build()
    assert opened.relation("logins").fetchall() == [("c1", date(2025, 1, 2), 1.0)]
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix != ".lock") == \
        sorted(["metricsql.yml", companies, activities, formula, database])


@pytest.mark.parametrize("name", ["a [1] b", "a {b,c}", "a:b", "~", "$HOME", "it's", "100 %", "; DROP TABLE x; --"])
def test_folders_of_any_name(name: str, tmp_path: Path) -> None:
    folder = tmp_path / name
    folder.mkdir()
    rows(folder / "c.csv", ["id"], [["c1"]])
    rows(folder / "a1.csv", ["action", "company", "date"], [["login", "c1", DAY]])
    query = "select company as record, action as name, date, 1 as value from 'a1.csv'"
    project = {"version": 1, "start": DAY, "until": DAY, "models": {"company": {"records": "c.csv"}},
               "series": {"activities": "a*.csv", "metrics": {"sql": query}},
               "metrics": [{"id": "a", "formula": over_time("activities.login")}, {"id": "m", "formula": over_time("metrics.login")}]}
    (folder / "metricsql.yml").write_text(yaml.safe_dump(project), encoding="utf-8")
    opened = metricsql.load(folder)
    opened.build()
    assert opened.relation("a").fetchall() == opened.relation("m").fetchall() == [("c1", date(2025, 1, 2), 1.0)]


@pytest.mark.parametrize(("name", "code"), [
    ("metrics.duckdb", "reserved-name"), ("Metrics.db", "reserved-name"), ("_metricsql.duckdb", "reserved-name"),
    ("tables.duckdb", "reserved-name"), ("what?.duckdb", "bad-path"), ("a\\b.duckdb", "bad-path"), ("a\\b/c.duckdb", "bad-path"),
])
def test_databases_that_could_not_be_asked(shop: Shop, name: str, code: str) -> None:
    """DuckDB names a database by its file, so a schema of the same name cannot be told from it; some signs it takes for its own."""
    shop.replace("metricsql.yml", "name: shop\n", f"name: shop\ndatabase: '{name}'\n")
    shop.remember()
    for command in ("metricsql check", "metricsql build"):
        said = shop.run(command)
        promises(said, shop)
        assert (said.exit, said.codes) == (1, [code]), str(said)


def test_a_name_with_NUL_is_refused_or_read(tmp_path: Path) -> None:
    file = tmp_path / "metricsql.json"
    (tmp_path / "c.csv").write_text("id\nc1\n", encoding="utf-8")
    for key, value in (("records", "c\0.csv"), ("key", "i\0d")):
        model = {"records": "c.csv", key: value}
        file.write_text(json.dumps({"version": 1, "name": "n", "models": {"company": model}}), encoding="utf-8")
        said = Shop(tmp_path).call(["check"])
        assert said.exit == 1 and not FOREIGN.search(said.err), said
