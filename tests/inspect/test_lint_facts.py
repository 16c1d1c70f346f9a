"""What lint asks of the data, worked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from metricsql.api import Project
from metricsql.bind.tree import SeriesRef
from metricsql.build import rhythm
from metricsql.build.rhythm import DataFacts, read_facts
from metricsql.project import load_definition
from tests.projects import write_project


def facts(folder: Path, files: dict[str, str], *series: SeriesRef, **options: Any) -> DataFacts:
    metrics = options.pop("metrics", [{"id": "m", "formula": "1"}])
    project = Project(load_definition(write_project(folder, files, metrics, **options)))
    findings, context, compiled = project._compile(names=False)
    assert not findings.errors
    return read_facts(context, compiled, series)


def ref(name: str, model: str = "company", namespace: str = "metrics") -> SeriesRef:
    return SeriesRef(model, namespace, name)


def test_the_median_gap_between_days_with_data(tmp_path: Path) -> None:
    found = facts(tmp_path, {
        "companies.csv": "id\na\nb\n",
        "metrics.csv": "record,name,date,value\n"
                       "a,x,2025-01-01,1\na,x,2025-01-02,1\na,x,2025-01-02T08:00:00,5\na,x,2025-01-12,1\n"
                       "b,x,2025-01-01,1\nb,x,2025-01-08,1\n"
                       "a,once,2025-01-01,1\n",
    }, ref("x"), ref("once"), ref("never"))
    assert found.gaps == {ref("x"): 7.0}  # gaps 1 and 10 of a (two points of one day are one), 7 of b


def test_bad_rows_and_zeros_that_are_missing_do_not_count(tmp_path: Path) -> None:
    found = facts(tmp_path, {
        "companies.csv": "id\na\n",
        "metrics.csv": "record,name,date,value\n"
                       "a,x,2025-01-01,1\na,x,2025-01-03,\na,x,bad,1\n,x,2025-01-04,1\na,x,2025-01-11,1\n"
                       "a,nps,2025-01-01,7\na,nps,2025-01-05,0\na,nps,2025-01-31,8\n",
    }, ref("x"), ref("nps"), series={"metrics": {"source": "metrics.csv", "zeros": {"nps": "missing"}}})
    assert found.gaps == {ref("x"): 10.0, ref("nps"): 30.0}


def test_models_and_namespaces_are_apart(tmp_path: Path) -> None:
    found = facts(tmp_path, {
        "companies.csv": "id\na\n", "endusers.csv": "id,company\na,a\n",
        "metrics.csv": "record,model,name,date,value\n"
                       "a,Company,x,2025-01-01,1\na,Company,x,2025-01-03,1\n"
                       "a,EndUser,x,2025-01-01,1\na,EndUser,x,2025-01-08,1\n",
        "system.csv": "record,name,date,value\na,x,2025-01-01,1\na,x,2025-01-02,1\n",
    }, ref("x"), ref("x", "enduser"), ref("x", namespace="system"), ref("x", namespace="revenue"))
    assert found.gaps == {ref("x"): 2.0, ref("x", "enduser"): 7.0, ref("x", namespace="system"): 1.0}


def test_days_are_those_of_the_project(tmp_path: Path) -> None:
    """23:30 UTC is the next day in Stockholm."""
    files = {"companies.csv": "id\na\n",
             "metrics.csv": "record,name,date,value\na,x,2025-01-01T23:30:00Z,1\na,x,2025-01-03T12:00:00Z,1\n"}
    assert facts(tmp_path, files, ref("x")).gaps == {ref("x"): 2.0}
    assert facts(tmp_path, files, ref("x"), timezone="Europe/Stockholm").gaps == {ref("x"): 1.0}


def test_some_records_are_enough(tmp_path: Path, monkeypatch: Any) -> None:
    rows = [f"c{i},x,2025-01-{day:02},1" for i in range(400) for day in (1, 8, 15)]
    files = {"companies.csv": "id\n" + "\n".join(f"c{i}" for i in range(400)) + "\n",
             "metrics.csv": "\n".join(["record,name,date,value", *rows]) + "\n"}
    monkeypatch.setattr(rhythm, "ENOUGH", 40)
    assert facts(tmp_path, files, ref("x")).gaps == {ref("x"): 7.0}


def test_records_for_which_a_condition_holds(tmp_path: Path) -> None:
    metrics = [{"id": "m", "formula": "1", "where": "seats > 5"}, {"id": "n", "formula": "1", "where": "seats > 50"},
               {"id": "u", "model": "enduser", "formula": "1"}]
    found = facts(tmp_path, {"companies.csv": "id,seats\na,10\nb,3\nc,7\n,9\n", "endusers.csv": "id,company\nu,a\n"},
                  metrics=metrics)
    assert found.matching == {("company", "seats > 5"): 2, ("company", "seats > 50"): 0}
    assert found.records == {"company": 3}  # the row without a key is no record; nobody asked for end users
    assert found.gaps == {}
