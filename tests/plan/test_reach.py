"""Look-back and reach: worked by hand, and held against what the oracle says when a single point changes."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from metricsql.bind.catalog import NOTHING
from metricsql.bind.metrics import BoundMetric, bind_metrics, read_formulas
from metricsql.diagnostics import Findings
from metricsql.plan.reach import Reads, changed_days, longest, reads
from metricsql.project import Definition, MetricDef, ModelDef, SourceDef, Written, load_definition
from tests.oracle import Panel, Point, evaluate
from tests.oracle.random_formulas import random_panel
from tests.panels import without_twins, write_panel

MODELS = {"company": ModelDef("company", SourceDef()), "enduser": ModelDef("enduser", SourceDef(), company="company")}


def found(**formulas: str) -> dict[str, Reads]:
    """What metrics read; `u_...` are metrics of end users."""
    metrics = tuple(MetricDef(id_, "enduser" if id_.startswith("u_") else "company", Written(None, text))
                    for id_, text in formulas.items())
    definition = Definition(Path(), Path(), "case", Path(), models=MODELS, metrics=metrics)
    return reads(bound(definition))


def bound(definition: Definition) -> list[BoundMetric]:
    findings = Findings()
    metrics = bind_metrics(definition, NOTHING, read_formulas(definition, findings), findings)
    assert not findings.errors, findings.errors
    return metrics


def series(of: Reads) -> dict[str, int | None]:
    return {str(ref): days for ref, days in of.series.items()}


@pytest.mark.parametrize(("formula", "days"), [
    ("rolling_sum(metrics.x, 1)", 0),        # day d itself
    ("rolling_sum(metrics.x, 7)", 6),        # d-6 ... d
    ("rolling_count(metrics.x, 30)", 29),    # d-29 ... d
    ("trend(metrics.x, 7)", 7),              # d and d-7, not d-6
    ("total_sum(metrics.x)", None),
    ("days_since(activities.x)", None),
    ("5", 0),
])
def test_one_leaf(formula: str, days: int | None) -> None:
    only = found(m=formula)["m"]
    assert (only.look_back, only.reach) == (days, days)


def test_each_series_has_its_own() -> None:
    only = found(m="rolling_sum(metrics.x, 7) / rolling_sum(metrics.y, 30) + rolling_avg(metrics.x, 14)")["m"]
    assert series(only) == {"metrics.x": 13, "metrics.y": 29}  # the longer of 7 and 14 days
    assert only.look_back == 29


def test_windows_over_metrics_add_up() -> None:
    read = found(a="rolling_sum(metrics.x, 7)", b="rolling_avg(calculated.a, 5)", c="trend(calculated.b, 10)",
                 d="rolling_last(calculated.c, 1) + rolling_last(metrics.y, 2)")
    assert series(read["a"]) == {"metrics.x": 6}
    assert series(read["b"]) == {"metrics.x": 4 + 6}            # a on d-4 reads back to d-4-6
    assert series(read["c"]) == {"metrics.x": 10 + 4 + 6}       # b on d-10
    assert series(read["d"]) == {"metrics.x": 20, "metrics.y": 1}  # the same row adds nothing


def test_order_of_declaration_does_not_matter() -> None:
    read = found(b="rolling_avg(calculated.a, 5)", a="rolling_sum(metrics.x, 7)")
    assert series(read["b"]) == {"metrics.x": 10}


def test_without_bound_anywhere_is_without_bound() -> None:
    read = found(a="total_sum(metrics.x)", b="rolling_sum(calculated.a, 3)", c="rolling_sum(metrics.x, 2)",
                 d="total_sum(calculated.c)")
    assert [read[id_].look_back for id_ in "abcd"] == [None, None, 1, None]


def test_children_are_named_as_the_root_names_them() -> None:
    read = found(u_x="rolling_sum(metrics.x, 7)", m="rolling_sum(enduser.calculated.u_x, 3)",
                 n="rolling_sum(enduser.metrics.x, 3) + rolling_last(metrics.x, 1)", o="rolling_last(calculated.m, 2)")
    assert series(read["u_x"]) == {"metrics.x": 6}
    assert series(read["m"]) == {"enduser.metrics.x": 8}
    assert series(read["n"]) == {"enduser.metrics.x": 2, "metrics.x": 0}
    assert series(read["o"]) == {"enduser.metrics.x": 9}


def test_fields_come_along() -> None:
    read = found(a="company.custom.seats + rolling_last(metrics.x, 1)", b="rolling_avg(calculated.a, 30)",
                 c="rolling_last(calculated.b, 1) / company.custom.price")
    assert [str(f) for f in read["c"].fields] == ["company.custom.price", "company.custom.seats"]
    assert read["c"].look_back == 29  # of series; a field holds until its next value


def test_changed_days() -> None:
    first, last = date(2025, 3, 1), date(2025, 3, 2)
    assert changed_days(first, last, 0) == (first, last)
    assert changed_days(first, last, 6) == (first, date(2025, 3, 8))
    assert changed_days(first, last, None) == (first, None)
    assert changed_days(first, last, 10**7) == (first, None)  # beyond the calendar


def test_longest() -> None:
    assert (longest([]), longest([3, 5]), longest([3, None])) == (0, 5, None)


def with_change(panel: Panel, position: int) -> tuple[Panel, Point]:
    """The panel with another value in one of its points."""
    points = list(panel.points)
    old = points[position]
    points[position] = replace(old, value=1000.0 + (old.value or 0))
    return replace(panel, points=points), points[position]


@pytest.mark.parametrize("seed", range(40))
def test_a_changed_point_changes_no_other_days(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    panel = without_twins(random_panel(rng))
    definition = load_definition(write_panel(panel, tmp_path))
    read = reads(bound(definition))
    changed, point = with_change(panel, rng.randrange(len(panel.points)))
    day = point.at if type(point.at) is date else date.fromisoformat(point.at.isoformat()[:10])
    before, after = evaluate(panel), evaluate(changed)
    for metric, cells in after.items():
        touched = [days for ref, days in read[metric].series.items()
                   if (ref.namespace, ref.name) == (point.namespace, point.name)]
        first, last = changed_days(day, day, longest(touched))
        wrong = [cell for cell, value in cells.items() if value != before[metric].get(cell)
                 and not (touched and first <= cell[1] and (last is None or cell[1] <= last))]
        assert not wrong, f"{metric} reads {read[metric].series}, {point} changed {wrong[:3]}"
