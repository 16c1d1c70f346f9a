"""Builds that know what changed, by hand: what is computed, what is left alone, and what the report says."""

from __future__ import annotations

import os
import threading
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

import metricsql
from metricsql.build import ahead, patch, spread, totals, write
from metricsql.build import build as builds
from metricsql.build.engine import Limits, open_reader, open_writer
from metricsql.build.store import Seen, trying
from tests.projects import query, values, write_project

FIRST = date(2025, 1, 1)
METRICS: list[dict[str, Any]] = [
    {"id": "week", "formula": "rolling_sum(metrics.x, 7)"},
    {"id": "ever", "formula": "total_sum(metrics.x)"},
    {"id": "seats", "formula": "company.custom.seats * 2"},
    {"id": "of_week", "formula": "rolling_max(calculated.week, 2)"},
]
ROWS = [(record, FIRST + timedelta(days=day), 1) for record in "ab" for day in range(0, 30, 2)]


def rows_text(rows: list[tuple[str, date, int]]) -> str:
    return "record,name,date,value\n" + "".join(f"{record},x,{day},{value}\n" for record, day, value in rows)


def project_in(folder: Path, rows: list[tuple[str, date, int]] = ROWS, metrics: list[dict[str, Any]] = METRICS,
               companies: str = "id,seats\na,10\nb,20\n", **options: Any) -> metricsql.Project:
    files = {"companies.csv": companies, "metrics.csv": rows_text(rows)}
    return metricsql.load(write_project(folder, files, metrics, **{"until": "2025-01-30", **options}))


def test_a_new_day_is_one_day(tmp_path: Path) -> None:
    project_in(tmp_path).build(as_of="2025-01-29")
    report = project_in(tmp_path).build(as_of="2025-01-30")
    assert [(task["form"], task["from"], task["to"]) for task in report.tasks] == [("day", date(2025, 1, 30), date(2025, 1, 30))]
    assert report.settled == [] and report.everything is None
    assert query(project_in(tmp_path), "SELECT COUNT(*), COUNT(DISTINCT day) FROM metrics.company") == [(60, 30)]


def test_late_data_reaches_as_far_as_formulas_read(tmp_path: Path) -> None:
    project_in(tmp_path).build()
    project = project_in(tmp_path, [*ROWS, ("a", date(2025, 1, 4), 5)])
    report = project.build()
    spans = {name: (task["from"], task["to"]) for task in report.tasks for name in task["metrics"]}
    # 7 days of week and 8 of of_week become 16, ever goes on to the end; seats reads no rows
    assert spans == {"week": (date(2025, 1, 4), date(2025, 1, 19)), "of_week": (date(2025, 1, 4), date(2025, 1, 19)),
                     "ever": (date(2025, 1, 4), date(2025, 1, 30))}
    assert values(project, "week")["a", date(2025, 1, 4)] == 1 + 1 + 5  # the 1st, the 3rd and the late one
    # only a has other values: 7 days of week, 8 of of_week (the largest of two days), 27 of ever
    assert [(s.metric, s.values, s.first, s.last) for s in report.settled] == [
        ("week", 7, date(2025, 1, 4), date(2025, 1, 10)), ("ever", 27, date(2025, 1, 4), date(2025, 1, 30)),
        ("of_week", 8, date(2025, 1, 4), date(2025, 1, 11))]
    assert str(report.settled[0]) == "week: 7 values of 2025-01-04 to 2025-01-10 changed, because metrics.x has other data on 2025-01-04"
    assert report.to_dict()["settled"][0]["because"] == [{"kind": "late data", "name": "metrics.x", "days": ["2025-01-04"]}]
    kept = query(project, "SELECT report FROM _metricsql.builds ORDER BY build DESC LIMIT 1")[0][0]
    assert '"late data"' in kept


def test_what_reads_the_last_days_is_computed_behind_them(tmp_path: Path) -> None:
    """`both` reaches back twenty days for one series and reads a metric that changes on the last three for another."""
    metrics: list[dict[str, Any]] = [{"id": "week", "formula": "rolling_sum(metrics.x, 7)"},
                                     {"id": "both", "formula": "total_sum(metrics.y) + rolling_last(calculated.week, 1)"}]
    rows = [("x", "2025-01-02", 1), ("y", "2025-01-02", 10)]

    def built(rows: list[tuple[str, str, int]]) -> metricsql.Project:
        text = "record,name,date,value\n" + "".join(f"a,{name},{day},{value}\n" for name, day, value in rows)
        project = metricsql.load(write_project(tmp_path, {"companies.csv": "id\na\n", "metrics.csv": text}, metrics, until="2025-01-30"))
        project.build()
        return project

    built(rows)
    late = values(built([*rows, ("y", "2025-01-10", 100), ("x", "2025-01-28", 5)]), "both")
    assert late["a", date(2025, 1, 27)] is None  # no x within 7 days
    assert late["a", date(2025, 1, 30)] == 10 + 100 + 5


def test_rows_that_amount_to_the_same_change_nothing(tmp_path: Path) -> None:
    """Of several values of a day the last one counts, so an earlier one that comes late is read and compared, no more."""
    rows = [("a", date(2025, 1, 4), 5), *ROWS, ("a", date(2025, 1, 4), 7)]
    before = project_in(tmp_path, [*ROWS, ("a", date(2025, 1, 4), 7)])
    before.build()
    kept = values(before, "ever")
    report = project_in(tmp_path, rows).build()
    assert report.settled == [] and not report.unchanged
    assert values(project_in(tmp_path, rows), "ever") == kept


def test_only_records_that_changed_are_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [f"r{number}" for number in range(20)]
    companies = "id,seats\n" + "".join(f"{record},1\n" for record in records)
    rows = [(record, FIRST + timedelta(days=day), 1) for record in records for day in range(0, 30, 3)]
    project_in(tmp_path, rows, companies=companies).build()
    counted: list[int] = []
    put = patch.put_changes

    def counting(engine: Any, *rest: Any) -> Any:
        piece = rest[3]
        counted.append(engine.value(f'SELECT COUNT(DISTINCT record) FROM "{piece.table}"'))
        return put(engine, *rest)

    monkeypatch.setattr(spread, "put_changes", counting)
    report = project_in(tmp_path, [*rows, ("r7", date(2025, 1, 5), 3)], companies=companies).build()
    assert counted and set(counted) == {1}
    assert {one.metric for one in report.settled} == {"week", "ever", "of_week"}


def test_a_value_of_the_same_size_is_a_change_too(tmp_path: Path) -> None:
    project_in(tmp_path).build()
    project = project_in(tmp_path, [(record, day, 3 if day == date(2025, 1, 5) else value) for record, day, value in ROWS])
    assert project.build().settled[0].values == 14  # a week of both


def test_other_order_and_other_files_are_no_change(tmp_path: Path) -> None:
    project_in(tmp_path).build()
    assert project_in(tmp_path, ROWS[::-1]).build().unchanged
    write = tmp_path / "metrics.csv"
    os.utime(write, (1, 1))
    assert project_in(tmp_path, ROWS[::-1]).build().unchanged


def test_order_counts_where_the_last_of_one_moment_is_kept(tmp_path: Path) -> None:
    twice = [*ROWS, ("a", date(2025, 1, 4), 5), ("a", date(2025, 1, 4), 6)]
    project = project_in(tmp_path, twice)
    project.build()
    assert values(project, "week")["a", date(2025, 1, 4)] == 8
    swapped = project_in(tmp_path, [*ROWS, *twice[:-3:-1]])
    assert not swapped.build().unchanged
    assert values(swapped, "week")["a", date(2025, 1, 4)] == 7


def test_days_behind_the_as_of_day_are_remembered_as_they_are(tmp_path: Path) -> None:
    project_in(tmp_path).build(as_of="2025-01-20")
    later = [(record, day, 9 if day == date(2025, 1, 21) else value) for record, day, value in ROWS]
    assert project_in(tmp_path, later).build(as_of="2025-01-20").unchanged
    project = project_in(tmp_path, later)
    project.build(as_of="2025-01-21")
    assert values(project, "week")["a", date(2025, 1, 21)] == 1 + 1 + 1 + 9  # the 15th, 17th, 19th and 21st


def test_an_output_table_that_goes_is_removed_even_if_nothing_else_changes(tmp_path: Path) -> None:
    table = {"of_metrics": {"source": "metrics.company", "interval": "week", "rows": [{"metric": "week"}]}}
    project_in(tmp_path, tables=table).build()
    stored = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'tables'"
    project = project_in(tmp_path)
    assert query(project, stored) == [("of_metrics",)]
    project.build()
    assert query(project, stored) == []
    assert project.build().unchanged


def test_an_edited_metric_and_its_users(tmp_path: Path) -> None:
    project_in(tmp_path).build()
    edited = [{**METRICS[0], "formula": "rolling_sum(metrics.x, 6)"}, *METRICS[1:]]
    report = project_in(tmp_path, metrics=edited).build()
    assert [task["metrics"] for task in report.tasks] == [["week", "of_week"]]
    assert {s.metric: [c.kind for c in s.causes] for s in report.settled} == {"week": ["formula"], "of_week": ["uses"]}


def test_a_metric_comes_and_another_goes(tmp_path: Path) -> None:
    project_in(tmp_path).build()
    project = project_in(tmp_path, metrics=[{"id": "new", "formula": "rolling_min(metrics.x, 3)"}, METRICS[0]])
    assert [task["metrics"] for task in project.build().tasks] == [["new"]]
    columns = query(project, "SELECT column_name FROM duckdb_columns() WHERE schema_name = 'metrics' "
                    "AND table_name = 'company' ORDER BY column_index")
    assert [name for name, in columns] == ["record", "day", "new", "week"]  # as the file declares them
    assert values(project, "new")["b", date(2025, 1, 4)] == 1


def test_a_field_counts_from_the_day_it_is_seen(tmp_path: Path) -> None:
    project_in(tmp_path).build(as_of="2025-01-20")
    project = project_in(tmp_path, companies="id,seats\na,11\nb,20\n")
    report = project.build(as_of="2025-01-22")
    assert report.settled == []
    # stored on the 20th and on the 22nd: the 21st still has the old value
    assert [values(project, "seats")["a", date(2025, 1, day)] for day in (19, 20, 21, 22)] == [None, 20, 20, 22]


def test_a_new_record_has_all_its_days(tmp_path: Path) -> None:
    companies = "".join(f"c{i},1\n" for i in range(10))
    project_in(tmp_path, companies=f"id,seats\na,10\n{companies}").build()
    project = project_in(tmp_path, companies=f"id,seats\na,10\nb,20\n{companies}")
    report = project.build()
    assert report.everything is None
    assert [(task["records"]) for task in report.tasks if "records" in task] == [1]
    assert values(project, "ever")["b", date(2025, 1, 30)] == 15
    project = project_in(tmp_path, companies=f"id,seats\nb,20\n{companies}")
    project.build()
    assert query(project, "SELECT COUNT(*) FROM metrics.company WHERE record = 'a'") == [(0,)]


@pytest.mark.parametrize(("options", "reason"), [
    ({"timezone": "Asia/Tokyo"}, "timezone changed"), ({"start": "2025-01-03"}, "the first day of the grid changed"),
])
def test_what_changes_everything(tmp_path: Path, options: dict[str, str], reason: str) -> None:
    project_in(tmp_path).build()
    assert project_in(tmp_path, **options).build().everything == reason


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    project_in(tmp_path).build()
    before = (tmp_path / "case.duckdb").read_bytes()
    report = project_in(tmp_path, [*ROWS, ("a", date(2025, 1, 30), 5)]).build(dry_run=True)
    assert report.tasks[0]["form"] == "day" and report.tasks[0]["rows"] == 2
    assert (tmp_path / "case.duckdb").read_bytes() == before


def test_selected_metrics_are_followed_by_everything(tmp_path: Path) -> None:
    project = project_in(tmp_path)
    project.build()
    project.build(select=["week"])
    assert project.build().everything == "the last build was of selected metrics only"


def test_batches_of_records_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project = project_in(tmp_path)
    project.build()
    before = query(project, "SELECT * FROM metrics.company ORDER BY ALL")
    monkeypatch.setattr("metricsql.build.memory.limit", lambda engine: 2000.0)
    project.build(full=True)
    assert query(project, "SELECT * FROM metrics.company ORDER BY ALL") == before


def test_a_build_that_ended_between_the_look_and_the_work_counts(tmp_path: Path) -> None:
    project_in(tmp_path).build(as_of="2025-01-29")
    definition = project_in(tmp_path).definition
    seen = Seen(definition.database, definition.folder, Limits())
    newest = 'SELECT MAX(as_of) FROM "_metricsql"."builds"'
    assert seen.engine.value(newest) == date(2025, 1, 29)
    project_in(tmp_path).build(as_of="2025-01-30")
    with trying(seen) as side:
        assert side.engine.value(newest) == date(2025, 1, 30)
    seen.close()


def test_fields_are_stored_on_the_day_on_which_they_change(tmp_path: Path) -> None:
    """Days without a change store nothing, and what is stored later is on its own day."""
    for day, seats in ((28, 10), (29, 10), (30, 11), (31, 11)):
        project_in(tmp_path, companies=f"id,seats\na,{seats}\nb,20\n").build(as_of=f"2025-01-{day}")
    stored = "SELECT record, day, number FROM _metricsql.fields WHERE field = 'seats' ORDER BY ALL"
    assert query(project_in(tmp_path), stored) == [("a", date(2025, 1, 28), 10), ("a", date(2025, 1, 30), 11), ("b", date(2025, 1, 28), 20)]
    found = values(project_in(tmp_path), "seats")
    assert [found["a", date(2025, 1, day)] for day in (28, 29, 30, 31)] == [20, 20, 22, 22]


def test_the_engine_leaves_room_in_the_memory_that_is_given(tmp_path: Path) -> None:
    engine = open_reader(tmp_path / "none.duckdb", tmp_path, limits=Limits("1GB"))
    assert engine.memory_limit() == pytest.approx(0.88e9, rel=0.01)  # shown with one digit behind the point
    engine.close()


def test_what_is_known_of_the_catalog_holds_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = open_writer(tmp_path / "some.duckdb", tmp_path)
    asked: list[str] = []
    rows = engine.rows
    monkeypatch.setattr(engine, "rows", lambda sql, *more: asked.append(sql) or rows(sql, *more))
    assert engine.tables("main") == [] == list(engine.views("main"))
    steps = [("CREATE TABLE b (x INTEGER)", ["b"], []), ("-- first\nCREATE TABLE a (x INTEGER)", ["a", "b"], []),
             ("create view v as select * from a", ["a", "b"], ["v"]), ("ALTER TABLE a RENAME TO c", ["b", "c"], ["v"]),
             ("CREATE OR REPLACE TABLE d AS SELECT 1", ["b", "c", "d"], ["v"]), ("DROP VIEW v; DROP TABLE c", ["b", "d"], [])]
    for sql, tables, views in steps:
        engine.run(sql)
        assert (engine.tables("main"), list(engine.views("main"))) == (tables, views)
    asked.clear()
    for sql in ("CREATE TEMP TABLE t AS FROM b", "INSERT INTO b VALUES (1)", "SELECT 1", "DROP TABLE IF EXISTS temp.t", "CHECKPOINT"):
        engine.run(sql)
        assert engine.tables("main") == ["b", "d"]
    assert asked == []
    engine.run("USE memory")
    assert engine.tables("main") == []
    engine.close()


def test_the_sql_of_a_day_is_written_while_the_engine_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project_in(tmp_path).build(as_of="2025-01-28")
    threads, original = [], ahead.day_queries

    def noted(*what: Any) -> Any:
        threads.append(threading.current_thread() is threading.main_thread())
        return original(*what)

    monkeypatch.setattr(ahead, "day_queries", noted)
    monkeypatch.setattr(write, "day_queries", noted)
    project_in(tmp_path).build(as_of="2025-01-30")
    assert threads == [False, False]
    built = query(project_in(tmp_path), "SELECT * FROM metrics.company ORDER BY ALL")
    project_in(tmp_path).build(as_of="2025-01-30", full=True)
    assert query(project_in(tmp_path), "SELECT * FROM metrics.company ORDER BY ALL") == built


def test_what_was_written_for_something_else_is_written_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "day_queries", lambda *what: what)
    day, compiled = date(2025, 1, 30), object()
    begun = ahead.Ahead("context", compiled, {day: ["week"]})
    first = begun.queries("context", compiled, ["week"], day)
    assert first == ("context", compiled, ["week"], day) and begun.queries("context", compiled, ["week"], day) is first
    for other in (("another", compiled, ["week"], day), ("context", compiled, ["ever"], day), ("context", object(), ["week"], day),
                  ("context", compiled, ["week"], FIRST)):
        assert begun.queries(*other) == other


EVER: list[dict[str, Any]] = [
    {"id": "ever", "formula": "total_sum(metrics.x)"},
    {"id": "since", "formula": "days_since(activities.x)"},
    {"id": "half", "formula": "total_sum(activities.x) / 2 + days_since(activities.x)"},
]


def with_events(folder: Path, rows: list[tuple[str, date, int]], metrics: list[dict[str, Any]] = EVER, **options: Any) -> metricsql.Project:
    events = "company,name,time\n" + "".join(f"{record},x,{day} 10:00\n" for record, day, _ in rows)
    files = {"companies.csv": "id,seats\na,10\nb,20\n", "metrics.csv": rows_text(rows), "activities.csv": events}
    return metricsql.load(write_project(folder, files, metrics, **{"until": "2025-01-30", **options}))


def totals_of(project: metricsql.Project) -> dict[str, str]:
    """The tables with totals: namespace -> through which day."""
    found = query(project, "SELECT table_name FROM duckdb_tables() WHERE schema_name = '_metricsql' AND table_name LIKE '% through %'")
    return {name.split()[1]: name.split()[3] for name, in found}


def test_totals_stand_until_their_days_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "REST", 3)
    monkeypatch.setattr(totals, "LONGEST", 6)
    with_events(tmp_path, ROWS).build(as_of="2025-01-20")
    assert totals_of(with_events(tmp_path, ROWS)) == {"metrics": "2025-01-17", "activities": "2025-01-17"}
    sums = 'SELECT r.record, "s1 total_sum" FROM _metricsql."company metrics through 2025-01-17" t ' \
           "JOIN _metricsql.records r ON r.number = t.record ORDER BY 1"
    assert query(with_events(tmp_path, ROWS), sums) == [("a", 9), ("b", 9)]  # the 1st, the 3rd, ... the 17th
    columns = 'SELECT column_name FROM (DESCRIBE _metricsql."company activities through 2025-01-17")'
    assert query(with_events(tmp_path, ROWS), columns) == [("record",), ("s1 days_since",), ("s1 total_sum",)]

    def built(day: int, rows: list[tuple[str, date, int]], metrics: list[dict[str, Any]] = EVER) -> dict[str, list[Any]]:
        """A build, and one from nothing beside it: the values of the last day of a, and which totals there are."""
        project = with_events(tmp_path, rows, metrics)
        project.build(as_of=f"2025-01-{day}")
        whole = with_events(tmp_path / "whole", rows, metrics)
        whole.build(as_of=f"2025-01-{day}", full=True)
        both = [query(one, "SELECT * FROM metrics.company ORDER BY ALL") for one in (project, whole)]
        assert both[0] == both[1]
        return {**totals_of(project), "a": [values(project, name)["a", date(2025, 1, day)] for name in ("ever", "since", "half")]}

    (tmp_path / "whole").mkdir()
    assert built(21, ROWS) == {"metrics": "2025-01-17", "activities": "2025-01-17", "a": [11, 0, 5.5]}
    late = [*ROWS, ("a", date(2025, 1, 18), 5)]  # not one of the days that are summed up
    assert built(21, late) == {"metrics": "2025-01-17", "activities": "2025-01-17", "a": [16, 0, 6]}
    assert built(22, late) == {"metrics": "2025-01-17", "activities": "2025-01-17", "a": [16, 1, 7]}
    late = [*late, ("b", date(2025, 1, 17), 1)]  # one of them, and so new that its days are computed one by one
    assert built(22, late) == {"metrics": "2025-01-13", "activities": "2025-01-13", "a": [16, 1, 7]}
    late = [*late, ("b", date(2025, 1, 9), 1)]
    assert built(22, late) == {"a": [16, 1, 7]}
    assert built(23, late) == {"metrics": "2025-01-19", "activities": "2025-01-19", "a": [17, 0, 6.5]}
    assert built(25, late) == {"metrics": "2025-01-19", "activities": "2025-01-19", "a": [18, 0, 7]}
    assert built(26, late) == {"metrics": "2025-01-22", "activities": "2025-01-22", "a": [18, 1, 8]}
    more = [*EVER, {"id": "since_x", "formula": "days_since(activities.x) + total_sum(metrics.x)"}]
    assert built(27, late, more) == {"metrics": "2025-01-22", "activities": "2025-01-22", "a": [19, 0, 7.5]}
    fewer = [EVER[1], EVER[0], {"id": "half", "formula": "total_sum(activities.x) / 2 + days_since(activities.x) + 0"}]
    assert built(28, late, fewer) == {"metrics": "2025-01-22", "activities": "2025-01-22", "a": [19, 1, 8.5]}
    assert built(20, late, fewer) == {"a": [15, 1, 6.5]}  # days that are summed up are gone


def test_a_day_reads_totals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept is what is used: here it is wrong on purpose."""
    monkeypatch.setattr(totals, "REST", 3)
    with_events(tmp_path, ROWS).build(as_of="2025-01-20")
    database = with_events(tmp_path, ROWS).definition.database
    with duckdb.connect(str(database)) as connection:
        connection.execute('UPDATE _metricsql."company metrics through 2025-01-17" SET "s1 total_sum" = 100')
        connection.execute("UPDATE _metricsql.\"company activities through 2025-01-17\" SET \"s1 days_since\" = DATE '2025-01-31'")
    project = with_events(tmp_path, ROWS)
    project.build(as_of="2025-01-21")
    assert [values(project, name)["b", date(2025, 1, 21)] for name in ("ever", "since")] == [102, -10]


def test_totals_of_records_that_go_or_come(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "REST", 3)
    rows = [*ROWS, *(("c", day, value) for record, day, value in ROWS if record == "a")]
    with_events(tmp_path, rows).build(as_of="2025-01-20")
    for day, companies in ((21, "id,seats\na,1\nb,1\nc,1\n"), (22, "id,seats\na,1\nc,1\n"), (23, "id,seats\nb,1\na,1\nc,1\n")):
        with_events(tmp_path, rows)
        (tmp_path / "companies.csv").write_text(companies, encoding="utf-8")
        project = metricsql.load(tmp_path)
        project.build(as_of=f"2025-01-{day}")
        found = query(project, "SELECT * FROM metrics.company ORDER BY ALL")
        assert {record: ever for record, on, ever, *_ in found if on == date(2025, 1, day)} == \
            dict.fromkeys(sorted(line[0] for line in companies.split()[1:]), (day + 1) // 2)
        project.build(as_of=f"2025-01-{day}", full=True)
        assert query(project, "SELECT * FROM metrics.company ORDER BY ALL") == found


PEOPLE = "id,seats,plan,since\na,10,small,2025-01-05\nb,20,,\na,11,small,2025-01-05\n,1,none,\nc,x,big,never\n"


def test_records_of_the_same_file_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a build reads of them is what it would have read: values, fields, warnings, rows that could not be used."""
    read: list[int] = []
    read_once = builds.read_once
    monkeypatch.setattr(builds, "read_once", lambda *what: read.append(1) or read_once(*what))
    whole = tmp_path / "whole"
    whole.mkdir()
    for folder in (tmp_path, whole):
        write_project(folder, {"companies.csv": PEOPLE, "metrics.csv": rows_text(ROWS)}, METRICS[:2], until="2025-01-30")

    def built(day: int) -> tuple[int, Any]:
        """How often records were read, and the report."""
        read.clear()
        report = metricsql.load(tmp_path).build(as_of=f"2025-01-{day}")
        times = len(read)
        other = metricsql.load(whole).build(as_of=f"2025-01-{day}", full=True)
        assert [str(item) for item in report.unusable] == [str(item) for item in other.unusable]
        assert [str(item) for item in report.warnings] == [str(item) for item in other.warnings]
        for relation in ("metrics.company", "metrics.company_latest"):
            rows = [query(metricsql.load(one), f"SELECT * FROM {relation} ORDER BY ALL") for one in (tmp_path, whole)]
            assert rows[0] == rows[1]
        return times, report

    assert built(20)[0] == 1
    times, report = built(21)
    assert times == 0 and {item.reason for item in report.unusable} == {"duplicate", "key", "since"}
    found = "SELECT record, seats, plan, week FROM metrics.company_latest"
    assert query(metricsql.load(tmp_path), found) == [("a", "11", "small", 4.0), ("b", "20", None, 4.0), ("c", "x", "big", None)]
    os.utime(tmp_path / "companies.csv")
    assert built(22)[0] == 1
    assert built(23)[0] == 0
    (tmp_path / "companies.csv").write_text(PEOPLE + "d,5,small,\n", encoding="utf-8")
    (whole / "companies.csv").write_text(PEOPLE + "d,5,small,\n", encoding="utf-8")
    assert built(23)[0] == 1 and ("d",) in query(metricsql.load(tmp_path), "SELECT record FROM metrics.company_latest")
    with pytest.raises(metricsql.ProjectError, match="without `--strict`"):
        metricsql.load(tmp_path).build(as_of="2025-01-24", strict=True)
    assert built(24)[0] == 0
    read.clear()
    metricsql.load(tmp_path).build(as_of="2025-01-25", select=["week"])
    metricsql.load(tmp_path).build(as_of="2025-01-25")
    assert len(read) == 1  # a selection is followed by a build of everything


def test_that_there_are_no_records_is_said_each_time(tmp_path: Path) -> None:
    write_project(tmp_path, {"companies.csv": "id,seats\n", "metrics.csv": rows_text(ROWS)}, METRICS, until="2025-01-30")
    for day in (20, 21, 22):
        report = metricsql.load(tmp_path).build(as_of=f"2025-01-{day}")
        assert "no-records" in [item.code for item in report.warnings]


def test_records_that_change_while_they_are_read_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sizes and times are taken down before a file is read, so that what comes in the meantime is seen by the next build."""
    project, read_once = project_in(tmp_path), builds.read_once

    def changed_behind(*what: Any) -> Any:
        found = read_once(*what)
        (tmp_path / "companies.csv").write_text("id,seats\na,10\nb,21\n", encoding="utf-8")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(builds, "read_once", changed_behind)
        project.build()
    seats = 'SELECT record, "custom.seats" FROM metrics.company_latest'
    assert query(project, seats) == [("a", 10.0), ("b", 20.0)]
    assert not metricsql.load(tmp_path).build().unchanged
    assert query(project, seats) == [("a", 10.0), ("b", 21.0)]


def test_conditions_hold_for_records_that_are_not_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics = [{"id": "large", "formula": "rolling_sum(metrics.x, 7)", "where": "seats > 15"}]
    for day in (20, 21, 22):
        project = project_in(tmp_path, metrics=metrics) if day == 20 else metricsql.load(tmp_path)
        project.build(as_of=f"2025-01-{day}")
        assert query(metricsql.load(tmp_path), "SELECT record, large FROM metrics.company_latest") == [("a", None), ("b", 3 + day % 2)]
        monkeypatch.setattr(builds, "read_once", None)  # whoever reads them now fails
