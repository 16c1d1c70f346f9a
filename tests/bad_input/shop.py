"""The small good project that every case of bad input starts from, and the promises that hold for all of them."""

from __future__ import annotations

import ast
import contextlib
import io
import json
import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from metricsql.cli import main

GOOD = Path(__file__).with_name("good")
DATABASE = "shop.duckdb"
FOREIGN = re.compile(
    r"Traceback|File \"|pydantic|input_value|ValidationError|yaml\.|sqlglot|UserWarning|<class|0x[0-9a-f]{8}"
    r"|(?:Binder|Catalog|Parser|IO|Conversion|Invalid Input|Out of Range|Constraint|Syntax|INTERNAL) Error"
    r"|LINE \d+:|duckdb\.|Errno|internal error|NoneType|\bSELECT\b")
"""What only a programmer should ever read."""
MESSAGE = re.compile(r"^(?:error|warning)\[([a-z0-9-]+)\]: (.*)$", re.MULTILINE)
REPORT = re.compile(r"^(?:built \d|nothing has changed|would compute)(?:.*\n)+?(?=exit )", re.MULTILINE)
"""What a build did is not the matter here."""
ACRONYMS = ("IF", "JSON", "YAML", "LAST", "SUM", "TREND", "UTF-8")
"""A message begins with a small letter, unless it begins with a name."""


@dataclass
class Said:
    """What one call of the command line gave."""

    command: str
    exit: int
    out: str
    err: str

    @property
    def codes(self) -> list[str]:
        return [code for code, _ in MESSAGE.findall(self.err)]

    def __str__(self) -> str:
        parts = [f"$ {self.command}", self.err.rstrip(), self.out.rstrip(), f"exit {self.exit}"]
        shown = "\n".join(line.rstrip() for part in parts if part for line in part.split("\n"))
        return REPORT.sub("(the report of the build)\n", shown)


@dataclass
class Shop:
    """A copy of the good project in a folder of its own, built once."""

    folder: Path
    before: dict[str, bytes] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    def write(self, path: str, content: str | bytes) -> None:
        """Write a file, in place of whatever is there."""
        self.remove(path)
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))

    def remove(self, path: str) -> None:
        file = self.folder / path
        shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)

    def replace(self, path: str, old: str, new: str) -> None:
        """Change one passage of a file, which must be there once."""
        text = (self.folder / path).read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path} holds the passage {text.count(old)} times:\n{old}"
        self.write(path, text.replace(old, new))

    def formula(self, content: str | bytes) -> None:
        """The formula of the metric `answer`."""
        self.write("formulas/answer.json", content)

    def remember(self) -> None:
        """Keep what every file holds now."""
        self.before = self.contents()

    def contents(self) -> dict[str, bytes]:
        return {path.relative_to(self.folder).as_posix(): path.read_bytes()
                for path in sorted(self.folder.rglob("*")) if path.is_file() and not (path.name.startswith(".") and path.suffix == ".lock")}

    def run(self, command: str, stdin: str = "") -> Said:
        """Call the command line in the project folder, in this process."""
        program, *arguments = shlex.split(command)
        assert program == "metricsql"
        return self.call(arguments, stdin, command)

    def call(self, arguments: list[str], stdin: str = "", command: str = "metricsql") -> Said:
        """The same, with arguments that no shell has looked at."""
        out, err = io.StringIO(), io.StringIO()
        argv, streams, here = sys.argv, (sys.stdin, sys.stdout, sys.stderr), Path.cwd()
        sys.argv, sys.stdin, sys.stdout, sys.stderr = ["metricsql", *arguments], io.StringIO(stdin), out, err
        os.chdir(self.folder)
        code: object = 0
        try:
            with contextlib.suppress(KeyError):
                del os.environ["METRICSQL_PROJECT"]
            main()
        except SystemExit as stop:
            code = stop.code or 0
        finally:
            os.chdir(here)
            sys.argv, (sys.stdin, sys.stdout, sys.stderr) = argv, streams
        assert isinstance(code, int)
        return Said(command, code, out.getvalue(), err.getvalue())

    def values(self) -> list[tuple[object, ...]]:
        """Some built values, and what the database knows of its builds."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            return [*connection.execute("SELECT * FROM metrics.company ORDER BY ALL").fetchall(),
                    *connection.execute("SELECT * FROM metrics.enduser ORDER BY ALL").fetchall(),
                    *connection.execute("SELECT * FROM _metricsql.fields ORDER BY ALL").fetchall(),
                    *connection.execute("SELECT build, as_of FROM _metricsql.builds ORDER BY ALL").fetchall()]


def promises(said: Said, shop: Shop) -> None:
    """What holds after every call, whatever the input was."""
    shown = str(said)
    assert not (found := FOREIGN.search(said.err)), f"{found.group()!r} in\n{shown}"
    assert said.exit in (0, 1, 2, 3), shown
    if said.exit != 0 and "--format json" in said.command:
        json.loads(said.out)
    elif said.exit != 0:
        assert said.out == "" or " test" in said.command, shown  # what tests gave is data
        assert said.err.strip(), "nothing was said"
    for code, message in MESSAGE.findall(said.err):
        assert not message.endswith((".", "!")), shown
        assert not message[:1].isupper() or message.startswith(ACRONYMS), shown
        assert len(code) < 30
    assert not any(ord(c) < 32 and c not in "\n\t" for c in said.err), ascii(said.err)
    now = shop.contents()
    if said.exit == 0 and " build" in said.command and "--dry-run" not in said.command:
        shop.before[DATABASE] = now[DATABASE]
        shop.before.pop(f"{DATABASE}.wal", None)  # the log of the former file
    before = shop.before
    assert before.keys() == now.keys(), f"files came or went: {before.keys() ^ now.keys()}\n{shown}"
    assert not [name for name in before if before[name] != now[name]], shown


def parse_bytes(text: str) -> bytes:
    """The bytes that a text with Python's escapes spells, such as `PAR1\\x00`."""
    value = ast.literal_eval('b"""' + text.replace('"', '\\"') + '"""')
    assert isinstance(value, bytes)
    return value
