"""Plain data -> `ProjectFile`, with every fault as a diagnostic in our own words."""

from __future__ import annotations

import math
import types
import typing
import zoneinfo
from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from metricsql.diagnostics import Diagnostic, Path, did_you_mean, one_line
from metricsql.project.document import Document
from metricsql.project.schema import ProjectFile

MOST_ROUNDS = 5
"""So often a file is looked at again without its faulty parts."""
NO_FORMULA = object()
"""Stands for the formula of a metric that has none, or whose model is not known."""


def validate(document: Document) -> tuple[ProjectFile | None, list[Diagnostic]]:
    """The checked file, and what is wrong with it: the file then lacks its faulty parts, or is None."""
    data = {} if document.data is None else document.data
    found: list[Diagnostic] = []
    for _ in range(MOST_ROUNDS):
        try:
            return ProjectFile.model_validate(data), found
        except ValidationError as error:
            items: list[dict[str, Any]] = [dict(item) for item in error.errors(include_url=False)]
            found = found or list(dict.fromkeys(_diagnostic(document, item) for item in items))
            for item in items:
                data = _without(data, _as_written(document, tuple(item["loc"])))
    return None, found


def _without(data: Any, path: Path) -> Any:
    """The file without the part that a fault is in, so that the rest can be looked at. Metrics keep their positions."""
    match path:
        case ("metrics", int() as position, *rest) if isinstance(data, dict) and isinstance(data.get("metrics"), list):
            metrics = list(data["metrics"])
            metrics[position] = _usable(metrics[position], position, rest)
            return {**data, "metrics": metrics}
        case (("models" | "series" | "tables") as key, name, *_) if isinstance(data[key], dict):
            return {**data, key: {other: value for other, value in data[key].items() if other != name}}
        case (key, *_) if isinstance(data, dict):
            return {other: value for other, value in data.items() if other != key}
    return {}


def _usable(metric: Any, position: int, fault: Sequence[str | int]) -> dict[str, Any]:
    kept = {key: value for key, value in metric.items() if key not in fault[:1]} if isinstance(metric, dict) else {}
    stands_in = {"id": f"unusable-{position}", "formula": NO_FORMULA}
    return {**stands_in, **kept, **({"formula": NO_FORMULA} if "model" in fault[:1] else {})}


def _diagnostic(document: Document, error: dict[str, Any]) -> Diagnostic:
    path = _as_written(document, tuple(error["loc"]))
    if path[-1:] == ("[key]",):
        expected = error["ctx"]["error"] if error["type"] == "value_error" else "expected only letters, digits, `_` and `-`"
        message = f"found the name `{one_line(str(path[-2]), 60)}`, {expected}"
        return Diagnostic("bad-value", message, document.key_place(path[:-1]))
    kind = error["type"]
    key = "the file" if not path else f"item {path[-1] + 1}" if isinstance(path[-1], int) else f"`{path[-1]}`"
    place, hint, code = document.place(path), None, "bad-value"
    found = _found(error.get("input"))
    match kind:
        case "extra_forbidden":
            known = _known_keys(path[:-1])
            code, place = "unknown-key", document.key_place(path)
            message = f"there is no key {key} here"
            hint = did_you_mean(str(path[-1]), known) or "the keys are " + ", ".join(known)
        case "missing":
            code, message = "missing-key", f"the key {key} is missing"
        case "literal_error":
            expected = error["ctx"]["expected"].replace(" or ", ", ").replace("'", "`")
            options = [option.strip("` ") for option in expected.split(",")]
            message = f"found {found} for {key}, expected {'one of ' if len(options) > 1 else 'the number '}{expected}"
            hint = did_you_mean(str(error.get("input")), options)
        case "value_error":
            expected, _, hint = str(error["ctx"]["error"]).partition("; ")
            message, hint = f"found {found} for {key}, {expected}", hint or None
            if path == ("timezone",):
                hint = did_you_mean(str(error.get("input")), zoneinfo.available_timezones()) or "for example `Europe/Stockholm`"
        case "string_pattern_mismatch":
            message = f"found {found} for {key}, expected only letters, digits, `_` and `-`"
        case "string_too_long" | "too_long":
            message = f"the text for {key} is longer than {error['ctx']['max_length']} characters"
        case "string_too_short":
            message = f"the text for {key} is empty"
        case "too_short":
            message = f"{key} is empty"
        case "greater_than_equal" | "less_than_equal":
            side, limit = ("most", error["ctx"]["le"]) if kind == "less_than_equal" else ("least", error["ctx"]["ge"])
            message = f"found {found} for {key}, expected at {side} {limit}"
        case "string_type":
            message = f"found {found} for {key}, expected a text"
        case "model_type" | "model_attributes_type" | "dict_type":
            known = _known_keys(path)
            alone = "a path or " if known[:1] in (["path"], ["source"]) else ""
            message = f"found {found} for {key}, expected {alone}a mapping of keys to values"
            hint = "the keys are " + ", ".join(known) if known else None
        case "list_type" | "tuple_type":
            message = f"found {found} for {key}, expected a list"
            hint = f"write `[{error['input'][:60]}]`" if isinstance(error["input"], str) else None
        case _:
            message = f"found {found} for {key}, which is not what is expected here"
    return Diagnostic(code, message, place, hint)


def _as_written(document: Document, path: Path) -> Path:
    """The path without the keys that a short spelling leaves out: `activities: file.csv` has no `source`."""
    written: Path = ()
    for key in path:
        if key not in ("source", "path") or (*written, key) in document.spans:
            written = (*written, key)
    return written


def _found(value: Any) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"`{str(value).lower()}`"
        case "":
            return "an empty text"
        case str():
            return f"the text `{value}`" if value[:12].lstrip("+-").replace(".", "").isdigit() else f"`{value[:60]}`"
        case float() if not math.isfinite(value):
            return "a number that is too large"
        case int() | float():
            return f"the number {str(value)[:40]}"
        case dict():
            return "a mapping"
        case list():
            return "a list"
        case _:
            return f"`{str(value)[:60]}`"


def _known_keys(path: Path) -> list[str]:
    """The keys of the model that stands at a path of the file."""
    kind: Any = ProjectFile
    for part in path:
        kind = _inside(kind, part)
    if not (isinstance(kind, type) and issubclass(kind, BaseModel)):
        return []
    return [field.alias or name for name, field in kind.model_fields.items()]


def _inside(kind: Any, part: str | int) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = kind.model_fields.get(str(part))
        return _plain(field.annotation) if field else None
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is dict:
        return _plain(arguments[1])
    return _plain(arguments[0]) if origin is list else None


def _plain(kind: Any) -> Any:
    """An annotation without `Annotated` and `| None`."""
    if typing.get_origin(kind) is typing.Annotated:
        return _plain(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return _plain(next(k for k in typing.get_args(kind) if k is not type(None)))
    return kind
