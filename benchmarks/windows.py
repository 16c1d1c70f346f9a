"""`python -m benchmarks.windows`: what an answer about the last n days costs in DuckDB, asked in different ways.

The history form asks with window functions. Every other way is run here on the same grid of companies and days, in one
process on one thread, and its answers are compared. Figures are nanoseconds of processor time per answer: a company, a
day and a question.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import product

import duckdb

SERIES = ("dense", "half", "tenth", "hundredth")
"""Densities 1, 1/2, 1/10 and 1/100."""
DAYS = (7, 14, 30, 90)
QUESTIONS = [(name, days) for name, days in product(SERIES, DAYS)]
FRAME = "PARTITION BY record ORDER BY day"


def grid(connection: duckdb.DuckDBPyConnection, companies: int, days: int) -> None:
    """One row per company and day, in that order; every value a small whole number, so that all ways are exact."""
    columns = ", ".join(f"CASE WHEN hash({i}, c, d) % {10 ** i if i else 1} = 0 THEN (hash(c, d, {i}) % 9 + 1)::DOUBLE END AS {name}"
                        for i, name in enumerate(SERIES))
    connection.execute(f"""CREATE TABLE grid AS SELECT c::INTEGER AS record, DATE '2025-01-01' + d::INTEGER AS day, {columns}
        FROM range({companies}) AS a(c), range({days}) AS b(d) ORDER BY c, d""")


def windows(shuffled: bool = False) -> str:
    asked = ", ".join(f"SUM({name}) OVER (w ROWS {days - 1} PRECEDING) AS {name}_{days}" for name, days in QUESTIONS)
    rows = "(SELECT * FROM grid ORDER BY hash(record, day))" if shuffled else "grid"
    return f"SELECT record, day, {asked} FROM {rows} WINDOW w AS ({FRAME})"


def filled() -> str:
    asked = ", ".join(f"SUM({name}) OVER (w ROWS {days - 1} PRECEDING) AS {name}_{days}" for name, days in QUESTIONS)
    zeros = ", ".join(f"COALESCE({name}, 0) AS {name}" for name in SERIES)
    return f"SELECT record, day, {asked} FROM (SELECT record, day, {zeros} FROM grid) WINDOW w AS ({FRAME})"


def running_sums() -> str:
    """A running sum per series, less the one n days before."""
    sums = ", ".join(f"SUM(COALESCE({name}, 0)) OVER (w ROWS UNBOUNDED PRECEDING) AS {name}" for name in SERIES)
    asked = ", ".join(f"{name} - LAG({name}, {days}, 0) OVER w AS {name}_{days}" for name, days in QUESTIONS)
    return f"SELECT record, day, {asked} FROM (SELECT record, day, {sums} FROM grid WINDOW w AS ({FRAME})) WINDOW w AS ({FRAME})"


def doubled() -> str:
    """Sums over 1, 2, 4 ... days from sums over half as many, and sums over n days from those: only lags, which are read along."""
    def lag(value: str, days: int) -> str:
        return f"CASE WHEN LAG(record, {days}) OVER () = record THEN LAG({value}, {days}) OVER () ELSE 0 END"

    query = "SELECT record, day, " + ", ".join(f"COALESCE({name}, 0) AS {name}_p1" for name in SERIES) + " FROM grid"
    for power in (1, 2, 4, 8, 16, 32):
        doubles = ", ".join(f"{name}_p{power} + {lag(f'{name}_p{power}', power)} AS {name}_p{2 * power}" for name in SERIES)
        query = f"SELECT *, {doubles} FROM ({query})"
    asked = []
    for name, days in QUESTIONS:
        parts, done = [], 0
        for power in (64, 32, 16, 8, 4, 2, 1):
            if days & power:
                parts.append(lag(f"{name}_p{power}", done) if done else f"{name}_p{power}")
                done += power
        asked.append(f"{' + '.join(parts)} AS {name}_{days}")
    return f"SELECT record, day, {', '.join(asked)} FROM ({query})"


def lists() -> str:
    """Running sums as one list per company; a list that is moved by n places and taken off is the answer for all days at once."""
    sums = ", ".join(f"SUM(COALESCE({name}, 0)) OVER (w ROWS UNBOUNDED PRECEDING) AS {name}" for name in SERIES)
    gathered = ", ".join(f"LIST({name} ORDER BY day) AS {name}" for name in SERIES)
    moved = ", ".join(f"UNNEST(LIST_CONCAT(LIST_RESIZE([]::DOUBLE[], {days}, 0::DOUBLE), {name}[:LEN({name}) - {days}])) AS {name}_{days}"
                      for name, days in QUESTIONS)
    asked = ", ".join(f"{name} - {name}_{days} AS {name}_{days}" for name, days in QUESTIONS)
    return f"""SELECT record, day, {asked} FROM (
        SELECT record, UNNEST(days) AS day, {', '.join(f'UNNEST({name}) AS {name}' for name in SERIES)}, {moved} FROM (
            SELECT record, LIST(day ORDER BY day) AS days, {gathered} FROM (
                SELECT record, day, {sums} FROM grid WINDOW w AS ({FRAME})) GROUP BY record))"""


def sparse_join() -> str:
    """Every day joined with the days of the look-back that have data, and summed; one query per question."""
    name = SERIES[-1]
    parts = [f"""SELECT g.record, g.day, SUM(s.{name}) AS {name}_{days} FROM grid AS g
        LEFT JOIN (SELECT record, day, {name} FROM grid WHERE {name} IS NOT NULL) AS s
        ON s.record = g.record AND s.day BETWEEN g.day - {days - 1} AND g.day GROUP BY ALL""" for days in DAYS]
    joined = f"({parts[0]}) AS q0" + "".join(f" JOIN ({part}) AS q{i} USING (record, day)" for i, part in enumerate(parts[1:], 1))
    return f"SELECT * FROM {joined}"


def last_by_frame() -> str:
    asked = ", ".join(f"ARG_MAX({name}, day) FILTER (WHERE {name} IS NOT NULL) OVER (w ROWS {days - 1} PRECEDING) AS {name}_{days}"
                      for name, days in QUESTIONS)
    return f"SELECT record, day, {asked} FROM grid WINDOW w AS ({FRAME})"


def last_value() -> str:
    asked = ", ".join(f"LAST_VALUE({name} IGNORE NULLS) OVER (w ROWS {days - 1} PRECEDING) AS {name}_{days}" for name, days in QUESTIONS)
    return f"SELECT record, day, {asked} FROM grid WINDOW w AS ({FRAME})"


def last_by_carry() -> str:
    """The value and the day of the newest row so far, once per series; n only decides whether it is still looked back to."""
    carried = ", ".join(f"LAST_VALUE({name} IGNORE NULLS) OVER w AS {name}, "
                        f"MAX(CASE WHEN {name} IS NOT NULL THEN day END) OVER w AS {name}_at" for name in SERIES)
    asked = ", ".join(f"CASE WHEN {name}_at > day - {days} THEN {name} END AS {name}_{days}" for name, days in QUESTIONS)
    return f"SELECT record, day, {asked} FROM (SELECT record, day, {carried} FROM grid WINDOW w AS ({FRAME} ROWS UNBOUNDED PRECEDING))"


GROUPS: dict[str, dict[str, Callable[[], str]]] = {
    "SUM": {"windows with `ROWS` frames": windows, "rows in another order before": lambda: windows(True), "0 for what is missing": filled,
            "running sums less those n days before": running_sums, "lags that double": doubled, "running sums as lists, moved": lists,
            "join with the days that have data (the rarest series only)": sparse_join},
    "LAST": {"LAST_VALUE IGNORE NULLS": last_value, "ARG_MAX with FILTER": last_by_frame, "carried with its day": last_by_carry},
}
"""Ways to ask, the first of each group is what the others must equal."""


def measured(connection: duckdb.DuckDBPyConnection, table: str, query: str, runs: int) -> Iterator[float]:
    """Seconds of processor time per run."""
    for _ in range(runs):
        connection.execute(f'DROP TABLE IF EXISTS "{table}"')
        begun = time.process_time()
        connection.execute(f'CREATE TEMP TABLE "{table}" AS {query}')
        yield time.process_time() - begun


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a table; exit code 1 if two ways differ."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.windows", description=main.__doc__)
    parser.add_argument("--companies", type=int, default=5000)
    parser.add_argument("--days", type=int, default=365)
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args(arguments)
    wrong = 0
    with duckdb.connect() as connection:
        connection.execute("SET threads = 1")
        grid(connection, options.companies, options.days)
        for group, ways in GROUPS.items():
            for title, query in ways.items():
                best = min(measured(connection, "answers", query(), options.runs))
                names = [row[0] for row in connection.execute("DESCRIBE answers").fetchall() if row[0] not in ("record", "day")]
                if title == next(iter(ways)):
                    connection.execute("CREATE OR REPLACE TEMP TABLE first AS SELECT * FROM answers")
                differs = " OR ".join(f"COALESCE(a.{n}, 0) IS DISTINCT FROM COALESCE(b.{n}, 0)" for n in names)
                compared = f"SELECT COUNT(*) FROM answers AS a FULL JOIN first AS b USING (record, day) WHERE {differs}"
                found = connection.execute(compared).fetchone()
                different = found[0] if found else 0
                wrong += different > 0
                per_answer = best * 1e9 / (options.companies * options.days * len(names))
                print(f"{group:5} {title:60} {per_answer:7.0f} ns {'' if not different else f'{different} rows differ'}", flush=True)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
