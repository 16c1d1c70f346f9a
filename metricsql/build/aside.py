"""What can be done aside, while the engine or the disk keeps a build waiting."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Made = TypeVar("Made")


def aside(work: Callable[Given, Made], *given: Given.args, **named: Given.kwargs) -> Future[Made]:
    """Let a thread do something that touches nothing else; its result, or what it raises, can be asked for later."""
    pool = ThreadPoolExecutor(1)
    made = pool.submit(work, *given, **named)
    pool.shutdown(wait=False)
    return made
