"""How the cells of an output table are shown to people: numbers by their format, rows of texts, HTML, a workbook."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from metricsql.build.output_tables.table import Cell, Row, Table
from metricsql.diagnostics import Diagnostic, ProjectError, one_line
from metricsql.project.definition import NumberFormat

UNAVAILABLE = "Unavailable"
NO_VALUE = "-"
PARTIAL = "*"
"""Behind the title of a period that is not complete."""
STYLE = """\
body { font: 14px/1.4 system-ui, sans-serif; margin: 2em; color: #222 }
table { border-collapse: collapse } th, td { padding: .3em .8em; border-bottom: 1px solid #ddd; text-align: right }
th:first-child { text-align: left; font-weight: normal } thead th { font-weight: bold } .partial { font-style: italic }
.none { color: #999 } .segment th { font-weight: bold; padding-top: 1em; text-align: left }"""


def shown(value: float, form: NumberFormat) -> str:
    """A number as its row shows it: `1,234`, `12.5 %`, `EUR 99.00`, `$5`."""
    if form.style == "percent":
        return f"{_fixed(100 * value, 1 if form.decimals is None else form.decimals)} %"
    if form.style == "currency":
        text = _fixed(abs(value), 2 if form.decimals is None else form.decimals)
        sign, name = "-" if value < 0 else "", one_line(form.currency or "")
        return f"{sign}{name}{' ' if name[-1:].isalpha() else ''}{text}"
    if form.decimals is not None:
        return _fixed(value, form.decimals)
    if value == int(value) and abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:,.2f}" if 1 <= abs(value) < 1e15 else f"{value:.4g}"


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:,.{decimals}f}"
    return text.removeprefix("-") if not text.strip("-0.,") else text


def cell_text(row: Row, cell: Cell) -> str:
    """A cell as people read it."""
    if row.unavailable is not None:
        return UNAVAILABLE
    return NO_VALUE if cell.value is None else shown(cell.value, row.format)


def header(table: Table) -> list[str]:
    """The titles of the columns."""
    return [*(["segment"] if _segmented(table) else []), "", *(period_title(table, i) for i in range(len(table.periods)))]


def period_title(table: Table, number: int) -> str:
    """The title of a period, marked where it is not complete."""
    period = table.periods[number]
    return period.title + (PARTIAL if period.is_partial else "")


def text_rows(table: Table) -> list[list[str]]:
    """Every row as texts, under `header`."""
    return [[*([one_line(row.segment or "")] if _segmented(table) else []), one_line(row.title),
             *(cell_text(row, cell) for cell in row.cells)] for row in table.rows]


def raw_rows(table: Table) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows of raw numbers, for CSV."""
    columns = [*(["segment"] if _segmented(table) else []), "row", *(period.title for period in table.periods)]
    return columns, [[*([row.segment] if _segmented(table) else []), row.title, *(cell.value for cell in row.cells)]
                     for row in table.rows]


def _segmented(table: Table) -> bool:
    return any(row.segment is not None for row in table.rows)


# HTML


def as_html(table: Table) -> str:
    """A page of its own, without anything from elsewhere; the reason of an empty cell is its tooltip."""
    heads = "".join(f'<th{" class=partial" if p.is_partial else ""}>{_text(p.title)}</th>' for p in table.periods)
    body = "\n".join(_html_rows(table))
    note = "<p>Periods in italics are not complete.</p>\n" if any(p.is_partial for p in table.periods) else ""
    return (f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{_text(table.name)}</title>\n<style>\n{STYLE}\n'
            f"</style>\n<h1>{_text(table.name)}</h1>\n<table>\n<thead><tr><th></th>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n"
            f"</table>\n{note}</html>\n")


def _html_rows(table: Table) -> Iterator[str]:
    segment: str | None = None
    for row in table.rows:
        if row.segment != segment:
            segment = row.segment
            yield f"<tr class=segment><th colspan={len(table.periods) + 1}>{_text(segment or '')}</th></tr>"
        yield f"<tr><th>{_text(row.title)}</th>{''.join(_html_cell(row, cell) for cell in row.cells)}</tr>"


def _html_cell(row: Row, cell: Cell) -> str:
    if cell.value is None:
        return f'<td class=none title="{_text(cell.reason or "")}">{cell_text(row, cell)}</td>'
    return f"<td>{_text(cell_text(row, cell))}</td>"


def _text(text: str) -> str:
    return html.escape(one_line(text, limit=None))


# A workbook


def write_xlsx(table: Table, file: BinaryIO | Path) -> None:
    """A workbook with raw numbers, each in the format of its row. Raises `ProjectError` without openpyxl."""
    try:
        from openpyxl import Workbook  # type: ignore[import-untyped]
        from openpyxl.styles import Font  # type: ignore[import-untyped]
    except ImportError:
        raise ProjectError(Diagnostic("missing-package", "a workbook needs the package `openpyxl`",
                                      hint="pip install 'metricsql[xlsx]'")) from None
    book = Workbook()
    sheet = book.active
    sheet.title = "".join(c for c in table.name if c.isalnum() or c in "-_ ")[:31] or "table"
    for column, title in enumerate(header(table), 1):
        _put_text(sheet.cell(1, column), title).font = Font(bold=True)
    first = len(header(table)) - len(table.periods)
    for number, row in enumerate(table.rows, 2):
        if first == 2:
            _put_text(sheet.cell(number, 1), row.segment or "")
        _put_text(sheet.cell(number, first), row.title)
        for column, cell in enumerate(row.cells, first + 1):
            if row.unavailable is not None:
                _put_text(sheet.cell(number, column), UNAVAILABLE)
            elif cell.value is not None:
                sheet.cell(number, column).value = cell.value
                sheet.cell(number, column).number_format = _excel_format(row.format)
    sheet.freeze_panes = sheet.cell(2, first + 1)
    sheet.column_dimensions[sheet.cell(1, first).column_letter].width = min(60, max((len(r.title) for r in table.rows), default=8) + 2)
    book.save(file)


def _put_text(cell: Any, text: str) -> Any:
    """A text that no program takes for a formula."""
    cell.value = one_line(text)
    cell.data_type = "s"
    return cell


def _excel_format(form: NumberFormat) -> str:
    decimals = {"percent": 1, "currency": 2}.get(form.style) if form.decimals is None else form.decimals
    if decimals is None:
        return "#,##0.##"
    number = "#,##0" + ("." + "0" * decimals if decimals else "")
    if form.style == "percent":
        return "0" + ("." + "0" * decimals if decimals else "") + "%"
    name = one_line(form.currency or "").replace('"', "")
    gap = " " if name[-1:].isalpha() else ""
    return f'"{name}{gap}"{number}' if form.style == "currency" and name else number
