"""Makes the data of the benchmarks: companies, activities and metrics as a system of record would export them.

Every number comes from a hash of (seed, series, company, day), so the same size and seed give the same files
on any number of threads. Values are whole numbers or quarters: sums are exact in any order, and two ways of
computing a metric can be compared without excuses.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

START = date(2025, 1, 1)
LOWEST_DENSITY = 0.01
NOTE = "size.json"


@dataclass(frozen=True)
class Size:
    """How much data. `metrics` is how many of the workload's metrics are computed."""

    companies: int = 5000
    days: int = 365
    series: int = 20
    metrics: int = 40
    seed: int = 1

    @property
    def until(self) -> date:
        """The last day."""
        return START + timedelta(days=self.days - 1)


@dataclass(frozen=True)
class Series:
    """One raw series. Its column name in hand-written SQL is `word`."""

    namespace: str
    name: str

    @property
    def word(self) -> str:
        return self.name.replace(" ", "_")


SERIES = tuple(Series(namespace, name) for namespace, name in [
    ("activities", "login"), ("metrics", "active seats"),
    ("activities", "page view"), ("metrics", "minutes"),
    ("activities", "api call"), ("metrics", "storage"),
    ("activities", "search"), ("metrics", "errors"),
    ("activities", "report opened"), ("metrics", "jobs"),
    ("activities", "comment"), ("metrics", "open tickets"),
    ("activities", "export"), ("metrics", "bought seats"),
    ("activities", "user created"), ("metrics", "monthly revenue"),
    ("activities", "invite"), ("metrics", "satisfaction"),
    ("activities", "integration run"), ("metrics", "recommendation"),
])
"""From the one with data on every day to the one with data on every hundredth."""


def densities(count: int) -> dict[Series, float]:
    """The share of days with data of the first `count` series: 1 to 0.01 in equal ratios."""
    return {series: LOWEST_DENSITY ** (i / max(count - 1, 1)) for i, series in enumerate(SERIES[:count])}


def make_data(folder: Path, size: Size) -> int:
    """Write `companies.csv`, `activities/*.parquet` and `metrics/*.parquet`; returns the number of rows.

    A folder that holds data of this size already is left as it is.
    """
    import duckdb

    note = folder / NOTE
    if note.exists() and (known := json.loads(note.read_text()))["size"] == asdict(size):
        return int(known["rows"])
    if size.series > len(SERIES):
        raise ValueError(f"there are {len(SERIES)} series, found {size.series}")
    for namespace in ("activities", "metrics"):
        (folder / namespace).mkdir(parents=True, exist_ok=True)
        for old in (folder / namespace).glob("*.parquet"):
            old.unlink()
    with duckdb.connect() as connection:
        rows = _write(connection, folder, size)
    note.write_text(json.dumps({"size": asdict(size), "rows": rows}))
    return rows


def _write(connection: duckdb.DuckDBPyConnection, folder: Path, size: Size) -> int:
    seed = int(size.seed)
    connection.execute(f"""
        CREATE MACRO chance(what, s, c, d) AS hash({seed}, what, s, c, d) / 18446744073709551616.0;
        CREATE TABLE companies AS
        SELECT c AS number, 'c-' || lpad(c::VARCHAR, 6, '0') AS id, 'Company ' || c AS name,
               ['Enterprise', 'Mid-market', 'Small'][1 + (3 * chance('segment', 0, c, 0))::INT % 3] AS segment,
               ['DE', 'FR', 'SE', 'UK', 'US'][1 + (5 * chance('country', 0, c, 0))::INT % 5] AS country,
               greatest(5, (exp(7 * chance('size', 0, c, 0)))::INT) AS seats
        FROM range(1, {int(size.companies)} + 1) AS t(c);
        CREATE TABLE series (number INTEGER, namespace VARCHAR, name VARCHAR, density DOUBLE)""")
    connection.executemany("INSERT INTO series VALUES (?, ?, ?, ?)", [
        (i, series.namespace, series.name, share) for i, (series, share) in enumerate(densities(size.series).items())])
    connection.execute(f"COPY (SELECT id, name, segment, country, seats FROM companies ORDER BY number) "
                       f"TO '{_path(folder / 'companies.csv')}' (HEADER)")
    rows = 0
    for first, last in months(size):
        for namespace, columns in _COLUMNS.items():
            target = folder / namespace / f"{first:%Y-%m}.parquet"
            written = connection.execute(f"""
                COPY (
                    SELECT {columns} FROM ({_points(namespace, first, last)}) ORDER BY time, id, series_name
                ) TO '{_path(target)}' (FORMAT parquet)""").fetchone()
            rows += int(written[0]) if written else 0
    return rows


_COLUMNS = {
    "activities": 'series_name AS action, id AS "companyExternalId", time AS "date", '
                  "CASE WHEN zero THEN 0 ELSE ceil(amount / 4) END::BIGINT AS count",
    "metrics": 'series_name AS "dimensionId", id AS "externalId", time AS "date", '
               "CASE WHEN zero THEN 0 ELSE round(4 * amount) / 4 END AS value",
}
_SECOND = {"activities": 0.2, "metrics": 0.03}
"""The share of points with a second row on the same day: more events, or a corrected value."""


def _points(namespace: str, first: date, last: date) -> str:
    """The rows of a month: up to two per company, day and series, the second one later in the day."""
    return f"""
        SELECT s.name AS series_name, c.id, d.number + 0.5 * n.again AS point,
               d.day + to_seconds((43000 * (n.again + chance('second', s.number, c.number, point)))::INT) AS time,
               chance('zero', s.number, c.number, point) < 0.02 AS zero,
               sqrt(c.seats) * (1 + s.number % 4) * (0.5 + chance('value', s.number, c.number, point)) AS amount
        FROM series AS s CROSS JOIN companies AS c
        CROSS JOIN (SELECT DATE '{first}' + i::INT AS day, (DATE '{first}' - DATE '{START}') + i AS number
                    FROM range({(last - first).days + 1}) AS t(i)) AS d
        CROSS JOIN (VALUES (0), (1)) AS n(again)
        WHERE s.namespace = '{namespace}' AND chance('there', s.number, c.number, d.number) < s.density
          AND (n.again = 0 OR chance('again', s.number, c.number, d.number) < {_SECOND[namespace]})"""


def months(size: Size) -> Iterator[tuple[date, date]]:
    """First and last day of each month that the data touch."""
    first = START
    while first <= size.until:
        following = (first.replace(day=1) + timedelta(days=32)).replace(day=1)
        yield first, min(following - timedelta(days=1), size.until)
        first = following


def _path(path: Path) -> str:
    return str(path).replace("'", "''")
