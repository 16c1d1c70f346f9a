"""Sources as temporary views, for an engine whose reading functions cannot stand inside a statement.

Every source becomes a table of its own name; the steps behind it are the same. What such an engine cannot read itself
(queries of the project, tables of attached databases, the stored field history) is to be brought to it as Parquet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sqlglot import exp

from metricsql.bind.catalog import Catalog
from metricsql.bind.sources import BoundModel, BoundSeries, BoundSources, Column
from metricsql.diagnostics import one_line
from metricsql.project.definition import SourceDef
from metricsql.sql import syntax
from metricsql.sql.dialects import DUCKDB, SPARK
from metricsql.sql.fields import STORE_SCHEMA, STORE_TABLE
from metricsql.sql.sources import JSON_SUFFIXES, is_csv, is_glob
from metricsql.sql.steps import Step

CSV = {"header": "true", "multiLine": "true", "escape": '"', "mode": "DROPMALFORMED"}
"""A quoted value may span lines; a line with too few or too many values is no row."""


@dataclass(frozen=True)
class View:
    """A view, the source that it shows, and the columns of that source."""

    name: str
    source: SourceDef
    columns: tuple[str, ...]


def is_text_file(source: SourceDef) -> bool:
    """Whether all values of a source are texts: nothing is known of their types before they are read."""
    return is_csv(source) or is_json(source)


def is_json(source: SourceDef) -> bool:
    """Whether a source is read as JSON."""
    return (source.path or "").lower().removesuffix(".gz").endswith(JSON_SUFFIXES)


def as_views(sources: BoundSources, catalog: Catalog) -> tuple[BoundSources, list[View]]:
    """The same sources as views, and these views. The catalog gives all columns of a source, as they were found."""
    views: dict[str, View] = {}

    def seen(source: SourceDef, name: str, columns: Mapping[str, str]) -> SourceDef:
        if source.table is not None and source.attach is None:
            return source
        views[name] = View(name, source, tuple(columns))
        return replace(source, path=None, sql=None, attach=None, table=name)

    models = {name: _as_view_of_model(one, catalog, seen) for name, one in sources.models.items()}
    series = {name: _as_view_of_series(one, seen(one.definition.source, rows_view(name), catalog.series.get(name, {})))
              for name, one in sources.series.items()}
    return BoundSources(models, series), list(views.values())


def rows_view(namespace: str) -> str:
    """The view with the rows of a namespace."""
    return f"rows of {namespace}"


def _as_view_of_model(model: BoundModel, catalog: Catalog, seen: Callable[[SourceDef, str, Mapping[str, str]], SourceDef]) -> BoundModel:
    declared, history = model.definition, model.definition.history
    records = seen(declared.records, f"records of {model.name}", catalog.records.get(model.name, {}))
    given = history and seen(history, f"field history of {model.name}", catalog.histories.get(model.name, {}))
    texts, words = is_text_file(declared.records), history is not None and is_text_file(history)
    return replace(
        model, definition=replace(declared, records=records, history=given), key=_typed(model.key, texts),
        fields=tuple(_typed(field, texts) for field in model.fields), company=model.company and _typed(model.company, texts),
        since=model.since and _typed(model.since, texts),
        history=model.history and {name: _typed(column, words) for name, column in model.history.items()})


def _as_view_of_series(series: BoundSeries, source: SourceDef) -> BoundSeries:
    texts = is_text_file(series.definition.source)

    def typed(column: Column | None) -> Column | None:
        return column and _typed(column, texts)

    return replace(
        series, definition=replace(series.definition, source=source), name=_typed(series.name, texts), time=_typed(series.time, texts),
        value=typed(series.value), record=typed(series.record), model=typed(series.model),
        by_model={name: _typed(column, texts) for name, column in series.by_model.items()})


def _typed(column: Column, texts: bool) -> Column:
    return replace(column, type="VARCHAR") if texts else column


# Printed


def spark_script(views: Sequence[View], steps: Sequence[Step]) -> list[str]:
    """The statements before the one that computes, in Spark's SQL: settings, and a view for every source that steps read."""
    from metricsql.sql.dialects.spark import SETTINGS  # only for who asks for Spark: loading it takes a while

    read = {f"{table.db}.{table.name}" if table.db else table.name for step in steps if not isinstance(step.query, str)
            for table in step.query.find_all(exp.Table)}
    made = [f"SET {name} = {value}" for name, value in SETTINGS.items()]
    made += [_view_statement(view) for view in views if view.name in read]
    name = f"{STORE_SCHEMA}.{STORE_TABLE}"
    if name in read:
        made.append(_exported(name, f"FROM {name}"))
    return made


def _view_statement(view: View) -> str:
    source = view.source
    if source.path is None:
        words = f"({source.query})" if source.sql is not None else f"FROM {_duckdb(syntax.text(source.attach or ''))} {source.table}"
        return _exported(view.name, one_line(words, limit=None))
    if is_json(source):
        lines = source.path.lower().removesuffix(".gz").endswith((".ndjson", ".jsonl"))
        return _create(view, "json", {"path": source.location, "multiLine": "false" if lines else "true"})
    if is_csv(source):
        tabs = {"sep": "\t"} if source.path.lower().removesuffix(".gz").endswith(".tsv") else {}
        return _create(view, "csv", {"path": source.location, **tabs, **CSV})
    several = {"mergeSchema": "true"} if is_glob(source.path) else {}
    return _create(replace(view, columns=()), "parquet", {"path": source.location, **several})


def _create(view: View, form: str, options: Mapping[str, str]) -> str:
    columns = ", ".join(f"{_spark(syntax.identifier(name))} STRING" for name in view.columns)
    listed = ", ".join(f"{name} {_spark(syntax.text(value))}" for name, value in options.items())
    return (f"CREATE OR REPLACE TEMPORARY VIEW {_spark(syntax.identifier(view.name))}{f' ({columns})' if columns else ''}\n"
            f"USING {form} OPTIONS ({listed})")


def _exported(name: str, query: str) -> str:
    """A view over a file that DuckDB is asked to write before, with a comment that says so."""
    file = f"{name}.parquet"
    words = f"-- before this, in DuckDB: COPY {query if query.startswith('(') else f'({query})'} TO {_duckdb(syntax.text(file))}\n"
    return words + _create(View(name, SourceDef(path=file), ()), "parquet", {"path": file})


def _spark(tree: exp.Expression) -> str:
    return syntax.render(tree, SPARK, pretty=False)


def _duckdb(tree: exp.Expression) -> str:
    return syntax.render(tree, DUCKDB, pretty=False)
