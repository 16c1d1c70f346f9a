"""What the rows of an output table measure: events of its ledgers, or metrics added up over records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from metricsql.bind.cells import Item
from metricsql.diagnostics import Findings, did_you_mean
from metricsql.project.definition import Definition, RowDef, TableDef

Items = tuple[list[Item], dict[int, int], dict[tuple[int, str], int]]
"""The items; the item of every row that is measured; that of each source, for rows of an event that several have."""


def table_items(definition: Definition, table: TableDef, findings: Findings) -> Items:
    """What the rows of a table measure. What is wrong goes to the findings."""
    of_row = {position: item for position, row in enumerate(table.rows)
              if row.calculation is None and (item := _item(definition, table, row, findings)) is not None}
    settled = _with_kinds(table, of_row, findings) if table.model is None else \
        {position: replace(item, kind=_base(table, table.rows[position]).kind or "flow",
                           opening=_base(table, table.rows[position]).opening) for position, item in of_row.items()}
    others = {(position, source): replace(item, source=source) for position, item in settled.items()
              for source in table.ledgers if source and _in_all_sources(table, table.rows[position])}
    numbers = {item: number for number, item in enumerate(dict.fromkeys([*settled.values(), *others.values()]))}
    return (list(numbers), {position: numbers[item] for position, item in settled.items()},
            {key: numbers[item] for key, item in others.items()})


def _base(table: TableDef, row: RowDef) -> RowDef:
    """The row that a measure shows by another option; any other row itself. Its kind and opening stand for both."""
    if row.measure is None:
        return row
    found = _measured_row(table, row.measure)
    return row if found is None else replace(found, kind=found.kind or row.kind,
                                             opening=row.opening if found.opening is None else found.opening)


def _measured_row(table: TableDef, name: str) -> RowDef | None:
    """The row of an event or a metric, by that or by its title."""
    return next((row for row in table.rows if row.measure is None and row.calculation is None
                 and name in (row.event, row.metric, row.name)), None)


def _item(definition: Definition, table: TableDef, row: RowDef, findings: Findings) -> Item | None:
    """What a row measures, without kind and opening; None for a measure of what no row has."""
    if row.metric is not None:
        return _metric(definition, table, row, row.metric, findings)
    if row.event is not None:
        return _event(table, row.event)
    assert row.measure is not None
    other = _measured_row(table, row.measure)
    if other is not None:
        return _item(definition, table, replace(other, over=row.over or other.over, where=row.where or other.where), findings)
    return None


def _in_all_sources(table: TableDef, row: RowDef) -> bool:
    name = _base(table, row).event or ""
    return name.partition(".")[0] not in table.ledgers


def _event(table: TableDef, written: str) -> Item:
    """An event; in a table of several sources that of the source in front of it, else of the first source."""
    source, dot, event = written.partition(".")
    if "" in table.ledgers or table.model is not None or not table.ledgers:
        return Item("", written)
    if dot and source in table.ledgers and event:
        return Item(source, event)
    return Item(next(iter(table.ledgers)), written)


def _metric(definition: Definition, table: TableDef, row: RowDef, written: str, findings: Findings) -> Item | None:
    metrics = {metric.id: metric for metric in definition.metrics}
    own = [metric.id for metric in metrics.values() if metric.model == table.model]
    if table.model is None:
        return None
    if written not in own:
        hint = did_you_mean(written, own)
        if written in metrics:
            hint = f"it is a metric of `{metrics[written].model}`"
        message = f"`{table.model}` has no calculated metric with the id `{written}`"
        findings.error("unknown-metric", message, row.locate(("metric",)), hint)
        return None
    return Item("", None, written, row.over or "sum", row.where)


def _with_kinds(table: TableDef, of_row: Mapping[int, Item], findings: Findings) -> dict[int, Item]:
    """The events with the kind and the opening that their rows give; two rows that disagree go to the findings."""
    given: dict[tuple[Item, str], tuple[object, RowDef]] = {}
    for position, item in of_row.items():
        row = table.rows[position]
        for key in ("kind", "opening"):
            value = getattr(row, key)
            known = given.setdefault((item, key), (value, row)) if value is not None else None
            if known is not None and known[0] != value:
                findings.error("bad-value", f"`{key}` belongs to the event, and another row gives it as `{known[0]}`",
                               row.locate((key,)), f"the other row stands at {known[1].locate((key,))}")
    settled = {}
    for position, item in of_row.items():
        kind, opening = (given.get((item, key), (None,))[0] for key in ("kind", "opening"))
        settled[position] = replace(item, kind=str(kind or "flow"), opening=opening)  # type: ignore[arg-type]
    return settled
