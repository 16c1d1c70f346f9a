"""Which names the expressions of an output table may use, and what they stand for (`docs/semantics.md` section 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from metricsql.bind.cells import Cell, CellTree, Item, Measured
from metricsql.diagnostics import Findings, Place, did_you_mean, nearest
from metricsql.formula.titles import key_of, normal
from metricsql.operators import table_function
from metricsql.project.definition import RowDef, TableDef

OPTIONS = ("ending", "starting", "change", "sum", "average", "min", "max", "count")
"""The display options, the default first."""


@dataclass(frozen=True)
class RowNames:
    """The names of one table. `events` are further names of rows that show an event or a metric."""

    titles: Mapping[str, int]
    keys: Mapping[str, int]
    events: Mapping[str, int]
    items: Mapping[int, int]
    """The item of every row that is measured."""
    options: Mapping[int, str]
    """The display option of every row that is measured."""
    by_source: Mapping[tuple[int, str], int]
    """For rows of an event that several sources have: the item of each source."""
    shown: Sequence[str] = field(default_factory=tuple)
    """The titles as they are written, for suggestions."""

    def row(self, name: str) -> int | None:
        """The row of a title, of a key, or of an event."""
        spelled = normal(name)
        for names in (self.titles, self.keys, self.events):
            if spelled in names:
                return names[spelled]
        return None

    def resolve(self, text: str, place: Place, findings: Findings) -> CellTree | None:
        """What a name stands for; None with a fault if there is no such row."""
        row = self.row(text)
        if row is not None:
            return Cell(row)
        base, dot, option = text.rpartition(".")
        row = self.row(base) if dot else None
        if row is not None:
            return self.measured(row, self.items.get(row), base, option, place, findings)
        prefix, dot, rest = text.partition(".")
        source = next((known for _, known in self.by_source if normal(known) == normal(prefix)), None)
        if dot and source is not None:
            reported = len(findings.items)
            found = self.of_source(source, rest, place, findings)
            if found is not None or len(findings.items) > reported:
                return found
        findings.error("unknown-row", f"no row of the table has the name `{text}`", place, self.hint(text))
        return None

    def of_source(self, source: str, text: str, place: Place, findings: Findings) -> CellTree | None:
        """A row of an event as another source has it: `forecast.revenue`, `forecast.revenue.count`."""
        row, base, option = self.row(text), text, ""
        if row is None:
            base, _, option = text.rpartition(".")
            row = self.row(base)
        if row is None:
            return None
        return self.measured(row, self.by_source.get((row, source)), base, option or self.options.get(row, ""), place, findings)

    def measured(self, row: int, item: int | None, base: str, option: str, place: Place,
                 findings: Findings) -> CellTree | None:
        """A row by another option, or of another source."""
        if item is None:
            why = "is a calculation, which has no display options" if row not in self.items else "belongs to one source"
            findings.error("unknown-option", f"`{self.shown[row]}` {why}", place, f"write `{base}`")
            return None
        if normal(option) not in OPTIONS:
            findings.error("unknown-option", f"there is no display option `{option}`", place,
                           did_you_mean(option, OPTIONS) or "the options are " + ", ".join(OPTIONS))
            return None
        return Measured(item, normal(option))

    def hint(self, text: str) -> str | None:
        function = table_function(text)
        if function is not None:
            return f"`{text}` is a function: its arguments stand in parentheses, `{text}()`"
        base, dot, option = text.rpartition(".")
        if dot and normal(option) in OPTIONS and (near := nearest(base, self.shown)):
            return f"did you mean `{near}.{normal(option)}`?"
        return did_you_mean(text, self.shown) or did_you_mean(text, [*self.keys, *self.events]) or (
            "the rows are " + ", ".join(f"`{title}`" for title in self.shown[:8]) + (" ..." if len(self.shown) > 8 else ""))


def row_names(table: TableDef, titles: Sequence[str], items: Sequence[Item], of_row: Mapping[int, int],
              by_source: Mapping[tuple[int, str], int], findings: Findings) -> RowNames:
    """The names of a table. Two rows that expressions could not tell apart go to the findings."""
    by_title: dict[str, int] = {}
    by_key: dict[str, int] = {}
    for position, title in enumerate(titles):
        key = row_key(title, position)
        if key in by_key:
            other = table.rows[by_key[key]]
            findings.error("duplicate-row", f"the title `{title}` and the title `{titles[by_key[key]]}` have the same key `{key}`",
                           _place(table.rows[position]), f"the other row stands at {_place(other)}; give one of them a `name`")
            continue
        by_key[key] = position
        by_title.setdefault(normal(title), position)
    events: dict[str, int] = {}
    for position, item in of_row.items():
        declared = table.rows[position]
        if declared.measure is None:
            for name in _aliases(items[item], declared):
                events.setdefault(name, position)
    options = {position: table.rows[position].display or OPTIONS[0] for position in of_row}
    return RowNames(by_title, by_key, events, of_row, options, by_source, tuple(titles))


def row_key(title: str, position: int) -> str:
    """The key of a row in data; a title without letters and digits has the key of its position (from 1)."""
    return key_of(title) or f"row_{position + 1}"


def _aliases(item: Item, row: RowDef) -> list[str]:
    """The name of the event or metric; a row that leaves its source out is called so without the source, too."""
    name = item.event or item.metric or ""
    prefixes = [f"{item.source}."] if item.source else [""]
    if row.event == name:
        prefixes.append("")
    return [spelled for prefix in prefixes for spelled in (normal(prefix + name), normal(prefix) + key_of(name))]


def _place(row: RowDef) -> Place:
    key = next(key for key in ("name", "event", "metric", "measure", "calculation") if getattr(row, key) is not None)
    return row.locate((key,))
