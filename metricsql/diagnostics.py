"""What is wrong, where, and what would be right.

Every fault of a user becomes a `Diagnostic`; all of them are collected and shown at once. This module
knows nothing of the rest of the package and must stay that way: every stage reports through it.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Severity = Literal["error", "warning"]
Path = tuple[str | int, ...]
"""The way from the top of a document to a value: keys and positions."""


@dataclass(frozen=True)
class Place:
    """Where something stands. Lines and columns count from 1; `width` is in characters of `text`."""

    file: str | None = None
    line: int | None = None
    column: int | None = None
    pointer: str = ""
    text: str | None = None
    width: int = 1

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line, self.column) if part is not None)
        return "  ".join(part for part in (where, self.pointer) if part)


NOWHERE = Place()
Locate = Callable[[Path], Place]
"""Turns the path of a value into its place; every document provides one."""


@dataclass(frozen=True)
class Diagnostic:
    """One finding. `code` is kebab-case and never changes its meaning."""

    code: str
    message: str
    place: Place = NOWHERE
    hint: str | None = None
    severity: Severity = "error"

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON-ready data, for `--format json`."""
        return {
            "severity": self.severity,
            "code": self.code,
            "message": self.message,
            "file": self.place.file,
            "line": self.place.line,
            "column": self.place.column,
            "pointer": self.place.pointer,
            "hint": self.hint,
        }

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def _lines(diagnostic: Diagnostic) -> Iterator[str]:
    place = diagnostic.place
    yield f"{diagnostic.severity}[{diagnostic.code}]: {one_line(diagnostic.message)}"
    if str(place):
        yield f"  {one_line(str(place))}"
    if place.text is not None and place.column is not None:
        text, column = _clip(place.text, place.column)
        number = "" if place.line is None else str(place.line)
        width = max(1, min(place.width, len(text) - column + 1))
        yield f"  {number:>2} |  {text}"
        yield f"  {'':>{max(2, len(number))}} |  {' ' * (column - 1)}{'^' * width}"
    if diagnostic.hint:
        yield f"hint: {one_line(diagnostic.hint)}"


def _clip(text: str, column: int, width: int = 110) -> tuple[str, int]:
    """A long source line, cut around the column it is shown for."""
    text = one_line(text, limit=None)
    if len(text) <= width:
        return text, column
    start = max(0, column - 1 - width // 2)
    cut = text[start : start + width]
    lead, tail = "... " if start else "", " ..." if start + width < len(text) else ""
    return lead + cut + tail, column - start + len(lead)


def one_line(text: str, limit: int | None = 400) -> str:
    """Text of unknown origin made safe to print: one line, no control characters, bounded."""
    if limit is not None and len(text) > limit:
        text = text[: limit - 3] + "..."
    return "".join(c if c.isprintable() else " " if c in "\t\r\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


class MetricsqlError(Exception):
    """Base of the errors that this package raises on purpose; `diagnostics` holds all findings."""

    def __init__(self, diagnostics: Diagnostic | Sequence[Diagnostic]) -> None:
        self.diagnostics = [diagnostics] if isinstance(diagnostics, Diagnostic) else list(diagnostics)
        super().__init__("\n\n".join(str(d) for d in self.diagnostics))


class ProjectError(MetricsqlError):
    """The project or a formula is wrong (exit code 1)."""


class EngineError(MetricsqlError):
    """The engine could not do its work: disk, memory, a lock (exit code 3)."""


def failure(error: Exception) -> Diagnostic:
    """What to say of an exception that nobody raised on purpose."""
    if isinstance(error, MemoryError):
        return Diagnostic("out-of-memory", "the work does not fit into memory")
    if isinstance(error, OSError):
        reason = (error.strerror or "unknown reason").lower()
        return Diagnostic("disk", f"the machine said: {reason}" + (f" (`{error.filename}`)" if error.filename else ""))
    return Diagnostic("internal", f"internal error: {type(error).__name__}",
                      hint="this is a defect of metricsql; please report it, with what METRICSQL_TRACEBACK=1 shows")


@dataclass
class Findings:
    """Collects diagnostics while a stage goes on, so that one error does not hide the next."""

    items: list[Diagnostic] = field(default_factory=list)
    ignore: frozenset[str] = frozenset()

    def error(self, code: str, message: str, place: Place = NOWHERE, hint: str | None = None) -> None:
        self.items.append(Diagnostic(code, message, place, hint))

    def warn(self, code: str, message: str, place: Place = NOWHERE, hint: str | None = None) -> None:
        self.items.append(Diagnostic(code, message, place, hint, "warning"))

    def extend(self, items: Iterable[Diagnostic]) -> None:
        self.items.extend(items)

    @property
    def errors(self) -> list[Diagnostic]:
        return [d for d in self.items if d.severity == "error"]

    @property
    def warnings(self) -> list[Diagnostic]:
        return [d for d in self.items if d.severity == "warning"]

    def raise_errors(self) -> None:
        """Raise `ProjectError` with everything found, if any of it is an error."""
        if self.errors:
            raise ProjectError(self.items)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was most likely meant, or None. Case and spaces weigh less than letters."""
    candidates = list(dict.fromkeys(known))
    folded: dict[str, str] = {}
    for candidate in candidates:
        folded.setdefault(_fold(candidate), candidate)
    if _fold(name) in folded:
        return folded[_fold(name)]
    close = difflib.get_close_matches(_fold(name), folded, n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """A ready hint with the nearest known name."""
    found = nearest(name, known)
    return f"did you mean `{found}`?" if found is not None and found != name else None


def _fold(name: str) -> str:
    return "".join(name.casefold().split()).replace("_", "").replace("-", "")


def pointer(path: Path) -> str:
    """RFC 6901 JSON pointer of a path."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def shift(locate: Locate, base: Path) -> Locate:
    """A locate function for a value that stands at `base` inside a document."""
    return lambda path: locate((*base, *path))


def bare(path: Path) -> Place:
    """The locate function of data that came without a text."""
    return Place(pointer=pointer(path))


def with_text(place: Place, text: str, column: int, width: int = 1) -> Place:
    """A place inside a one-line text that stands at `place`, showing that text."""
    return replace(place, text=text, column=column, width=width)
