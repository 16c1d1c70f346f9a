"""`metricsql schema`: JSON Schema of the project file, for editors.

It is what the pydantic models of the file say, with the short spellings that their validators accept, and with
formulas from the operator registry. With a project, its own names are suggested.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from metricsql.bind.catalog import Catalog
from metricsql.inspect.formula_schema import Schema, formula_defs, suggested
from metricsql.inspect.table_schema import table_schema
from metricsql.project.definition import CALCULATED, ENGINES, NAMESPACE_ALIASES, NAMESPACES, Definition
from metricsql.project.load import RESERVED_IDS
from metricsql.project.schema import IDENTIFIER, ProjectFile

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PATH: Schema = {"type": "string", "minLength": 1}
SOURCE_KINDS = ("path", "table", "sql", "attach")


@dataclass(frozen=True)
class Names:
    """What a project has to suggest: names of series and fields as formulas write them, and the rest by itself."""

    series: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    models: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    by_namespace: Mapping[str, frozenset[str]] = field(default_factory=dict)


NOTHING = Names()


def project_names(definition: Definition, catalog: Catalog) -> Names:
    """The names of a project and of its data."""
    series: set[str] = set()
    by_namespace: dict[str, set[str]] = {}
    root = definition.root
    for (model, namespace), names in (catalog.names or {}).items():
        by_namespace.setdefault(namespace, set()).update(names)
        series |= {f"{namespace}.{name}" for name in names}
        series |= {f"{model}.{namespace}.{name}" for name in names if model != root}
    for metric in definition.metrics:
        series.add(f"{CALCULATED}.{metric.id}")
        if metric.model != root:
            series.add(f"{metric.model}.{CALCULATED}.{metric.id}")
    fields = {f"{model}.custom.{name}" for model, known in catalog.fields.items() for name in known}
    metrics = tuple(metric.id for metric in definition.metrics)
    return Names(frozenset(series), frozenset(fields), tuple(definition.models), metrics,
                 {name: frozenset(known) for name, known in by_namespace.items()})


def json_schema(names: Names = NOTHING, part: bool = False) -> Schema:
    """The schema of a project file, or of a `part` that another file includes, which needs no version."""
    made = _tidied(ProjectFile.model_json_schema())
    defs: dict[str, Schema] = made.pop("$defs")
    defs["Source"] = _source(defs["Source"])
    defs["Series"] = _series(defs["Series"])
    defs["Engine"] = {"description": defs["Engine"]["description"], "anyOf": [{"enum": list(ENGINES)}, defs["Engine"]]}
    _metric(defs["Metric"], names)
    _test(defs["UnitTest"], names)
    table_schema(defs, PATH, names.metrics)
    _top(made, names)
    if not part:
        made["required"] = ["version"]
        made["properties"]["version"] = {"const": 1}
    return {"$schema": DIALECT, "title": "metricsql project", **made,
            "$defs": {**defs, **formula_defs(names.series, names.fields)}}


def _tidied(data: Any, names: bool = False) -> Any:
    """Without pydantic's titles and empty defaults; keys that must have a form are the only ones allowed."""
    if isinstance(data, list):
        return [_tidied(item) for item in data]
    if not isinstance(data, dict):
        return data
    kept = {key: _tidied(value, key in ("properties", "$defs") and not names) for key, value in data.items()
            if names or not (key == "title" or (key == "default" and value in (None, {}, [])))}
    if not names and "patternProperties" in kept:
        kept.setdefault("additionalProperties", False)
    return kept


def _source(plain: Schema) -> Schema:
    """A path alone, or exactly one kind of source."""
    given = {kind: {"required": [kind], "properties": {kind: {"type": "string"}}} for kind in SOURCE_KINDS}
    missing = {kind: {"properties": {kind: {"type": "null"}}} for kind in SOURCE_KINDS}
    kinds = [{"allOf": [given["attach"], given["table"], missing["path"], missing["sql"]]}]
    kinds += [{"allOf": [given[kind], *(missing[other] for other in SOURCE_KINDS if other != kind)]}
              for kind in ("path", "table", "sql")]
    return {"description": plain.get("description", ""), "anyOf": [PATH, {**plain, "anyOf": kinds}]}


def _series(plain: Schema) -> Schema:
    """A path alone; a source with rules beside its own keys; or `source` with rules, and `columns` beside a path."""
    rules = {key: plain["properties"][key] for key in plain["properties"] if key != "source"}
    keys: Schema = {kind: {"anyOf": [PATH, {"type": "null"}]} for kind in SOURCE_KINDS}
    columns = {"type": "object", "additionalProperties": PATH}
    flat = {"type": "object", "properties": {**keys, "columns": columns, **rules}, "additionalProperties": False,
            "anyOf": [{"required": [kind]} for kind in SOURCE_KINDS], "allOf": [_source({})["anyOf"][1]]}
    short = {"type": "object", "properties": {"source": PATH, "columns": columns, **rules},
             "required": ["source"], "additionalProperties": False}
    return {"description": plain.get("description", ""), "anyOf": [PATH, short, plain, flat]}


def _metric(metric: Schema, names: Names) -> None:
    properties = metric["properties"]
    properties["formula"] = {"$ref": "#/$defs/written formula"}
    properties["id"]["not"] = _any_case(RESERVED_IDS)
    if names.models:
        properties["model"] = {"anyOf": [{"enum": list(names.models)}, properties["model"]]}


def _test(test: Schema, names: Names) -> None:
    """Offers ids as keys of `expect`, models and namespaces as keys of the rest."""
    offers: dict[str, Iterable[str]] = {"records": names.models, "fields": names.models, "rows": names.by_namespace,
                                        "expect": names.metrics}
    for key, known in offers.items():
        (inner,) = test["properties"][key]["patternProperties"].values()
        if known:
            test["properties"][key]["properties"] = dict.fromkeys(known, inner)


def _top(made: Schema, names: Names) -> None:
    properties = made["properties"]
    properties["include"] = {"description": "files that belong to the project, as paths or globs",
                             "anyOf": [PATH, properties["include"]]}
    taken = [CALCULATED, *NAMESPACES, *NAMESPACE_ALIASES]
    no_model = {"anyOf": [_any_case(taken), {"pattern": _letters("_latest") + "$"}]}
    properties["models"]["propertyNames"]["not"] = no_model
    series = properties["series"]
    series["propertyNames"]["not"] = _any_case([CALCULATED])
    series["properties"] = {name: _namespace(name, names.by_namespace.get(name, ()))
                            for name in dict.fromkeys([*NAMESPACES, *NAMESPACE_ALIASES, *names.by_namespace])}
    series["patternProperties"] = {IDENTIFIER: {"$ref": "#/$defs/Series"}}
    series["additionalProperties"] = False


def _namespace(name: str, known: Iterable[str]) -> Schema:
    """What is offered inside one namespace: its own names as keys of the rules."""
    rules = ["collapse", *(["zeros"] if NAMESPACE_ALIASES.get(name, name) == "metrics" else [])]
    offered = {rule: {"properties": {key: True for key in ["default", *sorted(known)]}} for rule in rules}
    refused = {} if "zeros" in rules else {"zeros": {"maxProperties": 0}}
    return {"properties": {**offered, **refused}}


def _any_case(names: Iterable[str]) -> Schema:
    return {"pattern": f"^({'|'.join(_letters(name) for name in names)})$"}


def _letters(name: str) -> str:
    return "".join(f"[{c.lower()}{c.upper()}]" if c.isalpha() else c for c in name)


__all__ = ["Names", "json_schema", "project_names", "suggested"]
