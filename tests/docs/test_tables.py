"""The examples of `docs/tables.md` are what they say: its expressions can be read, its tables can be bound."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from metricsql.bind.tables import bind_table
from metricsql.diagnostics import Findings
from metricsql.formula import read_expression
from metricsql.formula.titles import table_grammar
from metricsql.project import read_definition
from tests.docs.console import commands, matches, run
from tests.docs.pages import DOCS, ROOT, Block, blocks

PAGE = DOCS / "tables.md"
TITLES = ["Net Income", "Revenue", "MRR growth", "Sign-ups", "Visits (web)", "Refunds", "Margin", "Costs"]
EXPRESSIONS = next(block for block in blocks(PAGE, "text") if "yoy(" in block.text).text.splitlines()


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_can_be_read(text: str) -> None:
    findings = Findings()
    assert read_expression(text, findings, grammar=table_grammar(TITLES)) is not None
    assert not findings.items


@pytest.mark.parametrize("block", [block for block in blocks(PAGE, "yaml") if "metrics." not in block.text], ids=str)
def test_tables_can_be_bound(block: Block, tmp_path: Path) -> None:
    file = tmp_path / "metricsql.yml"
    file.write_text(("" if "version:" in block.text else "version: 1\n") + block.text, encoding="utf-8")
    definition = read_definition(file)
    findings = Findings([*definition.errors])
    for table in definition.tables.values():
        assert not bind_table(definition, table, findings).faults
    assert not findings.items


@pytest.mark.parametrize("block", list(blocks(PAGE, "console")), ids=str)
def test_commands_print_what_is_shown(block: Block, tmp_path: Path) -> None:
    folder = tmp_path / "subscriptions"
    shutil.copytree(ROOT / "fixtures" / "subscriptions", folder, ignore=shutil.ignore_patterns("*.duckdb*"))
    for command, shown in commands(block.text):
        printed = run(command, folder)
        assert matches(printed, shown), f"{command}\n{printed}"
