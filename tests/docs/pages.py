"""The pages of the documentation, taken apart: blocks of code, tables, links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--\s*(.*?)\s*-->")


@dataclass(frozen=True)
class Block:
    """A fenced block of code. `comment` is the HTML comment on the line before it."""

    page: str
    line: int
    language: str
    text: str
    comment: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


@dataclass(frozen=True)
class Table:
    """A table, its cells as they are written."""

    page: str
    line: int
    header: list[str]
    rows: list[list[str]]
    comment: str = ""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def pages() -> list[Path]:
    """Every page, the README first."""
    return [path for path in (ROOT / "README.md", *sorted(DOCS.rglob("*.md"))) if path.is_file()]


def text_of(name: str) -> str:
    """The text of a page of the folder `docs`."""
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(path: Path, *languages: str) -> Iterator[Block]:
    """The code blocks of a page in these languages (any if none are named)."""
    text = path.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        if not languages or match[2] in languages:
            indent = len(match[1])
            body = "\n".join(line[indent:] for line in match[3].splitlines()) + "\n"
            line = text.count("\n", 0, match.start()) + 1
            yield Block(path.relative_to(ROOT).as_posix(), line, match[2], body, _comment_before(text, match.start()))


def tables(path: Path) -> Iterator[Table]:
    """The tables of a page."""
    text = _FENCE.sub(lambda match: "\n" * match[0].count("\n"), path.read_text(encoding="utf-8"))
    lines = text.splitlines()
    start = None
    for number, line in enumerate([*lines, ""]):
        if line.startswith("|"):
            start = number if start is None else start
        elif start is not None:
            cells = [_cells(row) for row in lines[start:number]]
            before = "\n".join(lines[:start]) + "\n"
            page = path.relative_to(ROOT).as_posix()
            yield Table(page, start + 1, cells[0], cells[2:], _comment_before(before, len(before)))
            start = None


def _cells(row: str) -> list[str]:
    return [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", row.strip())[1:-1]]


def _comment_before(text: str, at: int) -> str:
    lines = text[:at].rstrip().splitlines()
    match = _COMMENT.fullmatch(lines[-1].strip()) if lines else None
    return match[1] if match else ""


def links(path: Path) -> Iterator[str]:
    """The targets of all links of a page, code left out."""
    text = re.sub(r"`[^`\n]*`", "", _FENCE.sub("", path.read_text(encoding="utf-8")))
    for match in re.finditer(r"\[[^\]]*\]\(([^)\s]+)\)", text):
        yield match[1]


def anchors(path: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    text = _FENCE.sub("", path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for match in re.finditer(r"^#+ (.*)$", text, re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", match[1].lower()).replace(" ", "-")
        found.add(slug if slug not in found else f"{slug}-1")
    return found
