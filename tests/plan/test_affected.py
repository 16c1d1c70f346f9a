"""Which days must be computed after a change: worked by hand on a grid of January 2025."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import metricsql
from metricsql.bind.metrics import BoundMetric
from metricsql.plan.affected import SHORT, Affected, Differences, affected, by_level, make_tasks, still_affected
from metricsql.plan.spans import Span, clip, count, days_of, of_days, union
from tests.projects import write_project

START, END = date(2025, 1, 1), date(2025, 1, 31)
METRICS = {
    "week": "rolling_sum(activities.login, 7)",
    "ever": "total_sum(activities.login)",
    "other": "rolling_sum(activities.export, 7)",
    "of_week": "rolling_avg(calculated.week, 3)",
    "share": "rolling_sum(activities.export, 2) / company.custom.seats",
}


def jan(*days: int) -> frozenset[date]:
    return frozenset(date(2025, 1, day) for day in days)


def span(first: int, last: int) -> Span:
    return date(2025, 1, first), date(2025, 1, last)


@pytest.fixture(scope="module")
def metrics(tmp_path_factory: pytest.TempPathFactory) -> dict[str, BoundMetric]:
    folder = tmp_path_factory.mktemp("affected")
    file = write_project(folder, {"companies.csv": "id,seats\na,3\n", "activities.csv": "action,company,date\nlogin,a,2025-01-01\n"},
                         [{"id": name, "formula": formula} for name, formula in METRICS.items()])
    return dict(metricsql.load(file)._compile(names=False)[2].metrics)


def found(metrics: dict[str, BoundMetric], **changes: object) -> dict[str, list[Span]]:
    differences = Differences(built_through=END, **changes)  # type: ignore[arg-type]
    return {name: list(one.spans) for name, one in affected(metrics, differences, START, END).items()}


def test_nothing(metrics: dict[str, BoundMetric]) -> None:
    assert found(metrics) == {}


def test_a_late_day_reaches_as_far_as_its_readers_look_back(metrics: dict[str, BoundMetric]) -> None:
    # week: the 10th to the 16th; of_week looks at three days of week, so two more; ever: to the end
    assert found(metrics, series={("activities", "login"): jan(10)}) == {
        "week": [span(10, 16)], "of_week": [span(10, 18)], "ever": [span(10, 31)]}


def test_days_far_apart_stay_apart_and_neighbours_join(metrics: dict[str, BoundMetric]) -> None:
    days = jan(2, 3, 20)
    assert found(metrics, series={("activities", "export"): days}) == {
        "other": [span(2, 9), span(20, 26)], "share": [span(2, 4), span(20, 21)]}


def test_days_before_the_grid_reach_into_it(metrics: dict[str, BoundMetric]) -> None:
    days = frozenset([date(2024, 12, 30)])  # week reads it until the 5th
    assert found(metrics, series={("activities", "login"): days}) == {
        "week": [span(1, 5)], "of_week": [span(1, 7)], "ever": [span(1, 31)]}


def test_days_behind_the_last_one_wait(metrics: dict[str, BoundMetric]) -> None:
    assert found(metrics, series={("activities", "login"): frozenset([date(2025, 2, 3)])}) == {}


def test_a_field_counts_from_its_day_on(metrics: dict[str, BoundMetric]) -> None:
    assert found(metrics, fields={("company", "seats"): date(2025, 1, 25)}) == {"share": [span(25, 31)]}
    assert found(metrics, fields={("company", "seats"): date(2020, 1, 1)}) == {"share": [span(1, 31)]}
    assert found(metrics, fields={("company", "size"): date(2025, 1, 25)}) == {}


def test_an_edited_metric_takes_its_users_along(metrics: dict[str, BoundMetric]) -> None:
    assert found(metrics, edited=frozenset(["week"])) == {"week": [span(1, 31)], "of_week": [span(1, 31)]}


def test_a_namespace_that_is_read_in_another_way(metrics: dict[str, BoundMetric]) -> None:
    assert set(found(metrics, namespaces=frozenset(["activities"]))) == set(METRICS)
    assert found(metrics, namespaces=frozenset(["metrics"])) == {}


def test_new_days_concern_everybody_and_have_no_cause(metrics: dict[str, BoundMetric]) -> None:
    made = affected(metrics, Differences(built_through=date(2025, 1, 29)), START, END)
    assert {name: one.spans for name, one in made.items()} == dict.fromkeys(METRICS, (span(30, 31),))
    assert not any(one.causes for one in made.values())


def test_causes_name_what_changed(metrics: dict[str, BoundMetric]) -> None:
    made = affected(metrics, Differences({("activities", "login"): jan(10)}, edited=frozenset(["week"]), built_through=END), START, END)
    assert [(c.kind, c.name, c.days) for c in made["of_week"].causes] == [
        ("late data", "activities.login", (date(2025, 1, 10),)), ("uses", "week", ())]
    assert [c.kind for c in made["week"].causes] == ["late data", "formula"]


def test_tasks_share_days(metrics: dict[str, BoundMetric]) -> None:
    wanted = {"week": Affected((span(1, 5),), ()), "ever": Affected((span(1, 16),), ()), "other": Affected((span(10, 31),), ())}
    tasks = make_tasks(metrics, wanted, END)
    # 5 days and 16 become 16; 22 would become 24, but the grid ends
    assert [(task.metrics, task.span) for task in tasks] == [(("week", "ever"), span(1, 16)), (("other",), span(10, 31))]


def test_metrics_come_behind_those_they_use(metrics: dict[str, BoundMetric]) -> None:
    assert by_level(metrics, list(METRICS)) == [["week", "ever", "other", "share"], ["of_week"]]
    assert by_level(metrics, ["of_week", "ever"]) == [["ever", "of_week"]]  # in the order of the project; week is not asked for


def test_a_change_spreads_as_far_as_values_differ(metrics: dict[str, BoundMetric]) -> None:
    late = Differences(series={("activities", "login"): jan(10)}, built_through=END)
    def days(name: str, **changed: list[Span]) -> list[Span]:
        return still_affected(metrics[name], late, changed, END)

    assert days("week") == [span(10, 16)]
    # the formula of of_week reaches to the 18th; if week differs on the 10th and the 11th only, to the 13th
    assert days("of_week", week=[span(10, 11)]) == [span(10, 13)]
    assert days("of_week") == [] == days("of_week", week=[])
    assert days("other") == []
    field = Differences(fields={("company", "seats"): date(2025, 1, 25)}, built_through=END)
    assert still_affected(metrics["share"], field, {}, END) == [span(25, 31)]
    edited = Differences(edited=frozenset(["of_week"]), built_through=END)
    assert still_affected(metrics["of_week"], edited, {}, END) == [(date.min, date.max)]


spans = st.lists(st.tuples(st.dates(START, END), st.integers(0, 9)).map(lambda pair: (pair[0], pair[0] + timedelta(days=pair[1]))))


@given(spans, st.integers(0, 3))
def test_union_holds_the_days_of_all(some: list[Span], gap: int) -> None:
    joined = union(some, gap)
    assert set(days_of(some)) <= set(days_of(joined))
    assert all((after[0] - before[1]).days > gap + 1 for before, after in pairwise(joined))
    assert days_of(union(some)) == sorted({day for one in some for day in days_of([one])})
    assert count(joined) == len(days_of(joined))
    assert days_of(of_days(days_of(some))) == days_of(some)
    assert clip(joined, START, START) == ([(START, START)] if START in days_of(joined) else [])


@given(spans)
def test_tasks_cover_what_is_asked_and_not_much_more(some: list[Span]) -> None:
    asked = union(some)
    if asked:
        metric = {"m": type("Metric", (), {"model": "company"})()}
        tasks = make_tasks(metric, {"m": Affected(tuple(asked), ())}, END + timedelta(days=20))  # type: ignore[arg-type]
        assert set(days_of(asked)) <= set(days_of([task.span for task in tasks]))
        assert sum(task.days for task in tasks) <= 1.5 * count(asked) + SHORT * len(asked)
