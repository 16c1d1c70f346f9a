"""Checks that two entries have the same values, cell by cell, for a sample of records on all days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from benchmarks.peers import contender
from benchmarks.workload import Entry

TOLERANCE = 1e-9
TIPPED = 1e-4
"""The share of cells in which a metric that compares inexact values may differ."""


@dataclass(frozen=True)
class Agreement:
    """How many cells were compared; `different` holds the number of unequal cells of the metrics that have any."""

    cells: int
    different: dict[str, int]


def compare(entry: Entry, other: Entry, sample: int, tipping: Sequence[str] = ()) -> Agreement:
    """Compare the values of an entry with those of another: 1e-9 relative, NULL exactly, and the same rows.

    Metrics are those of the entry's task; of `tipping` metrics one cell in 10 000 may differ.
    """
    cells, different = 0, {}
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        _choose(connection, other, sample)
        _fetch(connection, "other", other, entry.task.metrics)
        _fetch(connection, "entry", entry, entry.task.metrics)
        for metric in entry.task.metrics:
            row = connection.execute(f"""
                SELECT count(*), count(*) FILTER (
                    a.record IS NULL OR b.record IS NULL OR (a.value IS NULL) <> (b.value IS NULL)
                    OR abs(a.value - b.value) > {TOLERANCE} * greatest(abs(a.value), abs(b.value)))
                FROM (SELECT * FROM other WHERE metric = '{metric}') AS a
                FULL JOIN (SELECT * FROM entry WHERE metric = '{metric}') AS b
                    ON a.record = b.record AND a.day = b.day""").fetchone()
            assert row is not None
            cells += row[0]
            if row[1] > (TIPPED * row[0] if metric in tipping else 0):
                different[metric] = row[1]
    return Agreement(cells, different)


def _choose(connection: duckdb.DuckDBPyConnection, entry: Entry, sample: int) -> None:
    """A table `chosen` with the ids of a sample of records."""
    _attach(connection, entry)
    values = contender(entry.peer).values(entry.task, entry.task.metrics[0])
    connection.execute(f"CREATE TABLE chosen AS SELECT record FROM (SELECT DISTINCT record FROM ({values})) "
                       f"ORDER BY hash(record) LIMIT {int(sample)}")
    _detach(connection, entry)


def _fetch(connection: duckdb.DuckDBPyConnection, table: str, entry: Entry, metrics: Sequence[str]) -> None:
    """The values of the chosen records as a table `metric, record, day, value`."""
    _attach(connection, entry)
    connection.execute(f'CREATE TABLE "{table}" (metric VARCHAR, record VARCHAR, day DATE, value DOUBLE)')
    for metric in metrics:
        values = contender(entry.peer).values(entry.task, metric)
        connection.execute(f"INSERT INTO \"{table}\" SELECT '{metric}', record, day, value FROM ({values}) "
                           "WHERE record IN (SELECT record FROM chosen)")
    _detach(connection, entry)


def _attach(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    output = contender(entry.peer).output(entry.task.folder)
    if output.suffix == ".duckdb":
        connection.execute(f"ATTACH '{output}' AS result (READ_ONLY)")


def _detach(connection: duckdb.DuckDBPyConnection, entry: Entry) -> None:
    if contender(entry.peer).output(entry.task.folder).suffix == ".duckdb":
        connection.execute("DETACH result")
