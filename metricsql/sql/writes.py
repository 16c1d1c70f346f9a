"""Statements that fill the built file: stored fields, `metrics.<model>`, `metrics.<model>_latest`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from metricsql.bind.catalog import FieldFacts
from metricsql.bind.sources import BoundModel
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.fields import STORE_SCHEMA, STORE_TABLE
from metricsql.sql.inputs import KEPT_SCHEMA, collapsed, kept_name
from metricsql.sql.sources import FIELD, records_name
from metricsql.sql.steps import Step, statement

METRICS_SCHEMA = "metrics"
LATEST = "_latest"
RECORDS = " records"
"""Ends the name of the table of the built file with the records of a model, and their fields as they are written."""


def _sql(tree: exp.Expression) -> str:
    return syntax.render(tree, pretty=False)


def _name(name: str) -> str:
    return _sql(syntax.identifier(name))


def built_table(model: str) -> str:
    """The table of a model's metrics."""
    return _sql(syntax.table(model, schema=METRICS_SCHEMA))


def store_fields(context: Context, model: BoundModel) -> str:
    """Add the current values of all fields of a model that differ from the newest stored ones (section 5)."""
    store = _sql(syntax.table(STORE_TABLE, schema=STORE_SCHEMA))
    model_text, day = _sql(syntax.text(model.name)), _sql(syntax.day(context.as_of))
    names = ", ".join(_sql(syntax.text(field.name)) for field in model.fields)
    words = ", ".join(f"r.{_name(FIELD + field.name)}" for field in model.fields)
    return f"""INSERT INTO {store}
SELECT {model_text}, r.key, r.field, {day}, CASE WHEN ISFINITE(TRY_CAST(r.text AS DOUBLE)) THEN TRY_CAST(r.text AS DOUBLE) END, r.text
FROM (
    SELECT r.key, UNNEST([{names}]) AS field, UNNEST([{words}]) AS text FROM {_name(records_name(context, model.name))} AS r
) AS r
LEFT JOIN (
    SELECT record, field, ARG_MAX(ROW(text), day) AS newest FROM {store} WHERE model = {model_text} GROUP BY record, field
) AS f ON f.record = r.key AND f.field = r.field
WHERE f.newest IS NULL OR f.newest IS DISTINCT FROM ROW(r.text)"""


def forget_day(context: Context) -> str:
    """Remove what was stored for the as-of day; a second build of a day overwrites it."""
    return f"DELETE FROM {_sql(syntax.table(STORE_TABLE, schema=STORE_SCHEMA))} WHERE day = {_sql(syntax.day(context.as_of))}"


def _kept(model: str, namespace: str) -> str:
    return _sql(syntax.table(kept_name(model, namespace), schema=KEPT_SCHEMA))


def keep_all(context: Context, model: str, namespace: str, columns: Mapping[str, str]) -> str:
    """Make the table with series by record and day, from the rows that are loaded; in the order of days, so that a stretch of
    days is found without looking at all rows.
    """
    query = collapsed(context, model, namespace, columns, [syntax.in_calendar(syntax.column("day"))])
    return f"CREATE OR REPLACE TABLE {_kept(model, namespace)} AS\n{syntax.render(query)}\nORDER BY day, record"


def forget_records(model: str, namespace: str, keys: Sequence[str]) -> str:
    """Remove what is kept of records that are gone, by the numbers that they had."""
    listed = ", ".join(_sql(syntax.text(key)) for key in keys) or "NULL"
    return f"""DELETE FROM {_kept(model, namespace)} WHERE record IN (
    SELECT number FROM "_metricsql"."records" WHERE model = {_sql(syntax.text(model))} AND record IN ({listed}))"""


def forget_days(model: str, namespace: str, days: Sequence[date]) -> str:
    """Remove what is kept of some days."""
    return f"DELETE FROM {_kept(model, namespace)} WHERE day IN ({', '.join(_sql(syntax.day(d)) for d in days)})"


def kept_days(model: str, namespace: str, days: Sequence[date]) -> str:
    """What is kept of some days."""
    return f"SELECT * FROM {_kept(model, namespace)} WHERE day IN ({', '.join(_sql(syntax.day(d)) for d in days)})"


def keep_days(context: Context, model: str, namespace: str, columns: Mapping[str, str], days: Sequence[date]) -> str:
    """Add some days again, from the rows that are loaded."""
    chosen = exp.In(this=syntax.column("day"), expressions=[syntax.day(d) for d in days])
    query = collapsed(context, model, namespace, columns, [chosen])
    return f"INSERT INTO {_kept(model, namespace)} BY NAME\n{syntax.render(query)}"


def write_model(context: Context, model: str, metrics: Sequence[str], source: Sequence[Step] | str) -> str:
    """Make the table of a model from its steps, or from the table that holds its results already."""
    return f"CREATE OR REPLACE TABLE {built_table(model)} AS\n{_results(context, model, metrics, source)}"


def add_to_model(context: Context, model: str, metrics: Sequence[str], source: Sequence[Step] | str) -> str:
    """Add rows to the table of a model, likewise."""
    return f"INSERT INTO {built_table(model)} BY NAME\n{_results(context, model, metrics, source)}"


def values_from(name: str, source: str, metrics: Sequence[str], first: date) -> Step:
    """A step with some metrics of a result from a day on."""
    columns = [syntax.column(column) for column in ("record", "day", *metrics)]
    query = exp.select(*columns).from_(syntax.table(source))
    return Step(name, "", query.where(syntax.fill("{0} >= {1}", [syntax.column("day"), syntax.day(first)])))


@dataclass(frozen=True)
class Values:
    """A table `record, day, <metric>...` that holds every grid row of some days."""

    table: str
    metrics: Sequence[str]
    first: date
    last: date


def changed_values(context: Context, model: str, values: Values) -> str:
    """`row, record, day, value 0, old 0, changed 0, ...`: the rows of a built table in which any of the values is another one.

    `row` is the number that the engine has for the row, until the table is written anew.
    """
    table, records = _name(values.table), _name(records_name(context, model))
    differs = [f"m.{_name(metric)} IS DISTINCT FROM v.{_name(metric)}" for metric in values.metrics]
    columns = ", ".join(f"v.{name} AS {_name(f'value {i}')}, m.{name} AS {_name(f'old {i}')}, {differs[i]} AS {_name(f'changed {i}')}"
                        for i, name in enumerate(map(_name, values.metrics)))
    return f"""SELECT m.rowid AS row, r.record, m.day, {columns}
FROM {built_table(model)} AS m
JOIN {records} AS r ON r.key = m.record
JOIN {table} AS v ON v.record = r.record AND v.day = m.day
WHERE m.day BETWEEN {_sql(syntax.day(values.first))} AND {_sql(syntax.day(values.last))} AND ({" OR ".join(differs)})"""


def changes_by_day(changed: str, metrics: int) -> str:
    """`day`, the number of its rows with any change, then for each of so many metrics two numbers of its values: those that
    changed, and those that changed by more than rounding (1e-9).
    """
    counts = ""
    for i in range(metrics):
        new, old, differs = (f"c.{_name(f'{part} {i}')}" for part in ("value", "old", "changed"))
        counts += f", COUNT(*) FILTER (WHERE {differs}), COUNT(*) FILTER (WHERE {differs} AND {_differs(new, old)})"
    return f"SELECT day, COUNT(*){counts} FROM {_name(changed)} AS c GROUP BY day ORDER BY day"


def _differs(new: str, old: str) -> str:
    """Whether two values differ by more than rounding."""
    return f"({new} IS NOT DISTINCT FROM {old} OR ABS({new} - {old}) <= 1e-9 * ABS({old})) IS NOT TRUE"


def update_changed(model: str, changed: str, metrics: Mapping[str, int]) -> str:
    """Set the values of some metrics in the rows in which any of them is another one; `metrics` gives their positions."""
    columns = ", ".join(f"{_name(metric)} = c.{_name(f'value {i}')}" for metric, i in metrics.items())
    differs = " OR ".join(f"c.{_name(f'changed {i}')}" for i in metrics.values())
    return f"UPDATE {built_table(model)} AS m SET {columns} FROM {_name(changed)} AS c WHERE m.rowid = c.row AND ({differs})"


def patched(context: Context, model: str, columns: Sequence[str], pieces: Sequence[Values], old: Sequence[str]) -> str:
    """Every row of the pieces' days: what the pieces hold, else what the built table holds in its columns `old`."""
    names = {piece.table: f"v{i}" for i, piece in enumerate(pieces, 1)}
    chosen = [f"{_patched(column, pieces, names, old)} AS {_name(column)}" for column in columns]
    rows = " UNION ".join(f"SELECT record, day FROM {_name(piece.table)}" for piece in pieces)
    if len(pieces) == 1:
        rows = f"SELECT record, day FROM {_name(pieces[0].table)}"
    joins = "".join(f"\nLEFT JOIN {_name(table)} AS {alias} ON {alias}.record = b.record AND {alias}.day = b.day"
                    for table, alias in names.items())
    if any(column in old and not _covers(column, pieces) for column in columns):
        joins += f"\nLEFT JOIN {built_table(model)} AS o ON o.record = r.key AND o.day = b.day"
    return f"""SELECT r.key AS record, b.day, {", ".join(chosen)}
FROM ({rows}) AS b
JOIN {_name(records_name(context, model))} AS r ON r.record = b.record{joins}"""


def differences_by_day(model: str, metrics: Sequence[str], before: str, records: str | None = None) -> str:
    """`day`, then per metric how many of its values are others than in the file `before`; rounding (1e-9) is none.

    Takes the first and the last day twice as parameters. `records` is a table with the only records to be compared.
    """
    some = "" if records is None else f" AND record IN (SELECT record FROM {records})"
    table = built_table(model)
    columns = ", ".join(_name(metric) for metric in metrics)
    counts = ", ".join(f"COUNT(*) FILTER (WHERE {_differs(f'n.{c}', f'b.{c}')})" for c in map(_name, metrics))
    return f"""SELECT day, {counts}
FROM (SELECT record, day, {columns} FROM {table} WHERE day BETWEEN ? AND ?{some}) AS n
JOIN (SELECT record, day, {columns} FROM {before}.{table} WHERE day BETWEEN ? AND ?{some}) AS b USING (record, day)
GROUP BY day"""


def _covers(column: str, pieces: Sequence[Values]) -> bool:
    """Whether one piece holds a column on all days of all pieces."""
    first, last = min(piece.first for piece in pieces), max(piece.last for piece in pieces)
    return any(column in piece.metrics and (piece.first, piece.last) == (first, last) for piece in pieces)


def _patched(column: str, pieces: Sequence[Values], names: Mapping[str, str], old: Sequence[str]) -> str:
    holders = [piece for piece in pieces if column in piece.metrics]
    otherwise = f"o.{_name(column)}" if column in old else "NULL::DOUBLE"
    if _covers(column, pieces):
        whole = next(p for p in holders if (p.first, p.last) == (min(q.first for q in pieces), max(q.last for q in pieces)))
        return f"{names[whole.table]}.{_name(column)}"
    cases = "".join(f" WHEN b.day BETWEEN {_sql(syntax.day(p.first))} AND {_sql(syntax.day(p.last))} "
                    f"THEN {names[p.table]}.{_name(column)}" for p in holders)
    return f"CASE{cases} ELSE {otherwise} END" if cases else otherwise


def _results(context: Context, model: str, metrics: Sequence[str], source: Sequence[Step] | str) -> str:
    columns = ", ".join(f"m.{_name(metric)}" for metric in metrics)
    values = _name(source) if isinstance(source, str) else f"(\n{statement(source)}\n)"
    return f"""SELECT r.key AS record, m.day, {columns}
FROM {values} AS m
JOIN {_name(records_name(context, model))} AS r ON r.record = m.record"""


def _is_text(facts: Mapping[str, FieldFacts], field: str) -> bool:
    known = facts.get(field)
    return known is not None and known.kind == "text"


def _records(model: str) -> str:
    return _sql(syntax.table(model + RECORDS, schema=KEPT_SCHEMA))


def keep_records(context: Context, model: str) -> str:
    """Make the table of the records of a model just as the build sees them."""
    return f"CREATE OR REPLACE TABLE {_records(model)} AS\nSELECT * FROM {_name(records_name(context, model))} ORDER BY key"


def take_records(context: Context, model: str) -> str:
    """Make the build's own table of records from that one."""
    return f"CREATE TEMP TABLE {_name(records_name(context, model))} AS SELECT * FROM {_records(model)}"


def write_latest(context: Context, model: str, metrics: Sequence[str], facts: Mapping[str, FieldFacts], values: str) -> str:
    """Make the table with the fields of every record and its values on the last day, which a query gives."""
    return f"CREATE TABLE {built_table(model + LATEST)} AS\n" \
           + latest(context, model, metrics, facts, _name(records_name(context, model)), values)


def show_latest(context: Context, model: str, metrics: Sequence[str], facts: Mapping[str, FieldFacts], file: str | None = None) -> str:
    """The same as a view, over the kept records or a file with them, and the built values."""
    records = _records(model) if file is None else f"READ_PARQUET({_sql(syntax.text(file))})"
    return f"CREATE VIEW {built_table(model + LATEST)} AS\n{latest(context, model, metrics, facts, records)}"


def latest(context: Context, model: str, metrics: Sequence[str], facts: Mapping[str, FieldFacts], records: str,
           values: str | None = None) -> str:
    """The fields of every record and its values on the last day."""
    day = _sql(syntax.day(context.as_of))
    chosen = ["r.key AS record", f"{day} AS day"]
    for field, label in _labels(context, model, metrics).items():
        words = f"r.{_name(FIELD + field)}"
        value = words if _is_text(facts, field) else f"TRY_CAST({words} AS DOUBLE)"
        chosen.append(f"{value} AS {_name(label)}")
    chosen += [f"m.{_name(metric)}" for metric in metrics]
    return f"""SELECT {", ".join(chosen)}
FROM {records} AS r
LEFT JOIN {built_table(model) if values is None else f"({values})"} AS m ON m.record = r.key AND m.day = {day}
ORDER BY 1"""


def _labels(context: Context, model: str, metrics: Sequence[str]) -> dict[str, str]:
    """Field -> its column; a field with the name of another column gets a prefix, the metric keeps the name."""
    taken = {name.lower() for name in ("record", "day", *metrics)}
    labels: dict[str, str] = {}
    for field in context.sources.models[model].fields:
        label = field.name
        while label.lower() in taken:
            label = f"{FIELD}{label}"
        taken.add(label.lower())
        labels[field.name] = label
    return labels
