"""The documented formulas: all of them compile and build, and give their documented numbers."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.projects import build, same, values, write_project

CATALOGUE: list[dict[str, Any]] = json.loads((Path(__file__).parent / "catalogue.json").read_text(encoding="utf-8"))
FIRST = date(2025, 1, 6)
STUB = {"type": "metricOverTime", "days": 1, "op": "LAST", "prop": "metrics.stub"}


def model_of(entry: dict[str, Any]) -> str:
    return "enduser" if entry["model"] == "enduser" else "company"


def cases() -> list[Any]:
    return [pytest.param(entry, expected, id=f"{entry['id']}-{number}")
            for entry in CATALOGUE for number, expected in enumerate(entry.get("expected", []), 1)]


def calculated(formula: Any) -> set[str]:
    """The calculated metrics that a formula reads, as written."""
    return {text.split('"')[0] for text in json.dumps(formula).split('"prop": "')[1:] if "calculated." in text.split('"')[0]}


def stubs(names: set[str]) -> list[dict[str, Any]]:
    return [{"id": name.rpartition(".")[2], "model": "enduser" if name.startswith("enduser.") else "company", "formula": STUB}
            for name in sorted(names)]


@pytest.mark.parametrize(("entry", "expected"), cases())
def test_documented_number(entry: dict[str, Any], expected: dict[str, Any], tmp_path: Path) -> None:
    series, fields = [], {}
    files: dict[str, str] = {"endusers.csv": "id,company\ne1,a\ne2,a\ne3,a\n"}
    length = 1
    for name, given in expected["given"].items():
        if ".custom." in name:
            fields[name.split(".custom.")[1]] = given
        elif isinstance(given, dict):
            series += [(f"e{i}", "enduser", "metrics", "stub", FIRST, value) for i, value in enumerate(given["children"], 1)]
        else:
            length = max(length, len(given))
            namespace, label = ("metrics", "stub") if name.startswith("calculated.") else name.split(".", 1)
            series += [("a", "company", namespace, label, FIRST + timedelta(days=i), v) for i, v in enumerate(given) if v is not None]
    last = FIRST + timedelta(days=length - 1)
    files["companies.csv"] = ",".join(["id", *fields]) + "\n" + ",".join(["a", *map(str, fields.values())]) + "\n"
    files["activities.csv"] = "action,company,date,count\n" + "".join(
        f"{label},{record},{day},{value}\n" for record, _, ns, label, day, value in series if ns == "activities")
    for namespace in ("metrics", "system"):
        files[f"{namespace}.csv"] = "record,model,name,date,value\n" + "".join(
            f"{record},{model},{label},{day},{value}\n" for record, model, ns, label, day, value in series if ns == namespace)
    metric = {"id": "result", "model": model_of(entry), "formula": entry["formula"], "missing": expected.get("missing", "null")}
    project = build(write_project(tmp_path, files, [metric, *stubs(calculated(entry["formula"]))], start=FIRST, until=last,
                                  fields_before_tracking="constant"))
    found = [value for _, value in sorted(values(project, "result").items())]
    if "results" in expected:
        assert len(found) == len(expected["results"])
        assert all(same(a, b) for a, b in zip(found, expected["results"], strict=True)), found
    else:
        assert same(found[-1], expected["result"]), found


def test_all_documented_formulas_build(tmp_path: Path) -> None:
    names = set().union(*(calculated(entry["formula"]) for entry in CATALOGUE))
    metrics = [{"id": entry["id"], "model": model_of(entry), "formula": entry["formula"]} for entry in CATALOGUE]
    fields = ["expected number of logins", "seats", "Max Seats feature X", "Currency", "New feature ARR"]
    files = {"companies.csv": ",".join(["id", *fields]) + "\na,100,10,10,USD,107\n", "endusers.csv": "id,company\ne1,a\n",
             "metrics.csv": "record,name,date,value\na,active_seats,2025-01-06,5\n"}
    email = {"email_events": {"sql": "select 'e1' as record, 'sent' as name, date '2025-01-06' as date, 1 as value, 'enduser' as model"}}
    project = build(write_project(tmp_path, files, [*metrics, *stubs(names)], until="2025-01-08", series=email))
    assert len(CATALOGUE) == 58
    for entry in CATALOGUE:
        assert len(values(project, entry["id"])) == 3
    assert values(project, "P11")["a", FIRST] is None  # the field is tracked from the as-of day on only
    assert values(project, "P55")["a", FIRST] == 1.0  # one mail, no value of the other metric
