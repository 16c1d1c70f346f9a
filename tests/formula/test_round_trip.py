"""JSON -> formula -> text -> formula -> JSON is the identity, for every formula there is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from metricsql import operators
from metricsql.diagnostics import Findings
from metricsql.formula import (
    MAX_LEVELS,
    Call,
    Formula,
    Name,
    Number,
    Text,
    Window,
    read_expression,
    read_json,
    write_expression,
    write_json,
)

CATALOGUE = json.loads((Path(__file__).parent.parent / "catalogue.json").read_text(encoding="utf-8"))
SIGNS = [s for block in operators.signs() if block.sign for s in (block.sign.text, *block.sign.aliases)]
MANY = settings(max_examples=2000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SEVERAL = settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.too_slow])

names = st.one_of(
    st.sampled_from(["metrics.active_seats", "company.custom.No of companies", "calculated.123456789", "größe.Ü1"]),
    st.sampled_from([*SIGNS, "AND", "Not", *operators.functions(), "and.x", "x.and", "not x"]),
    st.sampled_from(["a.", ".a", "a..b", ".", "7", "2024.x", "1e3", "a-b", "a\nb", "a\n# b", "e\u0301"]),
    st.sampled_from(['say "x"', '"', "'", '"a"', "'a'"]),
    st.text(min_size=1, max_size=12),
)
texts = st.one_of(st.sampled_from(["", "USD", "it's", "''", 'a "b"', "a\nb", "difference"]), st.text(max_size=8))
numbers = st.one_of(
    st.sampled_from([0.0, -0.0, 1.0, 5.0, -5.0, 1.07, 1e300, -1e300, 1e-7, 5e-324, 1e16, 123456789012345680.0]),
    st.floats(allow_nan=False, allow_infinity=False),
)


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Any window operator over a name."""
    block = draw(st.sampled_from(operators.windows()))
    days = draw(st.sampled_from([1, 7, 365, 999_999])) if block.takes_days else None
    mode = draw(st.sampled_from([None, *block.modes])) if block.modes else None
    return Window(block.key, Name(draw(names)), days, mode)


@st.composite
def calls(draw: st.DrawFn, inner: st.SearchStrategy[Formula]) -> Call:
    """Any operator with any number of arguments that JSON can spell, be it wrong."""
    block = draw(st.sampled_from(operators.groups()))
    most = block.most or 4
    count = draw(st.integers(block.least, most) | st.integers(0, 4))
    assume(_spelled_by_json(block, count))
    return Call(block.key, tuple(draw(inner) for _ in range(count)))


def _spelled_by_json(block: operators.Operator, count: int) -> bool:
    """A head and a count lead back to the operator; a JSON reader takes no IF but one of three for this operator."""
    return operators.group(block.json, count) is block and (block.key != "if" or count == 3)


leaves: st.SearchStrategy[Formula] = st.one_of(
    st.builds(Number, numbers), st.builds(Text, texts), st.builds(Name, names), windows()
)
formulas: st.SearchStrategy[Formula] = st.recursive(leaves, calls, max_leaves=14)


def parsed(text: str) -> Formula | None:
    """The formula of a text that must have no errors."""
    findings = Findings()
    formula = read_expression(text, findings)
    assert not findings.errors, f"{text}\n{findings.errors[0]}"
    return formula


def from_json(data: Any) -> Formula:
    findings = Findings()
    formula = read_json(data, findings)
    assert formula is not None, findings.items
    return formula


def check_identity(formula: Formula) -> None:
    """The formula survives JSON and text, and writing what was read changes nothing."""
    data = json.loads(json.dumps(write_json(formula)))
    assert from_json(data) == formula
    text = write_expression(formula)
    again = parsed(text)
    assert again == formula, text
    assert write_json(again) == data
    assert write_expression(again) == text


@MANY
@given(formulas)
def test_every_formula_survives_both_spellings(formula: Formula) -> None:
    check_identity(formula)


@pytest.mark.parametrize("entry", CATALOGUE, ids=[entry["id"] for entry in CATALOGUE])
def test_every_formula_of_the_catalogue_survives_both_spellings(entry: dict[str, Any]) -> None:
    check_identity(from_json(entry["formula"]))


@pytest.mark.parametrize("outer", operators.groups(), ids=lambda block: block.key)
def test_every_operator_stands_at_every_place_in_every_other(outer: operators.Operator) -> None:
    leaf = Name("x")
    for inner in operators.groups():
        argument = Call(inner.key, (leaf,) * max(inner.least, min(2, inner.most or 2)))
        for count in range(outer.least, (outer.most or 3) + 1):
            for position in range(count):
                call = Call(outer.key, tuple(argument if i == position else leaf for i in range(count)))
                check_identity(call)
                check_identity(Call("negate", (call,)))
                check_identity(Call("power", (call, Number(-2.0))))
                check_identity(Call("power", (Number(-2.0), Call("negate", (call,)))))


@pytest.mark.parametrize("block", operators.groups(), ids=lambda block: block.key)
@pytest.mark.parametrize("side", ["first", "last"])
def test_the_deepest_formulas_survive(block: operators.Operator, side: str) -> None:
    count = max(block.least, min(2, block.most or 2))
    formula: Formula = Name("x")
    for _ in range(MAX_LEVELS):
        others = (Number(-1.0),) * (count - 1)
        formula = Call(block.key, (formula, *others) if side == "first" else (*others, formula))
    check_identity(formula)
    findings = Findings()
    too_deep = Call("negate", (formula,))
    assert read_expression(write_expression(too_deep), findings) is None
    assert [d.code for d in findings.items] == ["too-deep"]
    findings = Findings()
    assert read_json(write_json(too_deep), findings) is None
    assert {d.code for d in findings.items} == {"too-deep"}


def test_the_deepest_conditions_survive() -> None:
    formula: Formula = Name("x")
    for _ in range(MAX_LEVELS // 3):
        test = Call("not", (Call("has_value", (formula,)),))
        formula = Call("if", (test, Number(1.0), Number(0.0)))
    check_identity(formula)


WORDS = [
    "(", ")", ",", ", ", " ", "\n", "=", "'", '"', ".", "%", "?", ":", ";", "&&", "“", "”", "[", "]", "5%", "1,000",
    "2x", "then", "else", "is null", "in (",
    "'USD'", '"a b"', "7", "-1", "1e400", "metrics.a", "metrics.", "# c\n", "foo(",
    "\N{ZERO WIDTH SPACE}",
]
CALLED = [f"{function}(" for function in operators.functions()]
soup = st.lists(st.sampled_from([*WORDS, *SIGNS, *CALLED]), max_size=25).map(" ".join)


@st.composite
def mangled(draw: st.DrawFn) -> str:
    """The text of a formula with a slip in it."""
    text = write_expression(draw(formulas))
    at = draw(st.integers(0, len(text)))
    return text[:at] + draw(st.sampled_from(["", *WORDS])) + text[at + draw(st.integers(0, 5)) :]


@settings(SEVERAL, max_examples=1500)
@given(st.one_of(st.text(max_size=60), soup, soup.map(lambda text: text.replace(" ", "")), mangled()))
def test_any_text_is_a_formula_or_has_findings(text: str) -> None:
    findings = Findings()
    formula = read_expression(text, findings)
    assert (formula is None) == bool(findings.errors)
    lines = text.split("\n")
    for diagnostic in findings.items:
        place = diagnostic.place
        assert place.line is not None and place.column is not None
        line = lines[place.line - 1].removesuffix("\r")
        assert place.text == line
        assert 1 <= place.column <= max(1, len(line) + 1)
        assert str(diagnostic)
    if formula is not None:
        assert parsed(write_expression(formula)) == formula


@pytest.mark.parametrize("repeated", [
    "(", ")", ",", "-", "not ", "abs(", "f(", "1 ^ ", "a - (", "%(", "1 - 2 + ", "[", "#", "'", '"', "?", "a ", "“",
    "1", "(,(", "a.'", "if a then ",
])
def test_a_very_long_text_is_an_error_and_nothing_worse(repeated: str) -> None:
    for text in (repeated * 25_001, repeated * 25_001 + ")" * 25_001):
        findings = Findings()
        assert read_expression(text, findings) is None
        assert 1 <= len(findings.errors) <= 20


def test_a_hundred_thousand_parentheses_are_an_error() -> None:
    findings = Findings()
    assert read_expression("(" * 100_000, findings) is None
    assert [d.code for d in findings.items] == ["too-deep"]


def test_a_long_chain_is_one_group() -> None:
    formula = parsed(" + ".join(["a"] * 5000))
    assert isinstance(formula, Call) and len(formula.args) == 5000
    assert write_expression(formula).count("+") == 4999
