"""The input of the oracle: records, points, metrics and a whole project as plain Python data (docs/semantics.md sections 1 and 2)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime

Number = float | None
"""A number, or None for NULL."""

Value = float | str | None
"""What a part can be: a number, a text, or None for NULL."""


class RuleError(ValueError):
    """The panel or a formula is not allowed by the rules; the oracle says so instead of guessing a number."""


@dataclass
class Record:
    """One record of a model. `fields` holds the current values; a number may be written as numeric text (section 5)."""

    key: str
    fields: dict[str, Value] = field(default_factory=dict)
    company: str | None = None
    """Children only: the key of the company it names today (section 1.6)."""
    since: date | None = None
    """The declared first day: no grid rows before it (section 1.2)."""


@dataclass
class Point:
    """One raw row of a series, in source order of the list (section 1.3). `at` is already local time of the project (section 1.4)."""

    namespace: str
    name: str
    at: datetime | date
    value: float | None = None
    """None: a row without count is 1 (activities, conversations, tasks); in every other namespace it is a row without a value."""
    records: dict[str, str] = field(default_factory=dict)
    """Model name -> record key; an activity may name several records."""


@dataclass
class Metric:
    """A calculated metric (section 7). `where` holds the keys of the records inside; None means every record."""

    id: str
    formula: object
    model: str = "company"
    missing_zero: bool = False
    where: set[str] | None = None


@dataclass
class Panel:
    """A project. The first model is the root; the others are its children."""

    models: dict[str, dict[str, Record]]
    points: list[Point]
    metrics: list[Metric]
    as_of: date
    start: date | None = None
    collapse: dict[str, str] = field(default_factory=dict)
    zeros_missing: set[str] = field(default_factory=set)
    trend: str = "ratio"
    fields_before_tracking: str = "empty"
    history: list[tuple[str, str, str, date, Value]] = field(default_factory=list)
    """Rows of model, record, field, day, value that were stored or given before."""

    @property
    def root(self) -> str:
        """The model all others are children of."""
        return next(iter(self.models))
