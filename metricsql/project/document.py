"""Reading a file into plain data that remembers where each value stood.

YAML and JSON give the same `Document`. YAML is read by the 1.2 core rules (only `true`/`false`, no dates:
a day stays the text it was written as), so that a JSON file and a YAML file mean the same.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

import yaml

from metricsql.diagnostics import Diagnostic, Path, Place, ProjectError, pointer
from metricsql.project.json_text import JsonText, JsonTextError

Span = tuple[int, int, int]
"""Line, column (from 1) and width of a value on its first line."""
MAX_DEPTH = 400
"""Deeper documents are refused before any recursive pass sees them."""


@dataclass
class Document:
    """Plain data, and the span of every key and value in the text it came from."""

    name: str
    text: str = ""
    data: Any = None
    spans: dict[Path, Span] = field(default_factory=dict)
    keys: dict[Path, Span] = field(default_factory=dict)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    def place(self, path: Path) -> Place:
        """The place of the value at `path`; of its nearest known ancestor if it is not in the text."""
        return self._place(path, self.spans)

    def key_place(self, path: Path) -> Place:
        """The place of the key that leads to `path`."""
        return self._place(path, self.keys if path in self.keys else self.spans)

    def _place(self, path: Path, spans: dict[Path, Span]) -> Place:
        known = path
        while known and known not in spans:
            known = known[:-1]
        if known not in spans:
            return Place(self.name, pointer=pointer(path))
        line, column, width = spans[known]
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return Place(self.name, line, column, pointer(path), text, width)


def read_document(path: FilePath, name: str, text: str | None = None) -> Document:
    """Read a YAML or JSON file, or a text in its place. Raises `ProjectError` for what cannot be read, with the place."""
    text = read_text(path, name) if text is None else text
    return parse_json(text, name) if path.suffix == ".json" else parse_yaml(text, name)


def read_text(path: FilePath, name: str) -> str:
    """The text of a UTF-8 file, with a diagnostic for a missing or binary one."""
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except FileNotFoundError:
        raise ProjectError(Diagnostic("missing-file", f"there is no file `{name}`")) from None
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        message = f"`{name}` is not a text file in UTF-8 (byte {error.start} cannot be read)"
        raise ProjectError(Diagnostic("not-text", message, Place(name, line))) from None
    except OSError as error:
        raise ProjectError(Diagnostic("unreadable-file", f"`{name}` cannot be read: {_reason(error)}")) from None
    return text


def _reason(error: OSError) -> str:
    return (error.strerror or "unknown reason").lower()


def parse_json(text: str, name: str) -> Document:
    """Read JSON with whole-line `#` and `//` comments."""
    reader = JsonText(text, MAX_DEPTH)
    try:
        data = reader.read()
    except JsonTextError as error:
        place = _text_place(name, text, error.offset)
        raise ProjectError(Diagnostic(error.code, error.message, place, error.hint)) from None
    starts = _line_starts(text)
    spans = {path: _span(starts, start, end) for path, (start, end) in reader.spans.items()}
    keys = {path: _span(starts, start, end) for path, (start, end) in reader.keys.items()}
    return Document(name, text, data, spans, keys)


def _line_starts(text: str) -> list[int]:
    """The offsets at which lines begin, and where one behind the end would."""
    return [0, *(match.end() for match in re.finditer("\n", text)), len(text) + 1]


def _span(starts: list[int], start: int, end: int) -> Span:
    line = bisect_right(starts, start)
    return line, start - starts[line - 1] + 1, max(1, min(end, starts[line] - 1) - start)


def _text_place(name: str, text: str, offset: int) -> Place:
    starts = _line_starts(text)
    line, column, _ = _span(starts, offset, offset + 1)
    return Place(name, line, column, "", text[starts[line - 1] : starts[line] - 1].rstrip("\r"))


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """libyaml's composer with the scalar rules of YAML 1.2 instead of 1.1."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}


for _tag, _pattern, _first in (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN\0"),
    ("int", r"^[-+]?[0-9]+$", "-+0123456789"),
    ("float", r"^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), [c.strip("\0") for c in _first])


_NO_YAML = re.compile(r"[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_ALIASED = 100_000
"""So many nodes may come from aliases; few bytes can stand for endless data."""


def parse_yaml(text: str, name: str) -> Document:
    """Read YAML 1.2. Anchors and aliases work; tags, duplicate keys and unknown types are errors."""
    document = Document(name, text)
    try:
        _check_depth(text, document)
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        raise ProjectError(_yaml_error(error, name, text)) from None
    except (yaml.YAMLError, ValueError):
        found = _NO_YAML.search(text)
        message = "the file holds a character that YAML does not allow" + (f" (U+{ord(found.group()):04X})" if found else "")
        place = _text_place(name, text, found.start()) if found else Place(name)
        raise ProjectError(Diagnostic("bad-yaml", message, place)) from None
    except RecursionError:
        raise ProjectError(Diagnostic("too-deep", f"`{name}` is nested too deeply", Place(name))) from None
    if node is not None:
        document.data = _Build(document).value(node, ())
    return document


def _check_depth(text: str, document: Document) -> None:
    """Refuse what is nested too deeply, before libyaml follows it with a stack that has an end."""
    depth = 0
    loader = _Loader(text)
    try:
        while loader.check_event():
            event = loader.get_event()
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                mark = event.start_mark
                line = document.lines[mark.line] if mark.line < len(document.lines) else ""
                place = Place(document.name, mark.line + 1, mark.column + 1, "", line)
                raise ProjectError(Diagnostic("too-deep", f"nested deeper than {MAX_DEPTH} levels", place))
    finally:
        loader.dispose()


def _yaml_error(error: yaml.MarkedYAMLError, name: str, text: str) -> Diagnostic:
    mark = error.problem_mark or error.context_mark
    lines = text.splitlines()
    line = mark.line + 1 if mark else 1
    shown = lines[line - 1] if mark and line <= len(lines) else None
    place = Place(name, line, mark.column + 1 if mark else None, "", shown)
    if "nest" in (error.problem or "") or "depth" in (error.problem or ""):
        return Diagnostic("too-deep", f"`{name}` is nested too deeply", place)
    message = "this is not valid YAML"
    hint: str | None = "look at the line above, too: an unclosed quote or bracket, or indentation that does not line up"
    problem, context = error.problem or "", error.context or ""
    if "tab" in problem or (shown and "\t" in shown[: len(shown) - len(shown.lstrip())]):
        hint = "YAML is indented with spaces, not with tabs"
    elif "undefined alias" in problem:
        message, hint = "this alias has no anchor", "a text that begins with `*` must be quoted"
    elif "mapping values are not allowed" in problem:
        hint = "a text that holds `: ` must be quoted"
    elif "unknown escape" in problem:
        message, hint = "this backslash begins nothing that YAML knows", "write it twice, or put the text in single quotes"
    elif "cannot start any token" in problem:
        message = "no text begins with this sign"
        hint = "a text that begins with a sign such as `@`, `%` or a backtick must be quoted"
    elif "expected a single document" in context:
        message, hint = "the file holds more than one YAML document", "a second `---` begins another document; remove it"
    elif "expected ',' or" in problem and error.context_mark:
        opened = "[" if "sequence" in context else "{"
        return _unclosed(f"this `{opened}` is never closed, or a comma is missing behind it", error.context_mark, name, lines)
    elif "quoted scalar" in context and "end of stream" in problem and error.context_mark:
        return _unclosed("this quote is never closed", error.context_mark, name, lines)
    return Diagnostic("bad-yaml", message, place, hint)


def _unclosed(message: str, mark: yaml.Mark, name: str, lines: list[str]) -> Diagnostic:
    text = lines[mark.line] if mark.line < len(lines) else ""
    return Diagnostic("bad-yaml", message, Place(name, mark.line + 1, mark.column + 1, "", text))


class _Build:
    """Turns YAML nodes into plain data and notes their spans."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.seen: set[int] = set()
        self.inside: set[int] = set()
        self.aliased = 0

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.aliased += id(node) in self.seen
        self.seen.add(id(node))
        if self.aliased > _ALIASED:
            self._fail("too-large", "the aliases of this file stand for more data than can be read", node, ())
        if len(path) > MAX_DEPTH:
            self._fail("too-deep", f"nested deeper than {MAX_DEPTH} levels", node, path[:8])
        self.document.spans[path] = self._span(node)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, path)
        if id(node) in self.inside:
            self._fail("bad-yaml", "an alias for this stands inside of it", node, path[:-1])
        if node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self._bad_tag(node, path)
        self.inside.add(id(node))
        try:
            return self._mapping(node, path) if isinstance(node, yaml.MappingNode) else \
                [self.value(item, (*path, i)) for i, item in enumerate(node.value)]
        finally:
            self.inside.discard(id(node))

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fail("bad-yaml", "a key must be a plain text", key_node, path)
            key = key_node.value
            if key == "<<" and key_node.style is None:
                merged = self.value(value_node, (*path, key))
                if not isinstance(merged, dict):
                    self._fail("bad-yaml", "`<<` takes a mapping", value_node, path)
                result = {**merged, **result}
                continue
            if (*path, key) in self.document.keys:
                self._fail("duplicate-key", f"the key `{key}` is written twice", key_node, (*path, key))
            self.document.keys[(*path, key)] = self._span(key_node)
            result[key] = self.value(value_node, (*path, key))
        return result

    def _scalar(self, node: yaml.ScalarNode, path: Path) -> Any:
        match node.tag.removeprefix("tag:yaml.org,2002:"):
            case "null":
                return None
            case "bool":
                return node.value.lower() == "true"
            case "int" if len(node.value) < 300:
                return int(node.value)
            case "int" | "float":
                return float(node.value)
            case "str":
                return node.value
        return self._bad_tag(node, path)

    def _bad_tag(self, node: yaml.Node, path: Path) -> Any:
        shown = node.tag.replace("tag:yaml.org,2002:", "!!")
        self._fail("bad-yaml", f"the tag `{shown}` is not used here", node, path)

    def _span(self, node: yaml.Node) -> Span:
        start, end = node.start_mark, node.end_mark
        width = end.column - start.column if end.line == start.line else 1
        return start.line + 1, start.column + 1, max(1, width)

    def _fail(self, code: str, message: str, node: yaml.Node, path: Path) -> Any:
        self.document.spans.setdefault(path, self._span(node))
        line, column, width = self._span(node)
        lines = self.document.lines
        text = lines[line - 1] if line <= len(lines) else ""
        place = Place(self.document.name, line, column, pointer(path), text, width)
        raise ProjectError(Diagnostic(code, message, place))


def dump(data: Any) -> str:
    """Compact JSON, the spelling used wherever data is stored or hashed."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))
