"""Names of output tables in expressions: spaces without quotes, case, quotes, keywords, options, functions."""

from __future__ import annotations

import pytest

from metricsql.diagnostics import Findings
from metricsql.formula import read_expression, write_expression
from metricsql.formula.nodes import Name, walk
from metricsql.formula.titles import key_of, normal, table_grammar

TITLES = ["Revenue", "Net Income", "MRR growth", "MRR", "Churn %", "2024 Plan", "Profit and Loss", "Revenue (net)", "R&D", "a [b]"]
GRAMMAR = table_grammar(TITLES)


@pytest.mark.parametrize(("text", "names"), [
    ("net   INCOME / revenue", ["net   INCOME", "revenue"]), ("mrr growth / mrr", ["mrr growth", "mrr"]),
    ("churn % * 2", ["churn %"]), ("churn %.sum - r&d", ["churn %.sum", "r&d"]), ("2024 plan.count + 1", ["2024 plan.count"]),
    ('"Revenue (net)".change + [Revenue (net)]', ["Revenue (net).change", "Revenue (net)"]), ("[a [b]]].sum", ["a [b].sum"]),
    ("profit and loss", ["profit", "loss"]), ('"Profit and Loss"', ["Profit and Loss"]),
    ('plan.revenue - plan."Net Income".sum + plan.[MRR]', ["plan.revenue", "plan.Net Income.sum", "plan.MRR"]),
    ("max(mrr growth, net_income)", ["mrr growth", "net_income"]), ("= mrr", ["mrr"]), ("not mrr growth", ["mrr growth"]),
    ("case when mrr growth > 1 then net income else revenue end", ["mrr growth", "net income", "revenue"]),
    ("net\n  income", ["net\n  income"]), ("nobody knows this", ["nobody knows this"]),
])
def test_names(text: str, names: list[str]) -> None:
    findings = Findings()
    formula = read_expression(text, findings, grammar=GRAMMAR)
    assert formula is not None and not findings.items
    assert [node.text for node in walk(formula) if isinstance(node, Name)] == names


@pytest.mark.parametrize(("text", "same"), [
    ("mrr between 1 and 2 and revenue", "(mrr >= 1 and mrr <= 2) and revenue"), ("mrr not between 1 and 2", "not (mrr >= 1 and mrr <= 2)"),
    ("1 + mrr between 1 and 2 + 3", "1 + mrr >= 1 and 1 + mrr <= 2 + 3"),
    ("case when mrr then 1 when revenue then 2 else 3 end", "if(mrr, 1, if(revenue, 2, 3))"),
    ("case mrr when 1 then 2 else 3 end + 1", "if(mrr = 1, 2, 3) + 1"),
    ("case when case when mrr then 1 else 0 end then (case when mrr then 1 else 2 end) else 3 end",
     "if(if(mrr, 1, 0), if(mrr, 1, 2), 3)"),
])
def test_keywords_are_short_spellings(text: str, same: str) -> None:
    findings = Findings()
    formula, other = (read_expression(spelled, findings, grammar=GRAMMAR) for spelled in (text, same))
    assert formula is not None and other is not None and not findings.items
    assert write_expression(formula) == write_expression(other)


def test_keys() -> None:
    assert [key_of(title) for title in ("MRR growth", "Variance %", " Net  Income ", "R&D", "Ünïcode €", "%%")] == \
        ["mrr_growth", "variance_percent", "net_income", "r_d", "ünïcode", "percent_percent"]
    assert normal("  Net \t INCOME ") == "net income"
