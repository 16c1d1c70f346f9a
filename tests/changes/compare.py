"""What differs between two built files, and between a built file and the oracle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from tests.projects import same

ORDER, TYPE = "order of columns", "type of column"
"""What differs there in a table as a whole."""
KEYS = {"metrics": 2, "tables": 3, "_metricsql": 4}
"""The number of columns that name a row."""
Cells = dict[tuple[Any, ...], tuple[Any, ...]]


@dataclass(frozen=True)
class Relation:
    """A table: its columns, and its rows by key. A key that is there twice has a count behind it."""

    columns: list[tuple[str, str]]
    rows: Cells

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.columns]


@dataclass(frozen=True)
class Difference:
    """A cell that is not what it should be. `column` is a metric, or a word about rows or columns as a whole."""

    relation: str
    key: tuple[Any, ...]
    column: str
    found: Any
    expected: Any
    against: str = "full"

    def __str__(self) -> str:
        where = ", ".join(map(str, self.key))
        return f"{self.relation} ({where}) {self.column}: built {self.found!r}, {self.against} {self.expected!r}"


def read(database: Path) -> dict[str, Relation]:
    """Every relation of the schemas `metrics` and `tables`, and the stored fields."""
    with duckdb.connect(str(database), read_only=True) as connection:
        names = connection.execute(
            "SELECT table_schema, table_name FROM information_schema.tables "
            "WHERE table_schema IN ('metrics', 'tables') AND table_catalog = current_catalog() ORDER BY ALL"
        ).fetchall()
        names.append(("_metricsql", "fields"))
        return {f"{s}.{name}": _relation(connection, f'"{s}"."{name}"', KEYS[s]) for s, name in names}


def _relation(connection: duckdb.DuckDBPyConnection, name: str, keys: int) -> Relation:
    result = connection.execute(f"SELECT * FROM {name} ORDER BY ALL")
    columns = [(column[0], str(column[1])) for column in result.description]
    rows: Cells = {}
    for row in result.fetchall():
        key, count = row[:keys], 1
        while key in rows:
            count += 1
            key = (*row[:keys], f"row {count} of it")
        rows[key] = row
    return Relation(columns, rows)


def differences(found: dict[str, Relation], expected: dict[str, Relation]) -> list[Difference]:
    """Every difference of two built files."""
    wrong = [
        Difference(name, (), "relation", name in found, name in expected)
        for name in sorted(found.keys() ^ expected.keys())
    ]
    for name in sorted(found.keys() & expected.keys()):
        wrong += _different(name, found[name], expected[name])
    return wrong


def _different(name: str, found: Relation, expected: Relation) -> list[Difference]:
    left_types, right_types = dict(found.columns), dict(expected.columns)
    if left_types.keys() != right_types.keys():
        return [Difference(name, (), "columns", found.names, expected.names)]
    odd = [column for column in found.names if left_types[column] != right_types[column]]
    wrong = [Difference(name, (column,), TYPE, left_types[column], right_types[column]) for column in odd]
    if found.names != expected.names:
        wrong.append(Difference(name, (), ORDER, found.names, expected.names))
    wrong += [
        Difference(name, key, "row", found.rows.get(key), expected.rows.get(key))
        for key in sorted(found.rows.keys() ^ expected.rows.keys(), key=str)
    ]
    places = [
        (column, found.names.index(column), expected.names.index(column)) for column in found.names if column not in odd
    ]
    for key in sorted(found.rows.keys() & expected.rows.keys(), key=str):
        left, right = found.rows[key], expected.rows[key]
        wrong += [
            Difference(name, key, column, left[here], right[there])
            for column, here, there in places
            if not _same_cell(left[here], right[there])
        ]
    return wrong


def _same_cell(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        return same(found, expected)
    return bool(found == expected)


def oracle_differences(
    found: dict[str, Relation], models: dict[str, str], expected: dict[str, dict[tuple[str, date], float | None]]
) -> list[Difference]:
    """Every cell that is not what the oracle says; `models` names the model of each metric."""
    wrong: list[Difference] = []
    for metric, values in expected.items():
        relation = found[f"metrics.{models[metric]}"]
        if metric not in relation.names:
            wrong.append(Difference(f"metrics.{models[metric]}", (), metric, "no column", "a column", "oracle"))
            continue
        position = relation.names.index(metric)
        for key in sorted(relation.rows.keys() | values.keys(), key=str):
            row = relation.rows.get(key)
            if row is None or key not in values:
                wrong.append(
                    Difference(f"metrics.{models[metric]}", key, "row", row is not None, key in values, "oracle")
                )
            elif not same(row[position], values[key]):
                wrong.append(Difference(f"metrics.{models[metric]}", key, metric, row[position], values[key], "oracle"))
    return wrong
