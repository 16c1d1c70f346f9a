"""Output tables as SQL: measures, one step per stage of windows and arithmetic, then the cells, one under the other.

Nothing is written twice: a window or an inner part that several rows use is one column. `docs/semantics.md` section 9
has the rules.
"""

from __future__ import annotations

from datetime import date

from metricsql import operators
from metricsql.bind.cells import Fact
from metricsql.bind.tree import Field, Leaf, Tree
from metricsql.plan.periods import PeriodPlan, PeriodStage, PeriodWindow
from metricsql.sql import syntax
from metricsql.sql.arithmetic import Built, Layers
from metricsql.sql.period_grid import (
    END,
    FRACTIONS,
    PARTIAL,
    SEGMENT,
    START,
    Calendar,
    literal,
    measure_steps,
    named_windows,
    number,
    periods_step,
    quoted,
    replaced,
)
from metricsql.sql.period_reasons import FIRST, PERIOD_COUNT, Reasons
from metricsql.sql.steps import Labels, Step

RESULT = "cells"

def table_steps(plan: PeriodPlan, calendar: Calendar, segmented: bool, first: date | None = None,
                last: date | None = None) -> list[Step]:
    """The steps from the executions by period to the cells, of the periods that hold a day from `first` to `last`."""
    writer = _Writer(plan, calendar, segmented)
    steps = [periods_step(calendar, writer.grid_columns(), segmented), *measure_steps(plan, segmented)]
    source = steps[-1].name
    for stage in plan.stages:
        made = writer.stage(stage, source)
        steps += made
        source = made[-1].name if made else source
    return [*steps, writer.cells(source, first, last)]


SHORT = 3
"""How deep operators may stand inside each other in an expression that is checked where it is computed."""


class _Writer:
    """Writes the steps of one table. `known` are the columns that are there by now."""

    def __init__(self, plan: PeriodPlan, calendar: Calendar, segmented: bool) -> None:
        self.plan, self.calendar, self.segmented = plan, calendar, segmented
        self.known: set[str] = set()
        self.number = 0

    def grid_columns(self) -> dict[str, str]:
        """What windows and reasons need to know of a period."""
        windows = [window for stage in self.plan.stages for window in stage.windows]
        frames = {operators.period(window.op).frame for window in windows}
        columns = {f"{name} start": self.calendar.bucket(name, quoted(START)) for name in ("year", "quarter", "month")
                   if name in frames}
        if any(window.op == "lead" for window in windows):
            columns[PERIOD_COUNT] = "COUNT(*) OVER ()"
        if "year ago" in frames:
            columns[FIRST] = f"MIN({quoted(START)}) OVER ()"
        return columns | {label: self.fact(label, fact) for label, fact in self.plan.facts.items()}

    # Stages

    def stage(self, stage: PeriodStage, source: str) -> list[Step]:
        steps: list[Step] = []
        if stage.windows:
            steps.append(self.windows(stage, source))
        for comment, again, added in self.arithmetic(stage):
            steps.append(self.step(comment, replaced(steps[-1].name if steps else source, again, added)))
        return steps

    def step(self, comment: str, query: str) -> Step:
        self.number += 1
        return Step(f"step {self.number}", comment, query)

    def fact(self, label: str, fact: Fact) -> str:
        match fact.op:
            case "days" if self.calendar.interval in FRACTIONS:
                return number(FRACTIONS[self.calendar.interval])
            case "days":
                return f"CAST(DATE_DIFF('day', {quoted(START)}, {quoted(END)}) AS DOUBLE)"
            case "is_partial":
                return f"CAST({quoted(PARTIAL)} AS DOUBLE)"
        cell = literal(f"{self.plan.table.definition.seed} {label} ")
        words = f"{cell} || CAST({quoted(START)} AS VARCHAR)" + (f" || {quoted(SEGMENT)}" if self.segmented else "")
        return f"(MD5_NUMBER_LOWER({words}) >> 11) / CAST(9007199254740992 AS DOUBLE)"

    def windows(self, stage: PeriodStage, source: str) -> Step:
        """Every window of a stage in one SELECT; a result that is not finite is no value."""
        columns = {window.label: self.window(window) for window in stage.windows}
        comment = "Every look at other periods, taken once, however many rows need it."
        return self.step(comment, replaced(source, {}, columns, self.frames(stage)))

    def window(self, window: PeriodWindow) -> str:
        block = operators.period(window.op)
        edge = "NULL" if window.edge is None else _plain(window.edge)
        call = block.window.format(x=quoted(window.of), n=window.n, edge=edge).replace(", NULL)", ")")
        over = block.result.format(w=f"{call} OVER {quoted(self.frame(window))}")
        if block.overflows:
            over = f"CASE WHEN ISFINITE({over}) THEN {over} END"
        if block.frame == "year ago" and self.calendar.interval in (*FRACTIONS, "day"):
            over = f"CASE WHEN STRFTIME({quoted(START)}, '%m-%d') <> '02-29' THEN {over} END"
        return over

    def frame(self, window: PeriodWindow) -> str:
        match operators.period(window.op).frame:
            case "last":
                return f"last {window.n}"
            case "order":
                return "in order"
            case ("year" | "quarter" | "month") as bucket:
                return f"{bucket} so far"
            case other:
                return other

    def frames(self, stage: PeriodStage) -> dict[str, str]:
        frames, partitions = {}, {}
        for window in stage.windows:
            name, ago = self.frame(window), self.calendar.year_ago
            match operators.period(window.op).frame:
                case "last":
                    frames[name] = f"ROWS {(window.n or 1) - 1} PRECEDING"
                case "order":
                    frames[name] = ""
                case "year ago":
                    frames[name] = f"RANGE BETWEEN {ago} PRECEDING AND {ago} PRECEDING"
                case bucket:
                    frames[name] = "ROWS UNBOUNDED PRECEDING"
                    partitions[name] = [] if bucket == "so far" else [f"{bucket} start"]
        return named_windows(frames, self.segmented, partitions)

    def arithmetic(self, stage: PeriodStage) -> list[tuple[str, dict[str, str], dict[str, str]]]:
        """Layers of columns: what to compute again (a check of what the layer before made), and what to add."""
        layers = Layers(_resolve, Labels())
        built: dict[str, Built] = {}
        layers.resolve = lambda node: (built.get(node.name) if isinstance(node, Field) else None) or _resolve(node)
        for label, tree in stage.columns.items():
            made = layers.number(layers.build(tree, label))
            if made.may_overflow:  # what is short is written twice, which is cheaper than one more layer
                made = layers.finite(made if made.depth <= SHORT else layers.add(label, made))
            if not made.is_double:
                made = Built(syntax.double(made.sql), made.layer, is_double=True)
            built[label] = layers.add(label, made)
        found = []
        for columns in layers.columns:
            texts = {label: syntax.render(sql, pretty=False) for label, sql in columns.items()}
            again = {label: sql for label, sql in texts.items() if label in self.known}
            added = {label: sql for label, sql in texts.items() if label not in self.known}
            self.known |= columns.keys()
            found.append(("The arithmetic of the rows; a result that is not finite is no value.", again, added))
        return found

    # Cells

    def cells(self, source: str, first: date | None, last: date | None) -> Step:
        """One row per row of the table and period, in order."""
        reasons, rows = Reasons(self.plan, self.calendar), self.plan.table.rows
        values = [quoted(row.key) if row.tree is not None else "CAST(NULL AS DOUBLE)" for row in rows]
        positions = ", ".join(str(position) for position in range(1, len(rows) + 1))
        lists = {
            "position": f"[{positions}]",
            "row": _list(literal(row.title) for row in rows),
            "value": _list(values),
            "reason": _list(reasons.of(position) for position in range(len(rows))),
        }
        start = f"UNNEST({lists['position']})"
        if self.segmented:
            start += f" + {len(rows)} * (DENSE_RANK() OVER (ORDER BY {quoted(SEGMENT)}) - 1)"
        columns = [f"CAST({start} AS INTEGER) AS \"position\"", f"UNNEST({lists['row']}) AS \"row\"",
                   f'{quoted(START)} AS "period_start"', f'{quoted(END)} AS "period_end"', f'{quoted(PARTIAL)} AS "is_partial"',
                   f"UNNEST({lists['value']}) AS \"value\"", f"UNNEST({lists['reason']}) AS \"reason\"",
                   *([f'{quoted(SEGMENT)} AS "segment"'] if self.segmented else [])]
        tests = [f"{quoted(END)} > DATE '{first.isoformat()}'"] if first is not None else []
        tests += [f"{quoted(START)} < DATE '{last.isoformat()}' + INTERVAL 1 DAY"] if last is not None else []
        where = "\nWHERE " + " AND ".join(tests) if tests else ""
        query = "SELECT\n  " + ",\n  ".join(columns) + f"\nFROM {quoted(source)}{where}"
        return Step(RESULT, "The cells, row by row, with the reason of every one that is empty.", query)


def _list(items: object) -> str:
    return "[\n    " + ",\n    ".join(items) + "\n  ]"  # type: ignore[arg-type]


def _resolve(node: Leaf | Field) -> Built:
    return Built(syntax.column(node.name)) if isinstance(node, Field) else _never(node)


def _never(node: Leaf) -> Built:
    raise AssertionError(f"internal error: {node!r} in an output table")


def _plain(tree: Tree) -> str:
    """An expression that needs no column of its own."""
    layers = Layers(_resolve, Labels())
    return syntax.render(syntax.double(layers.number(layers.build(tree, "edge")).sql), pretty=False)


