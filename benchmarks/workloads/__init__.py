"""The workloads: what is computed on which data, by whom, and what should be reached."""

from __future__ import annotations

from importlib import import_module

from benchmarks.workload import Workload

MODULES = {
    "standard": "standard", "metricflow": "metricflow", "daily": "changes", "edit": "changes", "unchanged": "changes",
    "late": "changes", "late_all": "changes", "catalogue": "catalogue", "sparse": "sparse", "scale": "scale",
}
"""Where each workload is; a module with one calls it WORKLOAD."""
NAMES = tuple(MODULES)


def workload(name: str) -> Workload:
    """The workload of a name."""
    module = import_module(f"benchmarks.workloads.{MODULES[name]}")
    found: Workload = module.WORKLOADS[name] if hasattr(module, "WORKLOADS") else module.WORKLOAD
    return found
