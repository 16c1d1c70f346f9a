"""What depends on what, as nodes and edges: `make_graph`.

| kind     | node                      | edges into it                                                       |
|----------|---------------------------|---------------------------------------------------------------------|
| `source` | a file, table or query    |                                                                     |
| `model`  | a kind of record          | `records`, `history` from sources                                   |
| `series` | a raw series that is used | `rows` from its source                                              |
| `field`  | a field that is used      | `field` from its model                                              |
| `metric` | a calculated metric       | operations from series and metrics; `value`, `where` from fields;   |
|          |                           | `each` from its model, for each of whose records it has a value     |
| `table`  | an output table           | `rows` from its ledgers, `shows` from metrics                       |

An edge that is an operation has the days of its window (None: all days). Every node but a source and a table
belongs to a model. Of series and fields only those that a formula uses are nodes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from metricsql import operators
from metricsql.bind.metrics import BoundMetric
from metricsql.bind.tree import Field, Leaf, SeriesRef, fields, leaves
from metricsql.compiler import Compiled
from metricsql.diagnostics import Diagnostic, ProjectError, did_you_mean
from metricsql.project.definition import Definition, SourceDef
from metricsql.sql.conditions import mentioned

Kind = Literal["source", "model", "series", "field", "metric", "table"]
EACH = "each"
KINDS: tuple[Kind, ...] = ("source", "model", "series", "field", "metric", "table")


@dataclass(frozen=True, order=True)
class Node:
    """A thing that others depend on. `label` names it; `model` is whose it is."""

    kind: Kind
    label: str
    model: str | None = None

    @property
    def id(self) -> str:
        """A name that no other node has."""
        return f"{self.kind}:{self.label}"


@dataclass(frozen=True)
class Edge:
    """`target` depends on `source`: through an operation over days, or in another way."""

    source: str
    target: str
    op: str
    days: int | None = None
    mode: str | None = None
    window: bool = False

    @property
    def label(self) -> str:
        """Operation and days, as people say them."""
        words = f"{self.op} {self.mode}" if self.mode else self.op
        if not self.window:
            return words
        return f"{words}, all days" if self.days is None else f"{words}, {self.days} day{'' if self.days == 1 else 's'}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data; a window without days reads all of them."""
        more = {"days": self.days, **({"mode": self.mode} if self.mode else {})} if self.window else {}
        return {"from": self.source, "to": self.target, "op": self.op, **more}


@dataclass(frozen=True)
class Graph:
    """Nodes by kind, in the order of the project; edges by their target."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]

    def drawn(self) -> list[Edge]:
        """The edges without those that a drawing shows by putting a metric into the box of its model."""
        others = {edge.target for edge in self.edges if edge.op != EACH}
        return [edge for edge in self.edges if edge.op != EACH or edge.target not in others]

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        nodes = [{"id": n.id, "kind": n.kind, "label": n.label, "model": n.model} for n in self.nodes]
        return {"nodes": nodes, "edges": [edge.to_dict() for edge in self.edges]}

    def around(self, upstream: Sequence[str], downstream: Sequence[str]) -> Graph:
        """What the nodes of `upstream` need, and what needs those of `downstream`; all if neither names one."""
        if not upstream and not downstream:
            return self
        needs, needed_by = _neighbours(self.edges, back=True), _neighbours(self.edges, back=False)
        chosen = {id_ for name in upstream for id_ in _closure(self.find(name).id, needs)}
        chosen |= {id_ for name in downstream for id_ in _closure(self.find(name).id, needed_by)}
        return Graph(tuple(n for n in self.nodes if n.id in chosen),
                     tuple(e for e in self.edges if e.source in chosen and e.target in chosen))

    def find(self, name: str) -> Node:
        """The node of a label or an id. Raises `ProjectError` if there is none."""
        bare = {node.label: node for node in reversed(self.nodes)}
        known = {node.id: node for node in self.nodes} | bare
        for prefix in ("", *(f"{node.label}." for node in self.nodes if node.kind == "model")):
            if name.removeprefix(prefix) in known:
                return known[name.removeprefix(prefix)]
        hint = did_you_mean(name, bare) or "a metric, or a series or field that some formula uses, is expected"
        raise ProjectError(Diagnostic("unknown-node", f"nothing in the graph is called `{name}`", hint=hint))


def make_graph(compiled: Compiled, definition: Definition) -> Graph:
    """The graph of a whole project."""
    maker = _Maker(compiled, definition)
    edges = [*maker.of_models(), *maker.of_metrics(), *maker.of_tables()]
    edges = [*maker.of_inputs(), *edges]
    position = {node: i for i, node in enumerate(maker.nodes)}
    nodes = sorted(maker.nodes, key=lambda n: (KINDS.index(n.kind), n.label if n.kind in ("series", "field") else "",
                                               position[n]))
    order = {node.id: i for i, node in enumerate(nodes)}
    edges = sorted(dict.fromkeys(edges), key=lambda e: (order[e.target], order[e.source], e.op, e.days or 0))
    return Graph(tuple(nodes), tuple(edges))


class _Maker:
    def __init__(self, compiled: Compiled, definition: Definition) -> None:
        self.compiled, self.definition = compiled, definition
        self.nodes: dict[Node, None] = {}
        self.raw: dict[str, SeriesRef] = {}

    def node(self, kind: Kind, label: str, model: str | None = None) -> str:
        found = Node(kind, label, model)
        self.nodes.setdefault(found)
        return found.id

    def source(self, source: SourceDef, purpose: str) -> str:
        return self.node("source", f"query of {purpose}" if source.sql is not None else str(source))

    def of_models(self) -> Iterator[Edge]:
        """Sources to models."""
        for name, model in self.definition.models.items():
            there = self.node("model", name, name)
            yield Edge(self.source(model.records, name), there, "records")
            if model.history is not None:
                yield Edge(self.source(model.history, f"{name} history"), there, "history")

    def of_metrics(self) -> Iterator[Edge]:
        """What every metric reads. The metrics become nodes in the order of the project, not of their use."""
        bound = [self.compiled.metrics[m.id] for m in self.definition.metrics if m.id in self.compiled.metrics]
        for metric in bound:
            self.node("metric", metric.id, metric.model)
        for metric in bound:
            yield from self.of_metric(metric)

    def of_metric(self, metric: BoundMetric) -> Iterator[Edge]:
        here = self.node("metric", metric.id, metric.model)
        edges = [self.of_leaf(leaf, here) for leaf in leaves(metric.tree)]
        edges += [Edge(self.field(field.model, field.name), here, "value") for field in fields(metric.tree)]
        names = sorted(set(mentioned(metric.definition.where or "true")))
        edges += [Edge(self.field(metric.model, name), here, "where") for name in names]
        yield from (*edges, Edge(self.node("model", metric.model, metric.model), here, EACH))

    def of_tables(self) -> Iterator[Edge]:
        """Ledgers and metrics to output tables."""
        for name, table in self.definition.tables.items():
            there = self.node("table", name)
            for key, ledger in table.ledgers.items():
                yield Edge(self.source(ledger, f"{name} {key}".rstrip()), there, "rows")
            shown = dict.fromkeys(row.metric for row in table.rows if row.metric in self.compiled.metrics)
            yield from (Edge(self.node("metric", metric, table.model), there, "shows") for metric in shown if metric is not None)

    def of_leaf(self, leaf: Leaf, here: str) -> Edge:
        series, op = leaf.series, operators.window(leaf.op).json
        if series.calculated:
            there = self.node("metric", series.name, series.model)
        else:
            named = replace(series, rollup=series.model != self.definition.root)
            there = self.node("series", str(named), series.model)
            self.raw[there] = series
        return Edge(there, here, op, leaf.days, leaf.mode, window=True)

    def field(self, model: str, name: str) -> str:
        return self.node("field", str(Field(model, name, "unknown")), model)

    def of_inputs(self) -> Iterator[Edge]:
        """Sources to series, models to fields; known once all metrics were looked at."""
        for node in list(self.nodes):
            if node.kind == "field" and node.model is not None:
                yield Edge(self.node("model", node.model, node.model), node.id, "field")
        for there, series in self.raw.items():
            declared = self.definition.series.get(series.namespace)
            if declared is not None:
                yield Edge(self.source(declared.source, series.namespace), there, "rows")


def _neighbours(edges: Iterable[Edge], back: bool) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for edge in edges:
        here, there = (edge.target, edge.source) if back else (edge.source, edge.target)
        found.setdefault(here, []).append(there)
    return found


def _closure(start: str, neighbours: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    queue = [start]
    while queue:
        current = queue.pop()
        if current not in found:
            found.add(current)
            queue.extend(neighbours.get(current, ()))
    return found
