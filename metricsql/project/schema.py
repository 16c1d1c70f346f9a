"""The project file as pydantic models: what may be written, and nothing of what it means.

The same models validate a file and give its JSON Schema, so the two cannot disagree.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from metricsql.project.parts import (
    IDENTIFIER,
    Day,
    Expected,
    Identifier,
    Name,
    Part,
    Row,
    Source,
    Text,
    TimeZone,
    null_word,
)
from metricsql.project.table_schema import Format, Table, TableRow

Collapse = Literal["sum", "min", "max", "avg", "last"]
Zeros = Literal["keep", "missing"]
Trend = Literal["ratio", "difference", "change"]


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
    missing: Annotated[Literal["null", "zero"], BeforeValidator(null_word),
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


class Spark(Part):
    """Where Spark is, and where it writes. Without `master` and `remote` it runs on this machine."""

    master: Name | None = Field(default=None, description="a cluster, such as spark://host:7077, or local[4]")
    remote: Name | None = Field(default=None, description="a Spark Connect server, such as sc://host:15002")
    conf: dict[Name, str | int | float | bool] = Field(default={}, description="settings of the Spark session")
    output: Name | None = Field(default=None, description="the folder for results; every machine must see it under this path")

    @model_validator(mode="after")
    def _one_place(self) -> Spark:
        if self.master is not None and self.remote is not None:
            raise ValueError("expected `master` or `remote`, not both")
        return self


class Engine(Part):
    """What computes: DuckDB (`duckdb`), or Spark (`spark`, or where it is)."""

    spark: Spark | None = None

    @model_validator(mode="before")
    @classmethod
    def _by_name(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        if value not in ("duckdb", "spark"):
            raise ValueError("expected `duckdb` or `spark`")
        return {"spark": {}} if value == "spark" else {}


class ProjectFile(Part):
    """A project file, or a part of one that `include` brings in."""

    version: Literal[1] | None = None
    name: Name | None = None
    include: list[Name] = []
    database: Name | None = None
    engine: Engine | None = None
    timezone: TimeZone | None = None
    start: Day | None = None
    until: Day | None = None
    trend: Trend | None = None
    fields_before_tracking: Literal["empty", "constant"] | None = None
    models: dict[Identifier, Model] = {}
    series: dict[Identifier, Series] = {}
    metrics: list[Metric] = []
    tables: dict[Identifier, Table] = {}
    tests: list[UnitTest] = []

    @model_validator(mode="before")
    @classmethod
    def _one_include(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("include"), str):
            return {**value, "include": [value["include"]]}
        return value


__all__ = [
    "IDENTIFIER", "Format", "Identifier", "Metric", "Model", "Part", "ProjectFile", "Series", "Source", "Table", "TableRow",
    "UnitTest",
]
