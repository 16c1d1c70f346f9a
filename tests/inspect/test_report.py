"""The HTML report: numbers worked out by hand, hostile names, and a look at it through a browser."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import metricsql
from metricsql import ProjectError
from metricsql.build.read import open_built
from metricsql.build.summary import Coverage, read_coverage
from tests.projects import build, write_project

HOSTILE = "<script>document.title='owned'</script>"
FILES = {
    "companies.csv": f'id,name\na,"{HOSTILE}"\nb,\nc,\nd,\n',
    "metrics.csv": "record,name,date,value\n"
                   "a,x,2025-01-01,1\nb,x,2025-01-01,2\n"  # the 1st: two of four records, mean 1.5
                   # the 2nd: none; the 3rd and the 4th: all four, mean 4
                   "a,x,2025-01-03,1\nb,x,2025-01-03,2\nc,x,2025-01-03,3\nd,x,2025-01-03,10\n"
                   "a,x,2025-01-04,1\nb,x,2025-01-04,2\nc,x,2025-01-04,3\nd,x,2025-01-04,10\n",
}
METRICS = [
    {"id": "x_today", "name": f"X {HOSTILE}", "description": HOSTILE, "unit": "<b>", "tags": ["<i>"],
     "formula": "rolling_last(metrics.x, 1)"},
    {"id": "x_double", "formula": "2 * rolling_last(calculated.x_today, 1)", "where": "id <> 'd'"},
    {"id": "never", "formula": "rolling_last(metrics.y, 1)"},
]
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> metricsql.Project:
    folder = tmp_path_factory.mktemp("report")
    days = {"start": "2025-01-01", "until": "2025-01-04"}
    return build(write_project(folder, FILES, METRICS, **days, name=f"P {HOSTILE}", database="p.duckdb"))


@pytest.fixture(scope="module")
def page(project: metricsql.Project) -> str:
    return project.report()


def section(page: str, metric: str) -> str:
    return page.partition(f'<section class="metric" id="{metric}">')[2].partition("</section>")[0]


def cells(text: str) -> list[str]:
    return re.findall(r"<dd>(.*?)</dd>", text)


def test_summary_by_hand(project: metricsql.Project) -> None:
    days = project.summary("x_today")
    assert [(d.records, d.values, d.mean) for d in days] == [(4, 2, 1.5), (4, 0, None), (4, 4, 4.0), (4, 4, 4.0)]
    # 1 2 3 10: 5 % lies 0.15 of the way from 1 to 2, the median between 2 and 3, 95 % 0.85 of the way from 3 to 10
    last = days[-1]
    assert (last.low, last.middle, last.high) == pytest.approx((1.15, 2.5, 8.95))
    assert [d.coverage for d in days] == [0.5, 0.0, 1.0, 1.0]
    assert len(project.summary("x_today", first="2025-01-02", last="2025-01-02")) == 1


def test_coverage_by_hand(project: metricsql.Project) -> None:
    engine = open_built(project.definition)
    found = read_coverage(engine, "company", "x_today")
    engine.close()
    first, last = project.summary("x_today")[0].day, project.summary("x_today")[-1].day
    assert found == Coverage(16, 10, 4, 4, first, last, first, last)


def test_numbers_on_the_page(page: str) -> None:
    span = "2025-01-01 to 2025-01-04"
    assert cells(section(page, "x_today")) == ["4", "1.15", "2.5", "8.95", "62.5 %", "4 of 4", span]
    # without d: 2 4 6 on the last day, and 8 of 16 rows
    assert cells(section(page, "x_double"))[:6] == ["4", "2.2", "4", "5.8", "50.0 %", "3 of 4"]
    assert cells(section(page, "never")) == ["–", "–", "–", "–", "0 %", "0 of 4", "none"]


def test_every_section_says_what_it_is_about(page: str) -> None:
    text = section(page, "x_double")
    assert "2 * rolling_last(calculated.x_today, 1)" in text
    assert 'Uses: <a href="#x_today">x_today</a>' in text
    assert "<details><summary>SQL</summary><pre>" in text and "SELECT" in text
    assert "only where <code>id &lt;&gt; &#x27;d&#x27;" in text
    assert 'Used by: <a href="#x_double">x_double</a>' in section(page, "x_today")
    assert "<svg" not in section(page, "never").partition("Share of records")[0]


def test_nothing_foreign_gets_in(page: str) -> None:
    assert "<script" not in page.lower() and "owned" in page
    assert "<b>" not in page and "<i>" not in page
    assert not re.search(r"""(?:src|href)=["'](?!#)""", page) and "@import" not in page and "url(" not in page
    Checked().feed(page)


class Checked(HTMLParser):
    """Every tag that is opened is closed where it should be."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_some_metrics_and_what_is_stale(project: metricsql.Project, tmp_path: Path) -> None:
    assert section(project.report("+x_double"), "x_today") and not section(project.report("x_double"), "x_today")
    with pytest.raises(ProjectError, match="no calculated metric with the id `x_tody`"):
        project.report("x_tody")
    file = write_project(tmp_path, FILES, METRICS, start="2025-01-01", until="2025-01-04")
    with pytest.raises(ProjectError, match="does not exist yet"):
        metricsql.load(file).report()
    build(file)
    changed = [{**METRICS[0], "formula": "rolling_sum(metrics.x, 2)"}, *METRICS[1:], {"id": "new", "formula": "1"}]
    page = metricsql.load(write_project(tmp_path, {}, changed, start="2025-01-01", until="2025-01-04")).report()
    assert "State of the numbers: formula changed." in section(page, "x_today")
    assert "There are no built values." in section(page, "new")


def test_without_the_charts_package(project: metricsql.Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pygal", None)
    with pytest.raises(ProjectError) as raised:
        project.report()
    assert [item.code for item in raised.value.diagnostics] == ["missing-package"]


@pytest.mark.skipif(BROWSER is None, reason="no browser: this test needs chromium (`apt-get install chromium`)")
def test_in_a_browser(page: str, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text(page, encoding="utf-8")
    flags = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}",
             "--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=2000"]
    dom = subprocess.run([str(BROWSER), *flags, "--dump-dom", file.as_uri()], capture_output=True, text=True,
                         timeout=120, check=True).stdout
    assert "<title>P &lt;script&gt;" in dom and "<title>owned" not in dom
    chart = section(dom, "x_today").partition("<svg")[2].partition("</svg>")[0]
    assert value_of_last_dot(chart) == pytest.approx(4, abs=0.05)
    assert "2025-01-04: mean 4, median 2.5, 5 to 95 %: 1.15 to 8.95" in chart
    # bands before and behind the gap, lines behind it only, since the first day stands alone
    assert len(re.findall(r'<path[^>]*class="line reactive[^>]*>', chart)) == 4
    assert chart.rpartition("series alone")[2].count("<circle") == 1
    shot = tmp_path / "report.png"
    subprocess.run([str(BROWSER), *flags, f"--screenshot={shot}", file.as_uri()], capture_output=True, timeout=120,
                   check=True)
    assert shot.stat().st_size > 10_000


def value_of_last_dot(chart: str) -> float:
    """Reads the chart as an eye would: the height of the last dot against the lines of the axis."""
    axis = chart.partition('class="axis y')[2].partition('class="axis x')[0]
    lines = re.findall(r'<g class="guides"><path d="M0 ([\d.]+) [^>]*></path><text[^>]*>([\d.,-]+)</text>', axis)
    heights, labels = [float(y) for y, _ in lines], [float(text) for _, text in lines]
    assert labels == [0, 2, 4, 6, 8, 10]
    per_pixel = (labels[-1] - labels[0]) / (heights[-1] - heights[0])
    dot = [float(y) for y in re.findall(r'<circle[^>]*cy="([\d.]+)"', chart.rpartition("series alone")[0])][-1]
    return labels[0] + (dot - heights[0]) * per_pixel
