"""Which days of which metric must be computed again, from what has changed. Pure; knows no engine and no file.

A changed day of a series changes the days up to the metric's reach into that series; a changed field changes
all days from then on; an edited metric changes every day, and so does what uses it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from metricsql.bind.metrics import BoundMetric, downstream
from metricsql.bind.tree import SeriesRef, fields, leaves
from metricsql.plan.planner import days_before
from metricsql.plan.reach import changed_days, reads
from metricsql.plan.spans import ONE_DAY, Span, clip, of_days, union


@dataclass(frozen=True)
class Cause:
    """Why values change: of a kind, with its name, and the days of the source (or field) that changed."""

    kind: str
    """`late data`, `formula`, `uses`, `field`, `record`, `option` or `asked`."""
    name: str = ""
    days: tuple[date, ...] = ()
    spans: tuple[Span, ...] = field(default=(), compare=False)
    """The days of the metric that it changes."""


@dataclass(frozen=True)
class Differences:
    """What differs from the last build, as far as metrics can see it."""

    series: Mapping[tuple[str, str], frozenset[date]] = field(default_factory=dict)
    """Per namespace and name, the days on which any record's rows are new, changed or gone."""
    namespaces: frozenset[str] = frozenset()
    """Namespaces that are read in another way, so that any day of any series may differ."""
    fields: Mapping[tuple[str, str], date] = field(default_factory=dict)
    """Per model and field, the first day from which any record's value differs."""
    edited: frozenset[str] = frozenset()
    """Metrics that are new, or whose meaning changed."""
    built_through: date | None = None
    """The last day that is built; None before the first build."""


@dataclass(frozen=True)
class Affected:
    """The days of one metric that must be computed, and why. New days have no cause: they are nobody's news."""

    spans: tuple[Span, ...]
    causes: tuple[Cause, ...]


def affected(metrics: Mapping[str, BoundMetric], found: Differences, start: date, as_of: date) -> dict[str, Affected]:
    """What must be computed per metric, within the grid; metrics with nothing to do are left out."""
    if start > as_of:
        return {}
    known = reads(metrics.values())
    users = downstream(metrics, found.edited)
    result: dict[str, Affected] = {}
    for name in metrics:
        causes = list(_late(known[name].series.items(), found))
        causes += [Cause("field", f"{f.model}.custom.{f.name}", (day,), ((day, as_of),))
                   for f in known[name].fields if (day := found.fields.get((f.model, f.name))) is not None]
        if name in found.edited:
            causes.append(Cause("formula", name, (), ((start, as_of),)))
        elif name in users:
            causes.append(Cause("uses", _used_edited(metrics, name, found.edited), (), ((start, as_of),)))
        spans = [span for cause in causes for span in cause.spans]
        first_new = start if found.built_through is None else found.built_through + ONE_DAY
        cut = union(clip([*spans, (first_new, as_of)], start, as_of))
        if cut:
            result[name] = Affected(tuple(cut), tuple(causes))
    return result


def by_level(metrics: Mapping[str, BoundMetric], names: Collection[str]) -> list[list[str]]:
    """Metrics so that what one uses of the others stands in an earlier list."""
    level: dict[str, int] = {}
    for name in metrics:
        if name in names:
            level[name] = 1 + max((level[used] for used in metrics[name].uses if used in level), default=-1)
    return [[name for name in level if level[name] == number] for number in range(max(level.values(), default=-1) + 1)]


def still_affected(metric: BoundMetric, found: Differences, changed: Mapping[str, Sequence[Span]], last: date) -> list[Span]:
    """The days of a metric that may change, once it is known on which days the metrics that it uses did.

    No more days than `affected` gives: where the values of a metric stay as they were, nothing spreads any further.
    """
    if metric.id in found.edited:
        return [(date.min, date.max)]
    spans = [(day, last) for f in fields(metric.tree) if (day := found.fields.get((f.model, f.name))) is not None]
    for leaf in leaves(metric.tree):
        if leaf.series.calculated:
            spans += [_reached(span, days_before(leaf)) for span in changed.get(leaf.series.name, ())]
        else:
            spans += [span for cause in _late([(leaf.series, days_before(leaf))], found) for span in cause.spans]
    return union(spans)


def _late(series: Iterable[tuple[SeriesRef, int | None]], found: Differences) -> Iterable[Cause]:
    for source, look_back in series:
        days = found.series.get((source.namespace, source.name))
        if source.namespace in found.namespaces:
            yield Cause("option", f"series {source.namespace}", (), ((date.min, date.max),))
        elif days:
            reached = [_reached(span, look_back) for span in of_days(days)]
            yield Cause("late data", str(source), tuple(sorted(days)), tuple(union(reached)))


def _reached(span: Span, look_back: int | None) -> Span:
    first, last = changed_days(*span, look_back)
    return first, last or date.max


def _used_edited(metrics: Mapping[str, BoundMetric], name: str, edited: frozenset[str]) -> str:
    """The first edited metric that a metric uses, however indirectly."""
    return next(other for other in metrics if other in edited and name in downstream(metrics, [other]))


@dataclass(frozen=True)
class Task:
    """Metrics of one model that are computed together for a stretch of days."""

    model: str
    metrics: tuple[str, ...]
    span: Span

    @property
    def days(self) -> int:
        return (self.span[1] - self.span[0]).days + 1


SHORT = 16
"""Days from which on stretches are told apart: a shorter one costs hardly less, since every task looks at all rows."""


def make_tasks(metrics: Mapping[str, BoundMetric], wanted: Mapping[str, Affected], last: date) -> list[Task]:
    """Metrics with nearly the same days share a task: stretches are lengthened to 16, 24, 32, 48, 64 ... days.

    So there are few tasks, and none but a short one computes more than half as many days again as it must.
    """
    groups: dict[tuple[str, Span], list[str]] = {}
    for name, found in wanted.items():
        for span in union(_lengthened(found.spans, last)):
            groups.setdefault((metrics[name].model, span), []).append(name)
    return [Task(model, tuple(names), span) for (model, span), names in groups.items()]


def _lengthened(spans: Sequence[Span], last: date) -> Iterable[Span]:
    for first, end in spans:
        days = max((end - first).days + 1, SHORT)
        power = 1 << (days - 1).bit_length()
        longer = power * 3 // 4 if days <= power * 3 // 4 else power
        yield first, min(last, first + timedelta(days=longer - 1)) if (last - first).days >= longer else last
