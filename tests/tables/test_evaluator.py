"""The second evaluator says what was worked by hand, and the answers cover the whole language."""

from __future__ import annotations

from itertools import product

import pytest

from .cases import Case, cases, differences, evaluated
from .expressions import ARITY, OPTIONS, Call, Names, Node, Number, Reference, parse
from .periods import INTERVALS
from .random_tables import SOURCES, random_table

CASES = cases()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_answer(case: Case) -> None:
    for segment, result in evaluated(case).items():
        starts = [period.start for period in result.periods]
        assert differences(case, segment, starts, result.rows) == []
        assert sorted(result.unavailable) == sorted(case.unavailable)
        if case.partial:
            assert [int(period.is_partial) for period in result.periods] == case.partial


def test_every_function_has_an_answer() -> None:
    text = " ".join(str(row.get("calculation", "")).lower() for case in CASES for row in case.table["rows"])
    assert [name for name in ARITY if name not in ("if",) and f"{name}(" not in text] == []


def test_every_option_has_an_answer_for_both_kinds() -> None:
    seen = set()
    for case in CASES:
        events = [row for row in case.table["rows"] if "event" in row]
        kinds = {row.get("name", row["event"]): row.get("kind", "flow") for row in events}
        for row in case.table["rows"]:
            if kind := kinds.get(row.get("measure", row.get("event"))):
                seen.add((row.get("display", "ending"), kind))
    assert set(product(OPTIONS, ("flow", "stock"))) <= seen
    assert {case.interval for case in CASES} == set(INTERVALS)


def written(node: Node) -> str:
    match node:
        case Number(value=value):
            return f"{value:g}"
        case Reference(key=key, option=option):
            return key + (f".{option}" if option else "")
        case Call(name=name, arguments=arguments):
            return f"({name} {' '.join(written(argument) for argument in arguments)})"


@pytest.mark.parametrize(("text", "tree"), [
    ("1 + 2 * 3", "(+ 1 (* 2 3))"),
    ("1 - 2 - 3", "(- (- 1 2) 3)"),
    ("-2 ^ 2", "(negate (power 2 2))"),
    ("2 ^ 3 ^ 2", "(power 2 (power 3 2))"),
    ("2 * -3", "(* 2 (negate 3))"),
    ("not 1 > 2 and 3", "(and (not (> 1 2)) 3)"),
    ("1 or 2 and 3", "(or 1 (and 2 3))"),
    ("1 between 2 and 3 or 4", "(or (between 1 2 3) 4)"),
    ("net income/net", "(/ net_income net)"),
    ("net income.sum - net.sum", "(- net_income.sum net.sum)"),
    ("max(net,income)", "(max net income)"),
    ("=1+1", "(+ 1 1)"),
])
def test_strength(text: str, tree: str) -> None:
    assert written(parse(text, Names(["Net", "Income", "Net Income"]))) == tree


@pytest.mark.parametrize("seed", range(60))
def test_what_is_written_is_read(seed: int) -> None:
    made = random_table(seed)
    names = Names([row.get("name", row.get("event")) for row in made.table["rows"]], SOURCES)
    for row in made.table["rows"]:
        if "calculation" in row:
            assert parse(row["calculation"], names) == made.trees[row["name"]], row["calculation"]
