"""What depends on what: nodes, edges, the part around a node, and drawings that no name can break."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from metricsql.api import Project
from metricsql.cli.main import cli
from metricsql.diagnostics import ProjectError
from metricsql.inspect.graph import Graph
from metricsql.inspect.graph_text import as_dot, as_mermaid, as_text, dot_text, mermaid_text
from metricsql.project import load_definition
from tests.docs.pages import ROOT
from tests.inspect.shop import shop

METRICS = [
    {"id": "late", "formula": "rolling_avg(calculated.rate, 30)"},
    {"id": "rate", "formula": "rolling_sum(metrics.clicked, 7) / company.custom.seats", "where": "segment = 'Small'"},
    {"id": "minutes", "formula": "rolling_sum(enduser.calculated.user_minutes, 1)"},
    {"id": "user_minutes", "model": "enduser", "formula": "total_sum(metrics.minutes)"},
    {"id": "growth", "formula": "trend(metrics.clicked, 7, 'change')"},
    {"id": "one", "model": "enduser", "formula": "1"},
]


@pytest.fixture(scope="module")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Graph:
    return shop(tmp_path_factory.mktemp("shop"), METRICS).graph()


def labels(graph: Graph) -> list[str]:
    return [node.label for node in graph.nodes]


def edges(graph: Graph, target: str) -> list[tuple[str, str]]:
    name = {node.id: node.label for node in graph.nodes}
    return [(name[edge.source], edge.label) for edge in graph.edges if name[edge.target] == target]


def test_nodes_stand_by_kind_in_the_order_of_the_project(graph: Graph) -> None:
    assert [(node.kind, node.label) for node in graph.nodes] == [
        ("source", "companies.csv"), ("source", "endusers.csv"), ("source", "metrics.csv"),
        ("model", "company"), ("model", "enduser"),
        ("series", "enduser.metrics.minutes"), ("series", "metrics.clicked"),
        ("field", "company.custom.seats"), ("field", "company.custom.segment"),
        *(("metric", metric["id"]) for metric in METRICS),
    ]


def test_edges_have_operation_and_days(graph: Graph) -> None:
    assert edges(graph, "company") == [("companies.csv", "records")]
    assert edges(graph, "metrics.clicked") == [("metrics.csv", "rows")]
    assert edges(graph, "company.custom.seats") == [("company", "field")]
    assert edges(graph, "late") == [("company", "each"), ("rate", "AVERAGE, 30 days")]
    assert edges(graph, "rate") == [("company", "each"), ("metrics.clicked", "SUM, 7 days"),
                                    ("company.custom.seats", "value"), ("company.custom.segment", "where")]
    assert edges(graph, "minutes") == [("company", "each"), ("user_minutes", "SUM, 1 day")]
    assert edges(graph, "user_minutes") == [("enduser", "each"), ("enduser.metrics.minutes", "totalSum, all days")]
    assert edges(graph, "growth") == [("company", "each"), ("metrics.clicked", "TREND change, 7 days")]


def test_upstream_and_downstream(graph: Graph) -> None:
    assert labels(graph.around(["minutes"], [])) == [
        "companies.csv", "endusers.csv", "metrics.csv", "company", "enduser", "enduser.metrics.minutes", "minutes",
        "user_minutes"]
    assert labels(graph.around([], ["metrics.clicked"])) == ["metrics.clicked", "late", "rate", "growth"]
    assert labels(graph.around([], ["company.metrics.clicked"])) == ["metrics.clicked", "late", "rate", "growth"]
    assert labels(graph.around([], ["company.custom.segment"])) == ["company.custom.segment", "late", "rate"]
    assert labels(graph.around([], ["endusers.csv"])) == ["endusers.csv", "enduser", "minutes", "user_minutes", "one"]
    assert labels(graph.around(["one"], ["late"])) == ["endusers.csv", "enduser", "late", "one"]
    assert graph.around([], []) is graph


def test_an_unknown_node(graph: Graph) -> None:
    with pytest.raises(ProjectError, match=r"nothing in the graph is called `metrics\.clickd`"):
        graph.around(["metrics.clickd"], [])
    with pytest.raises(ProjectError, match=r"did you mean `metrics\.clicked`"):
        graph.around([], ["metrics.clickd"])


def test_text(graph: Graph) -> None:
    assert list(as_text(graph.around(["rate"], []))) == [
        "source  companies.csv",
        "source  metrics.csv",
        "model   company",
        "          records  <- companies.csv",
        "series  metrics.clicked",
        "          rows  <- metrics.csv",
        "field   company.custom.seats",
        "          field  <- company",
        "field   company.custom.segment",
        "          field  <- company",
        "metric  rate",
        "          SUM, 7 days  <- metrics.clicked",
        "          value        <- company.custom.seats",
        "          where        <- company.custom.segment",
    ]


def test_mermaid(graph: Graph) -> None:
    assert list(as_mermaid(graph.around(["one"], ["metrics.clicked"]))) == [
        "flowchart LR",
        '  source1[("endusers.csv")]',
        '  subgraph box1["enduser"]',
        '    model1{{"enduser"}}',
        '    metric4["one"]',
        "  end",
        '  subgraph box2["company"]',
        '    series1(["metrics.clicked"])',
        '    metric1["late"]',
        '    metric2["rate"]',
        '    metric3["growth"]',
        "  end",
        '  source1 -->|"records"| model1',
        '  metric2 -->|"AVERAGE, 30 days"| metric1',
        '  series1 -->|"SUM, 7 days"| metric2',
        '  series1 -->|"TREND change, 7 days"| metric3',
        '  model1 -->|"each"| metric4',
    ]


def test_dot(graph: Graph) -> None:
    lines = list(as_dot(graph.around(["one"], [])))
    assert lines == [
        "digraph metricsql {",
        "  rankdir=LR;",
        '  source1 [label="endusers.csv", shape=cylinder];',
        '  subgraph cluster_1 { label="enduser";',
        '    model1 [label="enduser", shape=hexagon];',
        '    metric1 [label="one", shape=box];',
        "  }",
        '  source1 -> model1 [label="records"];',
        '  model1 -> metric1 [label="each"];',
        "}",
    ]


@pytest.mark.parametrize(("name", "mermaid", "dot"), [
    ('a"b', "a#34;b", '"a\\"b"'),
    ("a]b}c)|d", "a#93;b#125;c#41;#124;d", '"a]b}c)|d"'),
    ("<b>&amp;</b>", "#60;b#62;#38;amp#59;#60;/b#62;", '"<b>&amp;amp;</b>"'),
    ("back\\slash \\N", "back#92;slash #92;N", '"back\\\\slash \\\\N"'),
    ("two\nlines\r", "two lines ", '"two lines "'),
    ("1. item", "#49;. item", '"1. item"'),
    ("- item", "#45; item", '"- item"'),
    ("*a* _b_ a_b", "#42;a#42; #95;b#95; a_b", '"*a* _b_ a_b"'),
    ("`code` #35; %% x", "#96;code#96; #35;35#59; #37;#37; x", '"`code` #35; %% x"'),
    ("größe 尺", "größe 尺", '"größe 尺"'),
    ("bell\x07", "bell#65533;", '"bell\N{REPLACEMENT CHARACTER}"'),
])
def test_names_cannot_break_a_drawing(name: str, mermaid: str, dot: str) -> None:
    assert mermaid_text(name) == mermaid
    assert dot_text(name) == dot


def test_hostile_names_in_a_whole_project(tmp_path: Path) -> None:
    hostile = 'x"] --> y; end\n%% "'
    formula = {"type": "metricOverTime", "days": 7, "op": "SUM", "prop": f"metrics.{hostile}"}
    graph = shop(tmp_path, [{"id": "end", "formula": formula}]).graph()
    for line in as_mermaid(graph):
        assert line.count('"') in (0, 2)
        assert line == "  end" or not line.strip().startswith(("end", "%%"))
    for line in as_dot(graph):
        assert line.replace('\\"', "").count('"') in (0, 2)
    assert all("\n" not in line for form in (as_text, as_mermaid, as_dot) for line in form(graph))
    assert json.loads(json.dumps(graph.to_dict()))["nodes"][-2]["label"] == f"metrics.{hostile}"


def test_queries_are_named_by_what_they_are_for() -> None:
    found = labels(Project(load_definition(ROOT / "fixtures" / "flights")).graph())
    assert found[:5] == ["data/airlines.csv", "data/planes.csv", "query of activities", "query of metrics",
                         "query of schedule"]


def test_the_same_twice() -> None:
    project = Project(load_definition(ROOT / "fixtures" / "acme"))
    assert project.graph() == project.graph()


@pytest.mark.parametrize("form", ["text", "json", "mermaid", "dot"])
def test_command(form: str) -> None:
    words = ["graph", "--upstream", "quiet_days", "--format", form, "-p", str(ROOT / "fixtures" / "acme")]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0 and "quiet_days" in done.output
    if form == "json":
        data = json.loads(done.output)
        edge = {"from": "series:activities.login", "to": "metric:quiet_days", "op": "daysSince", "days": None}
        assert edge in data["edges"]
