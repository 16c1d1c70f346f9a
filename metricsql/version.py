"""The version of this package, without importing anything else."""

__version__ = "0.1.0"
