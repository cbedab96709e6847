"""What a mapped document is to its rules: what all of them share, and where their paths start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from agents.mapping.fields.dates import iso_datetime
from schemas.codec import Document
from schemas.identity import folded
from schemas.sender_clock import TOLERANCE_SECONDS

Getter = Callable[["Scope"], Any]

UNSET = object()
MAX_MS = 32_503_680_000_000  # the year 3000


@dataclass(slots=True)
class Facts:
    """What all scopes of one document share.

    `came_at_ms` is when it was received, `received_at_ms` what bounds its time: when it was read
    from the store, if it was; 0 is unknown. `amount` is the mapping's (policy, currency).
    `misread` are paths that met a form they cannot read; of several sources only what none could
    read stays.
    """

    document: Document
    amount: tuple[str, str]
    came_at_ms: int = 0
    received_at_ms: int = 0
    tolerance_seconds: float = TOLERANCE_SECONDS
    notes: list[str] = field(default_factory=list)
    # Set by whatever makes a value that the document does not say; reset before each field.
    is_unsaid: bool = False
    misread: list[str] = field(default_factory=list)
    # Asked for by several fields, made once.
    _customer_key: str | None = None
    _customer_id: str | None = None

    @property
    def received_at(self) -> str:
        """When it was received, as an ISO time; '' when unknown."""
        if not 0 < self.came_at_ms < MAX_MS:
            return ""
        return iso_datetime(
            datetime.fromtimestamp(self.came_at_ms / 1000, UTC).replace(tzinfo=None)
        )

    @property
    def customer_key(self) -> str:
        """The key of the document's customer, '' when it is nobody's."""
        if self._customer_key is None:
            self._customer_key = self.document.customer_key
        return self._customer_key

    @property
    def customer_id(self) -> str:
        """The store's id of the document's customer, '' when it names none."""
        if self._customer_id is None:
            self._customer_id = self.document.customer_id
        return self._customer_id

    def is_key_of_customer(self, external_id: str) -> bool:
        """Whether a record is the customer's own, and the store's id of the customer is known."""
        if not self.customer_id:
            return False
        key = self.customer_key
        return external_id == key or folded(external_id) == folded(key)


class Scope:
    """One document, or one entry of a list in it, while it is mapped.

    `root` is what paths start from; `cache` holds the named values that the document says, computed
    once each, `unsaid` those that it does not say itself.
    """

    __slots__ = ("cache", "facts", "notes", "root", "unsaid")

    def __init__(self, facts: Facts, root: dict[str, Any], value_count: int) -> None:
        self.facts = facts
        self.root = root
        self.notes = facts.notes
        self.cache = [UNSET] * value_count
        self.unsaid: dict[int, Any] = {}

    def named(self, index: int, compute: Getter) -> Any:
        """Return a named value that `cache` has not; whether it was said stays with it."""
        facts = self.facts
        if index in self.unsaid:
            facts.is_unsaid = True
            return self.unsaid[index]
        before, facts.is_unsaid = facts.is_unsaid, False
        value = compute(self)
        if facts.is_unsaid:
            self.unsaid[index] = value
        else:
            self.cache[index] = value
            facts.is_unsaid = before
        return value
