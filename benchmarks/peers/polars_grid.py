"""A dense grid of records and days in Polars, and windows over its columns: what the Polars scripts share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from polars import Expr, col

from benchmarks.data import START, Series
from benchmarks.workload import Task

FIRST = (START - date(1970, 1, 1)).days


@dataclass(frozen=True)
class Problem:
    """What is computed. `sources` has, per namespace, the columns of records and names, and one value for several rows of a
    day; `stages` gives the metrics, those that others use before them."""

    records: str
    fields: tuple[str, ...]
    series: Sequence[Series]
    sources: Mapping[str, tuple[str, str, Expr]]
    stages: Callable[[Windows], Iterator[dict[str, Expr]]]


@dataclass(frozen=True)
class Windows:
    """Windows over a column of all records, with `blank` empty days in front of each record.

    Columns: `series.<name>`, `cell` (the number of the row), `number` (the day, from 0; negative while blank), `code`.
    """

    blank: int

    def within(self, rolled: Expr) -> Expr:
        """Keep a window within its record: the blank days do so already."""
        return rolled

    def sum(self, name: str, days: int) -> Expr:
        return self.within(series(name).rolling_sum(days, min_samples=1))

    def mean(self, name: str, days: int) -> Expr:
        return self.within(series(name).rolling_mean(days, min_samples=1))

    def max(self, name: str, days: int) -> Expr:
        return self.within(series(name).rolling_max(days, min_samples=1))

    def min(self, name: str, days: int) -> Expr:
        return self.within(series(name).rolling_min(days, min_samples=1))

    def count(self, name: str, days: int) -> Expr:
        return self.within(series(name).is_not_null().cast(pl.Int32).rolling_sum(days, min_samples=1))

    def age(self, name: str) -> Expr:
        """Days since there was a value; over `number` where the last one is of a record before."""
        return col("cell") - pl.when(series(name).is_not_null()).then("cell").forward_fill()

    def known(self, name: str, days: int) -> Expr:
        return (self.age(name) < days) & (self.age(name) <= col("number"))

    def last(self, name: str, days: int) -> Expr:
        return pl.when(self.known(name, days)).then(series(name).forward_fill())

    def any(self, name: str, days: int) -> Expr:
        return self.known(name, days).fill_null(False)

    def since(self, name: str) -> Expr:
        days = col("cell") - pl.when(series(name) > 0).then("cell").forward_fill()
        return pl.when(days <= col("number")).then(days)

    def total(self, name: str) -> Expr:
        return pl.when(self.age(name) <= col("number")).then(series(name).fill_null(0).cum_sum().over("code"))

    def trend(self, name: str, days: int) -> Expr:
        return ratio(series(name), self.within(series(name).shift(days)))


@dataclass(frozen=True)
class WindowsOver(Windows):
    """Windows that are kept within their record by `over`."""

    def within(self, rolled: Expr) -> Expr:
        return rolled.over("code")


def series(name: str) -> Expr:
    return col(f"series.{name}")


def ratio(a: Expr, b: Expr) -> Expr:
    """A quotient, without a value where the denominator is 0."""
    return pl.when(b != 0).then(a / b)


def compute(task: Task, target: Path, problem: Problem, windows: Windows, batch: int) -> dict[str, Any]:
    """All metrics of a task in batches of records, each a Parquet file of the target folder."""
    records = pl.read_csv(task.folder / problem.records).select("id", *problem.fields).rename({"id": "record"})
    records = records.with_columns(col("record").cast(pl.Enum(records["record"])))
    length = windows.blank + task.size.days
    grid = pl.DataFrame({f"series.{name}": column for name, column in _columns(task, problem, records, windows.blank)})
    target.mkdir(parents=True, exist_ok=True)
    for first in range(0, records.height, batch):
        some = records.slice(first, batch)
        rows = np.repeat(np.arange(some.height, dtype=np.int32), length)
        frame = grid.slice(first * length, len(rows)).with_columns(
            pl.Series("code", rows), pl.Series("cell", np.arange(len(rows), dtype=np.int32)),
            pl.Series("number", np.tile(np.arange(-windows.blank, task.size.days, dtype=np.int32), some.height)), *some[rows]).lazy()
        for stage in problem.stages(windows):
            frame = frame.with_columns(**stage)
        result = frame.filter(col("number") >= 0).select("record", *task.metrics, day=(col("number") + FIRST).cast(pl.Date)).collect()
        result.write_parquet(target / f"{first:09}.parquet", compression="lz4")
    return {"rows": records.height * task.size.days}


def _columns(task: Task, problem: Problem, records: pl.DataFrame, blank: int) -> Iterator[tuple[str, pl.Series]]:
    """The collapsed values of each series on the dense grid."""
    length = blank + task.size.days
    collapsed = {name: _collapsed(task, problem, records, name, blank) for name in problem.sources}
    for one in problem.series:
        dense = np.full(records.height * length, np.nan)
        if (found := collapsed[one.namespace].get((one.name,))) is not None:
            dense[found["cell"].to_numpy()] = found["value"].to_numpy()
        yield one.word, pl.Series(dense, nan_to_null=True)


def _collapsed(task: Task, problem: Problem, records: pl.DataFrame, namespace: str, blank: int) -> dict[tuple[Any, ...], pl.DataFrame]:
    """Per name of a namespace, the cells that have a value."""
    record, name, value = problem.sources[namespace]
    code = col(record).cast(records["record"].dtype).to_physical().cast(pl.Int32)
    number = col("date").cast(pl.Date).cast(pl.Int32) - FIRST
    rows = pl.scan_parquet(task.folder / namespace / "*.parquet")
    cells = rows.group_by(name=col(name).cast(pl.Categorical), cell=code * (blank + task.size.days) + number + blank).agg(value=value)
    return cells.collect(engine="streaming").partition_by("name", as_dict=True, include_key=False)
