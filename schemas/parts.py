"""A long list in parts: a call, a query or a chunk holds so many."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


def parts_of(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in their order, at most `size` at a time."""
    return (items[start : start + size] for start in range(0, len(items), size))
