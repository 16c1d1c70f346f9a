"""`why --table`: one cell of an output table taken apart, down to the executions behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from metricsql import operators
from metricsql.bind.cells import Calculation, Cell, CellTree, Fact, Item, Measured, Over, walk
from metricsql.bind.tree import Constant
from metricsql.build.output_tables.cell import Behind, look_behind
from metricsql.build.output_tables.compute import Wanted, find_rows
from metricsql.build.output_tables.table import Period, Row, Table
from metricsql.diagnostics import Diagnostic, ProjectError, did_you_mean, one_line
from metricsql.formula.titles import normal
from metricsql.inspect.table_text import shown
from metricsql.project.definition import Definition

OPTION_WORDS = {
    "ending": "the value of the last execution", "starting": "the state at the end of the period before",
    "change": "the state at the end, less the state at the start", "sum": "the sum of the executions",
    "average": "the mean of the executions", "min": "the smallest execution", "max": "the largest execution",
    "count": "how many executions there are",
}


@dataclass(frozen=True)
class WhyCell:
    """One cell: its value or the reason why there is none, what it reads, and the executions behind a measure."""

    table: str
    row: str
    period: Period
    segment: str | None
    value: float | None
    shown: str
    reason: str | None
    rule: str
    reads: list[tuple[str, float | None]] = field(default_factory=list)
    executions: list[tuple[datetime, float]] = field(default_factory=list)
    count: int = 0

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready data."""
        return {
            "table": self.table, "row": self.row, "segment": self.segment, "value": self.value, "reason": self.reason,
            "period": {"title": self.period.title, "from": self.period.start.isoformat(), "to": self.period.end.isoformat(),
                       "is_partial": self.period.is_partial},
            "rule": self.rule, "reads": [{"name": name, "value": value} for name, value in self.reads],
            "executions": [{"time": time.isoformat(), "value": value} for time, value in self.executions],
            "execution_count": self.count,
        }

    def lines(self) -> Iterator[str]:
        """The same in words."""
        of = f" of {one_line(self.segment)}" if self.segment is not None else ""
        partial = ", not complete" if self.period.is_partial else ""
        span = f"{self.period.start:%Y-%m-%d %H:%M} to {self.period.end:%Y-%m-%d %H:%M}"
        yield f"{one_line(self.row)}{of} in {self.period.title} ({span}{partial})"
        yield f"  {self.shown}" if self.value is not None else f"  {_why_not(self.reason or '')}"
        yield f"  = {one_line(self.rule)}"
        for name, value in self.reads:
            yield f"    {one_line(name)}: {'no value' if value is None else f'{value:,.12g}'}"
        for time, value in self.executions:
            yield f"    {time:%Y-%m-%d %H:%M}  {value:,.12g}"
        if self.count > len(self.executions):
            yield f"    ... {self.count:,} executions in all"


def why_cell(definition: Definition, wanted: Wanted, row: str, period: str | None, segment: str | None,
             rows: int | None) -> WhyCell:
    """The cell of a row (title or key) in a period (title, or a day in it). Raises `ProjectError`."""
    behind = look_behind(definition, wanted, lambda table: _find(table, row, period, segment), rows)
    bound = behind.prepared.table.rows[(behind.row.position - 1) % len(behind.prepared.table.rows)]
    cell = behind.row.cells[behind.table.periods.index(behind.period)]
    number = shown(cell.value, behind.row.format) if cell.value is not None else ""
    tree, words = bound.tree, _Words(behind)
    measured = tree if isinstance(tree, Measured) and bound.definition.calculation is None else None
    if measured is not None:
        rule = words.measure(measured)
    else:
        written = bound.definition.calculation.expression if bound.definition.calculation else None
        rule = " ".join((written or "").split())
    reads = [] if tree is None or measured is not None else list(words.reads(tree))
    return WhyCell(wanted.name, behind.row.title, behind.period, behind.row.segment, cell.value, number, cell.reason, rule, reads,
                   behind.executions, behind.count)


def _find(table: Table, row: str, period: str | None, segment: str | None) -> tuple[Row, Period]:
    same = find_rows(table, [row])
    found = next((one for one in same if segment in (None, one.segment)), None)
    if found is None:
        segments = [one.segment for one in same if one.segment is not None]
        raise ProjectError(Diagnostic("unknown-segment", f"the table `{table.name}` has no segment `{segment}`", hint=did_you_mean(
            segment or "", segments) or ("the segments are " + ", ".join(segments[:12]) if segments else "it has no `by:`")))
    if not table.periods:
        raise ProjectError(Diagnostic("no-period", f"the table `{table.name}` has no periods, because nothing was executed"))
    if period is None:
        return found, table.periods[-1]
    for one in table.periods:
        if normal(period) == normal(one.title) or _inside(period, one):
            return found, one
    titles = [one.title for one in table.periods]
    message = f"the table `{table.name}` has no period `{period}`"
    hint = did_you_mean(period, titles) or f"they run from `{titles[0]}` to `{titles[-1]}`"
    raise ProjectError(Diagnostic("no-period", message, hint=hint))


def _inside(text: str, period: Period) -> bool:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return False
    if len(text) == len(date.min.isoformat()) and (period.end - period.start).days < 1:
        return False  # a day is no hour
    return moment.tzinfo is None and period.start <= moment < period.end


def _why_not(reason: str) -> str:
    return reason if reason.startswith("no value") else f"no value: {reason}"


class _Words:
    """Nodes of an expression as people write them, with their values in the period."""

    def __init__(self, behind: Behind) -> None:
        self.plan, self.values = behind.prepared.plan, behind.values

    def reads(self, tree: CellTree) -> Iterator[tuple[str, float | None]]:
        """What an expression reads, each once, in the order of the text."""
        seen: set[CellTree] = set()
        for node in walk(tree):
            label = self.plan.labels.get(node)
            if isinstance(node, Cell | Measured | Over | Fact) and node not in seen and label is not None:
                seen.add(node)
                yield self.spelled(node), self.values.get(label)

    def spelled(self, tree: CellTree) -> str:
        match tree:
            case Constant():
                return f"{tree.value:g}" if isinstance(tree.value, float) else str(tree.value)
            case Cell():
                return self.plan.table.rows[tree.row].title
            case Measured():
                return f"{_name(self.plan.table.items[tree.item])}.{tree.option}"
            case Fact():
                return f"{tree.op}()"
            case Over():
                name = "the value a year earlier of" if tree.op == "yoy" else tree.op
                counted = operators.period(tree.op).counts != "no"
                arguments = [self.spelled(tree.of), *([str(tree.n)] if counted else [])]
                arguments += [self.spelled(tree.edge)] if tree.edge else []
                return f"{name}({', '.join(arguments)})" if tree.op != "yoy" else f"{name} {arguments[0]}"
            case Calculation():
                block = operators.operator(tree.op)
                inner = [self.spelled(argument) for argument in tree.args]
                if block.sign is not None and not block.sign.prefix:
                    return "(" + f" {block.sign.text} ".join(inner) + ")"
                return f"{block.function}({', '.join(inner)})"

    def measure(self, tree: Measured) -> str:
        item = self.plan.table.items[tree.item]
        of = f" of `{_name(item)}`"
        over = f"; a day's execution is the {item.over} over the records" if item.metric is not None else ""
        return OPTION_WORDS[tree.option] + of + (", a stock" if item.kind == "stock" else "") + over


def _name(item: Item) -> str:
    return f"{item.source + '.' if item.source else ''}{item.event or item.metric}"
