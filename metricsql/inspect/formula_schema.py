"""JSON Schema of formulas, from the operator registry: what a new operator adds here follows from its block.

What a schema cannot say is left to `check`: names, how deeply formulas nest, whether a field is a text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from metricsql import operators
from metricsql.formula.json_reader import CONDITIONS, PRESENCE
from metricsql.formula.nodes import MOST_DAYS
from metricsql.operators import Operator, WindowOperator
from metricsql.project.definition import DATE_SINCE, NAMESPACE_ALIASES

Schema = dict[str, Any]
FORMULA: Schema = {"$ref": "#/$defs/formula"}
TEXTUAL: Schema = {"$ref": "#/$defs/textual"}


def formula_defs(series: Iterable[str] = (), fields: Iterable[str] = ()) -> dict[str, Schema]:
    """The definitions that `{"$ref": "#/$defs/written formula"}` needs; names are suggestions."""
    own_parts = {block.json: _own_part(block) for block in operators.windows() if block.part}
    numbers = {"rawNumber": _part("rawNumber", {"value": {"type": "number"}}, ["value"], "a constant number"),
               "propertyValue": _property(), "metricOverTime": _over_time(), **own_parts}
    texts = {"rawValue": _part("rawValue", {"value": {"type": "string"}}, ["value"], "a constant text, for IF"),
             "propertyValue": _property()}
    file = _part(None, {"file": {"type": "string"}}, ["file"])
    return {
        "series name": suggested(series), "field name": suggested(fields),
        "written formula": {
            "description": "a formula: an expression such as `rolling_sum(activities.login, 7)`, JSON, or {file: path}",
            "if": {"type": "string"}, "then": {"pattern": "\\S"},
            "else": {"if": {"type": "object", "not": {"required": ["type"]}}, "then": file, "else": FORMULA}},
        "formula": {"description": "a part, or a group `[NAME, argument, ...]`", "type": ["object", "array"],
                    "if": {"type": "object"}, "then": _one_of(numbers),
                    "else": {"if": {"prefixItems": [{"type": "string"}], "minItems": 1},
                             "then": {"$ref": "#/$defs/group"}, "else": _alone(FORMULA)}},
        "textual": {"description": "a text, or a field that holds texts", "type": ["object", "array"],
                    "if": {"type": "object"}, "then": _one_of(texts), "else": _alone(TEXTUAL)},
        "group": _groups(),
    }


def _one_of(parts: Mapping[str, Schema]) -> Schema:
    """The part that its `type` says."""
    chosen = [{"if": {"properties": {"type": {"const": name}}}, "then": part} for name, part in parts.items()]
    return {"properties": {"type": {"enum": list(parts)}}, "required": ["type"], "allOf": chosen}


def suggested(names: Iterable[str]) -> Schema:
    """A text for which an editor offers names; others are allowed, since names are data."""
    known = sorted(set(names))
    text: Schema = {"type": "string", "minLength": 1}
    return {"anyOf": [{"enum": known}, text]} if known else text


def _alone(inner: Schema) -> Schema:
    """A list around one part is that part."""
    return {"type": "array", "items": inner, "minItems": 1, "maxItems": 1}


# Parts


def _part(kind: str | None, properties: Mapping[str, Any], required: Sequence[str], words: str = "") -> Schema:
    head: Schema = {"type": {"const": kind}} if kind else {}
    described: Schema = {"description": words} if words else {}
    return {**described, "type": "object", "properties": {**head, **properties}, "required": [*head, *required],
            "additionalProperties": False}


def _property() -> Schema:
    return _part("propertyValue", {"prop": {"$ref": "#/$defs/field name"}, "op": True, "days": True}, ["prop"],
                 "the value of a field, as tracked for the day")


def _days() -> Schema:
    return {"type": "integer", "minimum": 1, "maximum": MOST_DAYS}


def _over_time() -> Schema:
    modes = {name: block.modes for name in operators.window_names(part=False)
             if (block := operators.window_by_json(name)) is not None and block.modes}
    ops = [{"const": block.json, "description": block.meaning} for block in operators.windows() if not block.part]
    aliases = [name for name in operators.window_names(part=False) if name not in [op["const"] for op in ops]]
    part = _part("metricOverTime", {
        "prop": {"$ref": "#/$defs/series name"}, "op": {"anyOf": [*ops, {"enum": aliases}]}, "days": _days(),
        "trend": {"enum": sorted({mode for known in modes.values() for mode in known})},
    }, ["prop"], "an operation over the last days of a series")
    counted = {"properties": {"op": {"enum": list(modes)}}, "required": ["op"]}
    return {**part, "if": {"required": ["trend"]}, "then": counted}


def _own_part(block: WindowOperator) -> Schema:
    prop: Schema = {"$ref": "#/$defs/series name"}
    if block.only_events:
        names = [*DATE_SINCE, *(alias for alias, name in NAMESPACE_ALIASES.items() if name in DATE_SINCE)]
        prop = {**prop, "pattern": rf"^([A-Za-z0-9_-]+\.)?({'|'.join(names)})\."}
    stray: Schema = {"op": True, "days": _days() if block.takes_days else True}
    return _part(block.json, {"prop": prop, **stray}, ["prop"], block.meaning)


# Groups


def _groups() -> Schema:
    """A list that begins with a known head; the head decides about the rest."""
    heads = operators.group_heads()
    chosen = [{"if": {"prefixItems": [{"const": head}]}, "then": _forms(head)} for head in heads]
    return {"type": "array", "prefixItems": [{"enum": heads}], "minItems": 2, "allOf": chosen}


def _forms(head: str) -> Schema:
    """What may follow a head: as many forms as there are operators that have it."""
    blocks = [block for block in operators.groups() if head in (block.json, *block.json_aliases)]
    if any(block.key == "if" for block in blocks):
        return _if(blocks[0])
    forms = [_form(block) for block in blocks]
    return forms[0] if len(forms) == 1 else {"anyOf": forms}


def _form(block: Operator) -> Schema:
    most = {} if block.most is None else {"maxItems": block.most + 1}
    return {"description": block.meaning, "minItems": block.least + 1, **most, **_arguments(block)}


def _arguments(block: Operator) -> Schema:
    """What the arguments may be: either numbers or texts where both are compared; else no constant text."""
    if block.same_kind:
        return {"anyOf": [_rest(FORMULA), _rest(TEXTUAL)]}
    return _rest(FORMULA)


def _rest(arguments: Schema) -> Schema:
    return {"prefixItems": [True], "items": arguments}


def _if(block: Operator) -> Schema:
    """IF as any group, or in the two forms with a condition, which have more arguments."""
    ordered = [word for word, key in CONDITIONS.items() if not operators.operator(key).same_kind]
    equal = [word for word, key in CONDITIONS.items() if operators.operator(key).same_kind]
    presence = {"prefixItems": [True, FORMULA, _word(PRESENCE), FORMULA, FORMULA]}
    compared = [{"prefixItems": [True, side, _word(words), side, FORMULA, FORMULA]}
                for side, words in ((FORMULA, ordered), (FORMULA, equal), (TEXTUAL, equal))]
    return {"description": block.meaning, "minItems": block.least + 1, "maxItems": 6,
            "if": {"minItems": 6}, "then": {"anyOf": compared},
            "else": {"if": {"minItems": 5}, "then": presence, "else": _rest(FORMULA)}}


def _word(words: Iterable[str]) -> Schema:
    known = {"enum": list(words)}
    return {"anyOf": [known, _part("condition", {"value": known}, ["value"])]}
