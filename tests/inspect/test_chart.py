"""Charts in the terminal."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from metricsql.build.summary import DaySummary
from metricsql.inspect.chart import Line, draw, nice_ticks, print_chart, print_spread

FIRST = date(2025, 1, 1)


def line(label: str, values: list[float | None]) -> Line:
    return Line(label, [(FIRST + timedelta(days=i), value) for i, value in enumerate(values)])


def test_missing_values_are_gaps() -> None:
    assert [[value for _, value in run] for run in line("a", [1, 2, None, None, 3, None]).runs()] == [[1, 2], [3]]
    assert line("a", [None]).runs() == []


def test_missing_days_are_gaps() -> None:
    assert len(Line("a", [(FIRST, 1.0), (FIRST + timedelta(days=2), 2.0)]).runs()) == 2


@pytest.mark.parametrize("low, high, expected", [
    (0, 10, [0, 2, 4, 6, 8, 10]), (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (3, 97, [0, 20, 40, 60, 80, 100]),
    (-5, 5, [-6, -4, -2, 0, 2, 4, 6]), (4, 4, [2, 3, 4, 5, 6]), (0, 0, [-1, -0.5, 0, 0.5, 1]),
])
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(expected)


def test_lines_can_be_told_apart_without_colour() -> None:
    lines = [line("a", [0, 5, 10]), line("b", [10, 5, 0]), line("c", [None] * 3)]
    text = draw("use", lines, coloured=False, size=(60, 16))
    assert "\x1b" not in text
    assert "use, 2025-01-01 to 2025-01-03" in text
    assert "• a   x b   + c (no value)" in text
    rows = text.splitlines()
    top = next(row for row in rows if row.startswith("10┤"))
    assert top.index("x") < top.index("•")  # b begins at 10, a ends there
    assert max(len(row) for row in rows) <= 60


def test_colours_and_hostile_names() -> None:
    text = draw("use", [line("a\x1b[31m\nb", [1, 2])], coloured=True, size=(60, 16))
    assert "\x1b[31m" not in text and "a\N{REPLACEMENT CHARACTER}[31m b" in text


def test_no_value_at_all() -> None:
    assert draw("use", [line("a", [None, None])], coloured=False, size=(60, 16)) == "use: no value to draw\n"


def test_many_records(capsys: pytest.CaptureFixture[str]) -> None:
    days = [FIRST + timedelta(days=i) for i in range(3)]
    print_chart("use", [(f"r{i}", day, float(i)) for i in range(8) for day in days])
    said = capsys.readouterr()
    assert "the first 6 of 8 records" in said.err and "r5" in said.out and "r6" not in said.out
    print_spread("use", [DaySummary(day, 8, 8, 3.5, 0.35, 3.5, 6.65) for day in days])
    assert "use of 8 records" in capsys.readouterr().out
