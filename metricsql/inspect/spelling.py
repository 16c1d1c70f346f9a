"""A formula in its other spelling, for `metricsql format`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from metricsql import operators
from metricsql.bind.metrics import read_formula
from metricsql.diagnostics import Diagnostic, Findings, ProjectError, did_you_mean
from metricsql.formula import write_expression, write_json
from metricsql.formula.nodes import Call, Formula, walk
from metricsql.project import Written, load_definition, parse_formula
from metricsql.project.document import read_text

WIDTH = 100


def respell(target: str, to: str | None, project: Callable[[], Path]) -> str:
    """The formula of a file, of a metric or from standard input (`-`), as JSON or as an expression."""
    written = _written(target, project)
    findings = Findings()
    formula = read_formula(written, findings)
    findings.raise_errors()
    assert formula is not None
    _check_arity(formula)
    kind = to or ("json" if written.expression is not None else "expression")
    return write_expression(formula) if kind == "expression" else pretty_json(write_json(formula))


def _written(target: str, project: Callable[[], Path]) -> Written:
    if target == "-":
        import sys

        return parse_formula(sys.stdin.read(), "the formula")
    if Path(target).is_file():
        return parse_formula(read_text(Path(target), target), target)
    definition = load_definition(project())
    for metric in definition.metrics:
        if metric.id == target:
            return metric.written
    known = [metric.id for metric in definition.metrics]
    raise ProjectError(Diagnostic("unknown-metric", f"there is neither a file nor a metric `{target}`", hint=did_you_mean(target, known)))


def _check_arity(formula: Formula) -> None:
    """A group with a wrong number of arguments has no faithful spelling; say so instead of changing it."""
    findings = Findings()
    for node in walk(formula):
        if isinstance(node, Call):
            block, count = operators.operator(node.op), len(node.args)
            if count < block.least or (block.most is not None and count > block.most):
                findings.error("wrong-arity", f"`{block.json}` cannot take {count} arguments", node.place)
    findings.raise_errors()


def pretty_json(data: Any, indent: int = 0) -> str:
    """JSON with short parts on one line."""
    flat = json.dumps(data, ensure_ascii=False)
    if not isinstance(data, list) or len(flat) + indent <= WIDTH:
        return flat
    inner = [pretty_json(item, indent + 2) for item in data]
    pad = " " * (indent + 2)
    return "[" + inner[0] + "".join(f",\n{pad}{item}" for item in inner[1:]) + "]"
