"""metricsql: metric formulas -> readable DuckDB SQL -> one value per record and day.

    import metricsql

    project = metricsql.load("metricsql.yml")
    print(project.sql("seat_utilization"))
    report = project.build(as_of="2026-01-31")
    project.relation("seat_utilization").show()
"""

import metricsql.sql  # noqa: F401 - loaded first, so that the function below keeps its name
from metricsql.api import Project, load, sql
from metricsql.diagnostics import Diagnostic, EngineError, MetricsqlError, Place, ProjectError
from metricsql.version import __version__

__all__ = ["Diagnostic", "EngineError", "MetricsqlError", "Place", "Project", "ProjectError", "__version__", "load", "sql"]
