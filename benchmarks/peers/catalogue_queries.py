"""One DuckDB window query per documented formula, translated from its JSON.

Left out are formulas over the metrics of end users, which a person would write in another way than by translation.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.data import START
from benchmarks.workload import Task
from benchmarks.workloads.catalogue import formulas, props

TITLE = "one DuckDB query per formula"
PACKAGES = ("duckdb",)

GROUPS = {"MULTIPLICATION": "({0} * {1})", "DIVISION": "({0} / nullif({1}, 0))", "SUBTRACTION": "({0} - coalesce({1}, 0))",
          "POWER": "power({0}, {1})", "SIGN": "sign({0})"}
WINDOWS = {"SUM": "sum({0})", "AVERAGE": "avg({0})", "AVG": "avg({0})", "MIN": "min({0})", "MAX": "max({0})",
           "LAST": "last_value({0} IGNORE NULLS)"}
CONDITIONS = {"equal to": "=", "more than": ">"}


def expressible(metric: str) -> bool:
    """Whether a formula has a translation."""
    model, formula = formulas()[metric]
    return model == "company" and not any(prop.startswith("enduser.") for prop in props(formula))


def run(task: Task) -> dict[str, Any]:
    import duckdb

    rows = 0
    with duckdb.connect(str(output(task.folder))) as connection:
        connection.execute("SET enable_progress_bar = false")
        if task.memory is not None:
            connection.execute(f"SET memory_limit = '{task.memory}'")
        for metric in task.metrics:
            made = connection.execute(query(metric, task)).fetchone()
            rows = int(made[0]) if made else 0
        connection.execute("CHECKPOINT")
    return {"rows": rows}


def output(folder: Path) -> Path:
    return folder / "catalogue_queries.duckdb"


def values(task: Task, metric: str) -> str:
    return f'SELECT company AS record, day, value FROM result."{metric}"'


def query(metric: str, task: Task) -> str:
    """The statement that fills the table of a formula."""
    formula = formulas()[metric][1]
    by_namespace: dict[str, list[str]] = {}
    for prop in sorted(props(formula)):
        if not prop.startswith("company.custom."):
            namespace, name = _series(prop)
            by_namespace.setdefault(namespace, []).append(name)
    parts = [f"grid AS (SELECT c.* EXCLUDE (id), c.id AS company, CAST(d.day AS DATE) AS day FROM read_csv('{task.folder}/companies.csv') "
             f"AS c CROSS JOIN generate_series(DATE '{START}', DATE '{task.size.until}', INTERVAL 1 DAY) AS d(day))"]
    for namespace, names in by_namespace.items():
        columns = ", ".join(f"""sum(value) FILTER (name = '{name}') AS "{namespace}.{name}\"""" for name in names)
        listed = ", ".join(f"'{name}'" for name in names)
        rows = f"read_parquet('{task.folder}/{namespace}/*.parquet')"
        if namespace == "activities":  # what end users do counts for their company, too
            rows = (f"(SELECT coalesce(e.company, a.record) AS record, 'company' AS model, name, date, value FROM {rows} AS a "
                    f"LEFT JOIN read_csv('{task.folder}/endusers.csv') AS e ON e.id = a.record)")
        parts.append(f"{namespace} AS (SELECT record AS company, date AS day, {columns} "
                     f"FROM {rows} WHERE model = 'company' AND name IN ({listed}) GROUP BY ALL)")
    joins = "".join(f" LEFT JOIN {namespace} USING (company, day)" for namespace in by_namespace)
    ctes = ",\n".join(parts)
    return f'CREATE TABLE "{metric}" AS\nWITH {ctes}\nSELECT company, day, CAST({_value(formula)} AS DOUBLE) AS value\nFROM grid{joins}'


def _series(prop: str) -> tuple[str, str]:
    """Namespace and name of the series behind a property."""
    namespace, _, name = prop.partition(".")
    if namespace == "calculated":
        return "metrics", f"stub {name}"
    return ("metrics" if namespace == "custom" else namespace), name


def _value(formula: Any) -> str:
    match formula:
        case [single]:
            return _value(single)
        case ["SUM", *arguments]:
            return f"list_sum([{', '.join(map(_value, arguments))}])"
        case ["IF", value, {"value": "has value"}, then, other]:
            return f"CASE WHEN {_value(value)} IS NOT NULL THEN {_value(then)} ELSE {_value(other)} END"
        case ["IF", value, {"type": "condition", "value": how}, compared, then, other]:
            return f"CASE WHEN {_value(value)} {CONDITIONS[how]} {_value(compared)} THEN {_value(then)} ELSE {_value(other)} END"
        case [group, *arguments]:
            return GROUPS[group].format(*map(_value, arguments))
        case {"type": "rawNumber", "value": number}:
            return f"CAST({number} AS DOUBLE)"
        case {"type": "rawValue", "value": text}:
            return f"'{text}'"
        case {"type": "propertyValue", "prop": prop}:
            return f'"{prop.removeprefix("company.custom.")}"'
        case {"type": kind, "prop": prop}:
            return _over_time(kind, formula.get("op", "LAST"), formula.get("days", 1), prop)
    raise ValueError(f"no translation of {formula}")


def _over_time(kind: str, operation: str, days: int, prop: str) -> str:
    namespace, name = _series(prop)
    series = f'"{namespace}.{name}"'
    if namespace == "conversations":
        series = f"coalesce({series}, 0)"
    order = "PARTITION BY company ORDER BY day"
    if kind == "daysSince":
        return f"(day - last_value(CASE WHEN {series} > 0 THEN day END IGNORE NULLS) OVER ({order} ROWS UNBOUNDED PRECEDING))"
    if kind == "totalSum":
        return f"sum({series}) OVER ({order} ROWS UNBOUNDED PRECEDING)"
    if operation == "TREND":
        return f"({series} / nullif(lag({series}, {days}) OVER ({order}), 0))"
    return f"{WINDOWS[operation].format(series)} OVER ({order} ROWS {days - 1} PRECEDING)"
