"""The hand-written queries run, give one row per record and day, and agree with counting in plain Python."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from pathlib import Path

import duckdb
import pytest

from tests.flights.hand_sql import HAND_SQL

DATA = Path(__file__).resolve().parents[2] / "fixtures" / "flights" / "data"
DAYS = 365
RECORDS = {"airlines": 16, "planes": 73}


def rows_of(metric: str) -> dict[tuple[str, date], float | None]:
    rows = duckdb.connect().execute(HAND_SQL[metric].format(data=DATA)).fetchall()
    values = {(record, day): value for record, day, value in rows}
    assert len(values) == len(rows), "a record has a day twice"
    return values


def flights(columns: str) -> list[tuple]:
    query = f"SELECT make_date(year, month, day), {columns} FROM '{DATA}/flights.parquet'"
    return duckdb.connect().execute(query).fetchall()


@pytest.mark.parametrize("metric", HAND_SQL)
def test_one_row_per_record_and_day(metric: str) -> None:
    values = rows_of(metric)
    records = {record for record, _ in values}
    days = {day for _, day in values}
    assert len(records) == RECORDS["planes" if metric.startswith("plane_") else "airlines"]
    assert (min(days), max(days), len(days)) == (date(2013, 1, 1), date(2013, 12, 31), DAYS)
    assert len(values) == len(records) * DAYS
    assert any(value is not None for value in values.values())


def test_all_flights_are_there() -> None:
    rows = flights("dep_time, tailnum")
    assert len(rows) == 336_776
    assert sum(dep is None for _, dep, _ in rows) == 8_255
    assert sum(tailnum is None for _, _, tailnum in rows) == 2_512


def test_cancellation_share_counted_in_python() -> None:
    planned: dict[tuple[str, date], int] = defaultdict(int)
    cancelled: dict[tuple[str, date], int] = defaultdict(int)
    for day, carrier, dep_time in flights("carrier, dep_time"):
        planned[carrier, day] += 1
        cancelled[carrier, day] += dep_time is None
    for (carrier, day), value in rows_of("cancellation_share_30d").items():
        window = [(carrier, day - timedelta(back)) for back in range(30)]
        flown = sum(planned.get(key, 0) for key in window)
        if flown:
            assert value == pytest.approx(100 * sum(cancelled.get(key, 0) for key in window) / flown, rel=1e-12)
        else:
            assert value is None


def test_days_since_flight_counted_in_python() -> None:
    flown = {(tailnum, day) for day, tailnum, dep_time in flights("tailnum, dep_time") if dep_time is not None}
    values = rows_of("plane_days_since_flight")
    for plane in {record for record, _ in values}:
        since: float | None = None
        for number in range(DAYS):
            day = date(2013, 1, 1) + timedelta(number)
            since = 0 if (plane, day) in flown else None if since is None else since + 1
            assert values[plane, day] == since


def test_average_delay_of_hawaiian_counted_in_python() -> None:
    """Hawaiian flies once a day, so the day's average is the flight's delay."""
    delays = {day: delay for day, carrier, delay in flights("carrier, arr_delay") if carrier == "HA"}
    values = rows_of("average_delay_7d")
    for number in range(DAYS):
        day = date(2013, 1, 1) + timedelta(number)
        week = [delays[day - timedelta(back)] for back in range(7) if day - timedelta(back) in delays]
        week = [delay for delay in week if delay is not None]
        assert values["HA", day] == pytest.approx(sum(week) / len(week), rel=1e-12)
