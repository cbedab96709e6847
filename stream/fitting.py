"""Cuts lists so that each part fits where it is sent: into a URL, a query. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

T = TypeVar("T")


def fitting(
    items: Iterable[T], weight_of: Callable[[T], int], *, room: int, most: int = 0
) -> Iterator[list[T]]:
    """Yield the items in lists of at most `room` in weight, and `most` in number (0: any).

    An item that is too heavy alone goes alone.
    """
    part: list[T] = []
    weight = 0
    for item in items:
        more = weight_of(item)
        if part and (len(part) == most or weight + more > room):
            yield part
            part, weight = [], 0
        part.append(item)
        weight += more
    if part:
        yield part
