"""What is known of the data before any formula is looked at. Facts only; `build` reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

FieldKind = Literal["number", "text", "unknown"]


@dataclass(frozen=True)
class FieldFacts:
    """A field is a number if every value it ever had is one; `example` is a value that is not."""

    kind: FieldKind = "unknown"
    example: str | None = None


@dataclass(frozen=True)
class Catalog:
    """Columns of the sources, fields and series names. `complete` is False where no data was looked at."""

    records: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Per model: column -> type, of its records."""
    histories: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    series: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Per namespace: column -> type, of its source."""
    fields: Mapping[str, Mapping[str, FieldFacts]] = field(default_factory=dict)
    names: Mapping[tuple[str, str], frozenset[str]] | None = None
    """Per model and namespace: the names that data carries; None if nobody looked."""
    unread: frozenset[str] = frozenset()
    """Namespaces that are declared, but whose names nobody could read."""
    first_day: date | None = None
    """First day with usable data in any series."""
    stored_until: date | None = None
    """Newest day for which field values are stored; None if nothing is stored yet."""
    has_store: bool = False
    """Whether the database holds stored fields at all."""
    complete: bool = True


NOTHING = Catalog(complete=False)
"""No project: any name of the right shape is accepted."""
