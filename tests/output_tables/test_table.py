"""`Project.table`: what it returns, what it refuses, and names that try to be SQL."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import metricsql
from metricsql.diagnostics import ProjectError
from tests.output_tables.pnl import LEDGER, ROWS, load, values, write


def test_a_table(tmp_path: Path) -> None:
    table = load(tmp_path).table("pnl")
    assert [(p.title, p.is_partial) for p in table.periods] == [
        ("2025-01", False), ("2025-02", False), ("2025-03", False), ("2025-04", True)]
    assert {row.key: [cell.value for cell in row.cells] for row in table.rows} == {
        "revenue": [150.0, None, 300.0, None], "net_income": [15.0, -5.0, 0.0, None],
        "checking_account": [1000.0, 1000.0, 1300.0, 1300.0], "net_change_in_cash": [None, 0.0, 300.0, 0.0],
        "profit_margin": [0.1, None, 0.0, None], "growth": [None, None, None, None],
    }
    assert [cell.reason for cell in table.rows[5].cells] == ["no earlier period", *["no value for `Revenue`"] * 3]


def test_json_has_groups_and_results(tmp_path: Path) -> None:
    made = load(tmp_path).table("pnl", interval="quarter").to_json()
    assert made["groups"] == [{"from": "2025-01-01", "to": "2025-04-01", "title": "2025 Q1", "is_partial": False},
                              {"from": "2025-04-01", "to": "2025-07-01", "title": "2025 Q2", "is_partial": True}]
    assert made["results"][0] == {"revenue": 450.0, "net_income": 10.0, "checking_account": 1300.0, "net_change_in_cash": None,
                                  "profit_margin": 10 / 450, "growth": None}
    assert json.loads(json.dumps(made)) == made


def test_what_is_shown_does_not_change_values(tmp_path: Path) -> None:
    project = load(tmp_path)
    assert [p.title for p in project.table("pnl", start="2025-02-10", end="2025-03-01").periods] == ["2025-02", "2025-03"]
    assert values(project, "Net change in cash", None, "2025-03-01") == [300.0, 0.0]
    declared = load(tmp_path, **{"from": "2025-03-31"})
    assert values(declared, "Checking Account") == [1300.0, 1300.0]
    assert values(declared, "Checking Account", start="2025-01-01") == [1000.0, 1000.0, 1300.0, 1300.0]


def test_an_earlier_as_of_day_only_makes_periods_partial(tmp_path: Path) -> None:
    table = load(tmp_path).table("pnl", as_of="2025-02-27")
    assert [p.is_partial for p in table.periods] == [False, True, True]  # the last execution is in March


def test_random_numbers_are_the_same_on_every_render(tmp_path: Path) -> None:
    rows = [*ROWS, {"name": "a", "calculation": "random()"}, {"name": "b", "calculation": "random() - random()"}]
    project = load(tmp_path, rows)
    first = values(project, "a")
    assert first == values(project, "a") and len(set(first)) == 4 and all(0 <= (v or 0) < 1 for v in first)
    assert all(value != 0 for value in values(project, "b"))
    assert values(load(tmp_path, rows, seed=1), "a") != first


def test_a_table_without_executions_has_no_periods(tmp_path: Path) -> None:
    table = load(tmp_path, ledger=[]).table("pnl")
    assert table.periods == [] and [row.cells for row in table.rows] == [[]] * 6
    assert table.to_json()["results"] == []


@pytest.mark.parametrize(("arguments", "code"), [
    ({"name": "pln"}, "unknown-table"), ({"name": "pnl", "interval": "months"}, "unknown-interval"),
    ({"name": "pnl", "start": "yesterday"}, "bad-day"), ({"name": "pnl", "interval": "15min", "as_of": "2100-01-01"}, "too-many-periods"),
])
def test_what_cannot_be_asked(arguments: dict[str, Any], code: str, tmp_path: Path) -> None:
    project = load(tmp_path)
    with pytest.raises(ProjectError) as caught:
        project.table(**arguments)
    assert [found.code for found in caught.value.diagnostics] == [code]
    assert caught.value.diagnostics[0].hint or code == "bad-day"


def test_a_table_is_declared_once(tmp_path: Path) -> None:
    file = write(tmp_path, project={"include": "more.yml"})
    (tmp_path / "more.yml").write_text("tables: {PNL: {source: ledger.csv, rows: [{event: Revenue}]}}\n", encoding="utf-8")
    with pytest.raises(ProjectError) as caught:
        metricsql.load(file)
    assert [found.code for found in caught.value.diagnostics] == ["duplicate-table"]


HOSTILE = [
    "'; DROP TABLE ledger; --", '"; DROP TABLE ledger; --', "x' || (SELECT 1) || '", "[a] ]] b", "two\nlines", "tab\there",
    "\\", "--", "/* */", "{0} {x}", "%s", "Ünïcode €", "period start", "SELECT", "a" * 300, "'", '"', "``", "\u202eright to left",
]


@pytest.mark.parametrize("title", HOSTILE)
def test_hostile_titles_and_events(title: str, tmp_path: Path) -> None:
    quoted = '"' + title.replace('"', '""') + '"'
    rows = [{"event": title, "display": "sum"}, {"name": "twice", "calculation": f"2 * {quoted}"},
            {"name": "bracketed", "calculation": f"[{title.replace(']', ']]')}].count"},
            {"name": f"{title} total", "measure": title, "display": "count"},
            {"name": "before", "calculation": f"lag({quoted}) + cumulative({quoted})"}]
    project = load(tmp_path, rows, ledger=[(title, "2025-01-10", 1.5), (title, "2025-02-11", 2)], until="2025-02-28")
    assert values(project, "twice") == [3.0, 4.0]
    assert values(project, "bracketed") == [1.0, 1.0]
    assert values(project, f"{title} total") == [1.0, 1.0]
    assert values(project, "before") == [None, 5.0]


def test_names_of_columns_are_data(tmp_path: Path) -> None:
    (tmp_path / "odd.csv").write_text('"e""; DROP TABLE x; --",when,"v\'"\nRevenue,2025-01-01,3\n', encoding="utf-8")
    columns = {"event": 'e"; DROP TABLE x; --', "time": "when", "value": "v'"}
    project = load(tmp_path, [{"event": "Revenue"}], source={"path": "odd.csv", "columns": columns}, until="2025-01-31")
    assert values(project, "Revenue") == [3.0]


def test_bad_rows_of_a_ledger_are_not_used(tmp_path: Path) -> None:
    ledger = [*LEDGER, ("Revenue", "not a day", 9), ("Revenue", "2025-01-02", "much"), ("", "2025-01-02", 1),  # type: ignore[list-item]
              ("Revenue", "2025-01-02", "inf"), ("Revenue", "2025-01-03", "")]
    assert values(load(tmp_path, ledger=ledger), "Revenue") == [150.0, None, 300.0, None]
