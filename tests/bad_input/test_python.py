"""Bad input to the Python functions: `ProjectError` with a code, never anything else."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

import metricsql
from tests.bad_input.shop import GOOD, Shop

LOGINS = {"type": "metricOverTime", "days": 7, "op": "SUM", "prop": "activities.login"}
NUMBER = {"type": "rawNumber"}


@pytest.mark.parametrize(("formula", "code"), [
    (None, "bad-part"), (7, "bad-part"), (True, "bad-part"), (float("nan"), "bad-part"), (object(), "bad-part"),
    ({1, 2}, "bad-part"), (b"x", "bad-part"), ([], "bad-group"), ([7], "bad-part"), (["SUM", object()], "bad-part"),
    ({}, "bad-part"), ({"file": "x.json"}, "bad-part"), ({**LOGINS, 1: 2}, "unknown-key"), ("", "bad-expression"),
    ("1 +", "bad-expression"), ('["SUM", ]', "bad-json"), ({**NUMBER, "value": float("inf")}, "bad-number"),
    ({**NUMBER, "value": float("nan")}, "bad-number"), ({**NUMBER, "value": 10**400}, "bad-number"),
    ({**NUMBER, "value": "7"}, "quoted-number"), ({**LOGINS, "days": "7"}, "bad-days"),
    ({**LOGINS, "days": float("nan")}, "bad-days"), ({**LOGINS, "prop": "calculated.x"}, "unknown-metric"),
    ({**LOGINS, "op": None}, "unknown-op"), (["IF"], "wrong-arity"), ("read_text('/etc/passwd')", "unknown-function"),
    ("1; drop table x", "bad-expression"), ("x" * 2_000_000, "too-large"),
])
def test_formulas(formula: Any, code: str) -> None:
    with pytest.raises(metricsql.ProjectError) as raised:
        metricsql.sql(formula)
    assert [found.code for found in raised.value.diagnostics] == [code]


@pytest.mark.parametrize(("options", "code"), [
    ({"model": "nope"}, "unknown-model"), ({"model": None}, "unknown-model"), ({"trend": "ratios"}, "bad-trend"),
    ({"missing": "one"}, "bad-value"), ({"dialect": "duckbd"}, "unknown-dialect"), ({"dialect": ""}, "unknown-dialect"),
    ({"as_of": "nope"}, "bad-day"), ({"start": "2025-13-01"}, "bad-day"), ({"as_of": 7}, "bad-day"),
])
def test_options(options: dict[str, Any], code: str) -> None:
    with pytest.raises(metricsql.ProjectError) as raised:
        metricsql.sql({**LOGINS, "op": "TREND"}, **options)
    assert [found.code for found in raised.value.diagnostics] == [code]


def test_a_day_with_a_time_is_that_day() -> None:
    assert metricsql.sql(LOGINS, as_of=datetime(2025, 1, 5, 3)) == metricsql.sql(LOGINS, as_of="2025-01-05")


@pytest.mark.parametrize(("call", "code"), [
    (lambda project: project.relation("logons"), "unknown-metric"),
    (lambda project: project.sql(), "no-metric"),
    (lambda project: project.sql("logons"), "unknown-metric"),
    (lambda project: project.sql("logins", "user_logins"), "several-models"),
    (lambda project: project.sql("logins", as_of="soon"), "bad-day"),
    (lambda project: project.sql("logins", dialect="klingon"), "unknown-dialect"),
    (lambda project: project.build(as_of="soon"), "bad-day"),
    (lambda project: project.build(select=["logons"]), "unknown-metric"),
    (lambda project: project.build(select="logons"), "unknown-metric"),
    (lambda project: project.build(select=["tag:none"]), "unknown-tag"),
    (lambda project: project.build(full=True, memory_limit="lots"), "bad-value"),
    (lambda project: project.formula_sql("1 +"), "bad-expression"),
    (lambda project: project.values("logins", records=["c9"]), "unknown-record"),
])
def test_projects(shop: Shop, call: Any, code: str) -> None:
    project = metricsql.load(shop.folder)
    with pytest.raises(metricsql.ProjectError) as raised:
        call(project)
    assert [found.code for found in raised.value.diagnostics] == [code]
    assert shop.contents() == shop.before


def test_loading_tells_everything_at_once(shop: Shop) -> None:
    shop.replace("metricsql.yml", "    tags: [adoption]\n", "    tags: adoption\n    colour: red\n")
    shop.replace("metricsql.yml", "  - id: user_logins\n    model: enduser\n    formula: rolling_sum(activities.login, 7)\n",
                 "  - id: user_logins\n    model: enduser\n    formula: rolling_sum(activities.login)\n")
    shop.formula("[" + json.dumps("SUMM") + "]")
    with pytest.raises(metricsql.ProjectError) as raised:
        metricsql.load(shop.folder)
    assert {found.code for found in raised.value.diagnostics} == {"bad-value", "unknown-key", "missing-days", "unknown-group"}
    assert str(raised.value).count("error[") == 4


def test_nothing_is_written_beside_a_project_that_is_only_read() -> None:
    before = sorted(GOOD.rglob("*"))
    metricsql.load(GOOD).sql("logins")
    assert sorted(GOOD.rglob("*")) == before


def test_findings_as_data(shop: Shop) -> None:
    shop.formula('{"type": "rawNumber", "value": "3"}')
    said = shop.run("metricsql check --format json")
    data = json.loads(said.out)
    assert (said.exit, data["errors"], data["warnings"]) == (1, 1, 0)
    assert data["diagnostics"] == [{
        "severity": "error", "code": "quoted-number", "message": 'found the text "3", expected a number', "file": "formulas/answer.json",
        "line": 1, "column": 32, "pointer": "/value", "hint": "write 3 without the quotes",
    }]
