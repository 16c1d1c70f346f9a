"""What an operation over time did, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from metricsql.inspect.why_rules import NOT_FINITE
from metricsql.inspect.why_windows import Look
from metricsql.inspect.why_words import counted, day_words, span_words, value_words

TRENDS = {"ratio": "the first divided by the second", "difference": "the first minus the second",
          "change": "the difference divided by the second"}


def window_rules(look: Look) -> tuple[str, ...]:
    """What was done, and what may surprise."""
    return tuple(_rules(look))


def _rules(look: Look) -> Iterator[str]:
    if look.block.reads == "offset":
        yield _offset(look)
    elif not look.present:
        yield from _nothing(look)
    else:
        yield _main(look)
        if look.result is None and look.block.key != "days_since":
            yield NOT_FINITE
    yield from _as_zero(look)
    yield from _before_grid(look)
    yield from _left_out(look)


def _data(look: Look) -> str:
    """What a day of the series has or misses."""
    return "value" if look.leaf.series.calculated else "data"


def _span(look: Look) -> str:
    return span_words(look.first or look.day, look.day)


def _having(look: Look) -> str:
    """`5 of the 7 days from 25 to 31 March 2026 have data`."""
    count, days = len(look.present), look.leaf.days
    verb = "counts" if look.as_zero else f"has {_a_value(look)}"
    verbs = "count" if look.as_zero else f"have {_a_value(look)}"
    if days is None:
        return f"{counted(count, 'day')} from {_span(look)} {verb if count == 1 else verbs}"
    if count == days:
        return f"all {days} days from {_span(look)} {verbs}" if days > 1 else f"{day_words(look.day)} {verb}"
    return f"{count} of the {days} days from {_span(look)} {verb if count == 1 else verbs}"


def _a_value(look: Look) -> str:
    return "a value" if look.leaf.series.calculated else "data"


def _main(look: Look) -> str:
    match look.block.key:
        case "days_since":
            return _days_since(look)
        case "last" if look.leaf.days != 1:
            return _last(look)
        case "min" | "max" if look.counted and look.leaf.days != 1:
            which = "smallest" if look.block.key == "min" else "largest"
            return f"the {which} value is that of {day_words(look.counted[0])}; {_having(look)}"
        case "length":
            return _having(look)
    if look.leaf.days == 1 and look.block.same_day is not None:
        return f"the value of {day_words(look.day)}"
    meaning = look.block.meaning.partition(", ")[0] if look.as_zero else look.block.meaning
    return f"{meaning}: {_having(look)}"


def _last(look: Look) -> str:
    newest = look.counted[0]
    if newest == look.day:
        return f"the value of {day_words(look.day)}, the newest of the last {look.leaf.days} days"
    return f"carried from {day_words(newest)}, the newest day with {_a_value(look)} from {_span(look)}"


def _days_since(look: Look) -> str:
    if not look.counted:
        return f"no day up to {day_words(look.day)} has a value above zero, so there is no value"
    newest = look.counted[0]
    if newest == look.day:
        return f"{day_words(look.day)} itself has a value above zero"
    days = counted((look.day - newest).days, "day")
    return f"the newest day with a value above zero is {day_words(newest)}, {days} before"


def _offset(look: Look) -> str:
    days = counted(look.leaf.days or 0, "day")
    missing = [day for day in (look.day, look.then) if day not in look.series]
    if missing:
        names = [f"the day {days} before" if day is None else day_words(day) for day in missing]
        also = f", nor has {names[1]}" if len(names) == 2 else ""
        return f"{names[0]} has no {_data(look)}{also}, so there is no value"
    then = look.then or look.day
    now, before = look.series[look.day], look.series[then]
    said = f"{day_words(look.day)} has {value_words(now)}, {day_words(then)} ({days} before) has {value_words(before)}"
    if before == 0 and look.leaf.mode != "difference":
        return f"{said}; a division by zero has no value"
    return f"{said}: {TRENDS[look.leaf.mode or 'ratio']}" + (f"; {NOT_FINITE}" if look.result is None else "")


def _nothing(look: Look) -> Iterator[str]:
    """What there is around a window without a value."""
    word = "up to" if look.leaf.days is None else "on" if look.leaf.days == 1 else "from"
    where = f"{word} {day_words(look.day) if look.leaf.days is None else _span(look)}"
    yield f"no {_data(look)} {where}" + (", so the number of days is 0" if look.block.key == "length" else "")
    older = max((day for day in look.series if day < look.day), default=None)
    later = min((day for day in look.series if day > look.day), default=None)
    series = look.leaf.series
    if older is not None:
        yield f"the newest {_data(look)} before that is {value_words(look.series[older])} of {day_words(older)}"
    elif later is not None:
        yield f"the first {_data(look)} is of {day_words(later)}"
    elif not series.calculated and series.namespace not in look.reader.context.sources.series:
        yield f"the project has no source for `{series.namespace}`"
    elif series.rollup and not look.reader.children(series.model):
        yield f"no record of {series.model} belongs to `{look.key}`"
    else:
        yield f"no other day has {_a_value(look)} either"


def _as_zero(look: Look) -> Iterator[str]:
    count = len(look.as_zero)
    if not count or look.block.key == "days_since":
        return
    if look.picks:
        yield "a day without data counts as 0"
    elif count == len(look.present):
        yield "none of these days has data; each counts as 0"
    else:
        yield f"{count} of them {'has' if count == 1 else 'have'} no data and count{'s' if count == 1 else ''} as 0"


def _before_grid(look: Look) -> Iterator[str]:
    """Metrics, and days that count as 0, exist on days of the grid only."""
    series, first = look.leaf.series, look.first
    limited = series.calculated or bool(look.as_zero)
    if not limited or series.rollup or look.leaf.days is None or look.block.reads == "offset":
        return
    if first is not None and first < look.grid_first:
        what = "the metric has no values" if series.calculated else "a day without data does not count"
        yield f"before {day_words(look.grid_first)}, its first day in the grid, {what}"


def _left_out(look: Look) -> Iterator[str]:
    zeros, without = (sum(getattr(rows, name) for rows in look.counts.values()) for name in ("zeros", "without"))
    if zeros:
        yield f"{counted(zeros, 'row')} with 0 {'is' if zeros == 1 else 'are'} read as no data (`zeros: missing`)"
    if without and not look.leaf.series.calculated:
        yield f"{counted(without, 'row')} without a readable value {'is' if without == 1 else 'are'} left out"
    elif without and look.first == look.day:
        others = f"{counted(without, 'other record')} of {look.leaf.series.model}"
        yield f"{others} {'has' if without == 1 else 'have'} no value on this day"
