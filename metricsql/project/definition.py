"""What a project declares, merged from all its files and ready for use.

Frozen dataclasses with places; the pydantic models of `schema.py` have checked every shape already.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from glob import iglob
from pathlib import Path
from typing import Any

from metricsql.diagnostics import Diagnostic, Locate, Place, ProjectError, bare, did_you_mean

NAMESPACES = ("activities", "metrics", "conversations", "tasks", "system", "revenue")
"""The namespaces every project knows; others are declared under `series:`."""
NAMESPACE_ALIASES = {"custom": "metrics", "conversation": "conversations", "task": "tasks"}
CALCULATED = "calculated"
COUNTED = ("activities", "conversations", "tasks")
"""Namespaces of things that happen: a row counts 1 unless it says otherwise; days are summed."""
ZERO_FILLED = ("conversations", "tasks")
EVENTS = "activities"
DATE_SINCE = ("activities", "conversations")
"""Namespaces that `daysSince` may ask about."""
_LITERAL = re.compile(r"'(?:[^']|'')*'")


@dataclass(frozen=True)
class SourceDef:
    """Where rows come from. Exactly one of `path`, `table`, `sql` is set; `attach` goes with `table`."""

    path: str | None = None
    table: str | None = None
    sql: str | None = None
    attach: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict, hash=False)
    place: Place = field(default_factory=Place, compare=False)
    folder: Path | None = field(default=None, compare=False)
    """Where relative paths start. Without it they stay as they are, for SQL that is run from the project folder."""
    loaded: str | None = field(default=None, compare=False)
    """The table that holds its rows already, in their order."""
    rejected: tuple[str, ...] | None = field(default=None, compare=False)
    """Its lines that are no rows, where they are known already."""

    @property
    def location(self) -> str:
        """The path, absolute if the folder is known: the engine would look in the working folder first."""
        return self._located(self.path or "")

    @property
    def attach_location(self) -> str:
        """The path of the attached database, likewise."""
        return self._located(self.attach or "")

    @property
    def query(self) -> str:
        """The query, with the paths of files that exist in the folder made absolute."""
        text = (self.sql or "").strip().rstrip(";").rstrip()
        if self.folder is None:
            return text
        return _LITERAL.sub(lambda match: self._located_literal(match.group()), text)

    def _located(self, path: str) -> str:
        if self.folder is None or "://" in path or Path(path).is_absolute():
            return path
        folder = self.folder.resolve().as_posix()
        if any(sign in path for sign in "*?["):  # the folder is no part of the pattern
            folder = re.sub(r"[*?\[]", r"[\g<0>]", folder)
        return f"{folder.removesuffix('/')}/{path}"

    def _located_literal(self, literal: str) -> str:
        path = literal[1:-1].replace("''", "'")
        located = self._located(path) if path.strip() and "\0" not in path else path
        known = located != path and len(path) < 1000 and next(iglob(located), None) is not None
        return "'" + located.replace("'", "''") + "'" if known else literal

    def __str__(self) -> str:
        return self.path or (f"{self.attach}: {self.table}" if self.attach else self.table) or "the query"


@dataclass(frozen=True)
class ModelDef:
    """A kind of record; `company` is the column with the company of a child, None for the root."""

    name: str
    records: SourceDef
    key: str = "id"
    company: str | None = None
    since: str | None = None
    history: SourceDef | None = None
    place: Place = field(default_factory=Place, compare=False)
    locate: Locate = field(default=bare, compare=False)


@dataclass(frozen=True)
class SeriesDef:
    """A namespace of series, with its rules per name; `default` is the rule of all others."""

    namespace: str
    source: SourceDef
    collapse: Mapping[str, str] = field(default_factory=dict)
    zeros: Mapping[str, str] = field(default_factory=dict)
    place: Place = field(default_factory=Place, compare=False)

    def collapse_of(self, name: str) -> str:
        """How several points of one day become one (`docs/semantics.md` section 1.3)."""
        usual = "sum" if self.namespace in COUNTED else "last"
        return self.collapse.get(name, self.collapse.get("default", usual))

    def drops_zeros(self, name: str) -> bool:
        """Whether a sent 0 is read as no data."""
        return self.zeros.get(name, self.zeros.get("default", "keep")) == "missing"


@dataclass(frozen=True)
class Written:
    """A formula as it was written: plain JSON data, or the text of an expression."""

    data: Any = None
    expression: str | None = None
    locate: Locate = field(default=bare, compare=False)
    source: str | None = field(default=None, compare=False)
    """The whole text of the file an expression stands in."""


@dataclass(frozen=True)
class MetricDef:
    """A calculated metric as declared."""

    id: str
    model: str
    written: Written
    name: str | None = None
    description: str | None = None
    unit: str | None = None
    missing_zero: bool = False
    where: str | None = None
    tags: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    """Codes of lint rules that stay quiet about it."""
    locate: Locate = field(default=bare, compare=False)

    @property
    def place(self) -> Place:
        return self.locate(("id",))


@dataclass(frozen=True)
class UnitTestDef:
    """A test of metrics as declared: rows by model and namespace, and values by metric, record and day."""

    name: str
    records: Mapping[str, Sequence[Mapping[str, Any]]]
    fields: Mapping[str, Sequence[Mapping[str, Any]]]
    rows: Mapping[str, Sequence[Mapping[str, Any]]]
    expect: Mapping[str, Mapping[str, Mapping[date, float | None]]]
    start: date | None = None
    as_of: date | None = None
    locate: Locate = field(default=bare, compare=False)


@dataclass(frozen=True)
class NumberFormat:
    """How the numbers of a row are shown to people; a percentage is stored as a share (0.25 is 25 %)."""

    style: str = "number"
    decimals: int | None = None
    currency: str | None = None


@dataclass(frozen=True)
class RowDef:
    """A row of an output table as declared. Exactly one of the first four says what it shows."""

    event: str | None = None
    metric: str | None = None
    measure: str | None = None
    calculation: Written | None = None
    name: str | None = None
    display: str | None = None
    kind: str | None = None
    opening: float | None = None
    over: str | None = None
    where: str | None = None
    format: NumberFormat = NumberFormat()
    ignore: tuple[str, ...] = ()
    """Codes of lint rules that stay quiet about it."""
    locate: Locate = field(default=bare, compare=False)

    @property
    def title(self) -> str:
        """The name by which people and expressions know the row."""
        text = self.name or self.event or self.metric
        if text is None and self.measure is not None:
            text = f"{self.measure} {self.display or 'ending'}"
        return text or (self.calculation.expression or "" if self.calculation else "")


@dataclass(frozen=True)
class TableDef:
    """An output table as declared: ledgers by name (`""` for the only one), or the metrics of a model."""

    name: str
    rows: tuple[RowDef, ...]
    ledgers: Mapping[str, SourceDef] = field(default_factory=dict)
    model: str | None = None
    interval: str = "month"
    fiscal_year_start: int = 1
    first: date | None = None
    last: date | None = None
    strict_reuse: bool = False
    """A calculation may not use what mixes events with calculations (`reuse: summit`)."""
    seed: int = 0
    by: str | None = None
    where: str | None = None
    locate: Locate = field(default=bare, compare=False)


ENGINES = ("duckdb", "spark")


@dataclass(frozen=True)
class EngineDef:
    """What computes the metrics, and for a cluster where it is and which folder holds its results."""

    name: str = "duckdb"
    master: str | None = None
    remote: str | None = None
    conf: Mapping[str, str] = field(default_factory=dict, hash=False)
    output: str | None = None


@dataclass(frozen=True)
class Definition:
    """A whole project. `folder` is where relative paths start; `warnings` were found on loading."""

    folder: Path
    file: Path
    name: str
    database: Path
    timezone: str = "UTC"
    engine: EngineDef = EngineDef()
    start: date | None = None
    until: date | None = None
    trend: str = "ratio"
    fields_before_tracking: str = "empty"
    models: Mapping[str, ModelDef] = field(default_factory=dict)
    series: Mapping[str, SeriesDef] = field(default_factory=dict)
    metrics: tuple[MetricDef, ...] = ()
    tables: Mapping[str, TableDef] = field(default_factory=dict)
    tests: tuple[UnitTestDef, ...] = ()
    warnings: tuple[Diagnostic, ...] = ()
    errors: tuple[Diagnostic, ...] = ()
    """What is wrong in its files. Such a definition serves to look for further faults, and for nothing else."""
    names_known: bool = True
    """Whether the errors leave all models and series standing, so that it can be said which names there are."""

    @property
    def root(self) -> str | None:
        """The model at the top; None in a project without models."""
        return next((name for name, model in self.models.items() if model.company is None), None)

    def children(self) -> list[str]:
        """The models below the root."""
        return [name for name, model in self.models.items() if model.company is not None]


def with_engine(definition: Definition, name: str | None) -> Definition:
    """The same project with another engine; what the project says of an engine holds for that one. Raises `ProjectError`."""
    if name is None or name == definition.engine.name:
        return definition
    if name not in ENGINES:
        raise ProjectError([Diagnostic("bad-value", f"there is no engine `{name}`", hint=did_you_mean(name, ENGINES)
                                       or "the engines are " + ", ".join(ENGINES))])
    return replace(definition, engine=EngineDef(name))
