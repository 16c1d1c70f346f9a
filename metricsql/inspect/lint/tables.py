"""Rules about output tables: rows that are right by the rules and probably not meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from metricsql.bind.cells import Calculation, Cell, CellTree, Measured, Over, walk
from metricsql.bind.tables import BoundRow, BoundTable, bind_table
from metricsql.build.output_tables.compute import Wanted, read_table
from metricsql.build.output_tables.table import Table
from metricsql.diagnostics import Diagnostic, Findings, MetricsqlError, did_you_mean
from metricsql.project.definition import Definition

TO_DATE = ("cumulative", "ytd", "qtd", "mtd", "rolling_sum")
"""Operators that add periods up."""
ADDING = ("add", "minus", "sum", "subtraction", "negate")
YEARS = {12: "month", 52: "week", 4: "quarter", 365: "day"}
"""So many periods are a year, at one interval only."""


@dataclass(frozen=True)
class Scene:
    """A table; `computed` is None where no data was asked."""

    table: BoundTable
    computed: Table | None = None


Check = Callable[[BoundRow, CellTree, Scene], Iterator[str]]


@dataclass(frozen=True)
class TableRule:
    """One rule, with a section of `docs/lint.md`."""

    code: str
    """Kebab-case; never changes its meaning."""
    sentence: str
    reason: str
    fix: str
    check: Check


def lint_tables(definition: Definition, as_of: date, data: bool) -> list[Diagnostic]:
    """The findings of all rules, row by row. Without `data` the rule that needs it stays quiet."""
    found: list[Diagnostic] = []
    for table in definition.tables.values():
        bound = bind_table(definition, table, Findings())
        scene = Scene(bound, _computed(definition, bound, as_of) if data else None)
        for row in bound.rows:
            found += _of_row(row, scene)
            found += _unknown_rules(row)
    return found


def _of_row(row: BoundRow, scene: Scene) -> Iterator[Diagnostic]:
    for rule in RULES:
        if row.tree is not None and rule.code not in row.definition.ignore:
            place = row.definition.locate(("calculation",) if row.definition.calculation is not None else ("display",))
            yield from (Diagnostic(rule.code, message, place, rule.fix, "warning") for message in rule.check(row, row.tree, scene))


def _unknown_rules(row: BoundRow) -> Iterator[Diagnostic]:
    codes = [rule.code for rule in RULES]
    for position, code in enumerate(row.definition.ignore):
        if code not in codes:
            hint = did_you_mean(code, codes) or "the rules for rows of tables are " + ", ".join(codes)
            yield Diagnostic("unknown-rule", f"there is no rule `{code}` to ignore", row.definition.locate(("ignore", position)),
                             hint, "warning")


def _computed(definition: Definition, table: BoundTable, as_of: date) -> Table | None:
    """The cells of a table that looks at other periods; None where they cannot be had."""
    looks = any(isinstance(node, Over) and node.op in ("lag", "lead", "yoy")
                for row in table.rows if row.tree is not None for node in walk(row.tree))
    if not looks:
        return None
    try:
        return read_table(definition, Wanted(table.definition.name, as_of))
    except MetricsqlError:
        return None


# The rules


def ending_in_ratio(row: BoundRow, tree: CellTree, scene: Scene) -> Iterator[str]:
    if scene.table.definition.model is not None:
        return
    for node in walk(tree):
        if isinstance(node, Calculation) and node.op == "division":
            for argument in node.args:
                for measured, name in _measured(argument, scene):
                    item = scene.table.items[measured.item]
                    if measured.option == "ending" and item.kind == "flow":
                        yield f"`{name}` shows only the last execution of each period, and is used in a ratio"


def lag_of_a_year(row: BoundRow, tree: CellTree, scene: Scene) -> Iterator[str]:
    interval = scene.table.definition.interval
    for node in walk(tree):
        if isinstance(node, Over) and node.op == "lag" and node.n in (12, 52, 365) and YEARS[node.n] != interval:
            yield f"`lag` by {node.n} periods is a year only at the interval `{YEARS[node.n]}`, and this table shows `{interval}`"


def sum_of_balances(row: BoundRow, tree: CellTree, scene: Scene) -> Iterator[str]:
    if isinstance(tree, Measured) and tree.option == "sum" and scene.table.items[tree.item].kind == "stock":
        yield f"`{row.title}` adds up the states of a stock"
    for node in walk(tree):
        if isinstance(node, Over) and node.op in TO_DATE:
            for measured, name in _measured(node.of, scene):
                if measured.option in ("ending", "starting") and scene.table.items[measured.item].kind == "stock":
                    yield f"`{node.op}` adds up the states of `{name}` in several periods"


def never_a_neighbour(row: BoundRow, tree: CellTree, scene: Scene) -> Iterator[str]:
    if scene.computed is None or not scene.computed.periods:
        return
    count = len(scene.computed.periods)
    days = (scene.computed.periods[-1].start - scene.computed.periods[0].start).days
    beyond = any((node.op == "yoy" and days < 364) or (node.op in ("lag", "lead") and (node.n or 0) >= count)
                 for node in walk(tree) if isinstance(node, Over))
    cells = [cell for shown in scene.computed.rows if shown.key == row.key for cell in shown.cells]
    if beyond and all(cell.value is None for cell in cells):
        yield f"no period of `{row.title}` has the neighbour it looks at, so the whole row is empty; the table has {count} " \
              f"period{'s' if count != 1 else ''}"


def _measured(tree: CellTree, scene: Scene) -> Iterator[tuple[Measured, str]]:
    """The measures that a node adds up in its own period, with the names of their rows."""
    match tree:
        case Measured():
            item = scene.table.items[tree.item]
            yield tree, f"{item.event or item.metric}.{tree.option}"
        case Cell():
            row = scene.table.rows[tree.row]
            if isinstance(row.tree, Measured):
                yield row.tree, row.title
        case Calculation() if tree.op in ADDING:
            for argument in tree.args:
                yield from _measured(argument, scene)


RULES = [
    TableRule("ending-in-ratio", "a ratio over a flow that is shown as `ending`",
              "where a period has several executions, only the last one counts, so the ratio of a quarter is that of its last entry",
              "show it as `sum`, or declare `kind: stock` if it is a balance", ending_in_ratio),
    TableRule("lag-of-a-year", "a `lag` by 12, 52 or 365 periods at another interval than months, weeks or days",
              "`lag` counts displayed periods: by quarters, 12 of them are three years",
              "use `yoy(x)`, which is true to the calendar at every interval", lag_of_a_year),
    TableRule("sum-of-balances", "a sum over time of a stock",
              "a balance of two months is not the sum of their balances",
              "use the `ending` of the row, its `change`, or an average over the periods", sum_of_balances),
    TableRule("never-a-neighbour", "a row that is empty in every period because it looks beyond the edge of the table",
              "the table does not go so far, so the row says nothing at all",
              "look at fewer periods, give `lag` a third argument, or start the ledger earlier", never_a_neighbour),
]
