"""Sources as Spark reads them: with the file of every row and its place there.

Parquet, CSV and JSON are read by Spark, tables too; queries of the project and tables of attached databases are DuckDB's,
which writes them as Parquet once.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metricsql.bind.sources import BoundSeries, Column
from metricsql.build.engine import Engine, literal, quoted
from metricsql.build.files import paths_of
from metricsql.build.spark.session import Spark, errors
from metricsql.project.definition import SourceDef
from metricsql.sql import facts
from metricsql.sql.distributed import FILE, POSITION
from metricsql.sql.sources import is_csv
from metricsql.sql.views import CSV, is_json, is_text_file

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

KEPT_TYPES = ("VARCHAR", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DOUBLE", "FLOAT", "BIGINT", "INTEGER", "SMALLINT", "TINYINT",
              "BOOLEAN")
"""Types that mean the same in a file of either engine; others are written as texts."""
MOST_LINES = 100_000
PLACE = {FILE: "REPLACE(URL_DECODE(REPLACE(_metadata.file_path, '+', '%2B')), 'file:', '')"}


class Sources:
    """Reads the rows of namespaces; `scratch` is a folder that both engines see."""

    def __init__(self, engine: Engine, spark: Spark, scratch: Path) -> None:
        self.engine, self.spark, self.scratch = engine, spark, scratch
        self.forms: dict[str, tuple[Any, ...]] = {}

    def rows(self, series: BoundSeries, types: Mapping[str, str], name: str, paths: Sequence[str] | None = None) -> BoundSeries:
        """Make the view of a source, of some of its files; returns the series over this view."""
        source = series.definition.source
        if source.path is not None:
            frame = self.files(source, list(types), paths_of(source) if paths is None else paths)
            texts = is_text_file(source)
        else:
            frame, texts = self.copied(source, types, name), False
        self.spark.view(name, frame)
        kept = {column: "VARCHAR" if texts or not _is_kept(kind) else kind for column, kind in types.items()}
        return _over(series, replace(source, path=None, sql=None, attach=None, table=name), kept)

    def files(self, source: SourceDef, columns: Sequence[str], paths: Sequence[str]) -> DataFrame:
        """The rows of files, however many kinds of header they have."""
        if not paths:
            return self.nothing(columns)
        if is_csv(source):
            return self.together([self.csv(form, some) for form, some in self.by_form(paths).items()])
        if is_json(source):
            by_form: dict[bool, list[str]] = {}
            for path in paths:
                by_form.setdefault(_is_array(path), []).append(path)
            return self.together([self.json(columns, whole, some) for whole, some in by_form.items()])
        reader = self.spark.session.read.option("mergeSchema", str(len(paths) > 1).lower())
        with errors():
            return _placed(reader.parquet(*map(escaped, paths)), "_metadata.row_index")

    def nothing(self, columns: Sequence[str]) -> DataFrame:
        """No rows, with the columns of texts."""
        schema = ", ".join(f"{_back(name)} STRING" for name in columns)
        schema += f", {_back(FILE)} STRING, {_back(POSITION)} STRUCT<file: STRING, number: BIGINT>"
        with errors():
            return self.spark.session.createDataFrame([], schema)

    def together(self, frames: Sequence[DataFrame]) -> DataFrame:
        first, *others = frames
        for other in others:
            first = first.unionByName(other, allowMissingColumns=True)
        return first

    def form(self, path: str) -> tuple[Any, ...]:
        """The signs of a CSV file, as DuckDB finds them, and the names of its columns."""
        tabs = ", delim = '\t'" if path.lower().removesuffix(".gz").endswith(".tsv") else ""
        if path in self.forms:
            return self.forms[path]
        signs = self.engine.rows("SELECT Delimiter, Quote, Escape, Comment FROM "
                                 f"SNIFF_CSV({literal(path)}, all_varchar = true, header = true{tabs})")[0]
        names = tuple(row[0] for row in self.engine.rows(facts.describe(SourceDef(path=path))))
        self.forms[path] = (*signs, names)
        return self.forms[path]

    def csv(self, form: tuple[Any, ...], paths: Sequence[str], **more: str) -> DataFrame:
        delimiter, quote, _, comment, names = form
        options = {**CSV, "sep": delimiter, **({"quote": quote} if len(quote) == 1 and quote != "\0" else {}),
                   **({"comment": comment} if len(comment) == 1 and comment != "\0" else {}), **more}
        schema = ", ".join(f"{_back(name)} STRING" for name in names)
        with errors():
            frame = self.spark.session.read.options(**options).schema(schema).csv([escaped(path) for path in paths])
            return _placed(frame, "MONOTONICALLY_INCREASING_ID()")

    def json(self, columns: Sequence[str], whole: bool, paths: Sequence[str]) -> DataFrame:
        schema = ", ".join(f"{_back(name)} STRING" for name in columns)
        with errors():
            frame = self.spark.session.read.schema(schema).json([escaped(path) for path in paths], multiLine=whole)
            return _placed(frame, "MONOTONICALLY_INCREASING_ID()")

    def rejects(self, paths: Sequence[str]) -> dict[str, list[str]]:
        """Per CSV file, the lines that have too few or too many values."""
        bad = "line that is no row"
        found: dict[str, list[str]] = {path: [] for path in paths}
        for (*signs, names), some in self.by_form(paths).items():
            frame = self.csv((*signs, (*names, bad)), some, mode="PERMISSIVE", columnNameOfCorruptRecord=bad)
            with errors():
                lines = frame.where(f"{_back(bad)} IS NOT NULL").select(_back(FILE), _back(bad), _back(names[0])).limit(MOST_LINES)
                collected = lines.collect()
            for file, line, _ in collected:
                found[file].append(line)
        return found

    def by_form(self, paths: Sequence[str]) -> dict[tuple[Any, ...], list[str]]:
        """CSV files that look alike."""
        kinds: dict[tuple[Any, ...], list[str]] = {}
        for path in paths:
            kinds.setdefault(self.form(path), []).append(path)
        return kinds

    def copied(self, source: SourceDef, types: Mapping[str, str], name: str) -> DataFrame:
        """What DuckDB reads, as a Parquet file."""
        chosen = ", ".join(quoted(column) if _is_kept(kind) else f"CAST({quoted(column)} AS VARCHAR) AS {quoted(column)}"
                           for column, kind in types.items())
        path = self.scratch / f"{name}.parquet"
        self.scratch.mkdir(parents=True, exist_ok=True)
        self.engine.run(f"COPY (SELECT {chosen} FROM ({facts.everything(source)})) TO {literal(str(path))} (FORMAT parquet)")
        with errors():
            frame = self.spark.session.read.parquet(escaped(str(path)))
            return frame.selectExpr("*", f"CAST(NULL AS STRING) AS {_back(FILE)}",
                                    f"NAMED_STRUCT('file', '', 'number', _metadata.row_index) AS {_back(POSITION)}")


def _is_kept(kind: str) -> bool:
    return kind in KEPT_TYPES or kind.startswith("DECIMAL")


def _over(series: BoundSeries, source: SourceDef, types: Mapping[str, str]) -> BoundSeries:
    def typed(column: Column | None) -> Column | None:
        return column and Column(column.name, types.get(column.name, column.type))

    def known(column: Column) -> Column:
        return Column(column.name, types.get(column.name, column.type))

    return replace(series, definition=replace(series.definition, source=source), name=known(series.name), time=known(series.time),
                   value=typed(series.value), record=typed(series.record), model=typed(series.model),
                   by_model={model: known(column) for model, column in series.by_model.items()})


def _placed(frame: DataFrame, number: str) -> DataFrame:
    """The rows with their file and their place in it."""
    return frame.selectExpr("*", f"{PLACE[FILE]} AS {_back(FILE)}",
                            f"NAMED_STRUCT('file', _metadata.file_path, 'number', {number}) AS {_back(POSITION)}")


def _back(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def escaped(path: str) -> str:
    """A path in which no sign stands for others."""
    return "".join(f"\\{sign}" if sign in "*?[]{}\\" else sign for sign in path)


def _is_array(path: str) -> bool:
    """Whether a JSON file is one list (or one object over several lines) instead of a line for each row."""
    if "://" in path:
        return False
    with open(path, "rb") as plain, gzip.open(plain) if path.endswith(".gz") else plain as file:
        return file.read(4096).lstrip()[:1] == b"["
