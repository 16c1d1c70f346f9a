"""The command line: one file per verb, each thin. `metricsql --help` imports no engine."""

from metricsql.cli.main import main, program

__all__ = ["main", "program"]
