"""The pieces that every part of the project file is made of: texts, names, days, sources."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema, model_validator

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


def null_word(value: Any) -> Any:
    """YAML's own null for the word."""
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
