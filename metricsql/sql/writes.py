"""Statements that fill the built file: stored fields, `metrics.<model>`, `metrics.<model>_latest`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlglot import exp

from metricsql.bind.catalog import FieldFacts
from metricsql.bind.sources import BoundModel
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.fields import STORE_SCHEMA, STORE_TABLE
from metricsql.sql.sources import FIELD, records_name
from metricsql.sql.steps import Step, statement

METRICS_SCHEMA = "metrics"
LATEST = "_latest"
BEFORE = " before"
"""Ends the name of the table that a build of selected metrics takes the other columns from."""


def _sql(tree: exp.Expression) -> str:
    return syntax.render(tree, pretty=False)


def _name(name: str) -> str:
    return _sql(syntax.identifier(name))


def built_table(model: str) -> str:
    """The table of a model's metrics."""
    return _sql(syntax.table(model, schema=METRICS_SCHEMA))


def store_field(context: Context, model: BoundModel, field: str) -> str:
    """Add the current values of a field that differ from the newest stored ones (section 5)."""
    store = _sql(syntax.table(STORE_TABLE, schema=STORE_SCHEMA))
    words, day = _name(f"{FIELD}{field}"), _sql(syntax.day(context.as_of))
    model_text, field_text = _sql(syntax.text(model.name)), _sql(syntax.text(field))
    return f"""INSERT INTO {store}
SELECT {model_text}, r.key, {field_text}, {day},
       CASE WHEN ISFINITE(TRY_CAST(r.{words} AS DOUBLE)) THEN TRY_CAST(r.{words} AS DOUBLE) END, r.{words}
FROM {_name(records_name(context, model.name))} AS r
LEFT JOIN (
    SELECT record, ARG_MAX(ROW(text), day) AS newest FROM {store}
    WHERE model = {model_text} AND field = {field_text} GROUP BY record
) AS f ON f.record = r.key
WHERE f.newest IS NULL OR f.newest IS DISTINCT FROM ROW(r.{words})"""


def forget_day(context: Context) -> str:
    """Remove what was stored for the as-of day; a second build of a day overwrites it."""
    return f"DELETE FROM {_sql(syntax.table(STORE_TABLE, schema=STORE_SCHEMA))} WHERE day = {_sql(syntax.day(context.as_of))}"


def write_model(context: Context, model: str, metrics: Sequence[str], source: Sequence[Step] | str,
                kept: Sequence[str]) -> str:
    """Make the table of a model from its steps, or from the table that holds its results already.

    The columns in `kept` are taken over, by record and day, from the table whose name ends in `BEFORE`.
    """
    columns = ", ".join(f"m.{_name(metric)}" for metric in metrics)
    carried = "".join(f", o.{_name(column)}" for column in kept)
    old = f"\nLEFT JOIN {built_table(model + BEFORE)} AS o ON o.record = r.key AND o.day = m.day" if kept else ""
    values = _name(source) if isinstance(source, str) else f"(\n{statement(source)}\n)"
    return f"""CREATE OR REPLACE TABLE {built_table(model)} AS
SELECT r.key AS record, m.day, {columns}{carried}
FROM {values} AS m
JOIN {_name(records_name(context, model))} AS r ON r.record = m.record{old}"""


def write_latest(context: Context, model: str, metrics: Sequence[str], facts: Mapping[str, FieldFacts]) -> str:
    """Make the table with the fields of every record and its values on the last day."""
    day = _sql(syntax.day(context.as_of))
    chosen = ["r.key AS record", f"{day} AS day"]
    for field, label in _labels(context, model, metrics).items():
        words, known = f"r.{_name(FIELD + field)}", facts.get(field)
        value = words if known is not None and known.kind == "text" else f"TRY_CAST({words} AS DOUBLE)"
        chosen.append(f"{value} AS {_name(label)}")
    chosen += [f"m.{_name(metric)}" for metric in metrics]
    return f"""CREATE OR REPLACE TABLE {built_table(model + LATEST)} AS
SELECT {", ".join(chosen)}
FROM {_name(records_name(context, model))} AS r
LEFT JOIN {built_table(model)} AS m ON m.record = r.key AND m.day = {day}
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
