"""How SQL is printed, also where sqlglot's compiled build is installed, whose generators cannot have subclasses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot.dialects.dialect import Dialect
from sqlglot.dialects.duckdb import DuckDB
from sqlglot.dialects.spark import Spark

import metricsql
from metricsql.sql import steps, syntax
from metricsql.sql.dialects import PRINTED, duckdb, spark
from metricsql.sql.dialects.readable import Words, with_words

ACME = Path(__file__).parents[1] / "fixtures" / "acme"

PRINTED_SO = {"duckdb": ["x IS NOT NULL", "NOT x", "CAST(x AS DATE)", "DATE '2025-01-31'", "TRY_CAST(x AS DATE)", "a / b"],
              "spark": ["x IS NOT NULL", "NOT x", "CAST(x AS DATE)", "DATE '2025-01-31'", "a / b"]}


def closed(base: type[Dialect]) -> type[Dialect]:
    """The dialect with a generator that refuses subclasses, as compiled ones do."""
    printer: Any = base.generator_class

    class Generator(printer):  # type: ignore[misc]
        def __init_subclass__(cls, **options: Any) -> None:
            raise TypeError("interpreted classes cannot inherit from compiled")

    class Closed(base):  # type: ignore[misc, valid-type]
        """Prints with it."""

    Closed.generator_class = Generator
    return Closed


@pytest.mark.parametrize("name", ["duckdb", "spark"])
@pytest.mark.parametrize("refuses", [False, True])
def test_words_of_its_own(name: str, refuses: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    base, words = {"duckdb": (DuckDB, duckdb.WORDS), "spark": (Spark, spark.WORDS)}[name]
    monkeypatch.setitem(PRINTED, name, with_words(closed(base) if refuses else base, words))
    for text in PRINTED_SO[name]:
        tree: Any = sqlglot.parse_one(text, dialect="duckdb")
        assert syntax.render(tree, name) == text


@pytest.mark.parametrize(("base", "name", "words"), [(DuckDB, "duckdb", duckdb.WORDS), (Spark, "spark", spark.WORDS)])
def test_whole_statements_are_the_same_without_subclasses(base: type[Dialect], name: str, words: Words,
                                                           monkeypatch: pytest.MonkeyPatch) -> None:
    with_subclass = metricsql.load(ACME).sql("health_score", "storage_gb", dialect=name)
    monkeypatch.setitem(PRINTED, name, with_words(closed(base), words))
    assert metricsql.load(ACME).sql("health_score", "storage_gb", dialect=name) == with_subclass


@pytest.mark.parametrize("name", ["duckdb", "spark"])
def test_printing_changes_no_tree(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trees are printed without a copy, and some are printed again as parts of others."""
    seen: list[tuple[Any, Any]] = []
    module: Any = steps
    original = module.render

    def noting(tree: Any, dialect: str = "duckdb", pretty: bool = True) -> str:
        seen.append((tree, tree.copy()))
        return str(original(tree, dialect, pretty))

    monkeypatch.setattr(module, "render", noting)
    project = metricsql.load(ACME)
    for metric in project.definition.metrics[::10]:
        project.sql(metric.id, dialect=name)
    project.sql(project.definition.metrics[0].id, day="2025-03-01")
    assert len(seen) > 20
    assert all(tree == before for tree, before in seen)
