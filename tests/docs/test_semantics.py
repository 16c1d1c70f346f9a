"""The examples of `docs/semantics.md`, built and compared.

A table whose first column is headed `day` is a small project: `sent` and `stored` rows are its data, rows that
begin with a formula are expected results, other rows explain. A table headed `formula`, `value` holds formulas
of constants, where NULL stands for a part without a value. An HTML comment above a table holds its options.
"""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

import metricsql
from metricsql.diagnostics import Findings
from metricsql.formula import read_expression, read_json
from tests.docs.pages import DOCS, Table, tables
from tests.projects import build, values, write_project

PAGE = DOCS / "semantics.md"
NOTHING = "rolling_last(metrics.never, 1)"
CHILDREN = {"u1": "enduser", "u2": "enduser"}
_DATA = re.compile(r"(?P<kind>sent|stored) `(?P<name>[^`]+)`(?: of (?P<record>\w+))?")
_RESULT = re.compile(r"(?:`(?P<id>[\w-]+)`(?P<zero> \(missing: zero\))?: )?`(?P<formula>[^`]+)`")
_POINT = re.compile(r"(?P<value>[\d.-]+)(?: \((?P<time>\d\d:\d\d)\))?")


def found(*header: str) -> list[Any]:
    """The tables whose header begins like this."""
    return [pytest.param(table, id=str(table)) for table in tables(PAGE) if table.header[: len(header)] == list(header)]


def january(number: str | int) -> str:
    return f"2025-01-{int(number):02}"


def expected(cell: str) -> float | None:
    return None if cell == "–" else float(cell)


def agrees(got: float | None, cell: str) -> bool:
    """Whether a value is the one of a cell, as exactly as the cell is written."""
    wanted = expected(cell)
    if got is None or wanted is None:
        return got is wanted
    digits = len(cell.partition(".")[2])
    return abs(got - wanted) <= (10**-digits / 2 if digits > 2 else 1e-9)


def days_project(table: Table, folder: Path) -> tuple[metricsql.Project, list[tuple[str, list[str]]]]:
    """The project of a table, and its result rows: the id of the metric, and the cells."""
    options = yaml.safe_load("{" + table.comment + "}")
    since = {record: january(day) for record, day in options.pop("since", {}).items()}
    zeros = options.pop("zeros", {})
    points: dict[str, str] = {}
    history: list[str] = []
    metrics: list[dict[str, Any]] = []
    results: list[tuple[str, list[str]]] = []
    current = ""
    for label, *cells in table.rows:
        if data := _DATA.fullmatch(label):
            namespace, _, name = data["name"].partition(".")
            filled = [(january(day), cell) for day, cell in zip(table.header[1:], cells, strict=True) if cell != "–"]
            if data["kind"] == "stored":
                name, (_, current) = data["name"].rpartition(".")[2], filled[-1]
                history += [f"a,{name},{day},{'' if cell == 'empty' else cell}" for day, cell in filled]
                continue
            record = data["record"] or "a"
            for day, cell in filled:
                for point in _POINT.finditer(cell):
                    at = f"{day}T{point['time']}" if point["time"] else day
                    row = f"{record},{CHILDREN.get(record, 'company')},{name},{at},{point['value']}\n"
                    points[namespace] = points.get(namespace, "record,model,name,date,value\n") + row
        elif result := _RESULT.fullmatch(label):
            id_ = result["id"] or f"row{len(metrics)}"
            metrics.append({"id": id_, "formula": result["formula"], "missing": "zero" if result["zero"] else "null"})
            results.append((id_, cells))
    files = {"companies.csv": f"id,seats\na,{current}\n", "endusers.csv": "id,company,since\n" +
             "".join(f"{child},a,{since.get(child, '')}\n" for child in CHILDREN if f"of {child}" in str(table.rows))}
    files |= {f"{namespace}.csv": rows for namespace, rows in points.items()}
    if "activities" in points:
        files["activities.csv"] = files["activities.csv"].replace("value", "count")
    if history:
        files["history.csv"] = "record,field,day,value\n" + "\n".join(history) + "\n"
    if zeros:
        options["series"] = {"metrics": {"source": "metrics.csv", "zeros": zeros}}
    options = {"start": january(options.pop("start", 1)), "until": january(table.header[-1]), **options}
    return build(write_project(folder, files, metrics, **options)), results


@pytest.mark.parametrize("table", found("day", "1"))
def test_days(table: Table, tmp_path: Path) -> None:
    project, results = days_project(table, tmp_path)
    assert results
    for id_, cells in results:
        built = values(project, id_)
        for number, cell in zip(table.header[1:], cells, strict=True):
            key = ("a", date.fromisoformat(january(number)))
            if cell == "no row":
                assert key not in built
            else:
                assert agrees(built[key], cell), f"{id_} on day {number}: {built[key]}, the page says {cell}"


@pytest.mark.parametrize("table", found("formula", "value"))
def test_constants(table: Table, tmp_path: Path) -> None:
    metrics = [{"id": f"row{i}", "formula": formula.strip("`").replace("NULL", NOTHING)}
               for i, (formula, *_) in enumerate(table.rows)]
    project = build(write_project(tmp_path, {"companies.csv": "id\na\n"}, metrics, start=january(1), until=january(1)))
    for metric, (formula, cell, *_) in zip(metrics, table.rows, strict=True):
        (got,) = values(project, metric["id"]).values()
        assert agrees(got, cell), f"{formula}: {got}, the page says {cell}"


@pytest.mark.parametrize("table", found("company", "enduser", "project", "counts for"))
def test_events(table: Table, tmp_path: Path) -> None:
    events = [f"e{i},{','.join(row[:3])},2025-01-01" for i, row in enumerate(table.rows)]
    files = {"companies.csv": "id\na\nb\n", "endusers.csv": "id,company\nu1,a\nu3,b\n",
             "projects.csv": "id,company\np1,a\n",
             "activities.csv": "action,company,enduser,project,date\n" + "\n".join(events) + "\n"}
    metrics = [{"id": f"{model}{i}", "model": model, "formula": f"rolling_sum(activities.e{i}, 1)"}
               for i in range(len(events)) for model in ("company", "enduser", "project")]
    project = build(write_project(tmp_path, files, metrics))
    for i, row in enumerate(table.rows):
        counted = {record: value for model in ("company", "enduser", "project")
                   for (record, _), value in values(project, f"{model}{i}").items() if value is not None}
        assert counted == dict.fromkeys(row[3].split(", "), 1.0), row


@pytest.mark.parametrize("table", found("written", "day"))
def test_time_zone(table: Table, tmp_path: Path) -> None:
    rows = "".join(f"a,{written.strip('`')},{i}\n" for i, (written, _) in enumerate(table.rows))
    files = {"companies.csv": "id\na\n", "metrics.csv": "record,date,name,value\n" + rows.replace("\n", ",1\n")}
    metrics = [{"id": f"m{i}", "formula": f'rolling_last("metrics.{i}", 1)'} for i in range(len(table.rows))]
    options = {"start": january(1), "until": january(3), "timezone": "Europe/Stockholm"}
    project = build(write_project(tmp_path, files, metrics, **options))
    for i, (_, day) in enumerate(table.rows):
        days = [at.day for (_, at), value in values(project, f"m{i}").items() if value is not None]
        assert days == [int(day.split()[0])]


@pytest.mark.parametrize("table", found("build", "seats in the records", "stored"))
def test_stored_fields(table: Table, tmp_path: Path) -> None:
    for build_of, seats, stored, _ in table.rows:
        before = _store(tmp_path)
        day = january(re.sub(r"\D", "", build_of))
        build(write_project(tmp_path, {"companies.csv": f"id,seats\na,{seats}\n"}, []), as_of=day)
        after = _store(tmp_path)
        changed = {key: value for key, value in after.items() if before.get(key) != value}
        assert changed == ({} if stored == "nothing" else {day: float(seats)})
        if stored != "nothing":
            assert stored == f"{int(day[-2:])} January: {seats}"


def _store(folder: Path) -> dict[str, float]:
    import duckdb

    if not (folder / "case.duckdb").exists():
        return {}
    with duckdb.connect(str(folder / "case.duckdb"), read_only=True) as connection:
        rows = connection.execute("SELECT day::VARCHAR, number FROM _metricsql.fields WHERE field = 'seats'").fetchall()
        return dict(rows)


@pytest.mark.parametrize("table", found("JSON", "expression"))
def test_two_spellings(table: Table) -> None:
    for written, expression, *_ in table.rows:
        findings = Findings()
        formula = read_json(json.loads(written.strip("`")), findings)
        assert formula is not None and formula == read_expression(expression.strip("`"), findings), expression


def test_sections_keep_their_numbers() -> None:
    """Code and tests refer to the sections of this page by number."""
    headings = re.findall(r"^## (.*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [heading.split(".")[0] for heading in headings] == [str(number) for number in range(1, 10)]
    assert re.findall(r"^### 1\.(\d)", PAGE.read_text(encoding="utf-8"), re.MULTILINE) == list("123456")
