"""The small project that the examples of `docs/lint.md` belong to.

| what                          | data                                                                         |
|-------------------------------|------------------------------------------------------------------------------|
| `company`                     | `a`, `b`, with `segment` and `seats`, and no history of fields               |
| `enduser`                     | `u1` and `u2` of `a`, `u3` of `b`; `minutes` every 7 days                    |
| `metrics.active_seats`, `max_seats`, `shown`, `clicked` | every day                                          |
| `metrics.nps`                 | every 90 days                                                                |
| `activities.login`, `Login`, `opened` | every day                                                           |
| `conversations.chat`          | once                                                                         |
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

from metricsql.api import Project
from metricsql.project import load_definition
from tests.projects import write_project

FIRST, LAST = date(2025, 1, 1), date(2025, 7, 1)
EVENTS = ("login", "Login", "opened")
DAILY = ("active_seats", "max_seats", "shown", "clicked")


def files() -> dict[str, str]:
    """The sources of the shop, by name."""
    days = [FIRST + timedelta(days=i) for i in range((LAST - FIRST).days + 1)]
    metrics = [f"{company},Company,{name},{day},{i % 7}" for i, day in enumerate(days)
               for company in "ab" for name in DAILY]
    metrics += [f"{company},Company,nps,{day},8" for day in days[::90] for company in "ab"]
    metrics += [f"u{i},EndUser,minutes,{day},30" for i in (1, 2, 3) for day in days[i::7]]
    logins = [f"{company},{name},{day},1" for day in days for company in "ab" for name in EVENTS]
    return {
        "companies.csv": "id,segment,seats\na,Enterprise,10\nb,Small,20\n",
        "endusers.csv": "id,company\nu1,a\nu2,a\nu3,b\n",
        "metrics.csv": "\n".join(["record,model,name,date,value", *metrics]) + "\n",
        "activities.csv": "\n".join(["company,action,date,count", *logins]) + "\n",
        "conversations.csv": f"record,name,date\na,chat,{FIRST}\n",
    }


def shop(folder: Path, metrics: list[dict[str, Any]], **options: Any) -> Project:
    """The project with these metrics."""
    return Project(load_definition(write_project(folder, files(), metrics, until=LAST, **options)))
