"""Where a ready definition goes in the files of a project, and what the file is with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from metricsql.diagnostics import Diagnostic, Findings, Path, ProjectError
from metricsql.library.binding import bind_metric, bind_row, table_of
from metricsql.library.entries import Entry
from metricsql.project.definition import Definition
from metricsql.project.document import read_document
from metricsql.project.insertion import Inserted, insert_item

_MARK = b"\xef\xbb\xbf"
"""Begins some files in UTF-8."""


@dataclass(frozen=True)
class Wanted:
    """What to add: an entry, and how it is called and bound."""

    entry: Entry
    bindings: Mapping[str, str]
    table: str | None = None
    name: str | None = None
    """The title of a row, or the id of a metric; the usual one without."""
    model: str | None = None


@dataclass(frozen=True)
class Addition:
    """An item that was added to a project, or would be."""

    entry: Entry
    item: Mapping[str, Any]
    file: FilePath
    inserted: Inserted
    warnings: tuple[Diagnostic, ...] = ()
    written: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The addition as JSON-ready data."""
        where = {"file": self.file.as_posix(), "line": self.inserted.line, "written": self.written}
        warnings = [warning.to_dict() for warning in self.warnings]
        return {"id": self.entry.id, "kind": self.entry.kind, **where, "item": dict(self.item), "warnings": warnings}


def plan_addition(definition: Definition, wanted: Wanted) -> Addition:
    """The item, its file and its place; nothing is written.

    Raises `ProjectError` with all that is missing or unknown.
    """
    findings = Findings()
    path: Path
    if wanted.entry.kind == "row":
        table = table_of(definition.tables, _table_name(wanted))
        item = bind_row(wanted.entry, table, wanted.bindings, wanted.name, findings)
        written_in, path = table.locate(()).file, ("tables", table.name, "rows")
    else:
        item = bind_metric(wanted.entry, wanted.name, wanted.model, wanted.bindings, findings)
        written_in, path = definition.metrics[-1].place.file if definition.metrics else None, ("metrics",)
    findings.raise_errors()
    file = FilePath(written_in) if written_in else definition.file
    inserted = insert_item(read_document(file, file.as_posix()), path, item)
    return Addition(wanted.entry, item, file, inserted, tuple(findings.warnings))


def _table_name(wanted: Wanted) -> str:
    if wanted.table is None:
        message = f"`{wanted.entry.id}` is a row; say to which table it goes"
        raise ProjectError(Diagnostic("no-table", message, hint="`--table NAME`"))
    return wanted.table


def write_addition(addition: Addition) -> None:
    """Write the file of an addition; its byte order mark and its line ends stay."""
    marked = addition.file.read_bytes().startswith(_MARK)
    addition.file.write_bytes((_MARK if marked else b"") + addition.inserted.text.encode("utf-8"))
