"""What a build knows of the sources of records, so that the next one need not read the same files again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from metricsql.bind.catalog import Catalog, FieldFacts
from metricsql.build.changes import Before, files_before, project_digest
from metricsql.build.engine import Engine
from metricsql.build.report import Unusable
from metricsql.build.state import state
from metricsql.project.definition import Definition
from metricsql.project.document import dump
from metricsql.sql.writes import RECORDS

OPTION = "known of records"
"""The name under which it is noted among the options."""


@dataclass(frozen=True)
class KnownRecords:
    """Columns and fields as a `Catalog` has them, and the rows that could not be used, all by model.

    The records themselves are the tables `_metricsql."<model> records"`.
    """

    columns: Mapping[str, Mapping[str, str]]
    fields: Mapping[str, Mapping[str, FieldFacts]]
    unusable: Mapping[str, Sequence[Unusable]]

    @classmethod
    def of(cls, catalog: Catalog, unusable: Mapping[str, Sequence[Unusable]]) -> KnownRecords:
        return cls(catalog.records, catalog.fields, unusable)

    def text(self) -> str:
        """All of it, to be noted."""
        return dump(asdict(self))

    @classmethod
    def read(cls, text: str) -> KnownRecords:
        found = json.loads(text)
        fields = {model: {name: FieldFacts(**facts) for name, facts in some.items()} for model, some in found["fields"].items()}
        unusable = {model: [Unusable(**{**one, "examples": tuple(one["examples"])}) for one in some]
                    for model, some in found["unusable"].items()}
        return cls(found["columns"], fields, unusable)


def known_before(engine: Engine, definition: Definition, before: Before,
                 stamps: Mapping[str, Mapping[str, str]]) -> KnownRecords | None:
    """What the last build knew; None unless nothing can have changed: project, files of records and of given history.

    The conditions of metrics are of the project, and depend on nothing else.
    """
    if before.why_not is not None or OPTION not in before.options or before.project != project_digest(definition):
        return None
    for name, model in definition.models.items():
        sources = [f"records {name}", *([f"history {name}"] if model.history is not None else [])]
        if any(not stamps[source] or stamps[source] != files_before(engine, source) for source in sources):
            return None
        kept = state(name + RECORDS)
        if not engine.columns(kept) or not engine.rows(f"SELECT 1 FROM {kept} LIMIT 1"):  # that there are none is said each time
            return None
    return KnownRecords.read(before.options[OPTION])
