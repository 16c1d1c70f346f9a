"""Builds that know what changed, against full builds: a small project on disk that changes in random small steps.

A `State` is a project as plain data. `Disk` puts it in files and touches only those that changed, `panel_of` makes of
it what the oracle reads. The changes (`changes_*.py`) alter a state; `Machine` builds after each step, once as a user
would and once from nothing with the same field history, and compares every cell of both, and every number with the
oracle. What differs is made small before it is shown. `python -m tests.changes` runs as many steps as it is told.
"""
