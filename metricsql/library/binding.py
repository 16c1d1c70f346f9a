"""Binding the inputs of a ready definition to the names of a project: an item of the project file comes out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from metricsql import operators
from metricsql.diagnostics import Diagnostic, Findings, ProjectError, did_you_mean
from metricsql.formula.expression_writer import write_expression
from metricsql.formula.grammar import quoted_name, quoted_text
from metricsql.formula.keywords import KEYWORDS
from metricsql.formula.nodes import Name
from metricsql.formula.titles import key_of
from metricsql.library.entries import Entry, Input, entries, replaced
from metricsql.project.definition import NumberFormat, RowDef, TableDef

Bindings = Mapping[str, str]
"""What the user says stands for an input."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?: +[A-Za-z0-9_]+)*")
_NUMBER = re.compile(r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_DAYS = re.compile(r"[1-9][0-9]{0,5}")


def bind_row(
    entry: Entry, table: TableDef, bindings: Bindings, title: str | None, findings: Findings,
) -> dict[str, Any]:
    """A row for the table's list of rows. Findings: what is missing, unknown, or of the wrong kind."""
    _check_names(entry, bindings, findings)
    bound: dict[str, RowDef] = {}
    for item in entry.inputs:
        found = _row_of(entry, item, table, bindings, findings)
        if found is not None:
            bound[item.name] = found
            _check_kind(item, found, findings)
    if findings.errors:
        return {}
    formula = replaced(entry.formula, lambda name, option: spelled(bound[name], option) if name in bound else None)
    named = title or entry.title.format_map({name: row.title for name, row in bound.items()})
    if key_of(named) in map(key_of, titles(table)):
        message = f"the table `{table.name}` has a row `{named}` already"
        findings.error("duplicate-row", message, table.locate(("rows",)), "`--as TITLE` gives it another title")
    shape = _format(entry, bound)
    return {"name": named, "calculation": formula, **({"format": shape} if shape else {})}


def _row_of(entry: Entry, item: Input, table: TableDef, bindings: Bindings, findings: Findings) -> RowDef | None:
    if item.name not in bindings:
        rows = (find_row(table, title) for title in item.titles)
        found = next((row for row in rows if row is not None), None)
        if found is None:
            ready = item.name in (known.id for known in entries())
            first = f"the ready row `{item.name}` can be added first" if ready else "the rows are " + _listed(table)
            _missing(entry, item, findings, _near(item.titles, table) or first)
        return found
    text = bindings[item.name]
    found = find_row(table, text)
    if found is None:
        findings.error("unknown-row", f"the table `{table.name}` has no row `{text}`, to which `{item.name}` is bound",
                       table.locate(("rows",)), did_you_mean(text, titles(table)) or "the rows are " + _listed(table))
    return found


def lacking(entry: Entry, table: TableDef) -> list[str]:
    """The inputs of a ready row for which a table has no row of that name."""
    return [item.name for item in entry.inputs if not any(find_row(table, title) for title in item.titles)]


def find_row(table: TableDef, text: str) -> RowDef | None:
    """The row of a title, of its snake_case key, or of the event or metric it shows."""
    named = [(key_of(row.title), row) for row in table.rows]
    named += [(key_of(row.event or row.metric or ""), row) for row in table.rows]
    return next((row for name, row in named if name and name == key_of(text)), None)


def titles(table: TableDef) -> list[str]:
    """The titles of the rows of a table."""
    return [row.title for row in table.rows]


def _near(wanted: Iterable[str], table: TableDef) -> str | None:
    return next((hint for name in wanted if (hint := did_you_mean(name, titles(table)))), None)


def _listed(table: TableDef) -> str:
    named = [f"`{title}`" for title in titles(table)]
    return ", ".join(named[:8]) + (" ..." if len(named) > 8 else "")


def _missing(entry: Entry, item: Input, findings: Findings, hint: str) -> None:
    kind = f", a {item.kind}" if item.kind else ""
    findings.error("missing-input", f"`{entry.id}` needs `{item.name}` ({item.meaning}{kind})",
                   hint=f"bind it with `--bind {item.name}=...`; {hint}")


def _check_names(entry: Entry, bindings: Bindings, findings: Findings) -> None:
    known = [item.name for item in entry.inputs]
    listed = "its inputs are " + ", ".join(f"`{name}`" for name in known)
    for name in bindings:
        if name not in known:
            hint = did_you_mean(name, known) or listed
            findings.error("unknown-input", f"`{entry.id}` has no input `{name}`", hint=hint)


def _check_kind(item: Input, row: RowDef, findings: Findings) -> None:
    kind = row.kind or "flow"
    if item.kind and row.event and kind != item.kind:
        message = f"`{item.name}` should be a {item.kind}; the row `{row.title}` is a {kind}"
        findings.warn("kind-mismatch", message, row.locate(()), f"write `kind: {item.kind}` if its event is one")


def _format(entry: Entry, bound: Mapping[str, RowDef]) -> Any:
    """The `format:` of the new row, that of an input's row for `as INPUT`; None for the usual one."""
    shape = entry.format or "number"
    if shape.startswith("as "):
        return _written(bound[shape.removeprefix("as ")].format)
    return None if shape == "number" else shape


def _written(shape: NumberFormat) -> Any:
    if shape == NumberFormat():
        return None
    keys = {"style": shape.style, "decimals": shape.decimals, "currency": shape.currency}
    given = {key: value for key, value in keys.items() if value is not None}
    return shape.style if list(given) == ["style"] else given


def spelled(row: RowDef, option: str | None) -> str:
    """A row in an expression, shown by an option. A calculation has no options: it is what it shows."""
    name = _name(row.title)
    if row.calculation is None:
        return name if option is None else f"{name}.{option}"
    return {"starting": f"lag({name})", "change": f"({name} - lag({name}))"}.get(option or "", name)


def _name(title: str) -> str:
    """A title as an expression holds it: its snake_case key where that is plain, else in quotes."""
    reserved = KEYWORDS.union(operators.table_functions(), ("and", "or", "not"))
    keys = [key_of(part) for part in title.split(".")]
    plain = all(_PLAIN.fullmatch(part) for part in title.split(".")) and not reserved.intersection(keys)
    return ".".join(keys) if plain else quoted_name(title)


def bind_metric(
    entry: Entry, id: str | None, model: str | None, bindings: Bindings, findings: Findings,
) -> dict[str, Any]:
    """A metric for the project's list of metrics. Whether its series and fields exist is the compiler's to say."""
    _check_names(entry, bindings, findings)
    texts: dict[str, str] = {}
    for item in entry.inputs:
        given = bindings.get(item.name, item.default)
        if given is None:
            examples = {"series": "activities.login", "field": "company.custom.seats"}
            _missing(entry, item, findings, f"for example `--bind {item.name}={examples.get(item.takes, '100')}`")
        else:
            texts[item.name] = _operand(item, given.strip(), findings)
    formula = replaced(entry.formula, lambda name, option: texts.get(name))
    kept = {"name": entry.title, "model": model, "description": entry.description, "unit": entry.unit,
            "missing": None if entry.missing == "null" else entry.missing, "formula": formula}
    return {"id": id or entry.id, **{key: value for key, value in kept.items() if value is not None}}


def _operand(item: Input, text: str, findings: Findings) -> str:
    """What stands for an input in the formula; a name is quoted where it needs it, so it can be nothing else."""
    match item.takes:
        case "series" | "field" | "row":
            return write_expression(Name(text))
        case "text":
            return quoted_text(text)
        case "days" if _DAYS.fullmatch(text):
            return text
        case "number" if _NUMBER.fullmatch(text):
            return f"({text})" if text.startswith("-") else text
        case "days" | "number":
            expected = "a whole number of days, 1 or more" if item.takes == "days" else "a number"
            findings.error("bad-value", f"`{item.name}` is bound to `{text}`; expected {expected}")
            return "1"
        case _:
            assert_never(item.takes)


def table_of(tables: Mapping[str, TableDef], name: str) -> TableDef:
    """The table of a name. Raises `ProjectError`."""
    if name not in tables:
        listed = "the tables are " + ", ".join(f"`{table}`" for table in tables)
        hint = did_you_mean(name, tables) or (listed if tables else "the project has no `tables:`")
        raise ProjectError(Diagnostic("unknown-table", f"there is no table `{name}`", hint=hint))
    return tables[name]
