"""An output table, bound: what each row shows, in which order rows are computed, and which cannot be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from metricsql.bind.cells import Cell, CellTree, Item, Measured, rows_of, walk
from metricsql.bind.cycles import cycles
from metricsql.bind.items import table_items
from metricsql.bind.row_names import row_key, row_names
from metricsql.bind.rows import RowBinder
from metricsql.diagnostics import Diagnostic, Findings, did_you_mean
from metricsql.formula import in_text, read_expression
from metricsql.formula.titles import table_grammar
from metricsql.project.definition import Definition, RowDef, TableDef

NOTHING_TO_SHOW = "what it shows has errors"


@dataclass(frozen=True)
class BoundRow:
    """A row: `tree` is what it shows; None where it is unavailable, for the reason given."""

    definition: RowDef
    title: str
    key: str
    tree: CellTree | None
    unavailable: str | None = None


@dataclass(frozen=True)
class BoundTable:
    """A table: `order` has the positions of the available rows, those that others use first."""

    definition: TableDef
    items: tuple[Item, ...]
    rows: tuple[BoundRow, ...]
    order: tuple[int, ...]
    faults: tuple[Diagnostic, ...] = ()
    """What is wrong with single rows. An error in it makes only its row unavailable: it is an error of `check` and a
    warning of `build`."""


def bind_table(definition: Definition, table: TableDef, findings: Findings) -> BoundTable:
    """Resolve every row. What is wrong goes to the findings, but for what only makes rows unavailable."""
    items, of_row, by_source = table_items(definition, table, findings)
    titles = [row.title for row in table.rows]
    names = row_names(table, titles, items, of_row, by_source, findings)
    events = [item.event or item.metric or "" for item in items]
    names_with_source = [f"{source}.{name}" for source in table.ledgers if source for name in (*titles, *events)]
    grammar = table_grammar([*titles, *events, *names_with_source])
    faults: list[Diagnostic] = []
    rows: list[BoundRow] = []
    for position, declared in enumerate(table.rows):
        tree: CellTree | None = None
        own = Findings()
        if position in of_row:
            tree = Measured(of_row[position], declared.display or "ending")
        elif declared.measure is not None:
            own.error("unknown-row", f"no row of the table has the event `{declared.measure}`", declared.locate(("measure",)),
                      did_you_mean(declared.measure, events) or "a measure shows the event of another row by another option")
        elif declared.calculation is not None and declared.calculation.expression is not None:
            text = declared.calculation.expression
            spot = in_text(text, declared.calculation.locate(()), declared.calculation.source)
            formula = read_expression(text, own, spot, grammar)
            tree = RowBinder(names, own, position).bind(formula) if formula is not None else None
        reason = own.errors[0].message if own.errors else None
        tree = None if own.errors else tree
        if tree is None and reason is None:
            reason = NOTHING_TO_SHOW
        faults += own.items
        rows.append(BoundRow(declared, titles[position], row_key(titles[position], position), tree, reason))
    return _settled(table, tuple(items), rows, faults)


def _settled(table: TableDef, items: tuple[Item, ...], rows: list[BoundRow], faults: list[Diagnostic]) -> BoundTable:
    """Without the rows that stand on a cycle, that the strict rule refuses, or that need an unavailable one."""
    for cycle in _cycles(rows):
        shown = " -> ".join(f"`{rows[position].title}`" for position in (*cycle, cycle[0]))
        message = f"these rows need each other: {shown}" if len(cycle) > 1 else f"this row needs itself: {shown}"
        faults.append(Diagnostic("row-cycle", message, rows[cycle[0]].definition.locate(("calculation",)),
                                 "an earlier value of the row itself cannot be used either; see `cumulative`"))
        for position in cycle:
            rows[position] = replace(rows[position], tree=None, unavailable=message)
    if table.strict_reuse:
        _refuse_reuse(rows, faults)
    order = _order(rows)
    return BoundTable(table, items, tuple(rows), tuple(order), tuple(faults))


def _refuse_reuse(rows: list[BoundRow], faults: list[Diagnostic]) -> None:
    """`reuse: summit`: a calculation that mixes an event with another calculation cannot be used by a third."""
    mixed = {position for position, row in enumerate(rows) if row.tree is not None and _mixes(row.tree, rows)}
    for position, row in enumerate(rows):
        used = next((other for other in rows_of(row.tree) if other in mixed), None) if row.tree is not None else None
        if used is not None:
            message = f"`{rows[used].title}` mixes an event with another calculation, so `{row.title}` cannot use it"
            faults.append(Diagnostic("no-reuse", message, row.definition.locate(("calculation",)),
                                     "without `reuse: summit` any calculation may use any other"))
            rows[position] = replace(row, tree=None, unavailable=message)


def _mixes(tree: CellTree, rows: Sequence[BoundRow]) -> bool:
    if isinstance(tree, Measured):
        return False
    used = [rows[node.row] for node in walk(tree) if isinstance(node, Cell)]
    calculated = any(row.definition.calculation is not None for row in used)
    measured = any(row.definition.calculation is None for row in used) or any(isinstance(n, Measured) for n in walk(tree))
    return calculated and measured


def _cycles(rows: Sequence[BoundRow]) -> list[list[int]]:
    """Every cycle once, as the positions on it."""
    edges = {position: rows_of(row.tree) if row.tree is not None else [] for position, row in enumerate(rows)}
    found: list[list[int]] = []
    for cycle in cycles(edges):
        if not any(set(cycle) <= set(known) for known in found):
            found.append(cycle)
    return found


def _order(rows: list[BoundRow]) -> list[int]:
    """The available rows such that each stands behind those it uses; dependants of unavailable rows become so, too."""
    done: list[int] = []
    settled: set[int] = set()
    for first in range(len(rows)):
        stack = [first]
        while stack:
            position = stack[-1]
            tree = rows[position].tree
            used = rows_of(tree) if tree is not None else []
            waiting = [other for other in used if other not in settled]
            if waiting:
                stack.extend(reversed(waiting))
                continue
            stack.pop()
            if position in settled:
                continue
            settled.add(position)
            missing = next((rows[other] for other in used if rows[other].tree is None), None)
            if missing is not None:
                reason = f"needs `{missing.title}`, which is unavailable"
                rows[position] = replace(rows[position], tree=None, unavailable=reason)
            elif tree is not None:
                done.append(position)
    return done
