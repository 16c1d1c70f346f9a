"""Reads what decides the values of one record as plain rows, as a test holds them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from metricsql.bind.tree import SeriesRef
from metricsql.build.engine import quoted
from metricsql.build.raw_rows import RawRow
from metricsql.build.record import RecordReader
from metricsql.plan.reach import Days, longest, reads
from metricsql.project.definition import COUNTED, EVENTS, ModelDef
from metricsql.sql.conditions import mentioned
from metricsql.sql.fields import timeline_names
from metricsql.sql.sources import FIELD, records_name

Row = dict[str, Any]


@dataclass(frozen=True)
class Recorded:
    """The rows behind some values: `records` and `fields` by model, `rows` by namespace; `start` of their grid."""

    start: date
    records: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    fields: Mapping[str, Sequence[Row]] = field(default_factory=dict)
    rows: Mapping[str, Sequence[Row]] = field(default_factory=dict)


def look_back(reader: RecordReader, metric: str) -> Days:
    """How many days before its own a value of the metric reads; None for all of them."""
    return reads(reader.compiled.metrics.values())[metric].look_back


def record_rows(reader: RecordReader, metric: str, key: str, first: date, last: date, back: Days) -> Recorded:
    """What the values from `first` to `last` read, at most `back` days before them (None: all)."""
    return _Recorder(reader, metric, key, first, last, back).recorded()


class _Recorder:
    def __init__(self, reader: RecordReader, metric: str, key: str, first: date, last: date, back: Days) -> None:
        self.reader, self.key, self.first, self.last, self.back = reader, key, first, last, back
        self.definition = reader.context.definition
        self.bound = reader.compiled.metrics[metric]
        self.series = reads(reader.compiled.metrics.values())[metric].series
        self.models = self._models()
        start = reader.context.start
        self.start = start if back is None else max(start, first - timedelta(days=back))

    def recorded(self) -> Recorded:
        records: dict[str, list[Row]] = {}
        history: dict[str, list[Row]] = {}
        for model in self.models:
            records[model], found = self.records(model)
            if found:
                history[model] = found
        return Recorded(self.start, records, history, self.rows())

    def _models(self) -> list[str]:
        """The metric's own model, and the children whose records count."""
        used = {series.model for series in self.series}
        used |= {plan.model for plan in self.reader.plan.models}
        return [name for name in self.definition.models if name == self.bound.model or name in used]

    # Rows

    def rows(self) -> dict[str, list[Row]]:
        """By namespace, in the order of time. An event is a row once, whatever it counts for."""
        spans: dict[SeriesRef, Days] = {}
        for series, span in self.series.items():
            once = SeriesRef(self.bound.model, EVENTS, series.name) if series.namespace == EVENTS else series
            spans[once] = longest([span, *([spans[once]] if once in spans else [])])
        found: dict[str, list[Row]] = {}
        for series, span in spans.items():
            back = span if self.back is None or (span is not None and span < self.back) else self.back
            first = date.min if back is None else self.first - timedelta(days=min(back, (self.first - date.min).days))
            raw = self.reader.rows(series, self.key, first, self.last, None, None)
            rows = [self.row(series, one) for one in reversed(raw)]
            found.setdefault(series.namespace, []).extend(rows)
        return {namespace: sorted(rows, key=lambda row: row["date"]) for namespace, rows in found.items() if rows}

    def row(self, series: SeriesRef, raw: RawRow) -> Row:
        value = _plain(raw.value)
        counted = {} if value == 1 else {"count": value}
        if series.namespace == EVENTS:
            alone = self.models == [self.bound.model]
            names = {self.bound.model: self.key, **({} if alone else raw.names)}
            return {"action": series.name, **names, "date": raw.day.isoformat(), **counted}
        model = {} if series.model == self.definition.root else {"model": series.model}
        rest = counted if series.namespace in COUNTED else {"value": value}
        return {"record": raw.record, **model, "name": series.name, "date": raw.day.isoformat(), **rest}

    # Records and fields

    def records(self, of: str) -> tuple[list[Row], list[Row]]:
        """The records of a model with the fields that matter, and the histories of those that changed."""
        model = self.definition.models[of]
        asked = self.asked(of)
        parent = model.company is not None and self.definition.root in self.models
        columns = [*(["company"] if parent else []), *(["since"] if model.since else [])]
        columns += [f"{FIELD}{name}" for name in asked]
        chosen = ", ".join(["record", *map(quoted, columns)])
        table = quoted(records_name(self.reader.context, of))
        found = self.reader.engine.rows(f"SELECT {chosen} FROM {table} ORDER BY 1")
        timelines = self.timelines(of)
        rows, history = [], []
        for key, *values in found:
            row = _head(model, key, dict(zip(columns, values, strict=True)))
            told = values[len(values) - len(asked):]
            row |= {name: _typed(value) for name, value in zip(asked, told, strict=True)}
            for name, held in timelines.items():
                history += self.field(row, key, name, held.get(key, []), name in asked)
            rows.append(row)
        return rows, history

    def asked(self, model: str) -> list[str]:
        """The fields that a `where` asks about, which counts as it is now."""
        plan = self.reader.plan.model(model)
        wheres = [metric.where for metric in plan.metrics if metric.where] if plan else []
        return list(dict.fromkeys(name for where in wheres for name in mentioned(where)))

    def timelines(self, model: str) -> dict[str, dict[str, list[tuple[date, Any]]]]:
        """Per field and record: since when it is what, up to the last day."""
        plan = self.reader.plan.model(model)
        made: dict[str, dict[str, list[tuple[date, Any]]]] = {}
        for used, table in timeline_names(plan).items() if plan else ():
            known = made.setdefault(used.name, {})
            sql = f"SELECT record, valid_from, value FROM {quoted(table)} WHERE valid_from <= ? ORDER BY 1, 2"
            for key, since, value in self.reader.engine.rows(sql, [self.last]):
                known.setdefault(key, []).append((since, _plain(value)))
        return made

    def field(self, row: Row, key: str, name: str, held: Sequence[tuple[date, Any]], asked: bool) -> list[Row]:
        """Puts a field that did not change into the record; else returns its history."""
        before = [(since, value) for since, value in held if since <= self.start][-1:]
        after = [(since, value) for since, value in held if since > self.start]
        if not before and not after:
            return []
        steady = bool(before) and all(value == before[0][1] for _, value in after)
        if steady and before[0][1] is not None and (not asked or row.get(name) == before[0][1]):
            row[name] = before[0][1]
            return []
        now = [(self.last, held[-1][1])] if asked and held[-1][0] != self.last else []
        return [{"record": key, "field": name, "day": max(since, self.start).isoformat(), "value": value}
                for since, value in [*before, *after, *now]]


def _head(model: ModelDef, key: str, values: Mapping[str, Any]) -> Row:
    columns = model.records.columns
    row: Row = {columns.get(model.key, model.key): key}
    if model.company and "company" in values:
        row[columns.get(model.company, model.company)] = values["company"]
    if model.since and values["since"] is not None:
        row[columns.get(model.since, model.since)] = values["since"].isoformat()
    return row


def _plain(value: Any) -> Any:
    """A whole number without its point."""
    return int(value) if isinstance(value, float) and value == int(value) and abs(value) < 1e15 else value


def _typed(value: str | None) -> Any:
    """A field as it is now: a number where it is one and reads back as the same text."""
    try:
        number = _plain(float(value)) if value is not None else None
    except (ValueError, OverflowError):
        return value
    return number if str(number) == value else value

