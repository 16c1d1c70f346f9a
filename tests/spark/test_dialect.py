"""What is printed for Spark, run by Spark: every operator, texts and times, hostile names, whole scripts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from sqlglot import exp

import metricsql
from metricsql import operators
from metricsql.bind.sources import Column
from metricsql.build.spark.build import SparkBuild
from metricsql.build.spark.session import NEEDED
from metricsql.compiler import spark_statements
from metricsql.sql import sources, syntax
from metricsql.sql.dialects import dialects
from metricsql.sql.dialects.spark import SETTINGS
from tests.oracle.random_formulas import random_panel
from tests.panels import without_twins, write_panel
from tests.projects import all_values, build, same, write_project

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.xdist_group("spark")
NUMBERS = [None, 0.0, 1.0, -1.0, 2.5, -2.5, 0.5, -0.5, 1.005, 2.675, 1e-7, 3.0, 1e15, -1e15, 1e19, 1e300, -1e300, 0.49999999999999994]
TIMES = ["2025-01-06", "2025-1-6", "2025/01/06", "2025 01 06", "2025-01-06 10:00", "2025-01-06T10:00:00.123456789", "2025-01", "2025",
         "20250106", "2025-01-06 10", "2025-01-06Z", "2025-01-06 10:00:00+02", "2025-01-06T23:30:00-05:30", "2025-01-06T10:00:00Z",
         "10:00:00", "now", "2025-01-06 10:00:00 ", "2025-01-06  10:00", "2025-01/06", "2025-01-06x", "", None, "soon", "2025-02-30",
         "2024-02-29", "1969-12-31T23:59:59.999999", "0002-01-01", "9998-12-31", "2025-03-30T02:30:00", "2025-07-01 12:00:00 UTC"]
WORDS = ["1", " 1 ", "1d", "1f", "0x10", "0x1p3", "1e5", ".5", "5.", "+5", "1_000", "1__0", "1_", "inf", "-Infinity", "nan", "1e400",
         "-", "1,5", "１", "true", "1e", "\t1\n", ".", "", None, "-0.0", "00012", "1e-400", "12abc"]


def asked(session: SparkSession, values: dict[str, Sequence[Any]], kinds: dict[str, str], questions: dict[str, exp.Expression]) -> None:
    """Assert that DuckDB and Spark give the same answers to questions about a table of values."""
    rows = list(zip(*values.values(), strict=True))
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE TABLE t (n INTEGER, " + ", ".join(f'"{name}" {kinds[name]}' for name in values) + ")")
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * (len(values) + 1))})", [(i, *row) for i, row in enumerate(rows)])
        texts = {dialect: ", ".join(f"{syntax.render(tree, dialect, pretty=False)} AS {syntax.render(syntax.identifier(name), dialect)}"
                                    for name, tree in questions.items()) for dialect in dialects()}
        expected = connection.execute(f"SELECT n, {texts['duckdb']} FROM t AS s ORDER BY n").fetchall()
    names = {"DOUBLE": "double", "VARCHAR": "string"}
    schema = "n int, " + ", ".join(f"`{name}` {names[kinds[name]]}" for name in values)
    session.createDataFrame([(i, *row) for i, row in enumerate(rows)], schema).createOrReplaceTempView("t")
    found = session.sql(f"SELECT n, {texts['spark']} FROM t AS s ORDER BY n").collect()
    wrong = [f"{name} of {rows[number]}: {value!r}, {other!r} on Spark" for (number, *one), (_, *two) in zip(expected, found, strict=True)
             for name, value, other in zip(questions, one, two, strict=True) if not alike(value, other)]
    assert not wrong, f"{len(wrong)} differ, first {wrong[:8]}"


def alike(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or abs(one - other) <= 1e-9 * abs(one)
    return bool(one == other)


def finite(tree: exp.Expression) -> exp.Expression:
    return syntax.fill("CASE WHEN ISFINITE({0}) THEN {0} END", [tree])


def test_every_operator_on_awkward_numbers(spark: SparkSession) -> None:
    pairs = [(a, b) for a in NUMBERS for b in NUMBERS]
    questions = {}
    for block in operators.groups():
        arguments = [syntax.column("a"), syntax.column("b")]
        match block.key:
            case "if":
                tree = syntax.fill(block.sql, [syntax.fill("{0} > {1}", arguments), *arguments])
            case "and" | "or" | "not":
                tree = syntax.double(syntax.fill(block.sql, [syntax.fill("{0} <> 0", [one]) for one in arguments]))
            case _ if block.gives == "truth":
                tree = syntax.double(syntax.operand(syntax.fill(block.sql, arguments)))
            case _:
                # what DuckDB refuses (the root of a negative number) is asked of no number
                safe = {"sqrt": "GREATEST({0}, 0)", "ln": "GREATEST({0}, 1e-9)", "log": "GREATEST({0}, 1e-9)"}.get(block.key, "{0}")
                tree = syntax.fill(block.sql, [syntax.fill(safe, [arguments[0]]), arguments[1]])
        questions[block.key] = finite(tree) if block.gives != "truth" else tree
        if block.sql_one is not None:
            questions[f"{block.key} of one"] = syntax.fill(block.sql_one, arguments[:1])
        if block.sql_constant is not None:
            for digits in (-2, 0, 2, 5):
                questions[f"{block.key} {digits}"] = syntax.fill(block.sql_constant, [arguments[0], syntax.number(digits)])
    del questions["power"]  # DuckDB fails where it is not real; random formulas have it behind its guards
    asked(spark, {"a": [a for a, _ in pairs], "b": [b for _, b in pairs]}, {"a": "DOUBLE", "b": "DOUBLE"}, questions)


def test_texts_are_the_same_numbers(spark: SparkSession) -> None:
    tree = exp.TryCast(this=syntax.column("x"), to=exp.DataType.build("double"))
    asked(spark, {"x": WORDS}, {"x": "VARCHAR"}, {"number": finite(tree), "any": syntax.fill("{0} IS NOT NULL", [tree])})


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_texts_are_the_same_times(spark: SparkSession, zone: str) -> None:
    found = Column("x", "VARCHAR")
    questions = {"day": sources.day_of(found, zone), "local": sources.local_time(found, zone), "instant": sources.instant(found, zone)}
    asked(spark, {"x": TIMES}, {"x": "VARCHAR"}, {name: exp.cast(tree, "text") for name, tree in questions.items()})


HOSTILE = ["`", "``; drop table t; --", "a`b\"c'd", "\\", "\\'; select 1; --", "'", "${x}", "new\nline", "tab\t", "ünï", "{{x}}", "%s", "?"]


def test_names_and_texts_stay_what_they_are(spark: SparkSession) -> None:
    chosen = ", ".join(f"{syntax.render(syntax.text(word), 'spark')} AS {syntax.render(syntax.identifier(word), 'spark')}"
                       for word in HOSTILE)
    for name, value in SETTINGS.items():
        spark.conf.set(name, value)
    row = spark.sql(f"SELECT {chosen}").collect()[0]
    assert list(row) == HOSTILE
    assert row.__fields__ == HOSTILE


def run(session: SparkSession, statements: Sequence[str]) -> list[Any]:
    *before, last = statements
    for statement in before:
        session.sql(statement)
    return session.sql(last).collect()


def test_a_printed_script_reads_the_sources_itself(spark: SparkSession, tmp_path: Path) -> None:
    file = write_panel(without_twins(random_panel(random.Random(0), metrics=6)), tmp_path)
    loaded = metricsql.load(file)
    _, context, compiled = loaded._compile(names=True)  # before anything is built: no stored fields
    models: dict[str, list[str]] = {"company": []}
    for metric in loaded.definition.metrics:
        models.setdefault(metric.model, []).append(metric.id)
    scripts = {model: spark_statements(context, compiled, ids) for model, ids in models.items()}
    last = context.as_of
    of_a_day = spark_statements(context, compiled, models["company"], last)
    built = all_values(build(file))
    for row in run(spark, of_a_day):
        assert row[1] == last and not [name for name, value in zip(models["company"], row[2:], strict=True)
                                       if not same(value, built[name][row[0], last])]
    for model, ids in list(models.items())[:2]:  # the company, whose script reads all, and a child
        rows = run(spark, scripts[model])
        for position, name in enumerate(ids, 2):
            found = {(row[0], row[1]): row[position] for row in rows}
            assert found.keys() == built[name].keys()
            assert not [cell for cell, value in built[name].items() if not same(found[cell], value)], name


def test_the_text_of_a_script_is_its_statements(tmp_path: Path) -> None:
    loaded = metricsql.load(write_panel(without_twins(random_panel(random.Random(0), metrics=6)), tmp_path))
    text = loaded.sql(loaded.definition.metrics[0].id, dialect="spark")
    assert text.startswith("SET spark.sql.ansi.enabled = true;\n\n") and text.endswith("`day`;")
    assert "USING csv OPTIONS (path 'companies.csv', header 'true'" in text  # relative to the project folder, as in DuckDB's


def test_rows_of_the_grid_are_not_moved(spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The days are made where the records are: between them and the files there is no exchange, and one sort."""
    plans: list[str] = []

    def explain(self: SparkBuild, table: str, query: str) -> None:
        if table == "metrics.company":
            plans.append(str(self.spark.sql(f"EXPLAIN {query}").collect()[0][0]))
        write(self, table, query)

    write = SparkBuild.write
    monkeypatch.setattr(SparkBuild, "write", explain)
    files = {"companies.csv": "id\na\nb\n", "metrics.csv": "record,name,date,value\na,x,2025-01-01,1\n"}
    file = write_project(tmp_path, files, [{"id": "m", "formula": "rolling_avg(metrics.x, 3) + total_sum(metrics.x)"}], until="2025-01-05")
    monkeypatch.setitem(NEEDED, "spark.sql.autoBroadcastJoinThreshold", "-1")  # as with tables that are too large for that
    build(file, engine="spark")
    above = plans[0].partition("Generate")[0].splitlines()
    assert [line for line in above if "Exchange" in line] == [] and "Generate explode" in plans[0]
    assert sum("Sort [record" in line and "day" in line for line in above) == 1
