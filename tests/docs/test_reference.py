"""Pages that follow from the program are up to date: the reference, and the verbs and options of the command line."""

from __future__ import annotations

import re

import pytest

from metricsql import operators
from metricsql.cli.main import VERBS
from metricsql.inspect.reference import reference
from metricsql.operators import Operator
from tests.docs.options import EVERYWHERE, options_of, with_tables
from tests.docs.pages import text_of


def test_the_reference_is_up_to_date() -> None:
    assert text_of("reference.md") == reference(), "python -m metricsql.inspect.reference > docs/reference.md"


@pytest.mark.parametrize("block", [*operators.groups(), *operators.windows()], ids=lambda block: block.key)
def test_the_reference_has_every_spelling(block: Operator) -> None:
    page = text_of("reference.md")
    for name in (block.json, *block.json_aliases):
        assert f"`{name}`" in page
    for name in (block.function, *block.function_aliases):
        assert f"`{name}(" in page


def test_a_new_operator_is_on_the_page() -> None:
    block = Operator(key="square", json="SQUARE", function="square", meaning="the argument times itself", nulls="none",
                     sql="{0} * {0}", evaluate=lambda a: a)
    with operators.registered(block):
        assert "| `SQUARE` | `square(a)` | 1 | the argument times itself | none | `a * a` |" in reference()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_a_section_with_an_example(verb: str) -> None:
    section = re.search(rf"^## {verb}\n(.*?)(?=^## |\Z)", text_of("cli.md"), re.MULTILINE | re.DOTALL)
    assert section, f"docs/cli.md has no section `## {verb}`"
    assert f"$ metricsql {verb}" in section[1] or f"| metricsql {verb}" in section[1], "no example"


@pytest.mark.parametrize("verb", VERBS)
def test_every_option_is_mentioned(verb: str) -> None:
    page = text_of("cli.md")
    for name in (*EVERYWHERE, *(name for option in options_of(verb) for name in option.opts)):
        assert re.search(rf"`{name}\b", page), name


def test_the_tables_of_options_are_up_to_date() -> None:
    assert with_tables(text_of("cli.md")) == text_of("cli.md"), "python -m tests.docs.options"
