"""Every code of the source is explained in `docs/errors.md`, and every code explained there is in the source."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.bad_input.cases import read_cases
from tests.bad_input.shop import MESSAGE

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/errors.md").read_text(encoding="utf-8")
CODE = re.compile(r"[a-z]+(?:-[a-z]+)*")
TELLS = {"error", "warn", "fault", "faults", "report", "_fail", "Diagnostic", "Rule", "TableRule", "JsonTextError"}
"""What is called with a code: first, or as `code=`."""
NEVER_SEEN = {"engine", "internal"}
"""Defects, which no test can show."""


def texts(node: ast.expr | None, names: dict[str, str]) -> Iterator[str]:
    """The texts that an expression may stand for."""
    match node:
        case ast.Constant(value=str() as text):
            yield text
        case ast.Name(id=name) if name in names:
            yield names[name]
        case ast.IfExp(body=one, orelse=other):
            yield from (*texts(one, names), *texts(other, names))


def codes_of(file: Path) -> Iterator[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    names = {target.id: value.value for node in tree.body if isinstance(node, ast.Assign)
             for target, value in [(node.targets[0], node.value)]
             if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str)}
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=args, keywords=keywords) if name in TELLS:
                yield from texts(args[0] if args else None, names)
                yield from (text for keyword in keywords if keyword.arg == "code" for text in texts(keyword.value, names))
            case ast.arguments(args=args, defaults=[*_, ast.Constant(value=str() as text)]) if args and args[-1].arg == "code":
                yield text
            case ast.Assign(targets=[ast.Name(id="code")], value=value):
                yield from texts(value, names)
            case ast.Assign(targets=[ast.Tuple(elts=targets)], value=ast.Tuple(elts=values)):
                for target, value in zip(targets, values, strict=False):
                    if isinstance(target, ast.Name) and target.id == "code":
                        yield from texts(value, names)


def used() -> set[str]:
    found = {code for file in sorted((ROOT / "metricsql").rglob("*.py")) for code in codes_of(file)}
    return {code for code in found if CODE.fullmatch(code)}


def explained() -> list[str]:
    """The codes of the tables, and those that are passed on to the page about doubtful formulas."""
    passed_on = PAGE.partition("[lint.md](lint.md): ")[2].partition(".")[0]
    return [*re.findall(r"^\| `([^`]+)` \|", PAGE, re.MULTILINE), *re.findall(r"`([^`]+)`", passed_on)]


def test_every_code_is_explained() -> None:
    assert used() - set(explained()) == set()


def test_every_code_that_is_explained_exists() -> None:
    assert set(explained()) - used() == set()
    assert len(used()) > 80


def test_no_code_is_explained_twice_and_every_table_is_in_order() -> None:
    assert [code for code, count in Counter(explained()).items() if count > 1] == []
    for table in re.findall(r"\|---.*\n((?:\|.*\n)+)", PAGE):
        codes = re.findall(r"^\| `([^`]+)`", table, re.MULTILINE)
        assert codes == sorted(codes)
        assert all(len(re.findall(r"(?<!\\)\|", line)) == 5 for line in table.splitlines()), table


def test_the_first_message_of_the_page_is_real() -> None:
    message = PAGE.partition("```text\n")[2].partition("\n```")[0]
    assert any(message in case.expected for case in read_cases())


def test_every_code_is_seen_in_a_test() -> None:
    seen = {code for case in read_cases() for code, _ in MESSAGE.findall(case.expected)}
    elsewhere = "".join(path.read_text(encoding="utf-8") for kind in ("*.py", "*.md", "*.yml")
                        for path in sorted((ROOT / "tests").rglob(kind)) if path != Path(__file__))
    elsewhere += (ROOT / "docs/lint.md").read_text(encoding="utf-8")
    missing = {code for code in used() - seen if f"[{code}]" not in elsewhere and f'"{code}"' not in elsewhere}
    assert missing - NEVER_SEEN == set()
