"""Output tables in the project file: what may be written under `tables:`, and nothing of what it means."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, model_validator

from metricsql.project.parts import Day, Identifier, Name, Part, Source, Text

Interval = Literal["15min", "30min", "hour", "day", "week", "month", "quarter", "year"]
Display = Literal["ending", "starting", "change", "sum", "average", "min", "max", "count"]
Kind = Literal["stock", "flow"]
Over = Literal["sum", "average", "count"]
Style = Literal["number", "percent", "currency"]
SHOWS = ("event", "metric", "measure", "calculation")
"""What a row may show."""


def _number_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Expression = Annotated[str, BeforeValidator(_number_as_text)]


class Format(Part):
    """How the numbers of a row are shown to people."""

    style: Style = "number"
    decimals: Annotated[int, Field(ge=0, le=15)] | None = None
    currency: Annotated[Name, Field(max_length=8)] | None = Field(default=None, description="a code or a sign: EUR, $")

    @model_validator(mode="before")
    @classmethod
    def _short(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"style": value}
        return {"style": "currency", **value} if isinstance(value, dict) and "currency" in value else value


class TableRow(Part):
    """A row of an output table: exactly one of `event`, `metric`, `measure`, `calculation`."""

    event: Name | None = Field(default=None, description="the name of an event of the ledger")
    metric: Name | None = Field(default=None, description="the id of a calculated metric")
    measure: Name | None = Field(default=None, description="an event that another row has, to be shown by another option")
    calculation: Expression | None = Field(default=None, description="an expression over the rows of the table")
    name: Name | None = Field(default=None, description="the title of the row")
    display: Display | None = None
    kind: Kind | None = None
    opening: Annotated[float, Field(allow_inf_nan=False)] | None = Field(
        default=None, description="the state before the first period")
    over: Over | None = Field(default=None, description="how the records of a day become one number")
    where: Text | None = Field(default=None, description="only these records count")
    format: Format | None = None
    ignore: list[Name] = Field(default=[], description="codes of lint rules that stay quiet about this row")

    @model_validator(mode="after")
    def _one_kind(self) -> TableRow:
        if sum(getattr(self, key) is not None for key in SHOWS) != 1:
            raise ValueError("expected exactly one of `event`, `metric`, `measure` and `calculation`")
        self._only("calculation", ("display", "kind", "opening"), "a calculation is evaluated on the cells as they are shown")
        return self

    def _only(self, key: str, others: tuple[str, ...], reason: str) -> None:
        odd = next((other for other in others if getattr(self, other) is not None), None)
        if getattr(self, key) is not None and odd is not None:
            raise ValueError(f"which has `{odd}` beside `{key}`; {reason}")


class Table(Part):
    """An output table: rows by periods."""

    source: Source | None = Field(default=None, description="a ledger of executions, or `metrics.<model>`")
    sources: dict[Identifier, Source] = Field(default={}, description="several ledgers to compare, by name")
    interval: Interval = "month"
    fiscal_year_start: Annotated[int, Field(ge=1, le=12)] = Field(default=1, description="the month a year begins with")
    from_: Day | None = Field(default=None, alias="from", description="the first day to show")
    to: Day | None = Field(default=None, description="the last day to show")
    reuse: Literal["any", "summit"] = "any"
    seed: Annotated[int, Field(ge=0)] = 0
    by: Name | None = Field(default=None, description="a field: one block of rows for each of its values")
    where: Text | None = Field(default=None, description="only these records count")
    rows: list[TableRow] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _columns_beside(cls, value: Any) -> Any:
        if isinstance(value, dict) and isinstance(value.get("source"), str) and "columns" in value:
            rest = {k: v for k, v in value.items() if k != "columns"}
            return {**rest, "source": {"path": value["source"], "columns": value["columns"]}}
        return value

    @model_validator(mode="after")
    def _one_source(self) -> Table:
        if (self.source is None) != bool(self.sources):
            raise ValueError("expected either `source` or `sources`; `source` is one ledger or `metrics.<model>`, "
                             "`sources` are several ledgers by name")
        return self


INTERVALS: tuple[str, ...] = get_args(Interval)
"""From the finest to the coarsest."""
