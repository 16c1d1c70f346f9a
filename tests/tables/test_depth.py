"""Deeply nested expressions stay small as SQL and right as numbers: nothing is written out again and again."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest

import metricsql

from .evaluator import evaluate
from .projects import ledger_text, shown, tables_project
from .stable import agree

LEDGER = [("x", datetime(2025, 1, 5), 1.0), ("x", datetime(2025, 2, 5), 0.0), ("x", datetime(2025, 4, 5), -2.5)]
AS_OF = date(2025, 4, 30)
FORMS = {
    "division": "1 / (1 + E)", "power": "(E) ^ 2", "square": "square(E)", "root": "sqrt(E)", "nullif": "nullif(E, 3)",
    "between": "(E between 0 and 1)", "case": "case E when 1 then 2 end", "iif": "iif(E > 1, 1, 2)", "max": "max(E, 1)",
    "and": "(1 and E)", "coalesce": "coalesce(E, 1)", "round": "round(E, 1)", "lag": "lag(E, 1, 0)", "yoy": "yoy(E)",
    "rolling": "rolling_avg(E, 2)", "exp": "exp(-(E))", "edge": "lag(x, 1, E)", "sum": "E + x", "ln": "ln(E)",
}


def nested(form: str, levels: int) -> str:
    text = "x"
    for _ in range(levels):
        text = form.replace("E", text)
    return text


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_nested(form: str, tmp_path: Path) -> None:
    depths = (10, 20)
    rows = [{"event": "x", "display": "sum"}]
    written = [[*rows, {"name": "r", "calculation": nested(form, depth)}] for depth in depths]
    tables = {f"t{len(made[-1]['calculation'])}": ({"rows": made}, {"": ledger_text(LEDGER)}) for made in written}
    project = metricsql.load(tables_project(tmp_path, tables))
    small, large = (len(project.table_sql(name)) for name in tables)
    assert large < 5 * small, f"{small} and {large} characters of SQL for {depths} levels"
    for name, (table, _) in tables.items():
        expected = evaluate(table, {"": LEDGER}, "month", AS_OF)
        found = shown(project, name, "month", AS_OF)
        assert found.unavailable == set()
        wrong = [pair for pair in zip(found.rows[None]["r"], expected.rows["r"], strict=True) if not agree(*pair)]
        assert wrong == []
