"""Rules about operations over days: what is added up, averaged or carried on, and what has no past."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import ceil

from metricsql.bind.metrics import BoundMetric
from metricsql.bind.tree import Apply, Field, Leaf, SeriesRef
from metricsql.inspect.lint.rule import Found, Rule, Scene, shown
from metricsql.plan.reach import Reads

SUMS = ("sum", "total_sum")
ADDS_DAYS = (*SUMS, "length")
"""Windows for which it does not matter that a day has only some of the children."""


def states(metric: BoundMetric, scene: Scene) -> Iterator[tuple[Leaf, Found, float]]:
    """The leaves over series of states whose rhythm is known, with a finding to be worded and the rhythm in days."""
    for spot in scene.spots(metric):
        if isinstance(spot.tree, Leaf) and is_state(spot.tree.series, scene) and scene.facts is not None:
            gap = scene.facts.gaps.get(replace(spot.tree.series, rollup=False))
            if gap is not None:
                yield spot.tree, Found(spot.written.place, ""), gap


def is_state(series: SeriesRef, scene: Scene) -> bool:
    """Whether the rows of a raw series say how things are, so that the last one of a day counts."""
    declared = scene.definition.series.get(series.namespace)
    return declared is not None and not series.calculated and declared.collapse_of(series.name) == "last"


def needs_rhythm(scene: Scene) -> list[SeriesRef]:
    """The series for which the rules of this file ask the data, each named as its own model does."""
    every = [spot.tree for metric in scene.metrics.values() for spot in scene.spots(metric)]
    wanted = [leaf.series for leaf in every if isinstance(leaf, Leaf) and is_state(leaf.series, scene)
              and (leaf.op not in ADDS_DAYS if leaf.series.rollup else leaf.op == "last")]
    return list(dict.fromkeys(replace(series, rollup=False) for series in wanted))


def sum_of_rolling_sum(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    for spot in scene.spots(metric):
        leaf = spot.tree
        if not (isinstance(leaf, Leaf) and leaf.op in SUMS and leaf.days != 1):
            continue
        formula = scene.formula_of(leaf)
        inner = scene.kinds.rolling_sum(formula) if formula is not None else None
        if inner is not None:
            times = min((days for days in (leaf.days, inner.days) if days is not None), default=None)
            often = f"up to {times} times" if times is not None else "again on every later day"
            what = "a running total" if inner.days is None else f"what was added up over {inner.days} days"
            yield Found(spot.written.place, f"`{shown(leaf)}` adds up {what}, so each day of `{inner.series}` "
                                            f"counts {often}")


def sum_of_ratio(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    for spot in scene.spots(metric):
        leaf = spot.tree
        formula = scene.formula_of(leaf) if isinstance(leaf, Leaf) else None
        if not isinstance(leaf, Leaf) or formula is None:
            continue
        over_days = not leaf.series.rollup
        if leaf.op == "length" or (over_days and (leaf.op not in SUMS or leaf.days == 1)):
            continue
        ratio = scene.kinds.ratio(formula, over_days)
        if ratio is not None:
            whose = "every day" if over_days else f"every {leaf.series.model}"
            yield Found(spot.written.place, f"`{shown(leaf)}` adds up the ratio `{shown(ratio)}` of {whose}, "
                                            "but ratios do not add up")


def average_of_ratio(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    for spot in scene.spots(metric):
        match spot.tree:
            case Leaf(op="average", days=days) as leaf if days != 1 and not leaf.series.rollup:
                formula = scene.formula_of(leaf)
                ratio = scene.kinds.ratio(formula, over_days=True) if formula is not None else None
                if ratio is not None:
                    yield Found(spot.written.place, f"`{shown(spot.tree)}` averages the ratio `{shown(ratio)}`, "
                                                    "so a day with little weighs as much as a day with a lot")
            case Apply(op="average", args=args) if len(args) > 1:
                if all(scene.kinds.ratio(argument, over_days=False) for argument in args):
                    yield Found(spot.written.place, f"`{shown(spot.tree)}` averages ratios, so the one with the small "
                                                    "divisor weighs as much as the one with the large")


def short_last_window(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    for leaf, found, gap in states(metric, scene):
        if leaf.op == "last" and leaf.days is not None and leaf.days < gap and not leaf.series.rollup:
            days = "1 day" if leaf.days == 1 else f"{leaf.days} days"
            message = f"`{shown(leaf)}` keeps a value for {days}, but `{leaf.series}` has a new one every {gap:g} " \
                      "days (the median of all records)"
            yield replace(found, message=message, fix=f"take {ceil(gap)} days or more, so that a value lasts "
                                                      "until the next")


def sum_of_some_children(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    for leaf, found, gap in states(metric, scene):
        if leaf.series.rollup and leaf.op not in ADDS_DAYS and gap > 1:
            child = leaf.series.model
            message = f"`{shown(leaf)}` takes a day's sum over all {child} records, but each sends only every " \
                      f"{gap:g} days (the median), so a day has only some of them"
            fix = f"make a metric of `{child}` that keeps its last value, and read `{child}.calculated.<id>` with 1 day"
            yield replace(found, message=message, fix=fix)


def no_field_history(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    own = next((spot for spot in scene.spots(metric) if isinstance(spot.tree, Field)), None)
    if own is not None and fields_without_past(metric.id, scene):
        yield Found(own.written.place, f"nothing is known of `{shown(own.tree)}` before the first build, so the metric "
                                       "has no value before that day")
    for spot in scene.spots(metric):
        leaf = spot.tree
        if isinstance(leaf, Leaf) and leaf.series.calculated and leaf.days != 1:
            for unknown in fields_without_past(leaf.series.name, scene)[:1]:
                yield Found(spot.written.place, f"`{shown(leaf)}` looks at days before the first build, of which "
                                                f"nothing is known of `{unknown}`")


def fields_without_past(metric: str, scene: Scene) -> list[Field]:
    """The fields of a metric that reads nothing else, if nothing is stored or given of them."""
    read = scene.reads.get(metric, Reads())
    if scene.definition.fields_before_tracking == "constant" or scene.catalog.has_store or read.series:
        return []
    return [field for field in read.fields if scene.definition.models[field.model].history is None]


RULES = [
    Rule("sum-of-rolling-sum", "a sum over days of a metric that is itself a sum over days",
         "each day is in many of the windows that are added up, so it counts many times",
         "add up the series itself, over the whole time that is meant, or read the metric with 1 day",
         sum_of_rolling_sum),
    Rule("sum-of-ratio", "a ratio that is added up over days or over children",
         "two halves do not make a whole: 50 % on two days or of two children is not 100 %",
         "add up both sides, each as a metric of its own, and divide the sums", sum_of_ratio),
    Rule("average-of-ratio", "an average over days of a ratio, or of several ratios",
         "a day with one case out of one weighs as much as a day with a hundred out of two hundred",
         "divide the sum of the one side by the sum of the other", average_of_ratio),
    Rule("short-last-window", "LAST with a window shorter than the time between two values of the series",
         "the value disappears before the next one comes, and the days between have none",
         "take as many days as usually lie between two values, or more", short_last_window),
    Rule("sum-of-some-children", "a day's sum over children that do not all send on the same day",
         "the sum of a day holds only the children that sent on it, so it jumps with who sent when",
         "make a metric of the child that keeps its last value, and add that up", sum_of_some_children),
    Rule("no-field-history", "a window over a field, or a field alone, of which no past is known yet",
         "a field is one current value; its past begins with the first build that stores it",
         "build every day from now on, give the model a `history:`, or set `fields_before_tracking: constant`",
         no_field_history),
]
