"""The same project on both engines, cell by cell."""

from __future__ import annotations

import shutil
from pathlib import Path

import duckdb

import metricsql
from tests.projects import build


def both(file: Path) -> tuple[metricsql.Project, metricsql.Project]:
    """A project built by DuckDB, and a copy of its folder built by Spark."""
    copy = file.parent.with_name(f"{file.parent.name} on spark")
    shutil.copytree(file.parent, copy)
    return build(file), build(copy / file.name, engine="spark")


def differences(one: metricsql.Project, other: metricsql.Project) -> list[str]:
    """What differs between the tables of two built projects, in words; numbers to 1e-9, a missing value exactly."""
    found: list[str] = []
    with duckdb.connect() as connection:
        for name, project in (("a", one), ("b", other)):
            connection.execute(f"ATTACH '{str(project.definition.database).replace(chr(39), chr(39) * 2)}' AS {name} (READ_ONLY)")
        for model in dict.fromkeys(metric.model for metric in one.definition.metrics):
            found += _of_model(connection, model)
    return found


def _of_model(connection: duckdb.DuckDBPyConnection, model: str) -> list[str]:
    described = [connection.execute(f'DESCRIBE {side}."metrics"."{model}"').fetchall() for side in ("a", "b")]
    if described[0] != described[1]:
        return [f"{model}: other columns"]
    rows = f'a."metrics"."{model}" AS x FULL JOIN b."metrics"."{model}" AS y ON x.record = y.record AND x.day = y.day'
    found = []
    for name, *_ in described[0][2:]:
        x, y = f'x."{name}"', f'y."{name}"'
        same = f"{x} IS NOT DISTINCT FROM {y} OR ABS({x} - {y}) <= 1e-9 * GREATEST(1, ABS({x}))"
        differs = f"x.record IS NULL OR y.record IS NULL OR NOT COALESCE({same}, FALSE)"
        odd = connection.execute(f"SELECT COALESCE(x.record, y.record), COALESCE(x.day, y.day), {x}, {y} FROM {rows} "
                                 f"WHERE {differs} ORDER BY 1, 2 LIMIT 3").fetchall()
        found += [f"{name} of {record} on {day}: {value} with DuckDB, {second} with Spark" for record, day, value, second in odd]
    latest = [connection.execute(f'SELECT COUNT(*), BIT_XOR(HASH(t.record, t.day)) FROM {side}."metrics"."{model}_latest" AS t').fetchall()
              for side in ("a", "b")]
    return found if latest[0] == latest[1] else [*found, f"{model}_latest: other records"]
