"""Steps that turn sources into typed rows: records of each model, rows of each namespace.

Nothing here can fail on a bad row: what cannot be read becomes NULL and is left out later, and the build
counts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from sqlglot import exp

from metricsql.bind.sources import BoundModel, BoundSeries, Column
from metricsql.diagnostics import one_line
from metricsql.project.definition import EVENTS, SourceDef
from metricsql.sql import syntax
from metricsql.sql.context import Context
from metricsql.sql.steps import Step, statement
from metricsql.sql.syntax import column, function, named, text

FIELD = "custom."
"""Prefix of field columns in the steps of records, so that no field is mistaken for our own columns."""
OFFSET = r":\d\d.*(Z|z|[+-]\d\d(:?\d\d)?)$"
TEXT_TYPES = ("VARCHAR", "JSON")
NUMBER_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT",
                "UHUGEINT", "FLOAT", "DOUBLE")
POSITION = "position of row"
JSON_SUFFIXES = (".json", ".ndjson", ".jsonl")


def records_name(context: Context, model: str) -> str:
    """The step with the records of a model."""
    return model


def rows_name(namespace: str) -> str:
    """The step with the rows of a namespace."""
    return f"{namespace} rows" if namespace != EVENTS else "activity rows"


# Reading


def scan(source: SourceDef, file: str | None = None, rejects: bool = False) -> exp.Expression:
    """The table expression that reads a source; `file` is the column for the file of a row, if it is wanted.

    With `rejects` the lines of CSV files that cannot be split are left in `reject_errors`.
    """
    if source.sql is not None:
        raise AssertionError("internal error: a query is a step of its own")
    if source.table is not None:
        *schema, name = source.table.split(".")
        if source.attach is not None:
            schema = [source.attach, *(schema or ["main"])]
        return exp.Table(this=syntax.identifier(name), db=syntax.identifier(schema[-1]) if schema else None,
                         catalog=syntax.identifier(schema[-2]) if len(schema) > 1 else None)
    path = source.location
    plain = path.lower().removesuffix(".gz")
    common = {"union_by_name": is_glob(source.path or ""), "filename": file or False}
    if plain.endswith(".parquet"):
        return _table_of("READ_PARQUET", text(path), *_options(**common))
    if plain.endswith(JSON_SUFFIXES):
        return _table_of("READ_JSON", text(path), *_options(**common))
    delimiter = {"delim": "\t"} if plain.endswith(".tsv") else {}
    flags = {"all_varchar": True, "header": True, "ignore_errors": True}
    return _table_of("READ_CSV", text(path), *_options(**delimiter, **flags, **common, store_rejects=rejects))


def _table_of(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Table(this=function(name, *arguments))


def attach_words(path: str) -> str:
    """How the database of an `attach` source is made visible, under its path as its name."""
    shown = syntax.render(text(path)), syntax.render(syntax.identifier(path))
    return one_line(f"{shown[0]} AS {shown[1]} (READ_ONLY);", limit=None)


def is_csv(source: SourceDef) -> bool:
    """Whether a source is read as CSV or TSV."""
    plain = (source.path or "").lower().removesuffix(".gz")
    return source.path is not None and not plain.endswith((".parquet", *JSON_SUFFIXES))


def lines_apart(source: SourceDef) -> bool:
    """Whether one reading of a source also finds the lines that are no rows: it is one CSV file."""
    return is_csv(source) and source.sql is None and not is_glob(source.path or "")


def is_glob(path: str) -> bool:
    """Whether a path is a pattern."""
    return any(sign in path for sign in "*?[")


def _options(**options: str | bool) -> list[exp.Expression]:
    return [exp.PropertyEQ(this=exp.to_identifier(name), expression=exp.true() if value is True else text(str(value)))
            for name, value in options.items() if value]


def load_source(source: SourceDef, table: str) -> str:
    """Makes a temporary table of all that a source holds, in its order. `lines_apart` sources leave bad lines in `reject_errors`."""
    before, scanned = source_steps(source, "source", "") if not lines_apart(source) else ([], scan(source, rejects=True))
    query = syntax.select(exp.Star()).from_(scanned, copy=False)
    return f"CREATE TEMP TABLE {syntax.render(syntax.identifier(table))} AS\n{statement([*before, Step('all', '', query)])}"


def source_steps(source: SourceDef, name: str, comment: str, file: str | None = None) -> tuple[list[Step], exp.Expression]:
    """The table expression of a source, behind a step of its own where it is a query of the project."""
    if source.loaded is not None:
        return [], syntax.table(source.loaded)
    if source.sql is None:
        return [], scan(source, file=file)
    return [Step(name, comment, source.query)], syntax.table(name)


# Values


def as_text(found: Column, table: str = "s") -> exp.Expression:
    """A column as text; JSON texts without their quotes."""
    plain = column(found.name, table)
    if found.type == "VARCHAR":
        return plain
    if found.type == "JSON":
        return function("JSON_EXTRACT_STRING", plain, text("$"))
    return exp.cast(plain, "varchar")


def filled_text(found: Column, table: str = "s") -> exp.Expression:
    """A column as text, NULL where it is empty."""
    return syntax.fill("NULLIF({0}, '')", [as_text(found, table)])


def as_number(found: Column, table: str = "s") -> exp.Expression:
    """A column as a DOUBLE, NULL where it is no number."""
    if found.type == "DOUBLE":
        return column(found.name, table)
    if found.type in NUMBER_TYPES or found.type.startswith("DECIMAL"):
        return syntax.double(column(found.name, table))
    return exp.TryCast(this=as_text(found, table), to=exp.DataType.build("double"))


def _counted(found: Column | None) -> exp.Expression:
    """The count of a row: 1 for a row without one."""
    if found is None:
        return syntax.double(syntax.number(1))
    if found.type in TEXT_TYPES:
        return syntax.fill("TRY_CAST(COALESCE(NULLIF({0}, ''), '1') AS DOUBLE)", [as_text(found)])
    return syntax.fill("COALESCE({0}, 1)", [as_number(found)])


def local_time(found: Column, zone: str) -> exp.Expression:
    """The time of a row on the clocks of the project (`docs/semantics.md` section 1.4), as a TIMESTAMP."""
    plain = column(found.name, "s")
    if found.type == "DATE" or (found.type.startswith("TIMESTAMP") and "TIME ZONE" not in found.type):
        return plain
    if "TIME ZONE" in found.type:
        return exp.AtTimeZone(this=plain, zone=text(zone))
    if found.type not in TEXT_TYPES:
        return exp.cast(exp.Null(), "timestamp")
    return syntax.fill(
        "CASE WHEN REGEXP_MATCHES({0}, {pattern}) THEN TRY_CAST({0} AS TIMESTAMPTZ) AT TIME ZONE {zone} "
        "ELSE TRY_CAST({0} AS TIMESTAMP) END", [as_text(found)], pattern=text(OFFSET), zone=text(zone))


def instant(found: Column, zone: str) -> exp.Expression:
    """What orders the rows of a day; on the clocks of UTC where the project's clocks can go back."""
    local = local_time(found, zone)
    if zone == "UTC" or found.type == "DATE" or (found.type.startswith("TIMESTAMP") and "TIME ZONE" not in found.type):
        return local
    if "TIME ZONE" in found.type:
        return exp.AtTimeZone(this=column(found.name, "s"), zone=text("UTC"))
    return syntax.fill(
        "CASE WHEN REGEXP_MATCHES({0}, {pattern}) THEN TRY_CAST({0} AS TIMESTAMPTZ) "
        "ELSE TRY_CAST({0} AS TIMESTAMP) AT TIME ZONE {zone} END AT TIME ZONE 'UTC'",
        [as_text(found)], pattern=text(OFFSET), zone=text(zone))


def day_of(found: Column, zone: str) -> exp.Expression:
    """The calendar day of a row."""
    if found.type == "DATE":
        return column(found.name, "s")
    return exp.cast(local_time(found, zone), "date")


# Records


def records_steps(context: Context, model: BoundModel, fields: Iterable[str] = (),
                  where: Iterable[tuple[str, exp.Expression]] = (), extra: Sequence[exp.Expression] = ()) -> list[Step]:
    """`record, [key], [company], since, custom.<field>..., <where flags>`: every record once."""
    declared = model.definition
    name = records_name(context, model.name)
    before, table = source_steps(declared.records, f"{name} source", f"Records of {name}, as the project reads them.")
    position = _free("position", [f.name for f in model.fields])
    numbered = syntax.select(exp.Star(), exp.alias_(_row_number(), syntax.identifier(position))).from_(table, copy=False)
    key = as_text(model.key)
    chosen = [named(syntax.fill("CAST(ROW_NUMBER() OVER (ORDER BY {0}) AS INTEGER)", [key]), "record"), named(key, "key")] \
        if context.numbered else [named(key, "record")]
    query = syntax.select(*chosen).from_(exp.Subquery(this=numbered, alias=exp.TableAlias(this=syntax.identifier("s"))), copy=False)
    if model.company is not None and (root := context.definition.root):
        parent = records_name(context, root)
        query = query.select(named(column("record", "c"), "company"), copy=False)
        query = _join(query, parent, "c", column(_key(context), "c").eq(as_text(model.company)))
    if model.since is not None:
        query = query.select(named(day_of(model.since, context.definition.timezone), "since"), copy=False)
    for field in model.fields:
        if field.name in set(fields):
            query = query.select(named(filled_text(field), f"{FIELD}{field.name}"), copy=False)
    for flag, condition in where:
        query = query.select(named(condition.copy(), flag), copy=False)
    query = query.select(*[e.copy() for e in extra], copy=False)
    query = query.where(syntax.fill("{0} <> ''", [key]), copy=False)
    newest = syntax.fill("ROW_NUMBER() OVER (PARTITION BY {0} ORDER BY {1} DESC) = 1", [key, column(position, "s")])
    query.set("qualify", exp.Qualify(this=newest))
    return [*before, Step(name, f"Every {model.name} once; of two rows with one key the last one counts.", query)]


def field_value(model: BoundModel, name: str, kind: str) -> exp.Expression:
    """A field's current value in the records step, as a number or a text; NULL for a field that never had one."""
    if kind == "unknown":
        return exp.Null()
    found = next(f for f in model.fields if f.name == name)
    return filled_text(found) if kind == "text" else as_number(found)


def _key(context: Context) -> str:
    return "key" if context.numbered else "record"


def _row_number() -> exp.Expression:
    return exp.Window(this=exp.RowNumber())


def _free(wanted: str, taken: Iterable[str]) -> str:
    known = {name.lower() for name in taken}
    while wanted in known:
        wanted += "_"
    return wanted


def _join(query: exp.Select, table: str, alias: str, condition: exp.Expression) -> exp.Select:
    return query.join(syntax.table(table, alias), on=condition, join_type="left", copy=False)


# Rows of a namespace


def row_models(context: Context, series: BoundSeries) -> list[str]:
    """The models whose records rows of a namespace may name."""
    if series.by_model:
        return [model for model in series.by_model if model in context.sources.models]
    if series.model is None:
        root = context.definition.root
        return [root] if root in context.sources.models and root else []
    return list(context.sources.models)


def concerned(context: Context, series: BoundSeries, model: str) -> list[exp.Expression]:
    """The columns of the rows step that hold records of a model; none if rows cannot concern it.

    An event concerns the companies of the children it names, too (section 1.6).
    """
    models = row_models(context, series)
    found: list[exp.Expression] = [column(model)] if model in models else []
    if series.namespace == EVENTS and model == context.definition.root:
        found += [column(company_of(child)) for child in models if child != model]
    return found


def needs_order(series: BoundSeries) -> bool:
    """Whether the order of rows within a day matters to any name."""
    declared = series.definition
    return declared.collapse_of("") == "last" or "last" in declared.collapse.values()


@dataclass(frozen=True)
class Part:
    """The part of a source that a build reads, with the file of each row in the column `file`.

    `files` are the names of files as the engine has them (None: all), `days` the calendar days (None: all).
    """

    file: str | None = None
    files: Sequence[str] | None = None
    days: Sequence[date] | None = None

    def of_files(self, table: exp.Expression) -> exp.Expression:
        """The table without the other files, which are then not even opened."""
        if self.file is None or self.files is None:
            return table
        chosen = exp.In(this=column(self.file), expressions=[text(name) for name in self.files])
        return exp.Subquery(this=syntax.select(exp.Star()).from_(table, copy=False).where(chosen, copy=False))


WHOLE = Part()


def rows_steps(context: Context, series: BoundSeries, models: Sequence[str], names: Sequence[str] | None,
               extra: Sequence[exp.Expression] = (), part: Part = WHOLE) -> list[Step]:
    """`<model>..., company of <child>..., name, day, [at, position], value`: one row per row of the source.

    A model's column holds the record the row names, NULL if it names none that is known.
    """
    declared, zone = series.definition, context.definition.timezone
    name = rows_name(series.namespace)
    before, table = source_steps(declared.source, f"{series.namespace} source",
                                 f"Rows of {series.namespace}, as the project reads them.", part.file)
    ordered = needs_order(series)
    table = part.of_files(table)
    position: exp.Expression = syntax.column(POSITION, "s")
    if ordered and not context.positioned:
        table, position = with_position(declared.source, table)
    query = exp.Select().from_(syntax.aliased(table, "s"), copy=False)
    for model in models:
        query = _named_record(context, query, series, model)
    query = query.select(named(as_text(series.name), "name"), named(day_of(series.time, zone), "day"), copy=False)
    if ordered:
        query = query.select(named(instant(series.time, zone), "at"), named(position, "position"), copy=False)
    value = _counted(series.value) if series.value_optional else as_number(series.value or series.name)
    query = query.select(named(value, "value"), copy=False)
    query = query.select(*[e.copy() for e in extra], copy=False)
    if part.file is not None:
        query = query.select(named(column(part.file, "s"), "file"), copy=False)
    if names is not None:
        query = query.where(exp.In(this=as_text(series.name), expressions=[text(n) for n in names]), copy=False)
    if part.days is not None:
        query = query.where(_on_days(day_of(series.time, zone), part.days), copy=False)
    comment = f"Rows of {series.namespace}, with the records they name."
    return [*before, Step(name, comment, query)]


def with_position(source: SourceDef, table: exp.Expression) -> tuple[exp.Expression, exp.Expression]:
    """The source, and the number of a row in it. Parquet files know theirs, which is much cheaper than counting."""
    if (source.path or "").lower().endswith(".parquet"):
        known = [column("file_index"), column("file_row_number")]
        if isinstance(table, exp.Subquery):  # of some files
            table.this.select(*known, copy=False)
        else:
            table = exp.Subquery(this=syntax.select(exp.Star(), *known).from_(table, copy=False))
        return table, syntax.fill("{0} * 1099511627776 + {1}", [exp.cast(column("file_index", "s"), "bigint"),
                                                              column("file_row_number", "s")])
    inner = syntax.select(exp.Star(), exp.alias_(_row_number(), syntax.identifier(POSITION))).from_(table, copy=False)
    return exp.Subquery(this=inner), column(POSITION, "s")


def _on_days(day: exp.Expression, days: Sequence[date]) -> exp.Expression:
    """Whether a day is one of several: within the first and the last of them, and a listed one where some are not."""
    first, last = min(days), max(days)
    within = syntax.fill("{0} BETWEEN {first} AND {last}", [day], first=syntax.day(first), last=syntax.day(last))
    if (last - first).days + 1 == len(set(days)):
        return within
    return exp.And(this=within, expression=exp.In(this=day.copy(), expressions=[syntax.day(d) for d in sorted(set(days))]))


def _named_record(context: Context, query: exp.Select, series: BoundSeries, model: str) -> exp.Select:
    alias = f"{model} named"
    query = query.select(named(column("record", alias), model), copy=False)
    if series.namespace == EVENTS and model != context.definition.root:
        query = query.select(named(column("company", alias), company_of(model)), copy=False)
    named_by = series.by_model.get(model) or series.record
    assert named_by is not None
    condition: exp.Expression = column(_key(context), alias).eq(as_text(named_by))
    if not series.by_model:
        condition = exp.And(this=condition, expression=names_model(context, series, model))
    return _join(query, records_name(context, model), alias, condition)


def company_of(model: str) -> str:
    """The column with the company of the child that a row names."""
    return f"company of {model}"


def names_model(context: Context, series: BoundSeries, model: str) -> exp.Expression:
    """Whether a row says that its record is of a model; without a word it is of the root."""
    if series.model is None:
        return exp.true() if model == context.definition.root else exp.false()
    said = syntax.fill("LOWER({0})", [as_text(series.model)])
    spellings = [model.lower()]
    if model == context.definition.root:
        said = syntax.fill("LOWER(COALESCE(NULLIF({0}, ''), {1}))", [as_text(series.model), text(model)])
        spellings += ["company"] if "company" not in {m.lower() for m in context.definition.models} else []
    return exp.In(this=said, expressions=[text(spelling) for spelling in spellings])
