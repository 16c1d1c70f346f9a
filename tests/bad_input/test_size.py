"""Formulas that are deep, wide or long: 64 levels work, more are refused with a message, whatever the spelling."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest

import metricsql
from metricsql.formula.nodes import MAX_LEVELS, MOST_PARTS
from tests.bad_input.shop import Shop, promises

LOGINS = '{"type": "metricOverTime", "days": 14, "op": "SUM", "prop": "activities.login"}'
ONE = '{"type": "rawNumber", "value": 1}'
SPELLINGS = {
    "groups": ('["ABS", ', "]", LOGINS),
    "additions": (f'["+", {ONE}, ', f", {ONE}, {ONE}, {ONE}]", LOGINS),
    "divisions": ('["DIVISION", ', f", {ONE}]", LOGINS),
    "conditions": (f'["IF", ["=", {ONE}, {ONE}], ', f", {ONE}]", LOGINS),
    "functions": ("abs(", ")", "rolling_sum(activities.login, 14)"),
    "signs": ("-", "", "rolling_sum(activities.login, 14)"),
}
"""What stands before, behind, and in the middle."""
DEEPER = (MAX_LEVELS + 1, 500, 100_000)


def nested(spelling: str, levels: int) -> str:
    before, behind, core = SPELLINGS[spelling]
    return before * levels + core + behind * levels


def too_deep(shop: Shop, formula: str, command: str = "metricsql check", typed: str = "") -> None:
    shop.formula(formula)
    shop.remember()
    begun = time.perf_counter()
    said = shop.run(command, typed)
    promises(said, shop)
    assert (said.exit, said.codes) == (1, ["too-deep"]), str(said)[:2000]
    assert time.perf_counter() - begun < 20
    assert len(said.err) < 2000


@pytest.mark.parametrize("spelling", [name for name in SPELLINGS if name != "conditions"])
def test_64_levels_work(shop: Shop, spelling: str) -> None:
    shop.formula(nested(spelling, MAX_LEVELS))
    shop.remember()
    said = shop.run("metricsql build --select answer")
    promises(said, shop)
    assert said.exit == 0, said.err
    found = json.loads(shop.run("metricsql show answer --record c1 --from 2025-01-10 --format json").out)
    assert found[0]["answer"] == {"additions": 3 + 4 * MAX_LEVELS}.get(spelling, 3)


def test_the_branches_of_64_conditions(shop: Shop) -> None:
    """The test of a condition is a level of its own."""
    shop.formula(nested("conditions", MAX_LEVELS - 1))
    shop.remember()
    assert shop.run("metricsql check").exit == 0


@pytest.mark.parametrize("levels", DEEPER)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_more_levels_are_refused(shop: Shop, spelling: str, levels: int) -> None:
    too_deep(shop, nested(spelling, levels))


@pytest.mark.parametrize("levels", DEEPER)
def test_lists_and_objects_without_end(shop: Shop, levels: int) -> None:
    too_deep(shop, "[" * levels + LOGINS + "]" * levels)
    if levels > 400:
        too_deep(shop, '{"a":' * levels + "1" + "}" * levels)


@pytest.mark.parametrize("levels", [500, 100_000])
def test_parentheses_without_end(shop: Shop, levels: int) -> None:
    too_deep(shop, "(" * levels + "1" + ")" * levels)
    too_deep(shop, "1", "metricsql sql -", typed="(" * levels + "1")


@pytest.mark.parametrize("levels", DEEPER)
def test_deep_yaml(shop: Shop, levels: int) -> None:
    good = (shop.folder / "metricsql.yml").read_text(encoding="utf-8")
    shop.write("metricsql.yml", good.replace("{file: formulas/answer.json}", nested("groups", levels)))
    shop.remember()
    said = shop.run("metricsql check")
    promises(said, shop)
    assert (said.exit, said.codes) == (1, ["too-deep"]), str(said)[:2000]


@pytest.mark.parametrize("levels", DEEPER)
def test_deep_data_in_python(levels: int) -> None:
    formula: Any = json.loads(LOGINS)
    for _ in range(levels):
        formula = ["ABS", formula]
    before = sys.getrecursionlimit()
    with pytest.raises(metricsql.ProjectError, match=r"too-deep.*nested deeper than 64 levels"):
        metricsql.sql(formula)
    assert sys.getrecursionlimit() == before
    while isinstance(formula, list):  # Python itself cannot take data so deep apart
        formula = formula[1]


@pytest.mark.parametrize("formula", [
    "[" + '"SUM", ' + ", ".join([ONE] * 150_000) + "]",
    " + ".join(["1"] * 300_000),
    " + ".join(["1"] * (MOST_PARTS + 1)),
], ids=["5 MB of JSON", "1 MB of signs", "one value too many"])
def test_formulas_without_end(shop: Shop, formula: str) -> None:
    shop.formula(formula)
    shop.remember()
    said = shop.run("metricsql check")
    promises(said, shop)
    assert (said.exit, said.codes) == (1, ["too-large"]), str(said)[:2000]


def test_a_wide_formula_works(shop: Shop) -> None:
    shop.formula(" + ".join(["rolling_sum(activities.login, 14)", *["1"] * 999]))
    shop.remember()
    said = shop.run("metricsql build --select answer")
    promises(said, shop)
    assert said.exit == 0, said.err
    found = json.loads(shop.run("metricsql show answer --record c1 --from 2025-01-10 --format json").out)
    assert found[0]["answer"] == 3 + 999


def test_a_long_chain_of_metrics(shop: Shop) -> None:
    good = (shop.folder / "metricsql.yml").read_text(encoding="utf-8")
    links = [f'  - {{id: link_{i}, formula: "rolling_last(calculated.link_{i - 1}, 1) + 1"}}\n' for i in range(1, 100)]
    first = '  - {id: link_0, formula: "rolling_sum(activities.login, 14)"}\n'
    shop.write("metricsql.yml", good + first + "".join(links))
    shop.remember()
    said = shop.run("metricsql build --select +link_99")
    promises(said, shop)
    assert said.exit == 0, said.err
    found = json.loads(shop.run("metricsql show link_99 --record c1 --from 2025-01-10 --format json").out)
    assert found[0]["link_99"] == 3 + 99
