"""Which column of a source is which: accepted names, mappings, and what is missing (interface section 1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from metricsql.bind.catalog import Catalog
from metricsql.diagnostics import Findings, Place, did_you_mean, nearest
from metricsql.project.definition import COUNTED, EVENTS, Definition, ModelDef, SeriesDef, SourceDef

RECORD = ("record", "externalId", "parentId", "companyExternalId")
NAME = ("name", "dimensionId")
DAY = ("date", "day", "time")
EVENT_NAME = ("action", "name")
EVENT_DAY = ("date", "time")
LEDGER_TIME = ("time", "date", "day", "timestamp")
LEDGER_EVENT = ("event", "name")
KNOWN_MODELS = {
    "company": ("company", "companyExternalId", "companyId"),
    "enduser": ("enduser", "euExtId", "externalId"),
}


@dataclass(frozen=True)
class Column:
    """A column of a source and its type in the engine."""

    name: str
    type: str


@dataclass(frozen=True)
class BoundSeries:
    """A namespace with its columns. Rows name records by `record` (and `model`), or one column per model."""

    definition: SeriesDef
    name: Column
    time: Column
    value: Column | None
    record: Column | None = None
    model: Column | None = None
    by_model: Mapping[str, Column] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.definition.namespace

    @property
    def value_optional(self) -> bool:
        """Whether a row without a value counts 1."""
        return self.namespace in COUNTED


@dataclass(frozen=True)
class BoundModel:
    """A model with its columns; every column of its records is a field."""

    definition: ModelDef
    key: Column
    fields: tuple[Column, ...]
    company: Column | None = None
    since: Column | None = None
    history: Mapping[str, Column] | None = None
    """Columns `record`, `field`, `day`, `value` of the given history."""

    @property
    def name(self) -> str:
        return self.definition.name


@dataclass(frozen=True)
class BoundLedger:
    """The executions of an output table with their columns."""

    source: SourceDef
    event: Column
    time: Column
    value: Column


@dataclass(frozen=True)
class BoundSources:
    """Everything that is read, with its columns known."""

    models: Mapping[str, BoundModel]
    series: Mapping[str, BoundSeries]


def bind_sources(definition: Definition, catalog: Catalog, findings: Findings) -> BoundSources:
    """Find the columns of every source; what is missing goes to the findings."""
    models = {name: _model(model, catalog, findings) for name, model in definition.models.items()
              if name in catalog.records}
    series = {name: _series(declared, definition, catalog.series[name], findings)
              for name, declared in definition.series.items() if name in catalog.series}
    return BoundSources({k: v for k, v in models.items() if v}, {k: v for k, v in series.items() if v})


class _Columns:
    """The columns of one source, looked up by our names."""

    def __init__(self, source: SourceDef, types: Mapping[str, str], findings: Findings) -> None:
        self.source, self.types, self.findings = source, types, findings
        self.ok = True
        self.asked: dict[str, None] = {}
        for ours, theirs in source.columns.items():
            if theirs not in types:
                self.missing(f"no column `{theirs}`, which `columns:` gives for `{ours}`", theirs)

    def find(self, names: Sequence[str]) -> Column | None:
        self.asked.update(dict.fromkeys(names))
        for name in names:
            actual = self.source.columns.get(name, name)
            if actual in self.types and (name in self.source.columns or name not in self.source.columns.values()
                                         or actual == name):
                return Column(actual, self.types[actual])
        return None

    def need(self, names: Sequence[str], purpose: str) -> Column:
        column = self.find(names)
        if column is None and not any(name in self.source.columns for name in names):
            wanted = " or ".join(f"`{name}`" for name in names)
            self.missing(f"no column {wanted}, which {purpose}", names[0])
        return column or Column("", "")

    def refuse_unasked(self) -> None:
        """Report names in `columns:` that this kind of source has no use for; to be called last."""
        for ours in (name for name in self.source.columns if name not in self.asked):
            self.ok = False
            self.findings.error("unknown-key", f"`columns:` gives a name for `{ours}`, which is not read from this source",
                                self.source.place, did_you_mean(ours, self.asked) or "the left side is our name, one of "
                                + ", ".join(f"`{name}`" for name in self.asked))

    def missing(self, message: str, name: str) -> None:
        self.ok = False
        near = nearest(name, self.types)
        have = ", ".join(f"`{column}`" for column in list(self.types)[:12]) or "none"
        hint = f"did you mean `{near}`? the columns are {have}" if near else f"the columns are {have}"
        self.findings.error("missing-column", f"{self.source} has {message}", self.source.place, hint)


def _model(model: ModelDef, catalog: Catalog, findings: Findings) -> BoundModel | None:
    types = catalog.records[model.name]
    columns = _Columns(model.records, types, findings)
    key = columns.need((model.key,), "holds the key of each record (`key:`)")
    company = columns.need((model.company,), "holds the company of each record") if model.company else None
    since = columns.need((model.since,), "holds the first day of each record") if model.since else None
    history = None
    if model.history is not None and model.name in catalog.histories:
        given = _Columns(model.history, catalog.histories[model.name], findings)
        history = {name: given.need((name,), "a field history needs") for name in ("record", "field", "day", "value")}
        given.refuse_unasked()
        columns.ok &= given.ok
    columns.refuse_unasked()
    named = {theirs: ours for ours, theirs in model.records.columns.items()}
    fields = tuple(Column(name, kind) for name, kind in types.items())
    _twins([named.get(c.name, c.name) for c in fields], model.records.place, findings)
    return BoundModel(model, key, fields, company, since, history) if columns.ok else None


def _twins(names: list[str], place: Place, findings: Findings) -> None:
    seen: dict[str, str] = {}
    for name in names:
        if seen.setdefault(name.lower(), name) != name:
            findings.error("duplicate-column", f"the columns `{seen[name.lower()]}` and `{name}` differ by case only", place)


def _series(series: SeriesDef, definition: Definition, types: Mapping[str, str],
            findings: Findings) -> BoundSeries | None:
    columns = _Columns(series.source, types, findings)
    events = series.namespace == EVENTS
    name = columns.need(EVENT_NAME if events else NAME, "holds the name of each series")
    time = columns.need(EVENT_DAY if events else DAY, "holds the day of each row")
    counted = ("count",) if events else ("count", "value") if series.namespace in COUNTED else ("value",)
    value = columns.find(counted) if series.namespace in COUNTED else columns.need(counted, "holds the value of each row")
    if not events:
        record = columns.need(RECORD, "names the record of each row")
        bound = BoundSeries(series, name, time, value, record, columns.find(("model",)))
        columns.refuse_unasked()
        return bound if columns.ok else None
    by_model = {model: column for model in definition.models
                if (column := columns.find(_model_columns(model, definition))) is not None}
    by_key, model = columns.find(("record",)), columns.find(("model",))
    if not by_model and by_key is None:
        columns.missing("no column that names a record (`company`, `enduser`, ... or `model` and `record`)", "company")
    columns.refuse_unasked()
    bound = BoundSeries(series, name, time, value, None if by_model else by_key, None if by_model else model, by_model)
    return bound if columns.ok else None


def bind_ledger(source: SourceDef, types: Mapping[str, str], findings: Findings) -> BoundLedger | None:
    """The columns of a ledger; None with findings if one is missing."""
    columns = _Columns(source, types, findings)
    event = columns.need(LEDGER_EVENT, "names the event of each execution")
    time = columns.need(LEDGER_TIME, "holds the time of each execution")
    value = columns.need(("value",), "holds the value of each execution")
    columns.refuse_unasked()
    return BoundLedger(source, event, time, value) if columns.ok else None


def _model_columns(model: str, definition: Definition) -> tuple[str, ...]:
    standard = KNOWN_MODELS["company"] if model == definition.root else KNOWN_MODELS.get(model, (model,))
    return tuple(dict.fromkeys((model, *standard)))


def as_pasted(sources: BoundSources) -> BoundSources:
    """The same sources with relative paths as they were written, for SQL that is run from the project folder."""
    return BoundSources(
        {name: replace(m, definition=replace(m.definition, records=_relative(m.definition.records),
                                             history=m.definition.history and _relative(m.definition.history)))
         for name, m in sources.models.items()},
        {name: replace(s, definition=replace(s.definition, source=_relative(s.definition.source)))
         for name, s in sources.series.items()},
    )


def _relative(source: SourceDef) -> SourceDef:
    return replace(source, folder=None)
