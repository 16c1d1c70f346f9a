"""What expressions mean: hand-written pairs of text and tree, and the places of what is read."""

from __future__ import annotations

import pytest

from metricsql import operators
from metricsql.diagnostics import Findings, Place
from metricsql.formula import (
    Call,
    Formula,
    Grammar,
    Name,
    Number,
    Text,
    Window,
    in_text,
    read_expression,
    walk,
    write_expression,
)
from metricsql.formula.grammar import dotted_name_end
from metricsql.project.document import parse_json, parse_yaml

A, B, C, D = map(Name, "abcd")


def call(op: str, *arguments: Formula) -> Call:
    return Call(op, arguments)


def num(value: float) -> Number:
    return Number(value)


def read(text: str) -> Formula:
    findings = Findings()
    formula = read_expression(text, findings)
    assert formula is not None and not findings.errors, findings.items
    return formula


MEANINGS: list[tuple[str, Formula, str | None]] = [
    # numbers, texts, names; the third column is the canonical spelling where it differs
    ("1", num(1), None),
    ("1.50", num(1.5), "1.5"),
    (".5", num(0.5), "0.5"),
    ("1e3", num(1000), "1000"),
    ("1E-7", num(1e-7), "1e-7"),
    ("1e+300", num(1e300), "1e300"),
    ("10000000000000000", num(1e16), "1e16"),
    ("007", num(7), "7"),
    ("-5", num(-5), None),
    ("- 5", num(-5), "-5"),
    ("-0", num(0), "0"),
    ("'it''s'", Text("it's"), None),
    ("''", Text(""), None),
    ("metrics.active_seats", Name("metrics.active_seats"), None),
    ("calculated.123456789", Name("calculated.123456789"), None),
    ("activities.2024.q1", Name("activities.2024.q1"), None),
    ("activities.größe_Ü", Name("activities.größe_Ü"), None),
    ('"metrics.Process Runs"', Name("metrics.Process Runs"), None),
    ('"metrics.active_seats"', Name("metrics.active_seats"), "metrics.active_seats"),
    ('"say ""x"""', Name('say "x"'), None),
    ('"and"', Name("and"), None),
    ('"2024"', Name("2024"), None),
    ("sum", Name("sum"), None),
    ("not_yet", Name("not_yet"), None),
    # chains of one sign are flat, parentheses are remembered
    ("a + b + c", call("add", A, B, C), None),
    ("a - b - c", call("minus", A, B, C), None),
    ("a * b * c", call("multiplication", A, B, C), None),
    ("a / b / c", call("division", A, B, C), None),
    ("a and b and c", call("and", A, B, C), None),
    ("a or b or c", call("or", A, B, C), None),
    ("(a * b) * c", call("multiplication", call("multiplication", A, B), C), None),
    ("a * (b * c)", call("multiplication", A, call("multiplication", B, C)), None),
    ("((a * b)) * (c)", call("multiplication", call("multiplication", A, B), C), "(a * b) * c"),
    ("a * b / c", call("division", call("multiplication", A, B), C), None),
    ("a / b * c * d", call("multiplication", call("division", A, B), C, D), None),
    ("a + b - c + d", call("add", call("minus", call("add", A, B), C), D), None),
    # precedence
    ("a + b * c ^ d", call("add", A, call("multiplication", B, call("power", C, D))), None),
    ("(a + b) * c", call("multiplication", call("add", A, B), C), None),
    ("a ^ b ^ c", call("power", A, call("power", B, C)), None),
    ("(a ^ b) ^ c", call("power", call("power", A, B), C), None),
    ("a or b and c", call("or", A, call("and", B, C)), None),
    ("not a and b", call("and", call("not", A), B), None),
    ("not (a and b)", call("not", call("and", A, B)), None),
    ("not a > b", call("not", call("greater", A, B)), None),
    ("a + b > c * d", call("greater", call("add", A, B), call("multiplication", C, D)), None),
    ("(a > b) = c", call("equal", call("greater", A, B), C), None),
    # minus
    ("-2 ^ 2", call("negate", call("power", num(2), num(2))), None),
    ("(-2) ^ 2", call("power", num(-2), num(2)), None),
    ("2 ^ -2", call("power", num(2), num(-2)), None),
    ("2 ^ -a ^ b", call("power", num(2), call("negate", call("power", A, B))), None),
    ("2 ^ (-a) ^ b", call("power", num(2), call("power", call("negate", A), B)), None),
    ("-(5)", call("negate", num(5)), None),
    ("--5", call("negate", num(-5)), "-(-5)"),
    ("--a", call("negate", call("negate", A)), "-(-a)"),
    ("-a * b", call("multiplication", call("negate", A), B), None),
    ("-(a * b)", call("negate", call("multiplication", A, B)), None),
    ("a - -5", call("minus", A, num(-5)), None),
    ("a--b", call("minus", A, call("negate", B)), "a - -b"),
    ("a-b", call("minus", A, B), "a - b"),
    # signs have aliases, words have any case
    ("a == b", call("equal", A, B), "a = b"),
    ("a <> b", call("unequal", A, B), "a != b"),
    ("a AND Not b", call("and", A, call("not", B)), "a and not b"),
    # functions
    ("sum(a, b)", call("sum", A, B), None),
    ("SUM (a)", call("sum", A), "sum(a)"),
    ("average(a, b)", call("average", A, B), "avg(a, b)"),
    ("add(a, b, c)", call("add", A, B, C), "a + b + c"),
    ("multiply(a)", call("multiplication", A), None),
    ("and(a)", call("and", A), None),
    ("not(a)", call("not", A), "not a"),
    ("not(a, b)", call("not", A, B), None),
    ("round(a, -2)", call("round", A, num(-2)), None),
    ("iif(a > 0, 1, -a)", call("if", call("greater", A, num(0)), num(1), call("negate", A)), "if(a > 0, 1, -a)"),
    ("if(not has_value(a), 0, a)", call("if", call("not", call("has_value", A)), num(0), A), None),
    ("log10(a)", call("log", A), "log(a)"),
    # windows
    ("rolling_sum(a, 7)", Window("sum", A, 7), None),
    ("Rolling_Avg(a, 7.0)", Window("average", A, 7), "rolling_avg(a, 7)"),
    ('rolling_count("metrics.Process Runs", 1)', Window("length", Name("metrics.Process Runs"), 1), None),
    ("trend(a, 7)", Window("trend", A, 7), None),
    ("trend(a, 7, 'difference')", Window("trend", A, 7, "difference"), None),
    ("total_sum(a)", Window("total_sum", A), None),
    ("days_since(a)", Window("days_since", A), None),
    # around the formula
    ("= a + b", call("add", A, B), "a + b"),
    ("  a\n  + b\n", call("add", A, B), "a + b"),
    ("# first\n// second\na\n  # third\n+ b", call("add", A, B), "a + b"),
    ('"a\n# b"', Name("a\n# b"), None),
    ("a\N{NO-BREAK SPACE}+\tb", call("add", A, B), "a + b"),
]


@pytest.mark.parametrize(("text", "formula", "canonical"), MEANINGS, ids=[text for text, _, _ in MEANINGS])
def test_a_text_means_a_tree_and_is_written_back(text: str, formula: Formula, canonical: str | None) -> None:
    assert read(text) == formula
    assert write_expression(formula) == (canonical or text)


@pytest.mark.parametrize("block", [*operators.groups(), *operators.windows()], ids=lambda block: block.function)
def test_every_function_is_called_by_its_names_in_any_case(
    block: operators.Operator | operators.WindowOperator,
) -> None:
    arguments = "a, 7" if isinstance(block, operators.WindowOperator) and block.takes_days else "a"
    for name in (block.function, *block.function_aliases):
        for spelling in (name, name.upper(), name.title()):
            formula = read(f"{spelling}({arguments})")
            assert isinstance(formula, Call | Window) and formula.op == block.key


def test_an_operator_of_the_registry_is_read_and_written_without_more() -> None:
    block = operators.Operator(
        key="modulo", json="%%", function="modulo", sign=operators.Sign("%%", 60), least=2, most=2,
        meaning="the remainder", nulls="", sql="{0} % {1}", evaluate=lambda a, b: a % b,
    )
    with operators.registered(block):
        left = call("modulo", A, B)
        assert read("a %% b %% c") == call("modulo", left, C)
        assert read("a + b %% modulo(c, d)") == call("add", A, call("modulo", B, call("modulo", C, D)))
        assert write_expression(call("modulo", left, left)) == "a %% b %% (a %% b)"
    findings = Findings()
    assert read_expression("a %% b", findings) is None


def test_a_sign_between_minus_and_power_takes_in_no_operand_that_is_not_its_own() -> None:
    block = operators.Operator(key="nearly", json="@@", function="nearly", sign=operators.Sign("@@", 75), least=2,
                               most=2, meaning="", nulls="", sql="", evaluate=lambda a, b: a)
    with operators.registered(block):
        for left in (call("power", A, call("negate", B)), call("power", A, num(-2))):
            formula = call("nearly", left, C)
            assert write_expression(formula).startswith("(a ^ -")
            assert read(write_expression(formula)) == formula


# Places


def test_every_node_knows_its_place() -> None:
    text = "if(a > 10,\n   -rolling_sum(metrics.x, 7),\n   'no')"
    lines = text.split("\n")
    found: dict[str, tuple[int, str]] = {}
    for node in walk(read(text)):
        place = node.place
        assert place.line is not None and place.column is not None and place.text == lines[place.line - 1]
        key = type(node).__name__ + (f" {node.op}" if isinstance(node, Call | Window) else "")
        found.setdefault(key, (place.line, place.text[place.column - 1 :][: place.width]))
    assert found == {
        "Call if": (1, "if(a > 10,"),
        "Call greater": (1, "a > 10"),
        "Name": (1, "a"),
        "Number": (1, "10"),
        "Call negate": (2, "-rolling_sum(metrics.x, 7)"),
        "Window sum": (2, "rolling_sum(metrics.x, 7)"),
        "Text": (3, "'no'"),
    }


SCALARS = [
    "formula: metrics.a + BAD(1)",
    "formula: metrics.a +\n   metrics.b +\n\n   BAD(1)",
    "formula: 'if(a = ''x'', BAD(1), 2)'",
    'formula: "if(\\"a b\\" = 1,\\n  BAD(1), 2)"',
    "formula: |\n  # seats\n  metrics.a\n    + BAD(1)\n  + 1",
    "formula: >-\n  metrics.a\n  + BAD(1)\n",
    "formula: |2-\n    metrics.a\n    + BAD(1)\n",
    "x: 1\nmetrics:\n- formula: BAD(1) + 1  # note",
    'formula: "\\x61 + BAD(1)"',
]


@pytest.mark.parametrize("source", SCALARS)
def test_a_fault_inside_a_yaml_scalar_has_its_place_in_the_file(source: str) -> None:
    document = parse_yaml(source, "metricsql.yml")
    path: tuple[str | int, ...] = ("metrics", 0, "formula") if "metrics:" in source else ("formula",)
    data = document.data["metrics"][0] if "metrics:" in source else document.data
    findings = Findings()
    assert read_expression(data["formula"], findings, in_text(data["formula"], document.place(path), source)) is None
    (found,) = findings.errors
    place = found.place
    assert found.code == "unknown-function" and place.file == "metricsql.yml"
    assert place.text and place.column and place.line
    assert place.text[place.column - 1 :][: place.width] == "BAD"
    if "\\x61" not in source:
        assert place.text == source.split("\n")[place.line - 1]


def test_a_fault_inside_a_json_text_has_its_place_in_the_file() -> None:
    source = '{"formula":\n  "\\"a b\\" + BAD(1)"}'
    document = parse_json(source, "metricsql.json")
    text = document.data["formula"]
    findings = Findings()
    assert read_expression(text, findings, in_text(text, document.place(("formula",)), source)) is None
    assert str(findings.items[0].place) == "metricsql.json:2:14  /formula"


def test_without_the_source_the_line_of_the_place_is_enough() -> None:
    text = "1 + BAD(1)"
    spot = in_text(text, Place("metricsql.yml", 31, 12, "/metrics/0/formula", "  formula:  1 + BAD(1)", 10))
    assert spot(4, 3) == Place("metricsql.yml", 31, 17, "/metrics/0/formula", "  formula:  1 + BAD(1)", 3)


def test_without_any_source_the_line_of_the_expression_is_shown() -> None:
    spot = in_text("1 +\nBAD(1)", Place(pointer="/metrics/0/formula"))
    assert spot(4, 3) == Place(None, 2, 1, "/metrics/0/formula", "BAD(1)", 3)
    spot = in_text("1 +\nBAD(1)", Place("metricsql.yml", 31, 12, text="  formula: *other"))
    assert spot(4, 3) == Place("metricsql.yml", 31, 1, text="BAD(1)", width=3)


# Another grammar: titles with spaces, brackets, windows over anything, a function of its own


LAG = operators.Operator(
    key="lag", json="lag", function="lag", most=2, meaning="", nulls="", sql="", evaluate=lambda a: a
)
TITLES = ["mrr", "mrr growth", "2024 plan", "Checking Account"]


def title_end(text: str, at: int) -> int:
    """The longest title wins; a name before a parenthesis is a function."""
    end = dotted_name_end(text, at)
    if text[end:].lstrip().startswith("("):
        return end
    ends = [at + len(title) for title in TITLES if text.lower().startswith(title.lower(), at)]
    return max(ends, default=end)


TABLE = Grammar(
    name_end=title_end, brackets=True, windows_over_any=True,
    function=lambda name: LAG if name.lower() == "lag" else operators.function(name),
    functions=lambda: [*operators.functions(), "lag"],
)


@pytest.mark.parametrize(("text", "formula"), [
    ("mrr growth / lag(mrr, 2)", call("division", Name("mrr growth"), call("lag", Name("mrr"), num(2)))),
    ("[Checking Account] + 2024 Plan", call("add", Name("Checking Account"), Name("2024 Plan"))),
    ("rolling_sum(mrr + 1, 3)", Window("sum", call("add", Name("mrr"), num(1)), 3)),
    ("rolling_avg(rolling_sum(5, 3), 3)", Window("average", Window("sum", num(5), 3), 3)),
])
def test_another_grammar_takes_other_names_and_windows(text: str, formula: Formula) -> None:
    findings = Findings()
    assert read_expression(text, findings, grammar=TABLE) == formula
    assert not findings.items
