"""A guard over the plans of DuckDB: what would make a build grow with the square of its data, or several times slower.

* Every join needs an equality on the record. Without one, days meet days (or records records) of everybody. The one product
  that is right is the grid itself: records times days, where days come from nowhere but a range.
* No window over the dense grid has a `RANGE` frame: the days of a record are dense there, so `ROWS` says the same, and is
  three times as fast. Over anything else, such as change points, `RANGE` may be what is meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import duckdb

Node = Mapping[str, Any]
LOOPS = ("NESTED_LOOP_JOIN", "BLOCKWISE_NL_JOIN", "PIECEWISE_MERGE_JOIN", "IE_JOIN")
CONSTANT = ("DUMMY_SCAN", "RANGE", "GENERATE_SERIES", "COLUMN_DATA_SCAN")
EQUALITY = re.compile(r"(.+?) (?:=|IS NOT DISTINCT FROM) (.+)")


def faults(connection: duckdb.DuckDBPyConnection, sql: str, parameters: Any = None, whole: bool = True) -> list[str]:
    """What the plan of a statement has that it must not have.

    A `whole` statement makes its grid itself. A part of a build may read it from a table, so every window counts as one over
    the grid; and it may compare other things than records, so an equality on anything but days is enough.
    """
    rows = connection.execute(f"EXPLAIN (FORMAT json) {sql}", parameters).fetchall()
    roots = [root for row in rows for root in json.loads(row[1])]
    shared = {_index(node): node["children"][0] for root in roots for node in _below(root, {})
              if node["name"].strip() == "CTE" and node["children"]}
    return [fault for root in roots for node in _below(root, {}) for fault in _faults(node, shared, whole)]


def _faults(node: Node, shared: Mapping[str, Node], whole: bool) -> Iterator[str]:
    kind = node["name"].strip()
    if kind in LOOPS:
        yield f"{kind} on {_texts(node, 'Conditions')}"
    elif kind == "HASH_JOIN" and not _equal_records(node, whole):
        yield f"a join without an equality on the record: {_texts(node, 'Conditions')}"
    elif kind == "CROSS_PRODUCT" and not any(_from_nowhere(child, shared) for child in node["children"]):
        yield "a cross product of two tables"
    elif kind == "WINDOW" and (not whole or _on_the_grid(node, shared)):
        yield from (f"a RANGE frame on the dense grid: {text}" for text in _texts(node, "Projections") if " RANGE " in text)


def _equal_records(node: Node, whole: bool) -> bool:
    """Whether records are compared; a list of constants (`IN`) may be joined by anything."""
    if node["extra_info"].get("Join Type") == "MARK":
        return not any(child["name"].strip().endswith("SCAN") and child["extra_info"].get("Table") for child in node["children"][1:])
    equal = [side for text in _texts(node, "Conditions") if (match := EQUALITY.fullmatch(text)) for side in match.groups()]
    return any("record" in side if whole else "day" not in side for side in equal)


def _index(node: Node) -> str:
    """The number of a shared step, which its scans name."""
    return str(node["extra_info"].get("CTE Index", node["extra_info"].get("Table Index")))


def _from_nowhere(node: Node, shared: Mapping[str, Node]) -> bool:
    """Whether rows come from a range or a constant, or are one row, and not from a table or file."""
    leaves = (leaf["name"].strip() for leaf in _below(node, shared) if not leaf["children"])
    return node["name"].strip() == "UNGROUPED_AGGREGATE" or all(leaf in CONSTANT for leaf in leaves)


def _on_the_grid(node: Node, shared: Mapping[str, Node]) -> bool:
    return any(below["name"].strip() == "CROSS_PRODUCT" for below in _below(node, shared))


def _below(node: Node, shared: Mapping[str, Node]) -> Iterator[Node]:
    """A node and everything under it; a scan of a shared step stands for the step, if `shared` knows it."""
    yield node
    step = shared.get(_index(node)) if node["name"].strip() == "CTE_SCAN" else None
    for child in [*node["children"], *([step] if step else [])]:
        yield from _below(child, shared)


def _texts(node: Node, name: str) -> list[str]:
    found = node["extra_info"].get(name, [])
    return [found] if isinstance(found, str) else list(found)
