"""Every case of `expression_errors.md`: a bad expression, and exactly what is said about it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metricsql.diagnostics import Findings
from metricsql.formula import read_expression

CASES = re.findall(
    r"^## ([^\n]+)\n\n```formula\n(.*?)\n```\n\n```text\n(.*?)\n```$",
    Path(__file__).with_name("expression_errors.md").read_text(encoding="utf-8"),
    re.MULTILINE | re.DOTALL,
)
CODES = {"bad-days", "bad-expression", "bad-number", "bad-trend", "bad-window", "missing-days", "name-or-text",
         "too-deep", "unknown-function", "wrong-arity"}


def without_line_ends(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.split("\n"))


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_message(text: str, expected: str) -> None:
    findings = Findings()
    assert read_expression(text, findings) is None
    assert without_line_ends("\n\n".join(map(str, findings.items))) == without_line_ends(expected)


def test_the_file_has_every_code_and_no_case_twice() -> None:
    assert len(CASES) >= 45
    assert len({title for title, _, _ in CASES}) == len({text for _, text, _ in CASES}) == len(CASES)
    assert {code for _, _, said in CASES for code in re.findall(r"^\w+\[(.+?)\]", said, re.MULTILINE)} == CODES
