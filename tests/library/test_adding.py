"""`metricsql library`: what is listed, shown and added, what is missing, and that nothing else is touched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

import metricsql
from metricsql.cli.main import cli
from metricsql.library.entries import Entry, entries, replaced
from metricsql.project import load_definition

LEDGER = "event,time,value\nRevenue,2025-01-31,100\nCost of revenue,2025-01-31,40\n"
PROJECT = """\
# a project with comments
version: 1
name: shop
until: 2025-03-31
tables:
  pnl:
    source: ledger.csv
    rows:
      - {event: Revenue, display: sum, format: {style: currency, currency: EUR}}   # what comes in
      - {event: Cost of revenue, display: sum}
  # the end
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "ledger.csv").write_text(LEDGER, encoding="utf-8")
    (tmp_path / "metricsql.yml").write_text(PROJECT, encoding="utf-8")
    return tmp_path / "metricsql.yml"


def library(*words: str, file: Path | None = None) -> Result:
    return CliRunner().invoke(cli, ["library", *words, *(["-p", str(file)] if file else [])])


def codes(result: Result) -> list[str]:
    return [found.code for found in getattr(result.exception, "diagnostics", [])]


def rows(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))["tables"]["pnl"]["rows"]
    return found


def test_a_row_is_one_new_line_and_nothing_else(shop: Path) -> None:
    done = library("add", "gross_margin_ratio", "--table", "pnl", file=shop)
    calculation = "(revenue.sum - cost_of_revenue.sum) / revenue.sum"
    line = f"- {{name: Gross margin ratio, calculation: {calculation}, format: percent}}"
    assert done.exit_code == 0 and done.stdout == line + "\n"
    before, after = PROJECT.splitlines(), shop.read_text(encoding="utf-8").splitlines()
    assert after == [*before[:10], "      " + line, *before[10:]]
    assert f"written to {shop.as_posix()}:11" in done.stderr


def test_an_amount_has_the_format_of_the_row_it_is_made_of(shop: Path) -> None:
    metricsql.load(shop).add_ready("gross_margin", table="pnl")
    assert rows(shop)[-1]["format"] == {"style": "currency", "currency": "EUR"}


def test_dry_run_writes_nothing(shop: Path) -> None:
    done = library("add", "gross_margin", "--table", "pnl", "--dry-run", "--format", "json", file=shop)
    told = json.loads(done.stdout)
    assert shop.read_text(encoding="utf-8") == PROJECT
    assert told["written"] is False and told["line"] == 11 and told["item"]["name"] == "Gross margin"


def test_everything_that_is_missing_is_said_at_once(shop: Path) -> None:
    done = library("add", "profit_margin", "--table", "pnl", file=shop)
    assert codes(done) == ["missing-input"]
    done = library("add", "quick_ratio", "--table", "pnl", file=shop)
    assert codes(done) == ["missing-input"] * 4
    assert "`quick_ratio` needs `new_mrr` (recurring revenue of new customers, a flow)" in str(done.exception)


def test_an_input_that_is_a_ready_row_says_so(shop: Path) -> None:
    done = library("add", "ltv_to_cac", "--table", "pnl", file=shop)
    assert "the ready row `lifetime_value` can be added first" in str(done.exception)


@pytest.mark.parametrize(("words", "code", "hint"), [
    (["add", "gros_margin", "--table", "pnl"], "unknown-ready", "did you mean `gross_margin`?"),
    (["show", "xyzzy"], "unknown-ready", "`metricsql library` lists all of it"),
    (["add", "gross_margin"], "no-table", "`--table NAME`"),
    (["add", "gross_margin", "--table", "pln"], "unknown-table", "did you mean `pnl`?"),
    (["add", "gross_margin", "--table", "pnl", "--bind", "revenu=Revenue"], "unknown-input", "did you mean `revenue`?"),
    (["add", "gross_margin", "--table", "pnl", "--bind", "revenue=Revenu"], "unknown-row", "did you mean `Revenue`?"),
    (["add", "average_per_day", "--bind", "activity=activities.login", "--bind", "window=0"], "bad-value", None),
    (["add", "arr", "--table", "pnl", "--bind", "mrr=Revenue", "--as", "revenue"], "duplicate-row", None),
])
def test_faults_are_told_with_the_nearest_name(words: list[str], code: str, hint: str | None, shop: Path) -> None:
    done = library(*words, file=shop)
    assert code in codes(done) and (hint is None or hint in str(done.exception))
    assert shop.read_text(encoding="utf-8") == PROJECT


def test_a_flow_where_a_state_belongs_is_a_warning(shop: Path) -> None:
    done = library("add", "arr", "--table", "pnl", "--bind", "mrr=Revenue", "--format", "json", file=shop)
    assert "kind-mismatch" in [found["code"] for found in json.loads(done.stdout)["warnings"]]


def test_a_calculation_is_taken_as_it_shows(shop: Path) -> None:
    metricsql.load(shop).add_ready("gross_margin", table="pnl")
    metricsql.load(shop).add_ready("profit_margin", {"net_income": "gross margin"}, table="pnl")
    bindings = {"customers": "Gross margin", "lost_customers": "Revenue"}
    metricsql.load(shop).add_ready("logo_churn", bindings, table="pnl")
    assert [row["calculation"] for row in rows(shop)[-2:]] == [
        "gross_margin / revenue.sum", "coalesce(revenue.sum, 0) / lag(gross_margin)"]


@pytest.mark.parametrize("title", ['say "hi"', "a; DROP TABLE x --", "x)/*", "max", "and", "Sales and marketing",
                                   "2024", "Ümsatz", "a.sum", "{x}", "it's", "[b]"])
def test_any_title_is_named_so_that_it_means_that_row(title: str, shop: Path) -> None:
    named = f"event: Cost of revenue, name: {json.dumps(title, ensure_ascii=False)}"
    shop.write_text(PROJECT.replace("event: Cost of revenue", named), encoding="utf-8")
    metricsql.load(shop).add_ready("gross_margin", {"cost_of_revenue": title}, table="pnl")
    project = metricsql.load(shop)
    assert project.check(lint=False).errors == []
    assert rows(shop)[-1]["name"] == "Gross margin"


@pytest.mark.parametrize(("words", "said"), [
    (["add"], "takes one id"),
    (["show", "a", "b"], "takes one id"),
    (["churn", "--bind", "a=b"], "--bind does not go with"),
    (["add", "arr", "--bind", "x"], "not of the form INPUT=NAME"),
])
def test_wrong_use(words: list[str], said: str) -> None:
    done = library(*words)
    assert done.exit_code == 2 and said in done.stderr


def test_the_list_can_be_searched_and_needs_no_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = json.loads(library("retention", "nrr", "--format", "json").stdout)
    assert [entry["id"] for entry in found] == ["net_revenue_retention"]
    assert found[0]["inputs"][3] == {"name": "mrr", "meaning": "monthly recurring revenue", "takes": "row",
                                     "kind": "stock", "display": ["starting"], "default": None}
    listed = [json.loads(library("--kind", kind, "--format", "json").stdout) for kind in ("row", "metric")]
    assert sum(map(len, listed)) == len(entries())
    assert "the library has nothing with these words" in library("xyzzy").stderr


def test_the_list_for_a_table_says_what_each_row_lacks(shop: Path) -> None:
    found = {entry["id"]: entry["missing"] for entry in json.loads(
        library("--table", "pnl", "--format", "json", file=shop).stdout)}
    assert found["gross_margin"] == [] and found["profit_margin"] == ["net_income"]


def test_the_library_of_a_project_in_python(shop: Path) -> None:
    assert [entry.id for entry in metricsql.load(shop).library()] == [entry.id for entry in entries()]


@pytest.mark.parametrize("entry", entries(), ids=lambda entry: entry.id)
def test_every_entry_is_whole(entry: Entry) -> None:
    assert entry.description.endswith(".") and entry.notes.endswith((".", "`")) and entry.group and entry.title
    used: dict[str, None] = {}

    def note(name: str, option: str | None) -> None:
        used.setdefault(name)

    replaced(entry.formula, note)
    names = [item.name for item in entry.inputs]
    assert set(names) <= set(used) and len(set(names)) == len(names)
    shown = entry.format or "number"
    assert shown in ("number", "percent") or shown.removeprefix("as ") in names
    assert all(item.kind is not None for item in entry.inputs if entry.displays(item.name))


def test_ids_are_unique() -> None:
    ids = [entry.id for entry in entries()]
    assert len(set(ids)) == len(ids)


def test_a_project_with_an_included_file(tmp_path: Path, shop: Path) -> None:
    lines = PROJECT.splitlines(keepends=True)
    (tmp_path / "tables.yml").write_text("".join(lines[4:]), encoding="utf-8")
    shop.write_text("".join([*lines[:4], "include: tables.yml\n"]), encoding="utf-8")
    addition = metricsql.load(shop).add_ready("gross_margin", table="pnl")
    assert addition.file.name == "tables.yml"
    assert "Gross margin" in (tmp_path / "tables.yml").read_text(encoding="utf-8")
    assert "pnl" in load_definition(shop).tables


def test_byte_order_mark_and_line_ends_stay(shop: Path) -> None:
    shop.write_bytes(b"\xef\xbb\xbf" + PROJECT.replace("\n", "\r\n").encode())
    metricsql.load(shop).add_ready("gross_margin_ratio", table="pnl")
    after = shop.read_bytes()
    assert after.startswith(b"\xef\xbb\xbf# a project") and after.count(b"\n") == after.count(b"\r\n") == 12
    assert metricsql.load(shop).definition.tables["pnl"].rows[-1].title == "Gross margin ratio"


def test_a_project_in_json(shop: Path) -> None:
    file = shop.with_suffix(".json")
    file.write_text(json.dumps(yaml.safe_load(PROJECT), indent=2, default=str), encoding="utf-8")
    shop.unlink()
    addition = metricsql.load(file).add_ready("gross_margin", table="pnl")
    assert json.loads(file.read_text(encoding="utf-8"))["tables"]["pnl"]["rows"][-1] == addition.item


CURRENCY = {"amount": "company.custom.amount", "currency": "company.custom.currency"}
COMPANIES = "version: 1\nname: crm\nuntil: 2026-01-02\nmodels: {company: {records: companies.csv}}\nmetrics: []\n"


@pytest.mark.parametrize(("id", "bindings"), [
    ("activity_total", {"activity": "activities.x, 7) + total_sum(activities.y"}),
    ("quiet_days", {"activity": "activities.say \"hi\"; DROP TABLE x --"}),
    ("in_one_currency", {**CURRENCY, "own": "it's' or 1=1", "rate": "-2"}),
])
def test_a_binding_is_a_name_or_a_constant_and_nothing_else(id: str, bindings: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "companies.csv").write_text("id,amount,currency\na,5,EUR\n", encoding="utf-8")
    file = tmp_path / "metricsql.yml"
    file.write_text(COMPANIES, encoding="utf-8")
    metricsql.load(file).add_ready(id, bindings)
    project = metricsql.load(file)
    explained = json.dumps(project.explain(id).to_dict(), ensure_ascii=False)
    for given in bindings.values():
        assert json.dumps(given.replace("'", "''"), ensure_ascii=False)[1:-1] in explained


@pytest.mark.parametrize("rate", ["nan", "1e999x", "1; drop", "--1", ""])
def test_a_constant_that_is_none_is_refused(rate: str, tmp_path: Path) -> None:
    (tmp_path / "companies.csv").write_text("id,amount,currency\na,5,EUR\n", encoding="utf-8")
    file = tmp_path / "metricsql.yml"
    file.write_text(COMPANIES, encoding="utf-8")
    with pytest.raises(metricsql.ProjectError) as caught:
        metricsql.load(file).add_ready("in_one_currency", {**CURRENCY, "rate": rate})
    assert [found.code for found in caught.value.diagnostics] == ["bad-value"]
    assert file.read_text(encoding="utf-8") == COMPANIES
