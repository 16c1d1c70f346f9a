"""What the built file remembers of its last build, besides the values: `_metricsql.*`.

| table | content |
|---|---|
| `builds` | one row per build, with its report |
| `metrics` | what each metric was when it was computed, and through which day |
| `fields` | stored field values: the history that no source has |
| `options` | what else decides values: version, time zone, start, sources |
| `files` | the files that were read, with size and times, and lines that are no rows |
| `days` | per file, name and day: rows, an order-free hash of them, and what was wrong |
| `records` | the records with their numbers, companies, first days and conditions that hold |
| `timelines` | the values of fields that metrics read, with the days on which they change |
| `stretches` | the folders with Parquet files that make up a table, where results lie outside the file |
| `inputs` | the columns of the tables `<model> <namespace> by day` |
| `<model> <namespace> by day` | the series that metrics read, collapsed to one value per record and day |
| `<model> <namespace> through <day>` | what these series amount to through that day, for metrics that read everything |
| `<model> records` | the records with their fields as they are written, for `metrics.<model>_latest` |
| `<model> change points` | the values of a model whose records rarely have data, where they change |
"""

from __future__ import annotations

from collections.abc import Sequence

from metricsql.build.engine import Engine, quoted
from metricsql.sql.change_points import points_name
from metricsql.sql.inputs import METRICS_SCHEMA

LAYOUT = 2
"""Changes when a table below changes its columns; an older file keeps its builds and fields, and is built in full."""
SCHEMA = "_metricsql"
_KEPT = """
CREATE SCHEMA IF NOT EXISTS "_metricsql";
CREATE SCHEMA IF NOT EXISTS "metrics";
CREATE TABLE IF NOT EXISTS "_metricsql"."builds" (
    build BIGINT, started_at TIMESTAMP, finished_at TIMESTAMP, as_of DATE, start DATE, version VARCHAR,
    stores_fields BOOLEAN, digest VARCHAR, report VARCHAR);
CREATE TABLE IF NOT EXISTS "_metricsql"."fields" (
    model VARCHAR, record VARCHAR, field VARCHAR, day DATE, number DOUBLE, text VARCHAR);
"""
_OWN = {
    "metrics": "metric VARCHAR, model VARCHAR, definition VARCHAR, digest VARCHAR, built_through DATE, build BIGINT",
    "options": "name VARCHAR, value VARCHAR",
    "files": "source VARCHAR, file VARCHAR, stamp VARCHAR, lines BIGINT, examples VARCHAR[]",
    "days": "namespace VARCHAR, file VARCHAR, name VARCHAR, day DATE, problem VARCHAR, rows BIGINT, hash HUGEINT, "
            "ordered HUGEINT, models VARCHAR[], culprits VARCHAR[]",
    "records": "model VARCHAR, number INTEGER, record VARCHAR, company INTEGER, since DATE, flags VARCHAR[]",
    "timelines": "model VARCHAR, field VARCHAR, record VARCHAR, day DATE, value VARCHAR",
    "stretches": '"table" VARCHAR, first DATE, last DATE, folder VARCHAR',
    "inputs": "model VARCHAR, namespace VARCHAR, name VARCHAR, \"column\" VARCHAR",
}


def state(name: str) -> str:
    """A table of the product's own state, quoted."""
    return f"{quoted(SCHEMA)}.{quoted(name)}"


def create_state(engine: Engine) -> None:
    """Make what is missing, and make anew what has another layout. Builds and fields are always kept."""
    current = is_current_layout(engine)
    if current and {"builds", "fields", *_OWN} <= set(engine.tables(SCHEMA)):
        return
    engine.run(_KEPT)
    if not current:
        for name, text in engine.views(METRICS_SCHEMA).items():
            if points_name(name) in text:
                engine.run(f"DROP VIEW {quoted(METRICS_SCHEMA)}.{quoted(name)}")
        for name in engine.tables(SCHEMA):
            if name not in ("builds", "fields"):
                engine.run(f"DROP TABLE {state(name)}")
    for name, columns in _OWN.items():
        engine.run(f"CREATE TABLE IF NOT EXISTS {state(name)} ({columns})")
    engine.run(f"DELETE FROM {state('options')} WHERE name = 'layout'")
    engine.run(f"INSERT INTO {state('options')} VALUES ('layout', ?)", [str(LAYOUT)])


def has_state(engine: Engine) -> bool:
    """Whether the current database was written by this product."""
    return bool(engine.columns(state("builds")))


def is_current_layout(engine: Engine) -> bool:
    """Whether the state can be compared with; not for a new file, or one of another version of the product."""
    if not engine.columns(state("options")):
        return False
    return bool(engine.value(f"SELECT value FROM {state('options')} WHERE name = 'layout'") == str(LAYOUT))


def replace_rows(engine: Engine, name: str, rows: Sequence[tuple[object, ...]]) -> None:
    """Make the rows of a state table these."""
    engine.run(f"DELETE FROM {state(name)}")
    if rows:
        values = ", ".join(f"({', '.join('?' for _ in row)})" for row in rows)
        engine.run(f"INSERT INTO {state(name)} VALUES {values}", [value for row in rows for value in row])
