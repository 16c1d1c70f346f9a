"""Checks that a peer computed the same values, cell by cell, for a sample of companies on all days."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.peers import OWN, contender

TOLERANCE = 1e-9


@dataclass(frozen=True)
class Agreement:
    """How many cells were compared; `different` holds the number of unequal cells of the metrics that have any."""

    cells: int
    different: dict[str, int]


def compare(name: str, folder: Path, metrics: list[str], sample: int) -> Agreement:
    """Compare the values of a peer with ours: 1e-9 relative, NULL exactly, and the same rows."""
    cells, different = 0, {}
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        _fetch(connection, OWN, folder, metrics, f"SELECT id FROM read_csv('{folder}/companies.csv') "
                                                 f"ORDER BY hash(id) LIMIT {int(sample)}")
        _fetch(connection, name, folder, metrics, "SELECT DISTINCT record FROM own")
        for metric in metrics:
            row = connection.execute(f"""
                SELECT count(*), count(*) FILTER (
                    a.record IS NULL OR b.record IS NULL OR (a.value IS NULL) <> (b.value IS NULL)
                    OR abs(a.value - b.value) > {TOLERANCE} * greatest(abs(a.value), abs(b.value)))
                FROM (SELECT * FROM "{OWN}" WHERE metric = '{metric}') AS a
                FULL JOIN (SELECT * FROM "{name}" WHERE metric = '{metric}') AS b
                    ON a.record = b.record AND a.day = b.day""").fetchone()
            assert row is not None
            cells += row[0]
            if row[1]:
                different[metric] = row[1]
    return Agreement(cells, different)


def _fetch(connection: duckdb.DuckDBPyConnection, name: str, folder: Path, metrics: list[str], records: str) -> None:
    """The sampled values of a contender as a table `metric, record, day, value`."""
    output = contender(name).output(folder)
    if output.suffix == ".duckdb":
        connection.execute(f"ATTACH '{output}' AS result (READ_ONLY)")
    connection.execute(f'CREATE TABLE "{name}" (metric VARCHAR, record VARCHAR, day DATE, value DOUBLE)')
    for metric in metrics:
        values = contender(name).values(folder, metric)
        connection.execute(f"INSERT INTO \"{name}\" SELECT '{metric}', record, day, value FROM ({values}) "
                           f"WHERE record IN ({records})")
    if output.suffix == ".duckdb":
        connection.execute("DETACH result")
