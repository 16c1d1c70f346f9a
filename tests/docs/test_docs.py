"""The pages hold together: their snippets are valid, their links lead somewhere, and nothing is left undocumented."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from pydantic import BaseModel

from metricsql.bind.metrics import read_formula
from metricsql.diagnostics import Findings
from metricsql.inspect.lint import RULES, UNKNOWN
from metricsql.project import Written, parse_formula, schema
from metricsql.project.document import parse_yaml
from metricsql.project.load import FILE_NAMES, RESERVED_IDS
from metricsql.project.validate import validate
from tests.docs.pages import DOCS, ROOT, Block, anchors, blocks, links, pages, text_of

KEYS = schema.ProjectFile.model_fields.keys()
REPORTERS = {"Diagnostic", "error", "warn", "fault", "faults", "report", "_fail"}
"""What takes the code of a diagnostic as its first argument."""
PARTS = [kind for kind in vars(schema).values() if isinstance(kind, type) and issubclass(kind, BaseModel)]


def every(*languages: str) -> list[Any]:
    """The blocks of all pages in these languages."""
    return [pytest.param(block, id=str(block)) for page in pages() for block in blocks(page, *languages)]


def faults(written: Written) -> list[str]:
    """What is wrong with the spelling of a formula."""
    findings = Findings()
    read_formula(written, findings)
    return [str(found) for found in findings.errors]


@pytest.mark.parametrize("block", every("yaml"))
def test_project_snippets_are_valid(block: Block) -> None:
    """A snippet is a whole project, or a part of one: it has keys of a project at its top."""
    document = parse_yaml(block.text, str(block))
    if not isinstance(document.data, dict) or not document.data.keys() <= KEYS:
        return
    content, found = validate(document)
    assert content is not None, "\n".join(map(str, found))
    for metric in content.metrics:
        formula = metric.formula
        if isinstance(formula, dict) and "file" in formula:
            continue
        written = parse_formula(formula, str(block)) if isinstance(formula, str) else Written(formula)
        assert faults(written) == [], metric.id


@pytest.mark.parametrize("block", every("json"))
def test_json_formulas_are_valid(block: Block) -> None:
    """Other JSON, such as an output, is an object without a `type`, or begins with an object."""
    written = parse_formula(block.text, str(block))
    data = written.data
    is_group = isinstance(data, list) and bool(data) and isinstance(data[0], str)
    if is_group or (isinstance(data, dict) and "type" in data):
        assert faults(written) == []


@pytest.mark.parametrize("block", every("sql"))
def test_sql_and_expressions_are_valid(block: Block) -> None:
    """SQL of the engine (a statement, or a part of one), or expressions: one in the block, or one on each line."""
    if re.match(r"(--[^\n]*\n|\s)*(SELECT|WITH|FROM|CREATE|ATTACH|COPY)\b", block.text, re.IGNORECASE):
        assert sqlglot.parse(block.text, dialect="duckdb")
    elif not re.search(r"\bSELECT\b", block.text) and (found := faults(Written(None, block.text))):
        lines = [line for line in block.text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        assert len(lines) > 1 and not [fault for line in lines for fault in faults(Written(None, line))], found


@pytest.mark.parametrize("page", [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in pages()])
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} is not there"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{link}: no such heading"


def test_every_page_can_be_found() -> None:
    """From the README, or from a page that it leads to."""
    seen: set[Path] = set()
    queue = [ROOT / "README.md"]
    while queue:
        page = queue.pop()
        if page not in seen and page.suffix == ".md" and page.exists():
            seen.add(page)
            queue += [(page.parent / link.partition("#")[0]).resolve() for link in links(page) if ":" not in link]
    assert [page.relative_to(ROOT).as_posix() for page in pages() if page not in seen] == []


def codes() -> Iterator[str]:
    """Every code of a diagnostic in the package."""
    yield from (UNKNOWN, *(rule.code for rule in RULES))
    for file in (ROOT / "metricsql").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[ast.Constant(str(code)), *_]):
                    if name in REPORTERS:
                        yield code
                case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
                    yield code
                case ast.Assign(targets=[ast.Name(id="code")], value=ast.Constant(value=str(code))):
                    yield code
                case ast.Assign(targets=[ast.Name(id="code")], value=ast.IfExp(body=body, orelse=orelse)):
                    yield from (str(value.value) for value in (body, orelse) if isinstance(value, ast.Constant))
                case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                    for target, value in zip(names, values, strict=True):
                        if isinstance(target, ast.Name) and target.id == "code" and isinstance(value, ast.Constant):
                            yield str(value.value)
                case ast.arguments(args=arguments, defaults=defaults) if defaults:
                    for argument, value in zip(arguments[-len(defaults):], defaults, strict=True):
                        if argument.arg == "code" and isinstance(value, ast.Constant):
                            yield str(value.value)


@pytest.mark.parametrize("code", sorted({code for code in codes() if re.fullmatch(r"[a-z]+(-[a-z]+)*", code)}))
def test_every_code_is_documented(code: str) -> None:
    assert any(f"`{code}`" in page.read_text(encoding="utf-8") for page in pages()), code


@pytest.mark.parametrize(("part", "key"), [(part.__name__, key) for part in PARTS
                                           for key in (field.alias or name for name, field in part.model_fields.items())])
def test_every_key_of_a_project_file_is_documented(part: str, key: str) -> None:
    page = "testing-metrics.md" if part == schema.UnitTest.__name__ else "project-file.md"
    assert re.search(rf"`{key}:?`|^ *(- )?{key}:", text_of(page), re.MULTILINE), f"{part}.{key}"


@pytest.mark.parametrize("name", [*FILE_NAMES, *RESERVED_IDS])
def test_names_of_the_project_file_are_documented(name: str) -> None:
    assert f"`{name}`" in text_of("project-file.md")


def test_pages_stay_within_their_own_project() -> None:
    """No page leads to a place that a reader does not have."""
    for page in pages():
        text = page.read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w.])/(work|tmp|root|home)/", text), page.name


def test_decisions_are_listed() -> None:
    listed = set(links(DOCS / "decisions" / "README.md"))
    assert {page.name for page in (DOCS / "decisions").glob("*.md")} - {"README.md"} == listed
