"""Property tests repeat the same examples on every run; `METRICSQL_EXPLORE=1` looks for new ones."""

from __future__ import annotations

import os

from hypothesis import settings

settings.register_profile("repeat", derandomize=True, deadline=None)
settings.register_profile("explore", derandomize=False, deadline=None)
settings.load_profile("explore" if os.environ.get("METRICSQL_EXPLORE") else "repeat")
