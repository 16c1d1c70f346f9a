"""The rules about rows of tables: the examples of the page, near misses, and what silences them."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from metricsql.api import Project
from metricsql.inspect.lint.tables import RULES
from metricsql.project import load_definition
from tests.docs.pages import DOCS, blocks
from tests.output_tables.pnl import write

PAGE = DOCS / "lint.md"
LEDGER = "event,time,value\nRevenue,2025-01-10,100\nRevenue,2025-03-02,50\nCosts,2025-02-01,7\nCash,2025-01-01,9\n"
FLOW = {"event": "Revenue", "display": "sum"}
STOCK = {"event": "Checking Account", "kind": "stock"}


def examples() -> list[Any]:
    every = list(blocks(PAGE, "yaml", "text"))
    return [pytest.param(block.text, after.text, id=str(block)) for block, after in pairwise(every) if "tables:" in block.text]


@pytest.mark.parametrize(("example", "output"), examples())
def test_examples_of_the_page(example: str, output: str, tmp_path: Path) -> None:
    (tmp_path / "metricsql.yml").write_text("version: 1\nuntil: 2025-03-31\n" + example, encoding="utf-8")
    (tmp_path / "ledger.csv").write_text(LEDGER, encoding="utf-8")
    found = Project(load_definition(tmp_path)).check().items
    assert "\n".join(f"warning[{f.code}]: {f.message}\nhint: {f.hint}" for f in found) == output.strip()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_every_rule_has_a_section(rule: Any) -> None:
    section = " ".join(PAGE.read_text(encoding="utf-8").partition(f"### `{rule.code}`")[2].partition("\n### ")[0].split())
    for words in (rule.sentence, rule.reason, rule.fix):
        assert words.lower() in section.lower(), words


@pytest.mark.parametrize("rows", [
    [FLOW, {"name": "r", "calculation": "1 / revenue"}],
    [STOCK, {"name": "r", "calculation": "1 / checking account"}],
    [{"event": "Revenue"}, {"name": "r", "calculation": "1 / revenue.sum"}],
    [FLOW, {"name": "r", "calculation": "coalesce(lag(revenue, 12), 0)"}],
    [STOCK, {"name": "r", "calculation": "ytd(checking account.change)"}],
    [FLOW, {"name": "r", "calculation": "lag(revenue)"}],
    [FLOW, {"name": "r", "calculation": "yoy(revenue)", "ignore": ["never-a-neighbour"]}],
], ids=str)
def test_near_misses(rows: list[dict[str, Any]], tmp_path: Path) -> None:
    assert Project(load_definition(write(tmp_path, rows))).check().items == []


def test_ignoring_what_is_no_rule(tmp_path: Path) -> None:
    found = Project(load_definition(write(tmp_path, [{**FLOW, "ignore": ["sum-of-balance"]}]))).check().items
    assert [(f.code, f.hint) for f in found] == [("unknown-rule", "did you mean `sum-of-balances`?")]
