"""Cycles in what uses what."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def cycles(edges: Mapping[T, Sequence[T]]) -> Iterator[list[T]]:
    """The cycles of a graph in the order of its edges, each as the path from where it was entered.

    A cycle that is closed by several edges may come more than once. Without recursion, however long a path is.
    """
    finished: set[T] = set()
    for start in edges:
        path: list[T] = []
        iterators = [iter([start])]
        while iterators:
            following = next(iterators[-1], None)
            if following is None:
                iterators.pop()
                if path:
                    finished.add(path.pop())
            elif following in path:
                yield path[path.index(following):]
            elif following not in finished:
                path.append(following)
                iterators.append(iter(edges[following]))
