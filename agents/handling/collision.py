"""Two documents, one key: noticed and refused, never written over each other.

Magento makes numbers unique per store view and e-mails per website, so a key by the number or the
e-mail alone can be claimed twice. The state remembers which document of the store has a key; the
second one ends as a dead letter that names the setting. A customer who was deleted and registered
again on the same website has the e-mail again, and is the same person.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import attrgetter

from agents.handling.decode import DecodedEvent
from agents.handling.outcome import Decision
from agents.handling.outcome_rules import OutcomeRules
from schemas.event import Kind
from schemas.state import State
from stream.ops import metrics

ORDERS = "TWO_ORDERS_ONE_NUMBER"
CUSTOMERS = "TWO_CUSTOMERS_ONE_EMAIL"
CODES = frozenset((ORDERS, CUSTOMERS))


@dataclass(frozen=True, slots=True)
class Collision:
    """An event whose key belongs to another document."""

    item: DecodedEvent
    code: str
    message: str


def collisions(
    items: Iterable[DecodedEvent], get_state: Callable[[int, bytes], State | None]
) -> list[Collision]:
    """Return the events that claim a key which another document has; the first claim counts."""
    owners: dict[bytes, tuple[str, str]] = {}
    found: list[Collision] = []
    for item in sorted(items, key=_claimed_at):
        if not item.entity_id:
            continue
        mine = item.entity_id, item.site
        owner = owners.get(item.key)
        if owner is None:
            state = get_state(item.origin.partition, item.key)
            owner = (state.entity_id, state.site) if state and state.entity_id else mine
            owners[item.key] = owner
        if owner != mine and is_other(item.document.kind, owner, mine):
            found.append(Collision(item, *_said(item.document.kind, owner, mine)))
    return found


_claimed_at = attrgetter("origin.timestamp_ms", "origin.offset")


def tell_apart(
    items: list[DecodedEvent],
    get_state: Callable[[int, bytes], State | None],
    ends: OutcomeRules,
    decisions: list[Decision],
) -> list[DecodedEvent]:
    """Return the events whose keys are theirs; the others get their decision here."""
    found = collisions(items, get_state)
    for one in found:
        metrics.COLLISIONS.labels(one.item.envelope.kind.value).inc()
        decisions.append(ends.dead(one.item.envelope, one.code, one.message))
    refused = {id(one.item) for one in found}
    return [item for item in items if id(item) not in refused] if refused else items


def is_other(kind: Kind | None, owner: tuple[str, str], mine: tuple[str, str]) -> bool:
    """Whether two (id, site) are two documents of the store."""
    is_two = owner[0] != mine[0]
    if kind is Kind.ORDER:
        return is_two
    return is_two and bool(owner[1] and mine[1]) and owner[1] != mine[1]


def _said(kind: Kind | None, owner: tuple[str, str], mine: tuple[str, str]) -> tuple[str, str]:
    if kind is Kind.ORDER:
        return ORDERS, (
            f"two orders have this number: entity_id {owner[0]}{_at('store', owner[1])} has it in "
            f"Salesforce, this event is of entity_id {mine[0]}{_at('store', mine[1])}; "
            f"{_way_out(owner[1], mine[1])} (docs/identity.md). Nothing was overwritten"
        )
    return CUSTOMERS, (
        f"two customers have this e-mail: id {owner[0]}{_at('website', owner[1])} has it in "
        f"Salesforce, this event is of id {mine[0]}{_at('website', mine[1])}; set "
        "MAGENTO_CUSTOMER_KEY=website and import anew (docs/identity.md). Nothing was overwritten"
    )


def _way_out(owner: str, mine: str) -> str:
    """Return what to do; a store view gives a number once, so there the key is not to blame."""
    if not owner or owner != mine:
        return "set MAGENTO_ORDER_KEY=store and import anew"
    return (
        "a store view gives a number once: the first was rolled back or deleted (then `orderstream "
        "reset NUMBER` and requeue this one), one is a seller's part of the other (let its module "
        "send a number of its own), or another Magento sends here, too: MAGENTO_INSTANCE"
    )


def _at(what: str, site: str) -> str:
    return f" ({what} {site})" if site else ""
