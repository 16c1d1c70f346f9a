"""Output tables: checked content of the project file -> `TableDef`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from metricsql.diagnostics import Findings, Locate, Path, did_you_mean, shift
from metricsql.project.definition import ModelDef, NumberFormat, RowDef, SourceDef, TableDef, Written
from metricsql.project.parts import Source
from metricsql.project.table_schema import Table, TableRow

METRICS = "metrics."
"""Begins a source that is the metrics of a model."""
FILE_ENDS = ("csv", "tsv", "txt", "parquet", "json", "ndjson", "jsonl", "gz", "xlsx")
"""`metrics.csv` is a file, not the metrics of a model `csv`."""
_ONLY_METRICS = ("over", "where")


def read_table(name: str, table: Table, locate: Locate, text: str, source: Callable[[Source, Path], SourceDef],
               models: Mapping[str, ModelDef], models_known: bool, findings: Findings) -> TableDef:
    """The definition of a table; `source` reads a source at a path inside it, `text` is the whole file."""
    model = _model(table)
    if model is not None and model not in models and models_known:
        findings.error("unknown-model", f"there is no model `{model}`", locate(("source",)),
                       did_you_mean(model, models) or ("the models are " + ", ".join(models) if models else
                                                      "a ledger is a path, `table`, `sql` or `attach`"))
    ledgers = {} if model is not None else {
        key: source(one, ("sources", key) if key else ("source",)) for key, one in _sources(table).items()}
    if table.from_ is not None and table.to is not None and table.from_ > table.to:
        findings.error("bad-value", f"`from` ({table.from_}) lies after `to` ({table.to})", locate(("from",)))
    for key in ("by", "where"):
        if model is None and getattr(table, key) is not None:
            findings.error("bad-value", f"`{key}` is for tables of metrics only; a ledger has no records", locate((key,)),
                           "their source is `metrics.<model>`")
    rows = tuple(_row(row, model, shift(locate, ("rows", i)), text, findings) for i, row in enumerate(table.rows))
    return TableDef(name, rows, ledgers, model, table.interval, table.fiscal_year_start, table.from_, table.to,
                    table.reuse == "summit", table.seed, table.by, table.where, locate)


def _model(table: Table) -> str | None:
    path = table.source.path if table.source is not None else None
    if path is None or not path.startswith(METRICS):
        return None
    name = path[len(METRICS):]
    return None if any(sign in name for sign in "./*?") or name.lower() in FILE_ENDS else name


def _sources(table: Table) -> Mapping[str, Source]:
    return {"": table.source} if table.source is not None else table.sources


def _row(row: TableRow, model: str | None, locate: Locate, text: str, findings: Findings) -> RowDef:
    wrong, right = ("metric", "event") if model is None else ("event", "metric")
    if getattr(row, wrong) is not None:
        what = "a ledger holds events" if model is None else f"the source of this table is the metrics of `{model}`"
        findings.error("bad-value", f"found `{wrong}`, expected `{right}`: {what}", locate((wrong,)))
    for key in _ONLY_METRICS:
        if row.metric is None and getattr(row, key) is not None and wrong != "event":
            findings.error("bad-value", f"`{key}` is for rows of metrics only", locate((key,)),
                           "it says how the records of a day become one number")
    written = None if row.calculation is None else Written(None, row.calculation, shift(locate, ("calculation",)), text)
    shape = row.format
    return RowDef(
        row.event, row.metric, row.measure, written, row.name, row.display, row.kind, row.opening, row.over, row.where,
        NumberFormat() if shape is None else NumberFormat(shape.style, shape.decimals, shape.currency),
        tuple(row.ignore), locate,
    )
