"""Stage 0: what people declare. Files -> `Definition`."""

from metricsql.project.definition import Definition, MetricDef, ModelDef, SeriesDef, SourceDef, Written
from metricsql.project.load import find_project, load_definition, parse_formula, read_definition

__all__ = [
    "Definition", "MetricDef", "ModelDef", "SeriesDef", "SourceDef", "Written", "find_project", "load_definition",
    "parse_formula", "read_definition",
]
