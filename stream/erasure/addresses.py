"""Which customer had which address, by the states: what the topics of facts have forgotten.

A customer's key is the e-mail, so a change of it leaves a state under the old address. Each state
keeps the customer's id in the store for as long as the key lives; whoever has the id of the address
that is to be erased is the same person.
"""

from __future__ import annotations

import orjson

from schemas.event import Kind
from schemas.state import State, state_key
from stream.kafka.range_reader import RangeReader

CUSTOMERS = state_key(Kind.CUSTOMER, "")


async def ties_of_states(reader: RangeReader, topic: str) -> list[tuple[str, set[str]]]:
    """Return (address, customer id) of every customer's state. Raises BrokerError."""
    ties: list[tuple[str, set[str]]] = []
    async for batch in reader.read(await reader.spans([topic])):
        for record in batch:
            tie = tie_of(record.key, record.value)
            if tie is not None:
                ties.append(tie)
    return ties


def tie_of(key: bytes | None, value: bytes | None) -> tuple[str, set[str]] | None:
    """Return (address, customer id) of a record of the state topic; None when it ties nothing."""
    if not key or not value or not key.startswith(CUSTOMERS):
        return None
    try:
        state = State.from_bytes(value)
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None  # the audit counts those
    address = address_in(key.removeprefix(CUSTOMERS).decode(errors="replace"))
    return (address, {state.entity_id}) if state.entity_id else None


def address_in(key: str) -> str:
    """Return the address of a customer's key, which a website may stand before."""
    before, colon, address = key.partition(":")
    return address if colon and before.isdecimal() else key
