"""How tables are shown: formats of numbers, text, CSV, JSON, HTML, workbooks; and `sql --table`, which runs as pasted."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

from metricsql.inspect.table_text import as_html, shown
from metricsql.project.definition import NumberFormat
from tests.output_tables.pnl import ROWS, load, write

EVIL = '<script>alert("x")</script>'


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    code = "from metricsql.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *words, "--project", str(folder)], capture_output=True, check=False,
                          env={**os.environ, "NO_COLOR": "1"})


@pytest.mark.parametrize(("value", "form", "text"), [
    (1234.0, NumberFormat(), "1,234"), (1234.567, NumberFormat(), "1,234.57"), (0.012345, NumberFormat(), "0.01235"),
    (0.256, NumberFormat("percent"), "25.6 %"), (-0.0001, NumberFormat("percent"), "0.0 %"), (0.5, NumberFormat("percent", 0), "50 %"),
    (1234.5, NumberFormat("currency", None, "EUR"), "EUR 1,234.50"), (-5.0, NumberFormat("currency", 0, "$"), "-$5"),
    (2.0, NumberFormat("number", 2), "2.00"), (-0.001, NumberFormat("number", 1), "0.0"),
    (1e300, NumberFormat("number", 0), f"{1e300:,.0f}"),
])
def test_numbers(value: float, form: NumberFormat, text: str) -> None:
    assert shown(value, form) == text


def test_text_csv_and_json(tmp_path: Path) -> None:
    write(tmp_path, [*ROWS, {"name": "Bad", "calculation": "revenu"}])
    done = run(tmp_path, "table", "pnl")
    lines = done.stdout.decode().splitlines()
    assert lines[0].split() == ["2025-01", "2025-02", "2025-03", "2025-04*"]
    assert lines[6].split() == ["Profit", "Margin", "10.0", "%", "-", "0.0", "%", "-"]
    assert lines[8].split() == ["Bad", *["Unavailable"] * 4]
    assert b"warning[unavailable-row]" in done.stderr and done.returncode == 0
    rows = list(csv.reader(io.StringIO(run(tmp_path, "table", "pnl", "--format", "csv", "--row", "Profit margin").stdout.decode())))
    assert rows == [["row", "2025-01", "2025-02", "2025-03", "2025-04"], ["Profit Margin", "0.1", "", "0.0", ""]]
    made = json.loads(run(tmp_path, "table", "pnl", "--format", "json").stdout)
    assert made["results"][0]["profit_margin"] == 0.1 and list(made["unavailable"]) == ["bad"]


def test_html_is_escaped(tmp_path: Path) -> None:
    rows = [{"event": EVIL, "display": "sum"}, {"name": f"of {EVIL}", "calculation": f'lag("{EVIL.replace(chr(34), chr(34) * 2)}")'}]
    page = as_html(load(tmp_path, rows, ledger=[(EVIL, "2025-01-10", 1.5)], until="2025-02-28").table("pnl"))
    assert "<script" not in page and "&lt;script&gt;" in page and "src=" not in page and "http" not in page


def test_a_workbook_holds_numbers_and_no_formulas(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    rows: list[dict[str, Any]] = [{"event": "=1+1", "display": "sum", "format": {"currency": "EUR"}}, {"name": "bad", "calculation": "x"}]
    write(tmp_path, rows, ledger=[("=1+1", "2025-01-10", 1.5)], until="2025-02-28")
    assert run(tmp_path, "table", "pnl", "--format", "xlsx", "--output", str(tmp_path / "t.xlsx")).returncode == 0
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    assert [[cell.value for cell in row] for row in sheet.iter_rows()] == [
        [None, "2025-01", "2025-02"], ["=1+1", 1.5, None], ["bad", "Unavailable", "Unavailable"]]
    assert sheet["A2"].data_type == "s" and sheet["B2"].number_format == '"EUR "#,##0.00'
    assert run(tmp_path, "table", "pnl", "--format", "xlsx").stdout[:2] == b"PK"


def test_a_chart(tmp_path: Path) -> None:
    write(tmp_path)
    assert b"Revenue" in run(tmp_path, "table", "pnl", "--format", "chart", "--row", "revenue").stdout


@pytest.mark.parametrize("interval", ["day", "week", "month", "quarter", "year"])
def test_the_sql_runs_as_pasted(interval: str, tmp_path: Path) -> None:
    rows = [*ROWS, {"name": "Mixed", "calculation": "yoy(revenue) + qtd(net income) / rolling_avg(revenue, 2) + random() + days()"}]
    project = load(tmp_path, rows)
    table = project.table("pnl", interval)
    here = Path.cwd()
    os.chdir(tmp_path)
    try:
        found = duckdb.sql(project.table_sql("pnl", interval)).fetchall()
    finally:
        os.chdir(here)
    assert [row[5] for row in found] == [cell.value for row in table.rows for cell in row.cells]
    assert str(tmp_path) not in project.table_sql("pnl", interval)


def test_why(tmp_path: Path) -> None:
    project = load(tmp_path)
    margin = project.why_cell("pnl", "profit margin", "2025-01")
    assert (margin.value, margin.reads) == (0.1, [("Net Income", 15.0), ("Revenue", 150.0)])
    growth = project.why_cell("pnl", "growth", "2025-02-17")
    assert growth.reason == "no value for `Revenue`" and growth.reads == [("Revenue", None), ("lag(Revenue, 1)", 150.0)]
    cash = project.why_cell("pnl", "checking_account", "2025-02")
    assert cash.value == 1000.0 and [value for _, value in cash.executions] == [1000.0]  # carried on from January
    change = project.why_cell("pnl", "Net change in cash", "2025-03", rows=1)
    assert change.count == 3 and [value for _, value in change.executions] == [1000.0]
    assert list(margin.lines())[1:3] == ["  10.0 %", "  = net income / revenue"]
