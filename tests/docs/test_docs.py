"""The pages hold together: their snippets are valid, their links lead somewhere, and nothing is left undocumented."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlglot

from metricsql.bind.metrics import read_formula
from metricsql.diagnostics import Findings
from metricsql.project import parse_formula
from metricsql.project.document import parse_yaml
from metricsql.project.load import RESERVED_IDS
from metricsql.project.schema import Metric, Model, ProjectFile, Series, Source, Written
from metricsql.project.validate import validate
from tests.docs.pages import DOCS, ROOT, Block, anchors, blocks, links, pages, text_of

PACKAGE = ROOT / "metricsql"
EVERY_PAGE = [pytest.param(page, id=page.relative_to(ROOT).as_posix()) for page in pages()]
