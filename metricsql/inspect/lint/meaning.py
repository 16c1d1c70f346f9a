"""Rules about what says nothing: arguments without effect, metrics without records, names that look alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import product

from metricsql import operators
from metricsql.bind.metrics import BoundMetric
from metricsql.bind.tree import Apply, Constant, Field, Leaf
from metricsql.diagnostics import Place
from metricsql.formula.nodes import Window
from metricsql.inspect.lint.kinds import is_constant
from metricsql.inspect.lint.rule import Found, Rule, Scene, Spot, child_place, shown
from metricsql.operators import Operator
from metricsql.sql.conditions import mentioned

SAMPLES = (-2.5, 0.0, 1 / 3, 3.0, 1e6 + 1 / 7, 1e300, -1e300, None)
"""An argument that changes none of these, a missing value among them, has no effect."""
ONCE_IS_ENOUGH = ("max", "min", "average", "coalesce", "and", "or")


def no_effect(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    for spot in scene.spots(metric):
        if isinstance(spot.tree, Apply) and not is_constant(spot.tree):
            block = operators.operator(spot.tree.op)
            yield from _if_without_effect(spot) if block.key == "if" else _arguments_without_effect(spot, block)


def _if_without_effect(spot: Spot) -> Iterator[Found]:
    assert isinstance(spot.tree, Apply)
    test, then, other = spot.tree.args
    if then == other:
        yield Found(child_place(spot, 2), f"both branches of this IF are `{shown(then)}`", "write the branch alone")
    elif is_constant(test):
        yield Found(child_place(spot, 0), f"the condition `{shown(test)}` turns out the same on every day",
                    "write the branch that is always chosen alone")


def _arguments_without_effect(spot: Spot, block: Operator) -> Iterator[Found]:
    assert isinstance(spot.tree, Apply)
    args = spot.tree.args
    if len(args) == 1 and block.most is None and not (block.key == "sum" and _is_sign(spot.above)):
        window = operators.window_by_json(block.json)
        over_days = f"over days it is `{window.function}(series, days)`" if window else "write the argument alone"
        yield Found(spot.written.place, f"`{block.json}` of one argument is that argument", over_days)
    for position, argument in enumerate(args):
        if isinstance(argument, Constant) and len(args) > 1 and _is_neutral(block, args, position):
            message = f"`{shown(argument)}` changes nothing as an argument of `{block.json}`"
            yield Found(child_place(spot, position), message)
        elif block.key in ONCE_IS_ENOUGH and argument in args[:position]:
            yield Found(child_place(spot, position), f"`{shown(argument)}` stands twice in `{block.json}`")


def _is_sign(above: object) -> bool:
    """`["SIGN", ["SUM", x]]` is how the documentation of the formulas asks whether there was anything."""
    return isinstance(above, Apply) and above.op == "sign"


def _is_neutral(block: Operator, args: Sequence[object], position: int) -> bool:
    """Whether the result is the same without a constant, whatever the other arguments are."""
    constant = args[position]
    assert isinstance(constant, Constant)
    if isinstance(constant.value, str) or block.gives == "truth":
        return False
    choices = [[a.value] if isinstance(a, Constant) else SAMPLES for i, a in enumerate(args) if i != position]
    if any(isinstance(value, str) for choice in choices for value in choice) or len(choices) > 3:
        return False
    return all(block.evaluate(*others[:position], constant.value, *others[position:]) == _without(block, others)
               for others in product(*choices))


def _without(block: Operator, others: Sequence[object]) -> object:
    return others[0] if len(others) == 1 else block.evaluate(*others)


def unreachable_metric(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    if scene.facts is None:
        return
    declared, count = metric.definition, scene.facts.records.get(metric.model)
    if count and declared.where is not None and scene.facts.matching.get((metric.model, declared.where)) == 0:
        yield Found(declared.locate(("where",)), f"this holds for none of the {count} {metric.model} records, "
                    f"so `{metric.id}` has no values")


def similar_name(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    names = scene.catalog.names or {}
    read = {spot.tree.series for spot in scene.spots(metric) if isinstance(spot.tree, Leaf)}
    fields = {spot.tree.name for spot in scene.spots(metric) if isinstance(spot.tree, Field)}
    known = scene.catalog.fields.get(metric.model, {}).keys() - fields
    for spot in scene.spots(metric):
        match spot.tree, spot.written:
            case Leaf(series=series), Window(of=written) if not series.calculated:
                carried = names.get((series.model, series.namespace), frozenset())
                unread = [name for name in carried if replace(series, name=name) not in read]
                yield from _twins(written.place, series.name, unread if series.name in carried else (), "data carries")
            case Field() as field, _:
                yield from _twins(spot.written.place, field.name, known, "there is")
    for name in dict.fromkeys(mentioned(metric.definition.where)) if metric.definition.where else ():
        yield from _twins(metric.definition.locate(("where",)), name, known, "there is")
    yield from _earlier_title(metric, scene)


def _twins(place: Place, name: str, unread: Iterable[str], verb: str) -> Iterator[Found]:
    others = sorted(other for other in unread if other != name and _folded(other) == _folded(name))
    if others:
        listed = ", ".join(f"`{other}`" for other in others)
        differs = "which differs by case or spaces only and is not read here"
        yield Found(place, f"besides `{name}` {verb} {listed}, {differs}")


def _earlier_title(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    title = metric.definition.name
    for other in scene.definition.metrics:
        if title is None or other.id == metric.id:
            return
        if other.name is not None and _folded(other.name) == _folded(title):
            like = "also called" if other.name == title else "called almost the same"
            yield Found(metric.definition.locate(("name",)), f"the metric `{other.id}` is {like}, `{other.name}`",
                        "give one of the two another name")


def _folded(name: str) -> str:
    return "".join(name.casefold().split())


RULES = [
    Rule("no-effect", "an argument, a branch or a group without any effect",
         "what changes nothing is often a slip: another number, another branch or an operation over days was meant",
         "remove it, or write what was meant", no_effect),
    Rule("unreachable-metric", "a metric whose `where` holds for no record",
         "all its values are missing, today and until the records change",
         "look at the spelling in `where`; texts count case and spaces", unreachable_metric),
    Rule("similar-name", "a series, field or metric name that differs from another one by case or spaces only",
         "names are exact: what is sent under the other name is not read, and nobody sees that on a chart",
         "send both under one name, or add up both", similar_name),
]
