"""Rules about missing values: numbers that look real and only mean that there is no data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from metricsql import operators
from metricsql.bind.metrics import BoundMetric
from metricsql.bind.tree import Apply, Constant, Leaf, Tree, walk
from metricsql.inspect.lint.kinds import is_constant
from metricsql.inspect.lint.rule import Found, Rule, Scene, Spot, child_place, shown

AS_IF = "; `missing: zero` then gives 0, as if that were the result"


def zero_hides_division(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    for spot in scene.spots(metric) if metric.definition.missing_zero else ():
        if not spot.reaches:
            continue
        match spot.tree:
            case Apply(op="division", args=(_, *divisors)):
                for position, divisor in enumerate(divisors, 1):
                    if not is_constant(divisor) and not asked_for(divisor, spot):
                        message = f"the divisor `{shown(divisor)}` can be zero or missing{AS_IF}"
                        yield Found(child_place(spot, position), message)
            case Leaf() as leaf if operators.window(leaf.op).modes and leaf.mode != "difference":
                message = f"the earlier value by which `{shown(leaf)}` divides can be zero or missing{AS_IF}"
                yield Found(spot.written.place, message)


def asked_for(tree: Tree, spot: Spot) -> bool:
    """Whether a condition above looks at a part, so that what happens at zero was thought of."""
    return any(tree in walk(test) for test in spot.tests)


def zero_days_since(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    for spot in scene.spots(metric) if metric.definition.missing_zero else ():
        leaf = spot.tree
        if isinstance(leaf, Leaf) and spot.reaches and (since := _days_since(leaf, scene)) is not None:
            yield Found(spot.written.place, f"a record for which `{since.series}` never happened gets 0 by "
                        "`missing: zero`, as if it happened on that day")


def _days_since(leaf: Leaf, scene: Scene) -> Leaf | None:
    inner = scene.kinds.behind(leaf)
    if isinstance(inner, Leaf) and not scene.metrics[leaf.series.name].definition.missing_zero:
        return _days_since(inner, scene)
    return leaf if leaf.op == "days_since" else None


def subtract_missing(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    for spot in scene.spots(metric):
        if not (isinstance(spot.tree, Apply) and spot.tree.op == "subtraction"):
            continue
        first, *others = spot.tree.args
        known = spot.known + scene.presence.required(first)
        for position, other in enumerate(others, 1):
            if scene.presence.is_sure(other, known) or scene.kinds.zero_without_data(other) or part_of(other, first):
                continue
            yield Found(child_place(spot, position), f"where `{shown(other)}` is missing nothing is taken away, "
                        f"and the result is all of `{shown(first)}`")


def part_of(other: Tree, first: Tree) -> bool:
    """Whether a sum is taken from a longer sum of the same series: without data in it nothing is to be taken away."""
    match first, other:
        case Leaf(op="sum" | "total_sum"), Leaf(op="sum", days=days) if first.series == other.series:
            return first.days is None or (days is not None and days <= first.days)
        case _:
            return False


def constant_hides_missing(metric: BoundMetric, scene: Scene) -> Iterator[Found]:
    for spot in scene.spots(metric):
        if not (isinstance(spot.tree, Apply) and spot.tree.op in ("max", "min")):
            continue
        constants = [argument for argument in spot.tree.args if isinstance(argument, Constant)]
        others = [argument for argument in spot.tree.args if not is_constant(argument)]
        if not constants or not others or _means_zero(metric, scene, constants, others):
            continue
        if not any(scene.presence.is_sure(argument, spot.known) for argument in others):
            given = f"`{shown(constants[0])}`" if len(constants) == 1 else "one of the constants"
            named = " and ".join(f"`{shown(argument)}`" for argument in others)
            yield Found(spot.written.place, f"where {named} {'are' if len(others) > 1 else 'is'} missing the result "
                        f"is {given}, as if that were known")


def _means_zero(metric: BoundMetric, scene: Scene, constants: Sequence[Constant], others: Sequence[Tree]) -> bool:
    """Whether no data means 0 here anyway."""
    zero = all(constant.value == 0 for constant in constants)
    return zero and (metric.definition.missing_zero or all(map(scene.kinds.zero_without_data, others)))


RULES = [
    Rule("zero-hides-division", "`missing: zero` on a division whose divisor can be zero",
         "a division by zero has no value, and `missing: zero` makes a real 0 of it",
         "leave `missing: null`, or say what is meant: `if(divisor > 0, ..., 0)`", zero_hides_division),
    Rule("zero-days-since", "`missing: zero` on the days since something happened",
         "0 days means today; whoever never did it has no value, and would look the most active of all",
         "leave `missing: null`, or say how many days stand for never: `coalesce(..., 9999)`", zero_days_since),
    Rule("subtract-missing", "SUBTRACTION of something that can be missing while the first argument is there",
         "x - missing is x, so the whole first argument is left, as if a 0 had been sent",
         "ask with `has value` first, or write `a - b` (in JSON `[\"-\", a, b]`), which has no value then",
         subtract_missing),
    Rule("constant-hides-missing", "MAX or MIN of a constant and of what can be missing",
         "missing arguments are skipped, so only the constant is left: a limit looks like a value",
         "ask with `has value` first, or compare: `if(x > 100, 100, x)`", constant_hides_missing),
]
