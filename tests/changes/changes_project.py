"""Changes of metrics and of the options of a project."""

from __future__ import annotations

import random
from datetime import timedelta

from tests.changes.formulas import SERIES, new_metric, some_formula, some_where
from tests.changes.pieces import by_name
from tests.changes.state import MODELS, Declared, State, references, renamed

MOST_METRICS = 32


def edit_formula(rng: random.Random, state: State) -> str:
    """A metric has another formula."""
    metric = rng.choice(state.metrics)
    return _edit(rng, state, metric)


def edit_used_formula(rng: random.Random, state: State) -> str | None:
    """A metric that others use has another formula."""
    used = {name for metric in state.metrics for name in references(metric.formula)}
    return _edit(rng, state, state.metric(rng.choice(sorted(used)))) if used else None


def _edit(rng: random.Random, state: State, metric: Declared) -> str:
    before = state.metrics[: state.metrics.index(metric)]
    metric.formula = some_formula(rng, state, metric.model, before[-10:], metric.exact)
    return f"{metric.id} = {metric.formula}"


def edit_constant(rng: random.Random, state: State) -> str | None:
    """A window is a day longer or shorter, and nothing else."""
    windows = [(metric, part) for metric in state.metrics for part in _windows(metric.formula)]
    if not windows:
        return None
    metric, part = rng.choice(windows)
    days = max(1, part["days"] + rng.choice((-1, 1, 5)))
    metric.formula = _replaced(metric.formula, part, {**part, "days": days})
    return f"{metric.id}: {days} days of {part['prop']} instead of {part['days']}"


def add_metric(rng: random.Random, state: State) -> str | None:
    """A metric more."""
    if len(state.metrics) >= MOST_METRICS:
        return None
    metric = new_metric(rng, state)
    state.metrics.append(metric)
    return f"new {metric.model} metric {metric.id} = {metric.formula}, where {metric.where}, zero {metric.missing_zero}"


def remove_metric(rng: random.Random, state: State) -> str | None:
    """A metric less, one that no other uses."""
    used = {name for metric in state.metrics for name in references(metric.formula)}
    free = [metric for metric in state.metrics if metric.id not in used]
    models = {model: [m for m in state.metrics if m.model == model] for model in {m.model for m in state.metrics}}
    free = [metric for metric in free if len(models[metric.model]) > 1 or rng.random() < 0.1]
    if len(state.metrics) < 12 or not free:
        return None
    metric = rng.choice(free)
    state.metrics.remove(metric)
    return f"metric {metric.id} removed"


def rename_metric(rng: random.Random, state: State) -> str:
    """A metric has another id, also in the formulas that use it; now and then another one's old id."""
    metric = rng.choice(state.metrics)
    state.made += 1
    taken = {other.id for other in state.metrics}
    free = [
        name
        for name in (f"renamed{state.made}", "logins", "chats", "eu_runs", metric.id.swapcase())
        if name not in taken
    ]
    free = [name for name in free if name.lower() not in {t.lower() for t in taken - {metric.id}}]
    old, new = metric.id, rng.choice(free)
    metric.id = new
    for other in state.metrics:
        other.formula = renamed(other.formula, old, new)
    return f"metric {old} is called {new} now"


def swap_metrics(rng: random.Random, state: State) -> str | None:
    """Two metrics of a model that nobody uses change their ids."""
    used = {name for metric in state.metrics for name in references(metric.formula)}
    free = [metric for metric in state.metrics if metric.id not in used]
    model = rng.choice(free).model
    pair = [metric for metric in free if metric.model == model]
    if len(pair) < 2:
        return None
    first, second = rng.sample(pair, 2)
    first.id, second.id = second.id, first.id
    return f"metrics {first.id} and {second.id} have each other's ids"


def move_metric(rng: random.Random, state: State) -> str | None:
    """A metric that no other uses is one of another model now, with another formula."""
    used = {name for metric in state.metrics for name in references(metric.formula)}
    free = [metric for metric in state.metrics if metric.id not in used]
    if not free:
        return None
    metric = rng.choice(free)
    before, metric.model = metric.model, rng.choice(MODELS)
    metric.where = None
    return f"{metric.id} is of {metric.model}, no longer of {before}; {_edit(rng, state, metric)}"


def reorder_metrics(rng: random.Random, state: State) -> str:
    """A metric stands elsewhere in the project file: its column, too."""
    metric = rng.choice(state.metrics)
    metric.place = rng.random()
    return f"metric {metric.id} stands elsewhere in the file"


def change_missing(rng: random.Random, state: State) -> str:
    """A metric's `missing` is the other one."""
    metric = rng.choice(state.metrics)
    metric.missing_zero = not metric.missing_zero
    return f"missing of {metric.id} is {'zero' if metric.missing_zero else 'null'}"


def change_where(rng: random.Random, state: State) -> str | None:
    """A metric's `where` is another one, or gone, or new."""
    metric = rng.choice(state.metrics)
    where = None if metric.where is not None and rng.random() < 0.5 else some_where(rng)
    if where is not None and where.field not in state.columns[metric.model]:
        return None
    metric.where = where
    return f"where of {metric.id} is {where.text() if where else 'gone'}"


def move_formula(rng: random.Random, state: State) -> str:
    """A formula stands in a file of its own, or no longer: nothing that means anything."""
    metric = rng.choice(state.metrics)
    metric.in_file = not metric.in_file
    return f"the formula of {metric.id} stands {'in its own file' if metric.in_file else 'in the project file'}"


def change_start(rng: random.Random, state: State) -> str:
    """The project begins on another day, or with its data."""
    state.start = rng.choice((None, *[state.as_of - timedelta(days=back) for back in (0, 3, 8, 15, 20, 30, 38)]))
    return f"start is {state.start}"


def change_timezone(rng: random.Random, state: State) -> str:
    """Times with an offset may be of another day."""
    state.timezone = rng.choice(("UTC", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"))
    return f"timezone is {state.timezone}"


def change_trend(rng: random.Random, state: State) -> str:
    """What TREND means without a word."""
    state.trend = rng.choice(("ratio", "difference", "change"))
    return f"trend is {state.trend}"


def change_before_tracking(rng: random.Random, state: State) -> str:
    """What a field is before it was stored."""
    state.before_tracking = "constant" if state.before_tracking == "empty" else "empty"
    return f"fields_before_tracking is {state.before_tracking}"


def change_collapse(rng: random.Random, state: State) -> str:
    """How several points of a day become one; averages only where no formula asks about the last bit."""
    namespace = rng.choice(list(state.sources))
    name = rng.choice(("default", *SERIES[namespace]))
    rules = dict(state.collapse.get(namespace, {}))
    if name in rules and rng.random() < 0.4:
        del rules[name]
    else:
        rough = (namespace, name) in (("metrics", "load"), ("email_events", "sent"))
        rules[name] = rng.choice(("sum", "min", "max", "last", *(["avg", "avg"] if rough else [])))
    state.collapse[namespace] = rules
    return f"collapse of {namespace} is {rules}"


def change_zeros(rng: random.Random, state: State) -> str:
    """Whether a sent 0 is data."""
    name = rng.choice(("default", *SERIES["metrics"]))
    state.zeros = {**state.zeros, name: "keep" if state.zeros.get(name) == "missing" else "missing"}
    return f"zeros are {state.zeros}"


def _windows(formula: object) -> list[dict[str, object]]:
    match formula:
        case {"days": int()}:
            return [formula]
        case list():
            return [part for item in formula for part in _windows(item)]
        case _:
            return []


def _replaced(formula: object, part: object, by: object) -> object:
    if formula is part:
        return by
    return [_replaced(item, part, by) for item in formula] if isinstance(formula, list) else formula


PROJECT_CHANGES = by_name(
    edit_formula,
    edit_used_formula,
    edit_constant,
    add_metric,
    remove_metric,
    rename_metric,
    swap_metrics,
    move_metric,
    reorder_metrics,
    change_missing,
    change_where,
    move_formula,
    change_start,
    change_timezone,
    change_trend,
    change_before_tracking,
    change_collapse,
    change_zeros,
)
