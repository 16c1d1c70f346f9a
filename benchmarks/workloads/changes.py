"""Builds after a change: a folder that was built in full, then something happens, and it is built again.

| workload | what happens to the data of `standard` |
|---|---|
| `unchanged` | nothing |
| `daily` | one more day arrives |
| `late` | a day 200 days back gets rows of one series that every company has |
| `late_all` | the same day gets rows of every series |
| `edit` | one formula is edited that other metrics use |

The changed data are built in full beside it, in another folder; both must have the same values. `net` shares are those
without the time in which a process only starts.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.data import Size, make_data
from benchmarks.measure import measure
from benchmarks.peers import own
from benchmarks.workload import OWN, Bar, Entry, Lines, Options, Prepared, Workload, times
from benchmarks.workloads.standard import TIPPING, make, task

DAYS_BACK = 200
EDITED = ("rolling_sum(activities.login, 7)", "rolling_sum(activities.login, 8)")
NAMESPACES = ("activities", "metrics")
Change = Callable[[Path, Size], None]
"""Changes a folder whose data have the size given."""


def _prepare(change: Change, days: int, peers: tuple[str, ...], bars: tuple[Bar, ...], folder: Path, options: Options) -> Prepared:
    """`live` is the folder that is built again and again, `before` holds its files as they were, `after` as they are then."""
    size = options.size(Size())
    changed = replace(size, days=size.days + days)
    live, before, after = folder / "live", folder / "before", folder / "after"
    make(before, size)
    make(after, changed)
    change(after, size)
    shutil.rmtree(live, ignore_errors=True)
    shutil.copytree(before, live)
    measure(OWN, task(live, size, options.memory))
    shutil.copy(own.output(live), before)

    def reset() -> None:
        _put(before, live)
        shutil.copy(own.output(before), own.output(live))
        _put(after, live)

    told = task(after, changed, options.memory)
    entries = [Entry("again", OWN, replace(told, folder=live), OWN, reset, fresh=False), Entry(OWN, OWN, told),
               Entry("start_up", "start_up", told), *(Entry(peer, peer, told, OWN) for peer in peers)]
    return Prepared(entries, make_data(before, size), bars, _shares)


def _put(source: Path, target: Path) -> None:
    """The project and data of a folder in another one; files that are the same stay as they are, with their times."""
    for file in [source / "metricsql.yml", *(file for name in NAMESPACES for file in (source / name).glob("*.parquet"))]:
        there = target / file.relative_to(source)
        if not there.exists() or there.read_bytes() != file.read_bytes():
            shutil.copy2(file, there)
    for file in [file for name in NAMESPACES for file in (target / name).glob("*.parquet")]:
        if not (source / file.relative_to(target)).exists():
            file.unlink()


def share(lines: Lines) -> float | None:
    """The build after the change as a share of the full one."""
    return times(lines, "again")


def net_share(lines: Lines) -> float | None:
    """The same, both without the time to start."""
    if not {"again", OWN, "start_up"} <= lines.keys():
        return None
    start = lines["start_up"].seconds
    return max(0.0, lines["again"].seconds - start) / max(lines[OWN].seconds - start, 1e-3)


def _shares(lines: Lines) -> dict[str, Any]:
    return {"share of the full build": share(lines), "the same without start-up": net_share(lines)}


def _nothing(folder: Path, size: Size) -> None:
    """No change."""


def _edit(folder: Path, size: Size) -> None:
    project = folder / "metricsql.yml"
    text = project.read_text(encoding="utf-8")
    assert EDITED[0] in text
    project.write_text(text.replace(*EDITED, 1), encoding="utf-8")


def _late(folder: Path, size: Size, *series: str) -> None:
    """One more row of every company that has one on that day already; of all series if none is named."""
    import duckdb

    day = size.until - timedelta(days=min(DAYS_BACK, size.days - 1))
    make_data(folder, size)
    (folder / "size.json").unlink()
    for namespace, name in zip(NAMESPACES, ("action", "dimensionId"), strict=True):
        file = folder / namespace / f"{day:%Y-%m}.parquet"
        again = f"SELECT * REPLACE (\"date\" + INTERVAL 1 SECOND AS \"date\") FROM old WHERE \"date\"::DATE = DATE '{day}'"
        chosen = " UNION ALL ".join(f"({again} AND {name} = '{one}')" for one in series) or f"({again})"
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE old AS SELECT * FROM read_parquet('{file}')")
            connection.execute(f"COPY (SELECT * FROM old UNION ALL {chosen}) TO '{file}' (FORMAT parquet)")


def _workload(title: str, change: Change, *bars: Bar, days: int = 0, peers: tuple[str, ...] = ()) -> Workload:
    return Workload(title, lambda folder, options: _prepare(change, days, peers, bars, folder, options), TIPPING)


WORKLOADS = {
    "unchanged": _workload("a build when nothing has changed", _nothing,
                           Bar("at most 1 % of the full build plus start-up", net_share, 0.01)),
    "daily": _workload(
        "one more day of data", _nothing, Bar("at most 5 % of the full build plus start-up", net_share, 0.05),
        Bar("at least 5 times faster than Polars", lambda lines: times(lines, "polars", "again"), 5, at_least=True),
        days=1, peers=("polars", "polars_over")),
    "late": _workload("rows of one series 200 days late", lambda folder, size: _late(folder, size, "login"),
                      Bar("at most 25 % of the full build plus start-up", net_share, 0.25)),
    "late_all": _workload("rows of all series 200 days late", _late),
    "edit": _workload("one formula edited", _edit, Bar("at most 20 % of the full build", share, 0.2)),
}
