"""A `Report` as one HTML file that needs nothing else. Every text of the project is escaped here and only here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from html import escape
from importlib.resources import files

from metricsql.build.summary import DaySummary
from metricsql.inspect.report import Report, Section
from metricsql.inspect.svg import coverage_chart, spread_chart
from metricsql.version import __version__


def write_page(report: Report) -> str:
    """The whole page."""
    style = files("metricsql.inspect").joinpath("report.css").read_text(encoding="utf-8")
    title = f"{report.project}: metrics"
    return "\n".join([
        "<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; style-src \'unsafe-inline\'">',
        f"<title>{escape(title)}</title>", f"<style>\n{style}</style>", "</head>", "<body>",
        *_head(report), *_contents(report.sections), *(line for s in report.sections for line in _section(s)),
        "</body>", "</html>", "",
    ])


def _head(report: Report) -> Iterator[str]:
    yield f"<header><h1>{escape(report.project)}</h1>"
    count = len(report.sections)
    through = f", built through {report.as_of}" if report.as_of else ""
    yield f'<p class="soft">{count} metric{"" if count == 1 else "s"}{through}. '
    if report.last_build:
        yield f"Last build {escape(str(report.last_build['finished_at']))[:16]} UTC, metricsql {escape(__version__)}."
    yield "</p>"
    yield from (f'<p class="warn">{escape(note)}</p>' for note in report.notes)
    yield "</header>"


def _contents(sections: Iterable[Section]) -> Iterator[str]:
    yield '<nav class="wide"><table><thead><tr><th>Metric</th><th>Of</th><th class="n">Rows with a value</th>'
    yield '<th class="n">Mean on the last day</th><th>State</th></tr></thead><tbody>'
    for section in sections:
        mark = "soft" if section.state == "current" else "warn"
        state = f'<span class="{mark}">{escape(section.state)}</span>'
        mean = section.last.mean if section.last else None
        yield f'<tr><td><a href="#{escape(section.metric.id)}">{escape(section.title)}</a></td>'
        yield f"<td>{escape(section.metric.model)}</td>"
        yield f'<td class="n">{_percent(section.share)}</td><td class="n">{_number(mean)}</td><td>{state}</td></tr>'
    yield "</tbody></table></nav>"


def _section(section: Section) -> Iterator[str]:
    metric = section.metric
    yield f'<section class="metric" id="{escape(metric.id)}">'
    yield f"<h2>{escape(section.title)}</h2>"
    yield f'<p class="meta">{" · ".join(_meta(section))}</p>'
    if metric.description:
        yield f"<p>{escape(metric.description)}</p>"
    yield f'<p class="words">{escape(section.explanation.words)}</p>'
    if section.state != "current":
        yield f'<p class="warn">State of the numbers: {escape(section.state)}.</p>'
    yield from _values(section)
    yield f'<h3>Formula</h3><pre class="formula">{escape(section.explanation.formula)}</pre>'
    yield from _neighbours(section)
    yield f"<details><summary>SQL</summary><pre>{escape(section.sql)}</pre></details>"
    yield "</section>"


def _meta(section: Section) -> Iterator[str]:
    metric = section.metric
    yield f"<code>{escape(metric.id)}</code>"
    yield f"one value per {escape(metric.model)} and day"
    if metric.unit:
        yield f"in {escape(metric.unit)}"
    if metric.where:
        yield f"only where <code>{escape(metric.where)}</code>"
    if metric.missing_zero:
        yield "0 where there is no result"
    if metric.tags:
        yield "tags: " + ", ".join(escape(tag) for tag in metric.tags)


def _values(section: Section) -> Iterator[str]:
    coverage, last = section.coverage, section.last
    if coverage is None or last is None:
        yield '<p class="soft">There are no built values.</p>'
        return
    yield '<dl class="numbers">'
    for name, shown in (
        (f"Mean on {last.day}", _number(last.mean)), ("5 %", _number(last.low)), ("Median", _number(last.middle)),
        ("95 %", _number(last.high)), ("Rows with a value", _percent(section.share)),
        ("Records with a value", f"{coverage.records_with_value:,} of {coverage.records:,}"),
        ("First and last value", _span(coverage.first_value, coverage.last_value)),
    ):
        yield f"<div><dt>{escape(name)}</dt><dd>{escape(shown)}</dd></div>"
    yield "</dl>"
    if chart := spread_chart(section.days, "mean, median and the band from 5 to 95 % over time"):
        yield f'<h3>Values over time</h3><figure class="chart" style="margin:0">{chart}</figure>'
        yield '<p class="key"><span class="k-mean">mean</span><span class="k-median">median</span>' \
              '<span class="k-band">5 to 95 %: nine of ten records</span></p>'
    share = coverage_chart(section.days, "share of records with a value over time")
    yield f"<h3>Share of records with a value</h3>{share}"
    yield from _table(section.some_days())


def _table(days: Iterable[DaySummary]) -> Iterator[str]:
    heads = ("Records", "With a value", "Share", "Mean", "5 %", "Median", "95 %")
    yield '<details><summary>Numbers</summary><div class="wide"><table><thead><tr><th>Day</th>'
    yield "".join(f'<th class="n">{head}</th>' for head in heads) + "</tr></thead><tbody>"
    for d in days:
        spread = map(_number, (d.mean, d.low, d.middle, d.high))
        cells = (f"{d.records:,}", f"{d.values:,}", _percent(d.coverage), *spread)
        yield f"<tr><td>{d.day}</td>" + "".join(f'<td class="n">{cell}</td>' for cell in cells) + "</tr>"
    yield "</tbody></table></div></details>"


def _neighbours(section: Section) -> Iterator[str]:
    told = section.explanation
    lines = [("Reads", [escape(i.name) for i in told.inputs if i.direct]),
             ("Uses", [_link(name) for name in told.uses]), ("Used by", [_link(name) for name in told.used_by])]
    shown = [f'{head}: {", ".join(names)}' for head, names in lines if names]
    if shown:
        yield f'<p class="meta">{" · ".join(shown)}</p>'


def _link(name: str) -> str:
    return f'<a href="#{escape(name)}">{escape(name)}</a>'


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    if abs(value) >= 10_000 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.2f}" if abs(value) >= 10 else f"{value:.3g}"


def _percent(share: float | None) -> str:
    if share is None:
        return "–"
    return f"{100 * share:.0f} %" if share in (0, 1) else f"{min(max(100 * share, 0.1), 99.9):.1f} %"


def _span(first: date | None, last: date | None) -> str:
    return f"{first} to {last}" if first and last else "none"


__all__ = ["write_page"]
