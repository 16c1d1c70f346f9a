"""An item is put into a project file without touching anything else."""

from __future__ import annotations

import pytest

from metricsql.diagnostics import ProjectError
from metricsql.project.document import parse_json, parse_yaml
from metricsql.project.insertion import insert_item

ROW = {"name": "Margin", "calculation": "max(a, b)", "format": "percent"}
METRIC = {"id": "m", "formula": "rolling_sum(activities.login, 7)"}


def yaml_with(text: str, path: tuple[str | int, ...], item: dict[str, object] = ROW) -> str:
    return insert_item(parse_yaml(text, "metricsql.yml"), path, item).text


BLOCK = """\
# head
tables:
  pnl:
    source: l.csv   # a ledger
    rows:
      - {event: Revenue}   # one
      # a comment before the last
      - {event: Cost}      # two
    # a comment behind

  other: {source: m.csv, rows: [{event: A}, {event: B}]}
# tail
"""


def test_rows_on_lines_of_their_own() -> None:
    done = yaml_with(BLOCK, ("tables", "pnl", "rows"))
    line = "      - {name: Margin, calculation: 'max(a, b)', format: percent}\n"
    assert done == BLOCK.replace("# two\n", "# two\n" + line)


def test_the_line_and_the_added_text_are_told() -> None:
    done = insert_item(parse_yaml(BLOCK, "metricsql.yml"), ("tables", "pnl", "rows"), ROW)
    assert done.text.splitlines()[done.line - 1].strip() == done.added
    assert done.added == "- {name: Margin, calculation: 'max(a, b)', format: percent}"


def test_rows_in_brackets() -> None:
    done = yaml_with(BLOCK, ("tables", "other", "rows"))
    assert done == BLOCK.replace(
        "{event: B}]", "{event: B}, {name: Margin, calculation: 'max(a, b)', format: percent}]")


def test_rows_in_brackets_over_several_lines() -> None:
    text = "rows: [\n  {event: A},\n  {event: B},\n]\n"
    assert yaml_with(text, ("rows",), {"event": "C"}) == "rows: [\n  {event: A},\n  {event: B},\n  {event: C},\n]\n"


METRICS = """\
metrics:
  - id: a
    formula: >-
      1 +
      2

  - id: b
    tags: [x]
    formula: |
      3

# the end
tests: []
"""


def test_a_metric_looks_like_the_last_one() -> None:
    done = yaml_with(METRICS, ("metrics",), METRIC)
    assert done == METRICS.replace("      3\n", "      3\n\n  - id: m\n    formula: rolling_sum(activities.login, 7)\n")


@pytest.mark.parametrize(("text", "expected"), [
    ("name: x\n", "name: x\nmetrics:\n  - {id: m, formula: '1'}\n"),
    ("name: x", "name: x\nmetrics:\n  - {id: m, formula: '1'}"),
    ("name: x\nmetrics:   # none yet\n", "name: x\nmetrics:   # none yet\n  - {id: m, formula: '1'}\n"),
    ("metrics: []\nname: x\n", "metrics: [{id: m, formula: '1'}]\nname: x\n"),
    ("metrics:\n- {id: a}\nname: x\n", "metrics:\n- {id: a}\n- {id: m, formula: '1'}\nname: x\n"),
    ("metrics:\r\n  - {id: a}\r\nname: x\r\n", "metrics:\r\n  - {id: a}\r\n  - {id: m, formula: '1'}\r\nname: x\r\n"),
    ("metrics:\n  - {id: a}", "metrics:\n  - {id: a}\n  - {id: m, formula: '1'}"),
    ("é: ü\nmetrics:\n  - {id: ö, name: '日本'}\n",
     "é: ü\nmetrics:\n  - {id: ö, name: '日本'}\n  - {id: m, formula: '1'}\n"),
])
def test_layouts(text: str, expected: str) -> None:
    assert yaml_with(text, ("metrics",), {"id": "m", "formula": "1"}) == expected


@pytest.mark.parametrize("title", ["a: b", "# no comment", "- x", "1e3", "yes", "null", "007", "it's", 'say "hi"',
                                   "[x]", "{x}", "a\nb", "tab\there", "%", "@x", "`x`", " x ", "*", "&", "!t", "ü",
                                   "x]}, {y: z"])
def test_any_title_comes_back_as_it_was(title: str) -> None:
    path = ("tables", "pnl", "rows")
    for text in (BLOCK, BLOCK.replace("- {event: Cost}      # two", "- event: Cost")):
        done = parse_yaml(yaml_with(text, path, {"name": title, "calculation": "1"}), "metricsql.yml")
        assert done.data["tables"]["pnl"]["rows"][-1] == {"name": title, "calculation": "1"}


@pytest.mark.parametrize(("text", "expected"), [
    ('// head\n{"metrics": [\n  {"id": "a"},\n  // b\n  {"id": "b"}\n]}\n',
     '// head\n{"metrics": [\n  {"id": "a"},\n  // b\n  {"id": "b"},\n  {"id": "m"}\n]}\n'),
    ('{"metrics": [{"id": "a"}]}', '{"metrics": [{"id": "a"}, {"id": "m"}]}'),
    ('{"metrics": []}', '{"metrics": [{"id": "m"}]}'),
    ('{\n  "name": "x"\n}\n', '{\n  "name": "x",\n  "metrics": [{"id": "m"}]\n}\n'),
])
def test_json(text: str, expected: str) -> None:
    assert insert_item(parse_json(text, "metricsql.json"), ("metrics",), {"id": "m"}).text == expected


@pytest.mark.parametrize("text", [
    "base: &base\n  - {event: A}\ntables: {pnl: {rows: *base}}\n",
    "tables:\n  pnl: &p\n    rows: [{event: A}]\n  copy: *p\n",
    "tables:\n  pnl:\n    rows: text\n",
    "tables: {pnl: {}}\n",
])
def test_what_cannot_be_done_is_refused_with_the_item(text: str) -> None:
    with pytest.raises(ProjectError) as caught:
        yaml_with(text, ("tables", "pnl", "rows"))
    [found] = caught.value.diagnostics
    assert found.code == "cannot-insert" and '"max(a, b)"' in str(found.hint)


def test_a_wide_item_has_lines_for_its_keys() -> None:
    text = "rows:\n  - {event: A}\n  - {event: B}\n"
    wide = {"name": "Wide", "calculation": " + ".join(["a"] * 16), "format": {"style": "percent", "decimals": 1}}
    done = yaml_with(text, ("rows",), wide)
    assert done == text + (f"  - name: Wide\n    calculation: {wide['calculation']}\n"
                           "    format: {style: percent, decimals: 1}\n")
    assert yaml_with(done, ("rows",), {"event": "C"}) == done + "  - {event: C}\n"


def test_a_long_text_goes_on_in_further_lines() -> None:
    text = "rows:\n  - {event: A}\n"
    wide = {"name": "Wide", "calculation": " + ".join(["a"] * 90)}
    done = yaml_with(text, ("rows",), wide)
    assert max(map(len, done.splitlines())) <= 120 and parse_yaml(done, "").data["rows"][1] == wide
