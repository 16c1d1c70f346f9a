"""Project files -> `Definition`: finds the file, follows `include`, merges, and reports everything wrong."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from metricsql.diagnostics import Diagnostic, Findings, Path, Place, ProjectError, did_you_mean, shift
from metricsql.project.definition import (
    CALCULATED,
    NAMESPACE_ALIASES,
    NAMESPACES,
    Definition,
    EngineDef,
    MetricDef,
    ModelDef,
    SeriesDef,
    SourceDef,
    Written,
)
from metricsql.project.document import Document, parse_json, read_document, read_text
from metricsql.project.schema import Engine, Metric, Model, ProjectFile, Series, Source
from metricsql.project.tables import read_table
from metricsql.project.unit_tests import read_tests
from metricsql.project.validate import NO_FORMULA, validate

FILE_NAMES = ("metricsql.yml", "metricsql.yaml", "metricsql.json")
OPTIONS = ("name", "database", "engine", "timezone", "start", "until", "trend", "fields_before_tracking")
RESERVED_IDS = ("record", "day")
SCHEMAS = ("metrics", "tables", "_metricsql")
"""The schemas of the built file."""
ODD_SIGNS = ("?",) if os.sep == "\\" else ("?", "\\")
NOT_READ = {
    ".xlsx": "save the sheet as CSV", ".xls": "save the sheet as CSV", ".ods": "save the sheet as CSV",
    ".zip": "unpack it, or pack the file with gzip", ".duckdb": "write `{attach: FILE, table: NAME}`",
    ".db": "write `{attach: FILE, table: NAME}`", ".sqlite": "export its table as CSV or Parquet",
}
"""Files that somebody may give as a source, and what to do instead."""


@dataclass(frozen=True)
class _File:
    """One file of the project after validation."""

    document: Document
    content: ProjectFile
    folder: FilePath


def find_project(start: FilePath) -> FilePath:
    """The project file at or above a folder, or the file itself. Raises `ProjectError`."""
    if start.is_file():
        return start
    if not start.exists():
        raise ProjectError(Diagnostic("missing-project", f"there is no file or folder `{start}`"))
    for folder in (start, *start.resolve().parents):
        for name in FILE_NAMES:
            if (folder / name).is_file():
                return folder / name
    message = f"there is no `metricsql.yml` in `{start}` or above"
    raise ProjectError(Diagnostic("missing-project", message, hint="`metricsql init` writes a small project to start from"))


def load_definition(path: FilePath) -> Definition:
    """The project of a file or folder. Raises `ProjectError` with everything that is wrong in its files."""
    definition = read_definition(path)
    if definition.errors:
        raise ProjectError([*definition.errors, *definition.warnings])
    return definition


def read_definition(path: FilePath, instead: Mapping[FilePath, str] | None = None) -> Definition:
    """The project of a file or folder as far as it can be read; what is wrong in its files goes to its `errors`.

    `instead` holds texts of files as they might become.
    """
    return _Loader(find_project(FilePath(path)), instead or {}).definition()


class _Loader:
    def __init__(self, file: FilePath, instead: Mapping[FilePath, str]) -> None:
        self.file = file
        self.instead = {path.resolve(): text for path, text in instead.items()}
        self.root = file.parent
        self.findings = Findings()
        self.files: list[_File] = []
        self.whole = True
        """Whether nothing but metrics has faults. What only follows from a fault elsewhere is not worth saying."""

    def definition(self) -> Definition:
        self.read(self.file, set())
        self.whole = all(error.place.pointer.startswith(("/metrics/", "/tables/")) for error in self.findings.errors)
        models = dict(self.merged("models", self.model))
        series = dict(self.merged("series", self.series))
        self.check_names(models, series)
        options = self.options()
        names_known = self.whole and all(error.place.pointer.startswith(("/metrics/", "/tables/")) for error in self.findings.errors)
        root = next((name for name, model in models.items() if model.company is None), "company")
        metrics = tuple(self.metrics(models, root))
        ids = [metric.id for file in self.files for metric in file.content.metrics]
        tests = tuple(test for file in self.files if self.whole for test in read_tests(
            file.content.tests, shift(file.document.place, ("tests",)), models, series, ids, self.findings))
        engine = self.engine(options.pop("engine", None))
        name = options.pop("name", None) or self.root.resolve().name or "project"
        database = self.root / options.pop("database", f"{name}.duckdb")
        self.check_database(database)
        tables = dict(self.merged("tables", lambda name, table, file, path: read_table(
            name, table, shift(file.document.place, path), file.document.text,
            lambda source, inner: self.source(source, file, (*path, *inner)), models, self.whole, self.findings)))
        return Definition(
            self.root, self.file, name, database, models=models, series=series, metrics=metrics, tables=tables, tests=tests,
            warnings=tuple(self.findings.warnings), errors=tuple(self.findings.errors), names_known=names_known, engine=engine,
            **options,
        )

    def check_database(self, database: FilePath) -> None:
        """Refuse names with which the engine cannot work, or under which nobody could ask for the results."""
        key = next((key for file in self.files for key in ("database", "name") if getattr(file.content, key) is not None), None)
        place = next((file.document.place((key,)) for file in self.files if key and getattr(file.content, key) is not None),
                     Place(self.shown(self.file)))
        if database.name.lstrip(".").partition(".")[0].lower() in SCHEMAS:
            self.findings.error("reserved-name", f"the database cannot be called `{database.name}`: DuckDB gives it the name of its "
                                "file, which is that of a schema in it", place, "for example `database: built.duckdb`")
        odd = next((sign for sign in ODD_SIGNS if sign in str(database.resolve())), None)
        if odd is not None:
            self.findings.error("bad-path", f"the path of the database holds a `{odd}`, with which DuckDB cannot work", place,
                                "give the file or its folder another name")

    def read(self, path: FilePath, seen: set[FilePath]) -> None:
        if path.resolve() in seen:
            return
        seen.add(path.resolve())
        try:
            document = read_document(path, self.shown(path), self.instead.get(path.resolve()))
        except ProjectError as error:
            self.findings.extend(error.diagnostics)
            return
        content, found = validate(document)
        self.findings.extend(found)
        if content is None:
            return
        self.files.append(_File(document, content, path.parent))
        for position, pattern in enumerate(content.include):
            named = [FilePath(pattern)] if os.path.isabs(pattern) else sorted(path.parent.glob(pattern))
            matches = [found for found in named if found.is_file()]
            if not matches:
                self.findings.error("missing-file", f"no file matches the include `{pattern}`",
                                    document.place(("include", position)))
            for match in matches:
                self.read(match, seen)

    def shown(self, path: FilePath) -> str:
        """A path as messages name it: relative to the working folder when that is shorter."""
        relative = os.path.relpath(path)
        return FilePath(relative).as_posix() if not relative.startswith("..") else path.as_posix()

    def merged(self, key: str, convert: Any) -> Iterator[tuple[str, Any]]:
        first: dict[str, tuple[str, Place]] = {}
        for file in self.files:
            for written, value in getattr(file.content, key).items():
                name = NAMESPACE_ALIASES.get(written, written) if key == "series" else written
                place = file.document.key_place((key, written))
                if name.lower() in first:
                    code = "duplicate-model" if key == "models" else "duplicate-series"
                    if key == "tables":
                        code = "duplicate-table"
                    self.findings.error(code, f"`{written}` is declared already, as `{first[name.lower()][0]}`", place,
                                        f"the other one stands at {first[name.lower()][1]}")
                    continue
                first[name.lower()] = (written, place)
                yield name, convert(name, value, file, (key, written))

    def options(self) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for file in self.files:
            for key in OPTIONS:
                value = getattr(file.content, key)
                if value is not None and key in result and result[key] != value:
                    self.findings.error("duplicate-option", f"`{key}` is set to another value in another file",
                                        file.document.key_place((key,)))
                elif value is not None:
                    result[key] = value
        at_top = {error.place.pointer for error in self.findings.errors} & {"", "/version"}
        main = self.files[0] if self.files and self.files[0].document.name == self.shown(self.file) else None
        if main is not None and main.content.version is None and not at_top:
            self.findings.error("missing-key", "the key `version` is missing", self.files[0].document.place(()),
                                "write `version: 1` at the top")
        if result.get("start") and result.get("until") and result["start"] > result["until"]:
            place = self.files[0].document.place(("start",))
            self.findings.error("bad-value", f"`start` ({result['start']}) lies after `until` ({result['until']})", place)
        return result

    def engine(self, written: Engine | None) -> EngineDef:
        if written is None or written.spark is None:
            return EngineDef()
        spark = written.spark
        conf = {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in spark.conf.items()}
        output = spark.output and os.path.join(self.root.resolve(), spark.output)
        return EngineDef("spark", spark.master, spark.remote, conf, output)

    def source(self, source: Source, file: _File, path: Path) -> SourceDef:
        advice = NOT_READ.get(FilePath(source.path or "").suffix.lower())
        if advice is not None:
            self.findings.error("bad-source", f"`{source.path}` is not a kind of file that can be read here; those are CSV, "
                                "TSV, Parquet, JSON and NDJSON", file.document.place(path), advice)
        return SourceDef(
            self.data_path(source.path, file.folder), source.table, source.sql,
            self.data_path(source.attach, file.folder), source.columns, file.document.place(path), self.root,
        )

    def data_path(self, path: str | None, folder: FilePath) -> str | None:
        """A path of a file, relative to the project folder, which is where the generated SQL runs."""
        if path is None or "://" in path or os.path.isabs(path):
            return path
        return FilePath(os.path.relpath(folder / path, self.root)).as_posix()

    def model(self, name: str, model: Model, file: _File, path: Path) -> ModelDef:
        history = self.source(model.history, file, (*path, "history")) if model.history else None
        return ModelDef(
            name, self.source(model.records, file, (*path, "records")), model.key, model.company, model.since,
            history, file.document.key_place(path), shift(file.document.place, path),
        )

    def series(self, name: str, series: Series, file: _File, path: Path) -> SeriesDef:
        if not (series.zeros.keys() and name != "metrics"):
            zeros = series.zeros
        else:
            zeros = {}
            self.findings.error("bad-value", "`zeros` is for custom metrics (`metrics`) only",
                                file.document.place((*path, "zeros")))
        place = file.document.key_place(path)
        return SeriesDef(name, self.source(series.source, file, (*path, "source")), series.collapse, zeros, place)

    def check_names(self, models: dict[str, ModelDef], series: dict[str, SeriesDef]) -> None:
        roots = [model for model in models.values() if model.company is None]
        if models and len(roots) != 1 and (roots or self.whole):
            places = roots[1] if roots else next(iter(models.values()))
            message = ("no model is the root: every one has a `company` column" if not roots else
                       f"`{roots[0].name}` and `{roots[1].name}` both have no `company`; only the root has none")
            self.findings.error("bad-models", message, places.place,
                                "a child model names the column that holds its company: `company: company_id`")
        prefixes = (CALCULATED, *NAMESPACES, *NAMESPACE_ALIASES)
        for model in models.values():
            if model.name.lower() in prefixes:
                self.findings.error("reserved-name", f"a model cannot be called `{model.name}`, which is a prefix of series",
                                    model.place)
            elif model.name.lower().endswith("_latest"):
                self.findings.error("reserved-name", f"a model cannot be called `{model.name}`", model.place,
                                    "a relation with the last values of each model has a name that ends so")
        for declared in series.values():
            if declared.namespace.lower() == CALCULATED:
                self.findings.error("reserved-name", "`calculated` is the prefix of metrics", declared.place)
            elif declared.namespace.lower() in {name.lower() for name in models}.difference(prefixes):
                self.findings.error("reserved-name", f"`{declared.namespace}` is a model, so no series can have this prefix",
                                    declared.place)

    def metrics(self, models: dict[str, ModelDef], root: str) -> Iterator[MetricDef]:
        first: dict[str, MetricDef] = {}
        for file in self.files:
            for position, metric in enumerate(file.content.metrics):
                made = self.metric(metric, file, position, models, root)
                if made is None:
                    continue
                if metric.id.lower() in first:
                    other = first[metric.id.lower()]
                    self.findings.error("duplicate-id", f"the id `{metric.id}` is taken already" if other.id == metric.id else
                                        f"the id `{metric.id}` differs from `{other.id}` by case only", made.place,
                                        f"the other one stands at {other.place}")
                    continue
                first[metric.id.lower()] = made
                yield made

    def metric(self, metric: Metric, file: _File, position: int, models: dict[str, ModelDef], root: str) -> MetricDef | None:
        path: Path = ("metrics", position)
        locate = shift(file.document.place, path)
        model = metric.model or root
        if metric.id.lower() in RESERVED_IDS:
            self.findings.error("reserved-name", f"a metric cannot have the id `{metric.id}`", locate(("id",)),
                                "every table of results has a column of this name")
        if model not in models and self.whole:
            self.findings.error("unknown-model", f"there is no model `{model}`", locate(("model",)),
                                did_you_mean(model, models) or ("the models are " + ", ".join(models) if models else
                                                               "declare it under `models:`"))
        written = self.written(metric.formula, file.document, (*path, "formula"), file.folder)
        if written is None:
            return None
        return MetricDef(
            metric.id, model, written, metric.name, metric.description, metric.unit, metric.missing == "zero",
            metric.where, tuple(metric.tags), tuple(metric.ignore), locate,
        )

    def written(self, formula: Any, document: Document, path: Path, folder: FilePath) -> Written | None:
        if formula is NO_FORMULA:
            return None
        if isinstance(formula, dict) and "file" in formula and "type" not in formula:
            return self.formula_file(formula, document, path, folder)
        if not isinstance(formula, str):
            return Written(formula, None, shift(document.place, path))
        return self.formula_text(formula, document.name, lambda inner: document.place(path), document, path)

    def formula_file(self, formula: dict[str, Any], document: Document, path: Path, folder: FilePath) -> Written | None:
        name = formula["file"]
        if not isinstance(name, str) or len(formula) > 1:
            self.findings.error("bad-value", "expected `{file: path}` and nothing else", document.place(path))
            return None
        file = folder / name
        try:
            text = read_text(file, self.shown(file))
        except ProjectError as error:
            place = document.place((*path, "file"))
            self.findings.extend(Diagnostic(d.code, d.message, place if d.place.file is None else d.place, d.hint)
                                 for d in error.diagnostics)
            return None
        return self.formula_text(text, self.shown(file), None, Document(self.shown(file), text, None, {(): (1, 1, 1)}), ())

    def formula_text(self, text: str, name: str, outer: Any, document: Document, path: Path) -> Written | None:
        """JSON if it begins like JSON, else an expression."""
        try:
            parsed = parse_formula(text, name)
        except ProjectError as error:
            self.findings.extend(error.diagnostics if outer is None else
                                 (Diagnostic(d.code, d.message, outer(()), d.hint) for d in error.diagnostics))
            return None
        if parsed.expression is not None:
            return Written(None, parsed.expression, shift(document.place, path), document.text)
        return parsed if outer is None else Written(parsed.data, None, outer)


def parse_formula(text: str, name: str) -> Written:
    """The formula in a text: JSON with comment lines, or an expression. Raises `ProjectError` for bad JSON."""
    lines = [line for line in text.split("\n") if not line.lstrip().startswith(("#", "//"))]
    if "".join(lines).lstrip().startswith(("[", "{", "/*")):
        document = parse_json(text, name)
        return Written(document.data, None, document.place)
    kept = ["" if line.lstrip().startswith(("#", "//")) else line for line in text.split("\n")]
    return Written(None, "\n".join(kept).rstrip())
