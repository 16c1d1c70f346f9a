"""Ready rows of output tables and ready daily metrics: what they say, and how they are bound to a project's own names.

The definitions are data (`rows.yml`, `metrics.yml`); this package reads them, binds their inputs and knows nothing of
files of a project, SQL or rows of data.
"""

from metricsql.library.entries import Entry, Input, entries, find_entry

__all__ = ["Entry", "Input", "entries", "find_entry"]
