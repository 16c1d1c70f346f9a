"""A graph as text, as a Mermaid flowchart, and in Graphviz's language. Names are data and may hold anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from metricsql.diagnostics import one_line
from metricsql.inspect.graph import KINDS, Edge, Graph, Kind, Node

MERMAID_SHAPES: dict[Kind, tuple[str, str]] = {
    "source": ("[(", ")]"), "model": ("{{", "}}"), "series": ("([", "])"), "field": ("([", "])"), "metric": ("[", "]"),
    "table": ("[[", "]]")}
DOT_SHAPES: dict[Kind, str] = {
    "source": "cylinder", "model": "hexagon", "series": "ellipse", "field": "ellipse", "metric": "box",
    "table": "tab"}
HARMLESS = " -.,:/"
"""Signs that mean nothing inside a Mermaid label, where a text is read as Markdown."""


def as_text(graph: Graph) -> Iterator[str]:
    """Every node, and below it what it depends on."""
    label = {node.id: one_line(node.label) for node in graph.nodes}
    edges: dict[str, list[Edge]] = {}
    for edge in graph.drawn():
        edges.setdefault(edge.target, []).append(edge)
    for node in graph.nodes:
        yield f"{node.kind:<8}{label[node.id]}"
        into = edges.get(node.id, [])
        width = max((len(edge.label) for edge in into), default=0)
        yield from (f"          {edge.label:<{width}}  <- {label[edge.source]}" for edge in into)


def as_mermaid(graph: Graph) -> Iterator[str]:
    """A flowchart from left to right with one box per model."""
    name = _short_names(graph)
    yield "flowchart LR"
    for line in _in_boxes(graph, lambda node: f"{name[node.id]}{_mermaid_node(node)}",
                          lambda number, model: f'subgraph box{number}["{mermaid_text(model)}"]', "end"):
        yield f"  {line}"
    for edge in graph.drawn():
        yield f'  {name[edge.source]} -->|"{mermaid_text(edge.label)}"| {name[edge.target]}'


def as_dot(graph: Graph) -> Iterator[str]:
    """A directed graph from left to right with one cluster per model."""
    name = _short_names(graph)
    yield "digraph metricsql {"
    yield "  rankdir=LR;"
    for line in _in_boxes(graph, lambda node: f"{name[node.id]} {_dot_node(node)}",
                          lambda number, model: f"subgraph cluster_{number} {{ label={dot_text(model)};", "}"):
        yield f"  {line}"
    for edge in graph.drawn():
        yield f"  {name[edge.source]} -> {name[edge.target]} [label={dot_text(edge.label)}];"
    yield "}"


FORMATS: dict[str, Callable[[Graph], Iterator[str]]] = {"text": as_text, "mermaid": as_mermaid, "dot": as_dot}


def _short_names(graph: Graph) -> dict[str, str]:
    """Names without any character of the data: `metric3` is the third metric."""
    counts = dict.fromkeys(KINDS, 0)
    names = {}
    for node in graph.nodes:
        counts[node.kind] += 1
        names[node.id] = f"{node.kind}{counts[node.kind]}"
    return names


def _in_boxes(graph: Graph, shown: Callable[[Node], str], opened: Callable[[int, str], str],
              closed: str) -> Iterator[str]:
    """Nodes without a model, then those of each model in a box."""
    models: Sequence[str | None] = list(dict.fromkeys(node.model for node in graph.nodes))
    for number, model in enumerate(models):
        inside = [shown(node) for node in graph.nodes if node.model == model]
        if model is None:
            yield from inside
        else:
            yield from (opened(number, model), *(f"  {line}" for line in inside), closed)


def _mermaid_node(node: Node) -> str:
    left, right = MERMAID_SHAPES[node.kind]
    return f'{left}"{mermaid_text(node.label)}"{right}'


def _dot_node(node: Node) -> str:
    return f"[label={dot_text(node.label)}, shape={DOT_SHAPES[node.kind]}];"


def mermaid_text(text: str) -> str:
    """A text for between double quotes: all but letters, digits and harmless signs as character codes.

    `_` is harmless inside a word; at the start only a letter is, for `1. x` and `- x` would be lists.
    """
    line = one_line(text)
    word = ["", *line, ""]
    inside = [c == "_" and word[i].isalnum() and word[i + 2].isalnum() for i, c in enumerate(line)]
    return "".join(c if inside[i] or c.isalpha() or (i and (c.isalnum() or c in HARMLESS)) else f"#{ord(c)};"
                   for i, c in enumerate(line))


def dot_text(text: str) -> str:
    """A quoted text, in which backslashes and the `&` of character names mean themselves."""
    return '"' + one_line(text).replace("&", "&amp;").replace("\\", "\\\\").replace('"', '\\"') + '"'
