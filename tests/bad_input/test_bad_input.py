"""Every kind of bad input gives a message that helps, and loses nothing.

`METRICSQL_ACCEPT=1 pytest tests/bad_input` writes what is said into the case files; the difference is then to be read.
"""

from __future__ import annotations

import os

import pytest

from tests.bad_input.cases import Case, read_cases, rewrite
from tests.bad_input.shop import Shop, promises

CASES = read_cases()
KINDS = 70
"""At least so many kinds of bad input are listed."""


@pytest.mark.parametrize("case", CASES, ids=[f"{case.file.stem}: {case.title}" for case in CASES])
def test_bad_input(case: Case, shop: Shop) -> None:
    said = []
    for one in case.run(shop):
        promises(one, shop)
        said.append(str(one))
    found = "\n\n".join(said)
    if os.environ.get("METRICSQL_ACCEPT") and found != case.expected:
        rewrite(case, found)
    else:
        assert found == case.expected


def test_the_good_project_is_good(shop: Shop) -> None:
    assert str(shop.run("metricsql check")) == "$ metricsql check\n4 metrics, nothing wrong\nexit 0"
    assert len(shop.values()) == 18 + 20 + 14 + 1


def test_there_are_enough_kinds_and_none_twice() -> None:
    assert len({case.title for case in CASES}) == len(CASES) >= KINDS
