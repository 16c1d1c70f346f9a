"""Fetches the raw rows behind a series of one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from metricsql.build.engine import Engine
from metricsql.project.definition import Definition
from metricsql.sql.raw_rows import RowQuery, source_name


@dataclass(frozen=True)
class DayRows:
    """The rows of one day: how many count and of how many records; zeros read as no data; rows without a number."""

    rows: int
    records: int
    zeros: int
    without: int


@dataclass(frozen=True)
class RawRow:
    """A row of a source, or the value of a metric of a child. `names` are the known children it names, by model."""

    source: str
    day: date
    value: float
    record: str
    written: str | None = None
    """The date as it stands in the source; None for a metric."""
    names: Mapping[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        found: dict[str, Any] = {"source": self.source, "record": self.record, "day": self.day.isoformat(),
                                 "value": self.value}
        return {**found, **({"date": self.written} if self.written is not None else {}),
                **({"names": dict(self.names)} if self.names else {})}


def count_rows(engine: Engine, query: RowQuery) -> dict[date, DayRows]:
    """How many rows stand behind each day."""
    return {row[0]: DayRows(*row[1:]) for row in engine.rows(query.counts())}


def read_rows(engine: Engine, query: RowQuery, definition: Definition, limit: int | None) -> list[RawRow]:
    """The rows that count, the newest first."""
    series, models = query.series, query.models()
    if series.calculated:
        usual = f"{series.model}.{series.namespace}.{series.name}"
    else:
        usual = source_name(definition.series[series.namespace].source, series.namespace)
    found = []
    for day, value, record, file, written, *named in engine.rows(query.rows(limit)):
        names = {model: key for model, key in zip(models, named, strict=True)
                 if key is not None and model != definition.root}
        source = usual if file is None else _shown(file, definition.folder)
        found.append(RawRow(source, day, value, record, written, names))
    return found


def _shown(file: str, folder: Path) -> str:
    """The path of a file as the project sees it."""
    path = Path(file)
    for base in (folder, folder.resolve()):
        if path.is_relative_to(base):
            return path.relative_to(base).as_posix()
    return file
