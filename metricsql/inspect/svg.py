"""Charts of the report: SVG drawn by pygal, without scripts and without colours, which the page's style gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from metricsql.build.summary import DaySummary
from metricsql.diagnostics import Diagnostic, ProjectError
from metricsql.inspect.chart import Line, nice_ticks

WIDTH, HEIGHT, FLAT = 760, 220, 96
MOST_DOTS = 48
"""How many days of a line show their value under the pointer."""
_COORDINATES = re.compile(r'( (?:d|x|y|cx|cy|width|height|transform)=")([^"]*)"')


def spread_chart(days: Sequence[DaySummary], label: str) -> str:
    """The mean and the median over time, in the band from 5 to 95 %."""
    values = [v for d in days for v in (d.low, d.high, d.mean) if v is not None]
    if not values:
        return ""
    ticks = nice_ticks(min(values), max(values))
    chart = _chart(days, ticks, HEIGHT, _plain)
    for number, run in enumerate(_bands(days)):
        chart.add(f"band {number}", run)
    bands = len(chart.raw_series)
    chart.add("median", [(d.day, d.middle) for d in days])
    chart.add("mean", [(d.day, d.mean) for d in days])
    dots = _dots([d for d in days if d.mean is not None])
    chart.add("dots", [(d.day, d.mean) for d in dots], stroke=False, show_dots=True)
    alone = _alone(days)
    chart.add("alone", [(d.day, d.mean) for d in alone], stroke=False, show_dots=True)
    names = ["band"] * bands + ["median", "mean", "dots", "alone"]
    titles = [f"{d.day}: mean {_plain(d.mean)}, median {_plain(d.middle)}, "
              f"5 to 95 %: {_plain(d.low)} to {_plain(d.high)}" for d in [*dots, *alone]]
    return _render(chart, names, titles, label)


def coverage_chart(days: Sequence[DaySummary], label: str) -> str:
    """The share of records with a value over time."""
    if not days:
        return ""
    chart = _chart(days, [0, 50, 100], FLAT, lambda value: f"{value:g} %")
    chart.add("share", [(d.day, None if d.coverage is None else 100 * d.coverage) for d in days], fill=True)
    return _render(chart, ["share"], [], label)


def _chart(days: Sequence[DaySummary], ticks: Sequence[float], height: int, shown: Callable[[float], str]) -> Any:
    try:
        import pygal  # type: ignore[import-untyped]
    except ImportError:
        raise ProjectError(Diagnostic("missing-package", "the charts of a report need the package `pygal`",
                                      hint="pip install 'metricsql[report]'")) from None
    chart = pygal.DateLine(
        js=(), css=(), no_prefix=True, disable_xml_declaration=True, width=WIDTH, height=height, margin=6,
        show_legend=False, show_dots=False, dots_size=5, allow_interruptions=True, x_label_rotation=0,
        range=(ticks[0], ticks[-1]), value_formatter=shown, x_value_formatter=lambda day: _month(day),
    )
    chart.y_labels = list(ticks)
    chart.x_labels = _month_starts([d.day for d in days])
    return chart


def _bands(days: Sequence[DaySummary]) -> list[list[tuple[date, float]]]:
    """For each stretch of days with values: along its lower edge and back along the upper one."""
    low = Line("", [(d.day, d.low) for d in days]).runs()
    high = Line("", [(d.day, d.high) for d in days]).runs()
    return [[(date.fromordinal(day), value) for day, value in [*under, *reversed(over)]]
            for under, over in zip(low, high, strict=True)]


def _alone(days: Sequence[DaySummary]) -> list[DaySummary]:
    """Days with a value between days without one: no line goes through them."""
    runs = Line("", [(d.day, d.mean) for d in days]).runs()
    single = {run[0][0] for run in runs if len(run) == 1}
    return [d for d in days if d.day.toordinal() in single]


def _dots(days: Sequence[DaySummary]) -> list[DaySummary]:
    step = max(1, -(-len(days) // MOST_DOTS))
    return list(days[::-1][::step][::-1])


def _month_starts(days: Sequence[date]) -> list[date]:
    """At most eight first days of months; for a short time, days."""
    first, last = days[0], days[-1]
    months = (last.year - first.year) * 12 + last.month - first.month
    if months < 3:
        count = min(6, len(days))
        return sorted({days[round(i * (len(days) - 1) / max(1, count - 1))] for i in range(count)})
    step = next((s for s in (1, 2, 3, 6, 12, 24, 60) if months / s <= 8), 120)
    starts = [date(first.year + m // 12, m % 12 + 1, 1) for m in range(first.month - 1, first.month + months)]
    return [day for day in starts if day >= first and (day.month - 1 + 12 * day.year) % step == 0]


def _month(day: Any) -> str:
    return f"{day:%Y-%m}" if day.day == 1 else f"{day:%Y-%m-%d}"


def _plain(value: float | None) -> str:
    return "none" if value is None else f"{value:,.10g}" if abs(value) >= 1000 else f"{value:.4g}"


def _render(chart: Any, names: Sequence[str], titles: Sequence[str], label: str) -> str:
    from pygal.etree import etree  # type: ignore[import-untyped]

    root = chart.render_tree()
    root.attrib.pop("id", None)
    root.set("role", "img")
    root.set("aria-label", label)
    for parent in list(root.iter()):
        for child in list(parent):
            if not isinstance(child.tag, str) or child.tag in ("defs", "title", "desc") or _is_idle(child):
                parent.remove(child)
    _name_series(root, names)
    for dot, title in zip([node for node in root.iter() if node.get("class") == "dots"], titles, strict=True):
        etree.SubElement(dot, "title").text = title
    text = str(etree.tostring(root, encoding="unicode"))
    return _COORDINATES.sub(lambda found: found.group(1) + _rounded(found.group(2)) + '"', text)


def _is_idle(node: Any) -> bool:
    """Groups that only a script would fill."""
    words = (node.get("class") or "").split()
    return node.tag == "g" and any(word in words for word in ("tooltip-overlay", "text-overlay", "titles"))


def _name_series(root: Any, names: Sequence[str]) -> None:
    for node in root.iter():
        found = re.search(r"\bserie-(\d+)", node.get("class") or "")
        if found:
            node.set("class", f"series {names[int(found.group(1))]}")


def _rounded(text: str) -> str:
    return re.sub(r"-?\d+\.\d+", lambda found: f"{float(found.group(0)):.1f}".removesuffix(".0"), text)
