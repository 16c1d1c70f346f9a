"""The tree of a value as lines for a terminal: formulas with their values, indented; below each, what was done."""

from __future__ import annotations

from collections.abc import Iterator

from metricsql.build.raw_rows import RawRow
from metricsql.diagnostics import one_line
from metricsql.inspect.why_nodes import DayValue, Node, Window
from metricsql.inspect.why_words import counted, day_words, value_words

STEP = "  "


def tree_lines(node: Node, indent: str = "") -> Iterator[str]:
    """The lines of a node and of everything below it."""
    note = " (not used)" if not node.counts else " (shown above)" if node.repeated else ""
    yield f"{indent}{one_line(node.label)} = {value_words(node.value)}{note}"
    inner = indent + STEP
    if node.counts:
        yield from (f"{inner}- {rule}" for rule in node.rules)
    if node.window is not None:
        yield from _window_lines(node.window, node.record, inner)
    for child in node.children:
        if child.kind == "metric":
            yield from _metric_lines(child, node, inner)
        elif child.kind not in ("number", "text"):
            yield from tree_lines(child, inner)


def _metric_lines(metric: Node, user: Node, indent: str) -> Iterator[str]:
    """A metric that a formula reads; the value of the same row has no line of its own."""
    if user.window is None:
        yield f"{indent}- the value of `{metric.text}` on the same day{', shown above' if metric.repeated else ''}"
        yield from (f"{indent}- {rule}" for rule in metric.rules)
        inner = indent
    else:
        whose = f" of {metric.record}" if metric.record != user.record else ""
        shown = " (shown above)" if metric.repeated else ""
        where = f"`{metric.text}`{one_line(whose)} on {day_words(metric.day)}"
        yield f"{indent}{where} = {value_words(metric.value)}{shown}"
        inner = indent + STEP
        yield from (f"{inner}- {rule}" for rule in metric.rules)
    for child in metric.children:
        yield from formula_lines(child, inner)


def formula_lines(formula: Node, indent: str = "") -> Iterator[str]:
    """The formula of a metric."""
    if formula.kind == "number":
        yield f"{indent}- the formula is the number {value_words(formula.value)}"
    else:
        yield from tree_lines(formula, indent)


def _window_lines(window: Window, record: str, indent: str) -> Iterator[str]:
    """The values of days, each with the rows it is made of."""
    width = max((len(value_words(value.value)) for value in window.values), default=0)
    rows = {value.day: [row for row in window.rows if row.day == value.day] for value in window.values}
    for value in window.values:
        yield from _day_lines(value, rows[value.day], record, width, indent)
    left = [*([counted(window.more_values, "more day")] if window.more_values else []),
            *([counted(window.more_rows, "more row")] if window.more_rows else [])]
    if left:
        yield f"{indent}and {' with '.join(left) if window.more_values else left[0]}"


def _day_lines(value: DayValue, rows: list[RawRow], record: str, width: int, indent: str) -> Iterator[str]:
    line = f"{indent}{value.day}  {value_words(value.value):>{width}}"
    if value.rows == 1 and len(rows) == 1:
        yield f"{line}  {_row_words(rows[0], record)}"
        return
    yield f"{line}  {value.made}" if value.made else line
    for row in rows:
        yield f"{indent}{STEP}{value_words(row.value):>{width}}  {_row_words(row, record)}"


def _row_words(row: RawRow, record: str) -> str:
    """Where a row is from, when it says it was, and whom it names."""
    when = [] if row.written is None or row.written.removesuffix(" 00:00:00") == row.day.isoformat() else [row.written]
    source = [] if row.written is None else [row.source]
    children = sorted(set(row.names.values()) - {record}) if row.record == record else [row.record]
    return one_line(", ".join([*source, *when, *children]), 200)
