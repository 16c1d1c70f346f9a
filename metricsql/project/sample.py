"""The small project that `metricsql init` writes: made-up data of six customers over half a year."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

from metricsql.diagnostics import Diagnostic, ProjectError

FIRST, LAST = date(2025, 7, 1), date(2025, 12, 31)
COMPANIES = [("acme", "Acme", "Enterprise", 40), ("borg", "Borg & Sons", "Enterprise", 25), ("cato", "Cato", "Mid", 12),
             ("dune", "Dune Labs", "Mid", 10), ("echo", "Echo", "Small", 5), ("fern", "Fern", "Small", 4)]
CREATED = {"dune": date(2025, 9, 15), "fern": date(2025, 12, 20)}
LEFT = {"echo": date(2025, 11, 30)}

PROJECT = """\
# yaml-language-server: $schema=metricsql.schema.json
version: 1
name: {name}
until: 2025-12-31          # leave it out to build through yesterday

models:
  company:
    records: data/companies.csv
    key: id
    since: created
  enduser:
    records: data/endusers.csv
    key: id
    company: company_id

series:
  activities: data/activities.csv
  metrics: data/metrics.csv

metrics:
  - id: seat_utilization
    name: Seat utilization
    description: Active seats as a share of the seats bought.
    unit: percent
    tags: [adoption]
    formula: ["MULTIPLICATION", {{"type": "rawNumber", "value": 100}},
              ["DIVISION", {{"type": "metricOverTime", "days": 7, "op": "LAST", "prop": "metrics.active_seats"}},
                           {{"type": "propertyValue", "prop": "company.custom.seats"}}]]

  - id: logins_7d
    name: Logins of the last 7 days
    missing: zero
    tags: [adoption]
    formula: rolling_sum(activities.login, 7)

  - id: logins_trend
    name: Logins against the week before
    description: 1 is no change, 2 is twice as many.
    formula: calculated_week

  - id: quiet_days
    name: Days since the last login
    formula: days_since(activities.login)

  - id: is_active
    name: Logged in within 14 days
    model: enduser
    formula: if(rolling_sum(activities.login, 14) > 0, 1, 0)

  - id: active_users
    name: Users who logged in within 14 days
    tags: [adoption]
    formula: rolling_sum(enduser.calculated.is_active, 1)

  - id: health
    name: Health
    description: Seats in use and recent logins, from 0 to 100.
    formula: {{file: formulas/health.json}}
""".replace("formula: calculated_week", "formula: trend(calculated.logins_7d, 7)")

HEALTH = """\
# The mean of seat utilization (at most 100) and of 100 less 5 for every quiet day (at least 0).
# What is missing stays missing here, and AVERAGE skips it; MIN, MAX and SUBTRACTION would give 100 for it.
["AVERAGE",
  ["IF", {"type": "metricOverTime", "days": 1, "op": "LAST", "prop": "calculated.seat_utilization"},
         "more than", {"type": "rawNumber", "value": 100},
         {"type": "rawNumber", "value": 100},
         {"type": "metricOverTime", "days": 1, "op": "LAST", "prop": "calculated.seat_utilization"}],
  ["IF", {"type": "metricOverTime", "days": 1, "op": "LAST", "prop": "calculated.quiet_days"},
         "more than", {"type": "rawNumber", "value": 20},
         {"type": "rawNumber", "value": 0},
         ["-", {"type": "rawNumber", "value": 100},
               ["MULTIPLICATION", {"type": "rawNumber", "value": 5},
                 {"type": "metricOverTime", "days": 1, "op": "LAST", "prop": "calculated.quiet_days"}]]]]
"""

README = """\
# {name}

A metricsql project with made-up data.

    metricsql check
    metricsql build
    metricsql show quiet_days
    metricsql sql seat_utilization
"""

Row = list[str | int | date]


def write_sample(folder: Path) -> list[Path]:
    """Write the project into a folder. Raises `ProjectError` if a file of it exists there already."""
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in folder.resolve().name).strip("-") or "sample"
    texts = {"metricsql.yml": PROJECT.format(name=name), "formulas/health.json": HEALTH, "README.md": README.format(name=name)}
    tables = {"data/companies.csv": list(_companies()), "data/endusers.csv": list(_endusers()),
              "data/activities.csv": list(_activities()), "data/metrics.csv": list(_metrics())}
    taken = [path for path in (*texts, *tables) if (folder / path).exists() and path != "README.md"]
    if taken:
        raise ProjectError(Diagnostic("file-exists", f"`{folder / taken[0]}` exists already, so nothing was written",
                                      hint="name an empty or new folder"))
    if (folder / "README.md").exists():
        del texts["README.md"]
    for path in (*texts, *tables):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
    for path, text in texts.items():
        (folder / path).write_text(text, encoding="utf-8")
    for path, rows in tables.items():
        with (folder / path).open("w", encoding="utf-8", newline="") as out:
            csv.writer(out, lineterminator="\n").writerows(rows)
    return [folder / path for path in (*texts, *tables)]


def _companies() -> Iterator[Row]:
    yield ["id", "name", "segment", "seats", "created"]
    for key, name, segment, seats in COMPANIES:
        yield [key, name, segment, seats, CREATED.get(key, FIRST)]


def _users(key: str, seats: int) -> list[str]:
    return [f"{key}-{number}" for number in range(1, max(2, seats // 5) + 1)]


def _endusers() -> Iterator[Row]:
    yield ["id", "company_id", "role"]
    for key, _, _, seats in COMPANIES:
        for number, user in enumerate(_users(key, seats)):
            yield [user, key, "admin" if number == 0 else "member"]


def _days(key: str) -> Iterator[date]:
    first, last = CREATED.get(key, FIRST), LEFT.get(key, LAST)
    return (first + timedelta(days=n) for n in range((last - first).days + 1))


def _activities() -> Iterator[Row]:
    yield ["action", "companyExternalId", "euExtId", "date", "count"]
    rng = random.Random(1)
    for key, _, _, seats in COMPANIES:
        for user in _users(key, seats):
            eager = rng.uniform(0.1, 0.8)
            for day in _days(key):
                if day.weekday() < 5 and rng.random() < eager:
                    yield ["login", key, user, f"{day}T{rng.randint(7, 18):02}:{rng.randint(0, 59):02}:00Z", rng.randint(1, 3)]


def _metrics() -> Iterator[Row]:
    yield ["dimensionId", "value", "externalId", "date"]
    rng = random.Random(2)
    for key, _, _, seats in COMPANIES:
        used = seats * rng.uniform(0.3, 0.8)
        for day in _days(key):
            used = min(seats * 1.1, max(0, used + rng.gauss(0, 0.25)))
            if day.weekday() == 0:
                yield ["active_seats", round(used), key, day]
