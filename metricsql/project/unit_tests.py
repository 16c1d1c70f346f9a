"""`tests:` of the project file: checks the names they use, and turns them into `UnitTestDef`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from metricsql.diagnostics import Findings, Locate, did_you_mean, shift
from metricsql.project.definition import NAMESPACE_ALIASES, NAMESPACES, ModelDef, SeriesDef, UnitTestDef
from metricsql.project.schema import UnitTest


def read_tests(written: Sequence[UnitTest], locate: Locate, models: Mapping[str, ModelDef],
               series: Mapping[str, SeriesDef], metrics: Sequence[str], findings: Findings) -> Iterator[UnitTestDef]:
    """The tests of one file. Unknown names and names that are taken go to the findings."""
    namespaces = list(dict.fromkeys([*NAMESPACES, *series]))
    names: set[str] = set()
    for position, test in enumerate(written):
        place = shift(locate, (position,))
        if test.name in names:
            findings.error("duplicate-test", f"two tests are called `{test.name}`", place(("name",)))
        names.add(test.name)
        for metric in test.expect:
            if metric not in metrics:
                message = f"no calculated metric with the id `{metric}`"
                findings.error("unknown-metric", message, place(("expect", metric)), did_you_mean(metric, metrics))
        for part in ("records", "fields"):
            for model in getattr(test, part):
                if model not in models:
                    findings.error("unknown-model", f"there is no model `{model}`", place((part, model)),
                                   did_you_mean(model, models) or "the models are " + ", ".join(models))
        for name in test.rows:
            if NAMESPACE_ALIASES.get(name, name) not in namespaces:
                findings.error("unknown-prefix", f"there is no namespace `{name}`", place(("rows", name)),
                               did_you_mean(name, namespaces) or "the namespaces are " + ", ".join(namespaces))
        rows = {NAMESPACE_ALIASES.get(name, name): found for name, found in test.rows.items()}
        yield UnitTestDef(test.name, test.records, test.fields, rows, test.expect, test.start, test.as_of, place)
