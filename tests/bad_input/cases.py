"""Reads the cases of bad input from the Markdown files in `cases/`.

A case is a heading, what is changed in the good project, and a `console` block with the commands and all that
they say. What is changed stands in blocks whose first line gives the kind and the file:

| block                  | means                                                            |
|------------------------|------------------------------------------------------------------|
| `yaml FILE` and others | the file, whole                                                  |
| `diff FILE`            | lines of the file with `-` in front are replaced by those with `+` |
| `bytes FILE`           | the file, with Python's escapes such as `\\x00`                   |
| `remove FILE`          | the file is not there                                            |
| `folder FILE`          | a folder is there instead                                        |
| `input`                | what is typed into the command                                   |
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bad_input.shop import Said, Shop, parse_bytes

FOLDER = Path(__file__).with_name("cases")
_BLOCK = re.compile(r"^(`{3,})([a-z]+)(?: ([^\n]+))?\n(.*?)^\1$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Case:
    """One kind of bad input. `changes` holds (kind, file, text); `expected` the console block."""

    file: Path
    title: str
    changes: tuple[tuple[str, str, str], ...]
    expected: str

    @property
    def commands(self) -> list[str]:
        return [line[2:] for line in self.expected.splitlines() if line.startswith("$ ")]

    def prepare(self, shop: Shop) -> str:
        """Change the good project as the case says; returns what is typed into the command."""
        typed = ""
        for kind, path, text in self.changes:
            match kind:
                case "diff":
                    lines = text.splitlines()
                    old = [line[1:] for line in lines if line[:1] in "- "]
                    new = [line[1:] for line in lines if line[:1] in "+ "]
                    shop.replace(path, "".join(f"{line}\n" for line in old), "".join(f"{line}\n" for line in new))
                case "bytes":
                    shop.write(path, parse_bytes(text.removesuffix("\n")))
                case "remove":
                    shop.remove(path)
                case "folder":
                    shop.remove(path)
                    (shop.folder / path).mkdir()
                case "input":
                    typed = text
                case _:
                    shop.write(path, text)
        return typed

    def run(self, shop: Shop) -> Iterator[Said]:
        """Everything the commands say, one after the other."""
        typed = self.prepare(shop)
        shop.remember()
        for command in self.commands:
            yield shop.run(command, typed)


def read_cases() -> list[Case]:
    """Every case, in the order of the files."""
    return [case for file in sorted(FOLDER.glob("*.md")) for case in _read(file)]


def _read(file: Path) -> Iterator[Case]:
    for section in re.split(r"^## ", file.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        blocks = [(kind, path, text) for _, kind, path, text in _BLOCK.findall(body)]
        consoles = [text for kind, _, text in blocks if kind == "console"]
        assert len(consoles) == 1, f"{file.name}: {title} has {len(consoles)} console blocks"
        yield Case(file, title.strip(), tuple(b for b in blocks if b[0] != "console"), consoles[0].rstrip("\n"))


def rewrite(case: Case, found: str) -> None:
    """Put what was said into the file (see `test_bad_input.py`)."""
    text = case.file.read_text(encoding="utf-8")
    start = text.index(f"## {case.title}\n")
    at = text.index(f"console\n{case.expected}\n", start) + len("console\n")
    case.file.write_text(text[:at] + found + text[at + len(case.expected):], encoding="utf-8")
