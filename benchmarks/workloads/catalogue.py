"""`catalogue`: the documented formulas, all at once, over as much data as one likes.

Every series that they read has at most one row a day; densities fall from 1 to 0.01, as in `standard`. Calculated metrics
that a formula names and that are documented nowhere else are the value of the day of a series of their own.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.data import NOTE, START, Size, months
from benchmarks.workload import OWN, Entry, Options, Prepared, Task, Workload, times

FILE = Path(__file__).parents[2] / "tests" / "catalogue.json"
FIELDS = {"seats": "5 + c % 100", "expected number of logins": "50 + c % 200", "Max Seats feature X": "c % 300",
          "Currency": "['USD', 'EUR'][1 + c % 2]", "New feature ARR": "100 * (c % 50)"}
"""The columns of companies, from their numbers."""
CHILDREN = 2
"""End users of a company."""
LOWEST_DENSITY = 0.01


def formulas() -> dict[str, tuple[str, Any]]:
    """Per id the model of the record and the formula as JSON."""
    read = json.loads(FILE.read_text(encoding="utf-8"))
    return {entry["id"]: ("enduser" if entry["model"] == "enduser" else "company", entry["formula"]) for entry in read}


def props(formula: Any) -> set[str]:
    """The series, fields and metrics that a formula reads, as written."""
    if isinstance(formula, list):
        return set().union(*(props(part) for part in formula))
    return {formula["prop"]} if isinstance(formula, dict) and "prop" in formula else set()


def raw_series() -> list[tuple[str, str, str]]:
    """Model, namespace and name of everything that has rows; a calculated metric reads `metrics.stub <its id>`."""
    found = set()
    for model, formula in formulas().values():
        for prop in props(formula):
            if ".custom." in prop:
                continue
            child, name = prop.startswith("enduser."), prop.removeprefix("enduser.")
            namespace, _, name = name.partition(".")
            if namespace == "calculated":
                namespace, name = "metrics", f"stub {name}"
            found.add(("enduser" if child else model, "metrics" if namespace == "custom" else namespace, name))
    return sorted(found)


def make(folder: Path, size: Size) -> int:
    """Write records, rows and the project; returns the number of raw rows."""
    (folder / "metricsql.yml").write_text(json.dumps(project(size), indent=2), encoding="utf-8")
    note, written = folder / NOTE, [size.companies, size.days, size.seed]
    if note.exists() and (known := json.loads(note.read_text()))["size"] == written:
        return int(known["rows"])
    import duckdb

    with duckdb.connect() as connection:
        rows = _write(connection, folder, size)
    note.write_text(json.dumps({"size": written, "rows": rows}))
    return rows


def _write(connection: Any, folder: Path, size: Size) -> int:
    fields = ", ".join(f'{value} AS "{name}"' for name, value in FIELDS.items())
    connection.execute(f"""
        CREATE MACRO chance(what, s, r, d) AS hash({int(size.seed)}, what, s, r, d) / 18446744073709551616.0;
        CREATE TABLE records AS SELECT 'company' AS model, 'c-' || c AS id, c FROM range({size.companies}) AS t(c)
        UNION ALL SELECT 'enduser', 'u-' || c || '-' || n, c FROM range({size.companies}) AS t(c), range({CHILDREN}) AS s(n);
        CREATE TABLE series (number INTEGER, model VARCHAR, namespace VARCHAR, name VARCHAR, density DOUBLE);
        COPY (SELECT id, {fields} FROM records WHERE model = 'company' ORDER BY c) TO '{folder}/companies.csv' (HEADER);
        COPY (SELECT id, 'c-' || c AS company FROM records WHERE model = 'enduser' ORDER BY c, id) TO '{folder}/endusers.csv' (HEADER)""")
    every = raw_series()
    connection.executemany("INSERT INTO series VALUES (?, ?, ?, ?, ?)", [
        (number, *one, LOWEST_DENSITY ** (number / max(len(every) - 1, 1))) for number, one in enumerate(every)])
    rows = 0
    for first, last in months(size):
        offset = (first - START).days
        for namespace in sorted({one[1] for one in every}):
            (folder / namespace).mkdir(exist_ok=True)
            made = connection.execute(f"""COPY (
                SELECT r.id AS record, r.model, s.name, DATE '{first}' + d::INT AS date,
                       1 + (9 * chance('value', s.number, r.id, d + {offset}))::INT AS value
                FROM records AS r JOIN series AS s USING (model) CROSS JOIN range({(last - first).days + 1}) AS t(d)
                WHERE s.namespace = '{namespace}' AND chance('there', s.number, r.id, d + {offset}) < s.density
                ORDER BY date, record, name) TO '{folder}/{namespace}/{first:%Y-%m}.parquet' (FORMAT parquet)""").fetchone()
            rows += int(made[0]) if made else 0
    return rows


def project(size: Size) -> dict[str, Any]:
    """The project file over the data: all documented formulas, and the metrics that they name."""
    metrics = [{"id": name, "model": model, "formula": formula} for name, (model, formula) in formulas().items()]
    stubs = sorted({prop for _, formula in formulas().values() for prop in props(formula) if "calculated." in prop})
    for prop in stubs:
        name = prop.rpartition(".")[2]
        metrics.append({"id": name, "model": "enduser" if prop.startswith("enduser.") else "company",
                        "formula": {"type": "metricOverTime", "days": 1, "op": "LAST", "prop": f"metrics.stub {name}"}})
    return {
        "version": 1, "name": "catalogue", "database": "metricsql.duckdb", "start": str(START), "until": str(size.until),
        "fields_before_tracking": "constant",
        "models": {"company": {"records": "companies.csv"}, "enduser": {"records": "endusers.csv", "company": "company"}},
        "series": {name: {"source": f"{name}/*.parquet", "columns": {"count": "value"}} if name == "activities" else f"{name}/*.parquet"
                   for name in sorted({one[1] for one in raw_series()})},
        "metrics": metrics,
    }


def _prepare(folder: Path, options: Options) -> Prepared:
    from benchmarks.peers.catalogue_queries import expressible

    size = options.size(Size(companies=2000, days=730))
    rows = make(folder, size)
    every = tuple(name for name, (model, _) in formulas().items() if model == "company")
    told = Task(folder, size, "company", every, options.memory)
    some = Task(folder, size, "company", tuple(name for name in every if expressible(name)), options.memory)
    return Prepared([Entry(OWN, OWN, told), Entry("limit", "physical_limit", told), Entry("queries", "catalogue_queries", some, OWN)], rows,
                    facts=lambda lines: {"formulas built": len(formulas()), "formulas as queries": len(some.metrics),
                                         "one query per formula, times the build of all": times(lines, "queries")})


WORKLOAD = Workload("all documented formulas", _prepare)
