"""Putting a new item into a list of a project file, with every comment and line break of it kept.

The text is changed at one place only. What comes out is read again and must be the old data with the new item behind
the others; a layout for which that fails (say, a list that is an alias of another) is refused, with the item to paste.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from textwrap import dedent
from typing import Any

import yaml

from metricsql.diagnostics import Diagnostic, Path, ProjectError
from metricsql.project.document import Document, parse_json, parse_yaml
from metricsql.project.json_text import JsonText

Item = Mapping[str, Any]
WIDTH = 120
"""A longer item has a line for each of its keys."""


@dataclass(frozen=True)
class Inserted:
    """A file with a new item: its whole text, the lines that are new, and the number of the first of them."""

    text: str
    added: str
    line: int


def insert_item(document: Document, path: Path, item: Item) -> Inserted:
    """The file of a document with an item appended to the list at `path`, which may be missing or empty.

    Raises `ProjectError` if that cannot be done without touching anything else.
    """
    is_json = FilePath(document.name).suffix == ".json"
    try:
        offset, added = (_into_json if is_json else _into_yaml)(document.text, path, dict(item))
    except (_Unclear, yaml.YAMLError):
        raise _refused(document, path, item) from None
    if "\r\n" in document.text:
        added = added.replace("\n", "\r\n")
    text = document.text[:offset] + added + document.text[offset:]
    if not _is_appended(document, (parse_json if is_json else parse_yaml), text, path, item):
        raise _refused(document, path, item)
    start = offset + len(added) - len(added.lstrip(", \r\n"))
    return Inserted(text, dedent(added.lstrip(",").strip("\r\n")).strip(), text.count("\n", 0, start) + 1)


class _Unclear(Exception):
    """The layout gives no place for another item."""


def _refused(document: Document, path: Path, item: Item) -> ProjectError:
    message = "another item cannot be written here without changing what is there"
    hint = f"add it by hand: {json.dumps(dict(item), ensure_ascii=False)}"
    return ProjectError(Diagnostic("cannot-insert", message, document.place(path), hint))


def _is_appended(document: Document, parse: Any, text: str, path: Path, item: Item) -> bool:
    try:
        found = parse(text, document.name).data
    except ProjectError:
        return False
    return bool(found == _with_item(document.data, path, dict(item)))


def _with_item(data: Any, path: Path, item: dict[str, Any]) -> Any:
    """The data as it should become."""
    if not path:
        return [*(data or []), item]
    if isinstance(data, list) and isinstance(path[0], int):
        return [_with_item(old, path[1:], item) if at == path[0] else old for at, old in enumerate(data)]
    known = dict(data or {})
    return {**known, path[0]: _with_item(known.get(str(path[0])), path[1:], item)}


# --- YAML

def _into_yaml(text: str, path: Path, item: Item) -> tuple[int, str]:
    """Where to put what."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)  # the marks of this loader count characters of the text
    parent = root
    for step in path[:-1]:
        parent = _child(parent, step)
    target = _child(parent, path[-1]) if isinstance(parent, yaml.Node) else None
    if isinstance(target, yaml.SequenceNode) and target.flow_style:
        return _into_flow(text, target, item)
    if isinstance(target, yaml.SequenceNode):
        return _line_end(text, _end(text, target)), _lines(_beside(text, target, item), target.start_mark.column)
    if not isinstance(parent, yaml.MappingNode) or parent.flow_style or not parent.value:
        raise _Unclear
    column = parent.value[0][0].start_mark.column
    if target is None:
        return _line_end(text, _end(text, parent)), _lines(f"{path[-1]}:\n  - {yaml_flow(item)}", column)
    key = next(key for key, value in parent.value if value is target)
    return _line_end(text, key.end_mark.index), _lines(f"  - {yaml_flow(item)}", column)


def _child(node: Any, step: str | int) -> yaml.Node | None:
    """What stands under a key or at a position; None if there is no such key."""
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        found: yaml.Node = node.value[step]
        return found
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    raise _Unclear


def _into_flow(text: str, target: yaml.SequenceNode, item: Item) -> tuple[int, str]:
    if not target.value:
        return target.start_mark.index + 1, yaml_flow(item)
    last = target.value[-1]
    return last.end_mark.index, "," + _before(text, last.start_mark.index) + yaml_flow(item)


def _before(text: str, at: int) -> str:
    """What stands before an item, so that the next one looks like it: its own line and indentation, or a space."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return "\n" + line if not line.strip() else " "


def _beside(text: str, target: yaml.SequenceNode, item: Item) -> str:
    """One more item of a list of lines: on one if others are and it is not too wide, else with one for each key."""
    line = f"- {yaml_flow(item)}"
    one_liners = any(not isinstance(node, yaml.MappingNode) or node.flow_style for node in target.value)
    if one_liners and len(line) + target.start_mark.column <= WIDTH:
        return line
    apart = len(target.value) > 1 and _blank_between(text, *target.value[-2:])
    return ("\n- " if apart else "- ") + yaml_block(item).replace("\n", "\n  ")


def _blank_between(text: str, first: yaml.Node, second: yaml.Node) -> bool:
    return re.search(r"\n[ \t]*\r?\n", text[_end(text, first) : second.start_mark.index]) is not None


def _lines(text: str, column: int) -> str:
    """Lines with an indentation, behind a line break."""
    return "".join("\n" + (" " * column + line if line else "") for line in text.split("\n"))


def _line_end(text: str, at: int) -> int:
    """The end of the line of an offset, before its line break."""
    end = text.find("\n", at)
    end = len(text) if end < 0 else end
    return end - 1 if text[end - 1 : end + 1] == "\r\n" else end


def _end(text: str, node: yaml.Node) -> int:
    """Where the last text of a node ends; the mark of a block lies behind the comments and empty lines after it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return max(_end(text, part) for part in last) if isinstance(last, tuple) else _end(text, last)
    end: int = node.end_mark.index
    return len(text[:end].rstrip()) if isinstance(node, yaml.ScalarNode) and node.style in ("|", ">") else end


# --- JSON

def _into_json(text: str, path: Path, item: Item) -> tuple[int, str]:
    reader = JsonText(text, 400)
    data = reader.read()
    written = json.dumps(item, ensure_ascii=False)
    target = data
    for step in path:
        target = target.get(step) if isinstance(target, dict) else target[step] if isinstance(step, int) else None
    if isinstance(target, list) and target:
        start, end = reader.spans[(*path, len(target) - 1)]
        return end, "," + _before(text, start) + written
    if target == []:
        return reader.spans[path][0] + 1, written
    if target is not None or len(path) != 1 or not data:
        raise _Unclear
    key = (list(data)[-1],)
    return reader.spans[key][1], "," + _before(text, reader.keys[key][0]) + f'"{path[0]}": [{written}]'


# --- how an item is written

def yaml_flow(item: Item) -> str:
    """An item on one line."""
    return _yaml(item, flow=True, width=100_000)


def yaml_block(item: Item) -> str:
    """An item with a line for each key; long texts go on in further lines."""
    return "\n".join(_yaml({key: value}, flow=None if isinstance(value, dict) else False, width=WIDTH - 25)
                     for key, value in item.items())


def _yaml(item: Item, flow: bool | None, width: int) -> str:
    """An item as YAML; as JSON, which is YAML too, where YAML 1.2 would read what is written by 1.1 differently."""
    text = yaml.safe_dump(dict(item), default_flow_style=flow, sort_keys=False, allow_unicode=True, width=width)
    if parse_yaml(text, "").data == dict(item):
        return text.rstrip("\n")
    written = json.dumps(dict(item), ensure_ascii=False)
    return written if flow else written[1:-1]
