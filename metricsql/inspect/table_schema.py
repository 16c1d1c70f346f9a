"""JSON Schema of output tables: what pydantic's models say, with the rules that their validators hold."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from metricsql.project.table_schema import SHOWS
from metricsql.project.tables import FILE_ENDS

Schema = dict[str, Any]
NULL: Schema = {"type": "null"}
_FILES = "|".join("".join(f"[{c}{c.upper()}]" for c in end) for end in FILE_ENDS)
_OF_METRICS = {"type": "string", "pattern": rf"^metrics\.(?!({_FILES})$)[^./*?]*$"}


def table_schema(defs: dict[str, Schema], path: Schema, metrics: Iterable[str]) -> None:
    """Complete the definitions of tables, rows and formats; `metrics` are offered as metrics of rows."""
    plain = defs["Format"]
    defs["Format"] = {"description": plain.pop("description"), "anyOf": [{"enum": plain["properties"]["style"]["enum"]}, plain]}
    _row(defs["TableRow"], metrics)
    _table(defs["Table"], path)


def _given(key: str) -> Schema:
    return {"required": [key], "properties": {key: {"not": NULL}}}


def _none(*keys: str) -> Schema:
    return {"properties": dict.fromkeys(keys, NULL)}


def _row(row: Schema, metrics: Iterable[str]) -> None:
    properties = row["properties"]
    properties["calculation"]["anyOf"].append({"type": "number"})
    if metrics:
        properties["metric"]["anyOf"].insert(0, {"enum": list(metrics)})
    row["oneOf"] = [_given(key) for key in SHOWS]
    row["if"], row["then"] = _given("calculation"), _none("display", "kind", "opening")


def _table(table: Schema, path: Schema) -> None:
    """One source or several; what is for metrics only, and what is for ledgers only."""
    properties = table["properties"]
    properties["columns"] = {"type": "object", "additionalProperties": path}
    several = {"required": ["sources"], "properties": {"sources": {"minProperties": 1}}}
    of_metrics = {"anyOf": [_OF_METRICS, {"type": "object", "required": ["path"], "properties": {"path": _OF_METRICS}}]}
    table["oneOf"] = [_given("source"), several]
    table["allOf"] = [
        {"if": {"required": ["columns"]}, "then": {"properties": {"source": path}}},
        {"if": {"required": ["source"], "properties": {"source": of_metrics}},
         "then": {"properties": {"rows": {"items": _none("event")}}},
         "else": {"properties": {"rows": {"items": _none("metric", "over", "where")}, "by": NULL, "where": NULL}}},
    ]
