"""The ready definitions: reading them, and looking them up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from metricsql.diagnostics import Diagnostic, ProjectError, did_you_mean

Kind = Literal["row", "metric"]
Takes = Literal["row", "series", "field", "days", "number", "text"]
FILES: dict[Kind, str] = {"row": "rows.yml", "metric": "metrics.yml"}
_WORD = re.compile(r"'(?:[^']|'')*'|(?<![\w.])(?P<name>[^\W\d]\w*)(?:\.(?P<option>\w+))?(?!\w|\s*\()")
"""A text in quotes, or a name that is not that of a function, with the display option behind its dot."""
Replace = Callable[[str, str | None], str | None]
"""Takes a name and its option, and gives what stands in its place; None leaves it."""


@dataclass(frozen=True)
class Input:
    """A name of a formula for which a row, a series, a field or a constant is put."""

    name: str
    meaning: str
    takes: Takes = "row"
    kind: Literal["stock", "flow"] | None = None
    """For rows: whether it must be a state or something that happens; None if both are right."""
    also: tuple[str, ...] = ()
    """Further titles of rows by which it is found without being told."""
    default: str | None = None

    @property
    def titles(self) -> tuple[str, ...]:
        return (self.name, *self.also)


@dataclass(frozen=True)
class Entry:
    """A ready row or a ready daily metric."""

    kind: Kind
    id: str
    title: str
    """The title of a row; `{input}` stands for the row of an input."""
    group: str
    description: str
    inputs: tuple[Input, ...]
    formula: str
    """An expression of its grid in which inputs stand as names."""
    notes: str
    format: str | None = None
    """Of a row: `number`, `percent`, or `as INPUT` for that of the row of an input."""
    unit: str | None = None
    missing: Literal["null", "zero"] = "null"

    def displays(self, name: str) -> tuple[str, ...]:
        """The display options in which an input stands in the formula, in order; none if it is taken as shown."""
        found: dict[str, None] = {}

        def note(word: str, option: str | None) -> None:
            if word == name and option is not None:
                found.setdefault(option)

        replaced(self.formula, note)
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON-ready data."""
        inputs = [{"name": item.name, "meaning": item.meaning, "takes": item.takes, "kind": item.kind,
                   "display": list(self.displays(item.name)), "default": item.default} for item in self.inputs]
        shape = {"format": self.format} if self.kind == "row" else {"unit": self.unit, "missing": self.missing}
        texts = {key: getattr(self, key) for key in ("id", "kind", "group", "title", "description", "formula", "notes")}
        return {**texts, "inputs": inputs, **shape}


def replaced(formula: str, replace: Replace) -> str:
    """A formula with other texts for some of its names."""
    def put(match: re.Match[str]) -> str:
        found = replace(match["name"], match["option"]) if match["name"] else None
        return match[0] if found is None else found

    return _WORD.sub(put, formula)


@cache
def entries() -> tuple[Entry, ...]:
    """Everything there is: rows, then metrics, each in the order of its file."""
    import yaml

    found = []
    for kind, name in FILES.items():
        data = yaml.safe_load(files(__package__).joinpath(name).read_text(encoding="utf-8"))
        found += [_entry(kind, item) for item in data]
    return tuple(found)


def _entry(kind: Kind, data: dict[str, Any]) -> Entry:
    texts: dict[str, Any] = {key: " ".join(value.split()) for key, value in data.items() if key != "inputs"}
    return Entry(kind, inputs=tuple(map(_input, data["inputs"])), **texts)


def _input(data: dict[str, Any]) -> Input:
    default = data.get("default")
    texts = {**data, "also": tuple(data.get("also", ())), "default": None if default is None else str(default)}
    return Input(**texts)


def find_entry(id: str) -> Entry:
    """The entry of an id. Raises `ProjectError`."""
    for entry in entries():
        if entry.id == id:
            return entry
    near = did_you_mean(id, [entry.id for entry in entries()])
    raise ProjectError(Diagnostic("unknown-ready", f"the library has nothing with the id `{id}`",
                                  hint=near or "`metricsql library` lists all of it"))


def matching(words: Sequence[str], kind: Kind | None = None) -> list[Entry]:
    """The entries that hold all of some words, in their id, title, group or description; case does not count."""
    wanted = [word.casefold() for word in words]
    return [entry for entry in entries() if kind in (None, entry.kind) and _holds(entry, wanted)]


def _holds(entry: Entry, wanted: Iterable[str]) -> bool:
    text = " ".join((entry.id, entry.title, entry.group, entry.description)).casefold()
    return all(word in text for word in wanted)
