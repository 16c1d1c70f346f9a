"""Random tables over daily metrics, with and without segments: the program and the second evaluator agree."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

import metricsql

from .projects import shown, tables_project
from .random_segments import AS_OF, FIRST, INTERVALS, METRICS, SEGMENTS, panel, random_metric_table
from .segments import evaluate_metrics
from .stable import agree, stable
from .test_random import noises

PANEL = panel(Random("panel"))
TABLES = {f"t{seed}": random_metric_table(seed) for seed in range(25)}
FIELDS = {record: {"segment": segment} for record, segment in SEGMENTS.items()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> metricsql.Project:
    folder: Path = tmp_path_factory.mktemp("metrics")
    companies = "\n".join(["id,segment", *(f"{record},{segment or ''}" for record, segment in SEGMENTS.items())])
    (folder / "companies.csv").write_text(companies + "\n", encoding="utf-8")
    sent = [f"{record},{metric},{day},{value!r}" for metric, values in PANEL.items()
            for (record, day), value in values.items() if value is not None]
    (folder / "metrics.csv").write_text("\n".join(["record,name,date,value", *sent]) + "\n", encoding="utf-8")
    file = tables_project(
        folder, {name: (table, {}) for name, table in TABLES.items()}, start=FIRST.isoformat(),
        models={"company": {"records": "companies.csv"}}, series={"metrics": "metrics.csv"},
        metrics=[{"id": metric, "formula": f"rolling_last(metrics.{metric}, 1)"} for metric in METRICS],
    )
    made = metricsql.load(file)
    made.build(as_of=AS_OF)
    return made


@pytest.mark.parametrize(("name", "interval"), [
    pytest.param(name, interval, marks=() if dict(enumerate(INTERVALS)).get(number) == interval else pytest.mark.exhaustive)
    for number, name in enumerate(TABLES) for interval in INTERVALS
])
def test_agree(name: str, interval: str, project: metricsql.Project) -> None:
    table = TABLES[name]
    found = shown(project, name, interval, AS_OF)
    expected, *noisy = (evaluate_metrics(table, PANEL, FIELDS, interval, AS_OF, noise) for noise in noises())
    assert list(found.rows) == list(expected)
    for segment, result in expected.items():
        others = [other[segment] for other in noisy]
        assert found.starts == [period.start for period in result.periods]
        assert list(found.rows[segment]) == list(result.rows)
        wrong = [
            f"{interval} {segment} {title} at {found.starts[place]}: {got}, expected {cell}; {table}"
            for title, column in result.rows.items()
            for place, (cell, got) in enumerate(zip(column, found.rows[segment][title], strict=True))
            if stable(cell, others, title, place) and not agree(got, cell)
        ]
        assert wrong == []
