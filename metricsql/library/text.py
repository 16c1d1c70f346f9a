"""A ready definition for people."""

from __future__ import annotations

from collections.abc import Iterator

from metricsql.library.entries import Entry, Input

ROWS_ARE_CALLED = {"row": "a ready row of a table", "metric": "a ready daily metric"}


def lines(entry: Entry) -> Iterator[str]:
    """What it is, its inputs with the display option that is right for each, its formula and its notes."""
    yield f"{entry.id}: {entry.title}, {ROWS_ARE_CALLED[entry.kind]} ({entry.group.lower()})"
    yield entry.description
    yield from ("", "inputs")
    width = max(len(item.name) for item in entry.inputs)
    kinds = {item.name: kind_of(entry, item) for item in entry.inputs}
    wide = max(map(len, kinds.values()))
    for item in entry.inputs:
        yield f"  {item.name:{width}}  {kinds[item.name]:{wide}}  {item.meaning}"
    yield from ("", "formula", f"  {entry.formula}", "")
    yield f"format: {entry.format}" if entry.kind == "row" else f"unit: {entry.unit or '-'}; missing: {entry.missing}"
    yield entry.notes
    yield from ("", _command(entry))


def kind_of(entry: Entry, item: Input) -> str:
    """What an input takes, in words: `flow, by sum`, `field`, `number of days (7)`."""
    if item.takes != "row":
        return item.takes.replace("days", "number of days") + (f" ({item.default})" if item.default is not None else "")
    shown = entry.displays(item.name)
    return f"{item.kind or 'row'}, " + (f"by {' and '.join(shown)}" if shown else "as shown")


def _command(entry: Entry) -> str:
    names = {"row": "ROW", "series": "SERIES", "field": "FIELD", "number": "NUMBER"}
    bound = [f"--bind {item.name}={names.get(item.takes, '...')}" for item in entry.inputs if item.default is None]
    words = ["metricsql library add", entry.id, *(["--table TABLE"] if entry.kind == "row" else []), *bound]
    return " ".join(words)
