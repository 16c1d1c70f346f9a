"""The project file as pydantic models: what may be written, and nothing of what it means.

The same models validate a file and give its JSON Schema, so the two cannot disagree.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

Collapse = Literal["sum", "min", "max", "avg", "last"]
Zeros = Literal["keep", "missing"]
Trend = Literal["ratio", "difference", "change"]

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def _whole_day(value: Any) -> Any:
    """A day is written as YYYY-MM-DD; other spellings that a date parser would take are refused."""
    if isinstance(value, date):
        return value
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise ValueError("expected a day written as YYYY-MM-DD")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("which is not in the calendar") from None


def _zone(value: str) -> str:
    import zoneinfo

    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("expected the name of a time zone") from None
    return value


def _names_not_numbers(value: Any) -> Any:
    """YAML reads an unquoted `007` as a number; the text that was meant is gone by then."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError("expected a text; put it in quotes")
    return value


def _null_word(value: Any) -> Any:
    return "null" if value is None else value


def _cell(value: Any) -> Any:
    if isinstance(value, dict | list):
        raise ValueError("expected a text, a number or null")
    return value


def _expected(value: Any) -> Any:
    if isinstance(value, bool) or not (value is None or (isinstance(value, int | float) and abs(value) < float("inf"))):
        raise ValueError("expected a number, or null for no value")
    return value


IDENTIFIER = r"^[A-Za-z0-9_-]+$"
Text = Annotated[str, BeforeValidator(_names_not_numbers)]
Name = Annotated[str, BeforeValidator(_names_not_numbers), Field(min_length=1)]
Identifier = Annotated[str, Field(pattern=IDENTIFIER, max_length=200), BeforeValidator(_names_not_numbers)]
Day = Annotated[date, BeforeValidator(_whole_day),
                WithJsonSchema({"type": "string", "format": "date", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})]
TimeZone = Annotated[str, AfterValidator(_zone)]

Cell = Annotated[Any, AfterValidator(_cell), WithJsonSchema({"type": ["string", "number", "boolean", "null"]})]
Row = dict[Name, Cell]
Expected = Annotated[Any, AfterValidator(_expected), WithJsonSchema({"type": ["number", "null"]})]


class Part(BaseModel):
    """Base of everything in the file: unknown keys are errors, nothing is changed after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=False)


class Source(Part):
    """Where rows come from: one of a path or glob, a table of the database, a query, an attached database."""

    path: Name | None = None
    table: Name | None = None
    sql: Name | None = None
    attach: Name | None = None
    columns: dict[str, Name] = Field(default={}, description="our column name: the name it has in the source")

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, value: Any) -> Any:
        return {"path": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        kinds = [k for k in ("path", "sql", "attach") if getattr(self, k) is not None]
        kinds += ["table"] if self.table is not None and self.attach is None else []
        if len(kinds) != 1:
            raise ValueError("expected exactly one of a path, `table`, `sql`, or `attach` with `table`")
        if self.attach is not None and self.table is None:
            raise ValueError("`attach` needs a `table`")
        return self


class Model(Part):
    """A kind of record. Without `company` it is the root; with it, a child of the root."""

    records: Source
    key: Name = "id"
    company: Name | None = Field(default=None, description="the column that holds the company of a child")
    since: Name | None = Field(default=None, description="the column with the first day of a record")
    history: Source | None = None


class Series(Part):
    """A namespace of series."""

    source: Source
    collapse: dict[str, Collapse] = {}
    zeros: dict[str, Zeros] = {}

    @model_validator(mode="before")
    @classmethod
    def _source_alone(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"source": value}
        if isinstance(value, dict) and "source" not in value and value.keys() & {"path", "table", "sql", "attach", "columns"}:
            own = {k: v for k, v in value.items() if k in ("collapse", "zeros")}
            return {"source": {k: v for k, v in value.items() if k not in own}, **own}
        if isinstance(value, dict) and "source" in value and "columns" in value and isinstance(value["source"], str):
            rest = {k: v for k, v in value.items() if k != "columns"}
            return {**rest, "source": {"path": value["source"], "columns": value["columns"]}}
        return value


class Metric(Part):
    """A calculated metric. `formula` is JSON, an expression, or `{file: ...}`."""

    id: Identifier
    formula: Any = Field(description="a formula as JSON, as an expression, or {file: path}")
    name: Text | None = None
    model: Name | None = None
    description: Text | None = None
    unit: Text | None = None
    missing: Annotated[Literal["null", "zero"], BeforeValidator(_null_word),
                       WithJsonSchema({"enum": ["null", "zero", None]})] = "null"
    where: Text | None = None
    tags: list[Name] = []
    ignore: list[Name] = Field(default=[], description="codes of lint rules that stay quiet about this metric")


class UnitTest(Part):
    """A few input rows, and what the metrics make of them."""

    name: Name
    records: dict[Identifier, list[Row]] = Field(default={}, description="per model: rows, as its records")
    fields: dict[Identifier, list[Row]] = Field(default={}, description="per model: rows of record, field, day, value")
    rows: dict[Identifier, list[Row]] = Field(default={}, description="per namespace: rows, as its source")
    start: Day | None = Field(default=None, description="first day of the grid; usually the first day with rows")
    as_of: Day | None = Field(default=None, description="last day of the grid; usually the last expected one")
    expect: dict[Identifier, dict[Name, dict[Day, Expected]]] = Field(
        min_length=1, description="metric: record: day: the value, null for none")


class ProjectFile(Part):
    """A project file, or a part of one that `include` brings in."""

    version: Literal[1] | None = None
    name: Name | None = None
    include: list[Name] = []
    database: Name | None = None
    timezone: TimeZone | None = None
    start: Day | None = None
    until: Day | None = None
    trend: Trend | None = None
    fields_before_tracking: Literal["empty", "constant"] | None = None
    models: dict[Identifier, Model] = {}
    series: dict[Identifier, Series] = {}
    metrics: list[Metric] = []
    tables: dict[Identifier, Any] = {}
    tests: list[UnitTest] = []

    @model_validator(mode="before")
    @classmethod
    def _one_include(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("include"), str):
            return {**value, "include": [value["include"]]}
        return value
