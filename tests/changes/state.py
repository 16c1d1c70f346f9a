"""A project as plain data: records, rows in files, fields and their past, metrics, options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

MODELS = ("company", "enduser", "asset")
NUMBER_FIELDS = ("seats", "No of users")
TEXT_FIELD = "Plan"
LOOSE_FIELD = "Code"
"""Is a number at times and a text at times; formulas ask only whether it has a value."""
COLUMNS = (*NUMBER_FIELDS, TEXT_FIELD, LOOSE_FIELD)
FIRST_COLUMNS = {model: list(COLUMNS) for model in MODELS}
EXTRA_FIELDS = ("extra one", "extra two")

Cell = str | None


@dataclass
class Row:
    """One row of a series. A `bad` row has a day or a value that nobody can read; it is not used."""

    name: str
    at: date | datetime
    value: float | None
    records: dict[str, str]
    bad: str | None = None


@dataclass
class Source:
    """The rows of a namespace: file name -> rows, in the order of the names. Only globs have more than one file."""

    namespace: str
    kind: str
    files: dict[str, list[Row]]

    @property
    def is_glob(self) -> bool:
        return self.kind in ("csv", "parquet", "ndjson", "sql")

    @property
    def times(self) -> str:
        """What a time can be here: `texts` (with and without offset), `local` timestamps, or `days`."""
        return {"csv": "texts", "csv.gz": "texts", "sql": "texts", "table": "days"}.get(self.kind, "local")

    def rows(self) -> Iterator[Row]:
        for name in sorted(self.files):
            yield from self.files[name]


@dataclass
class Entity:
    """A record: `fields` holds what the columns say, as text."""

    key: str
    company: Cell
    since: date | None
    fields: dict[str, Cell]


@dataclass
class Where:
    """A condition on one field: `"Plan" = 'Gold'` or `"seats" > 5`."""

    field: str
    value: str | float

    def text(self) -> str:
        quoted = '"' + self.field.replace('"', '""') + '"'
        return f"{quoted} = '{self.value}'" if isinstance(self.value, str) else f"{quoted} > {self.value}"

    def holds(self, entity: Entity) -> bool:
        found = entity.fields.get(self.field)
        if found is None:
            return False
        return found == self.value if isinstance(self.value, str) else float(found) > self.value


@dataclass
class Declared:
    """A calculated metric. It may use only metrics before it in `State.metrics`; `place` orders the project file."""

    number: int
    id: str
    model: str
    formula: Any
    exact: bool
    place: float
    missing_zero: bool = False
    where: Where | None = None
    in_file: bool = False


Ledger = tuple[str, datetime, float]
"""An execution: event, time, value."""


@dataclass
class OutputRow:
    """A row of the table of company metrics; the metric goes by its number, since its id may change."""

    number: int
    over: str
    display: str
    where: Where | None = None


@dataclass
class Output:
    """The output tables: one of a ledger, with how its events are shown, and one of company metrics."""

    ledger: list[Ledger] = field(default_factory=list)
    displays: dict[str, str] = field(default_factory=dict)
    rows: list[OutputRow] = field(default_factory=list)
    interval: str = "week"


FieldPast = dict[tuple[str, str, str], dict[date, Cell]]
"""(model, record, field) -> day -> value."""


@dataclass
class State:
    """Everything the builds of a project depend on. `stored` is what the builds so far must have kept of the fields."""

    as_of: date
    sources: dict[str, Source]
    records: dict[str, list[Entity]]
    given: dict[str, dict[tuple[str, str, date], Cell]]
    metrics: list[Declared]
    columns: dict[str, list[str]] = field(default_factory=lambda: {model: list(COLUMNS) for model in MODELS})
    start: date | None = None
    timezone: str = "UTC"
    trend: str = "ratio"
    before_tracking: str = "empty"
    collapse: dict[str, dict[str, str]] = field(default_factory=dict)
    zeros: dict[str, str] = field(default_factory=dict)
    touched: list[str] = field(default_factory=list)
    """Files whose time changes though nothing in them does, at the next writing."""
    stored: FieldPast = field(default_factory=dict)
    stored_until: date | None = None
    output: Output = field(default_factory=Output)
    made: int = 0
    """How many metrics there ever were."""

    def of_model(self, model: str) -> dict[str, Entity]:
        """The records by key; of two rows with one key the last wins."""
        return {entity.key: entity for entity in self.records[model]}

    def metric(self, identifier: str) -> Declared:
        return next(metric for metric in self.metrics if metric.id == identifier)

    def newest_stored(self) -> date | None:
        """The newest day of stored or given fields."""
        days = [day for past in self.given.values() for _, _, day in past]
        return max([*days, *([self.stored_until] if self.stored_until else [])], default=None)

    def store_fields(self) -> None:
        """What a build of the as-of day keeps (docs/semantics.md section 5)."""
        newest = self.newest_stored()
        if newest is not None and self.as_of < newest:
            return
        for past in self.stored.values():
            past.pop(self.as_of, None)
        for model in MODELS:
            for entity in self.of_model(model).values():
                for name in self.columns[model]:
                    self.stored.setdefault((model, entity.key, name), {})[self.as_of] = entity.fields.get(name) or None
        self.stored_until = self.as_of


def references(formula: Any) -> set[str]:
    """The ids of the calculated metrics that a formula uses."""
    match formula:
        case {"prop": str(prop)}:
            before, dot, name = prop.partition("calculated.")
            return {name} if dot and before in ("", *(f"{model}." for model in MODELS)) else set()
        case list():
            return {name for item in formula for name in references(item)}
        case _:
            return set()


def renamed(formula: Any, old: str, new: str) -> Any:
    """A formula with the id of a metric replaced."""
    match formula:
        case {"prop": str(prop)} if references(formula) == {old}:
            return {**formula, "prop": prop.removesuffix(old) + new}
        case list():
            return [renamed(item, old, new) for item in formula]
        case _:
            return formula


def closure(state: State, identifiers: set[str]) -> set[str]:
    """Metrics and all they use."""
    wanted = set(identifiers)
    for metric in reversed(state.metrics):
        if metric.id in wanted:
            wanted |= references(metric.formula)
    return wanted
