"""A handler with everything around it in memory."""

import asyncio

import orjson

from agents.delivery.types import Written
from agents.handling.handler import Handler
from agents.mapping.apply import Mapped
from agents.salesforce.api.send_right import asked_before_requests, check_of_context
from schemas.event import Envelope, Kind, Origin, Via
from schemas.salesforce import Row
from stream.errors import MappingError
from stream.topics import Topics

TOPICS = Topics(retry_delays_seconds=(30, 120))
NOW = 1_800_000_000_000


class FakeMapping:
    version = "m1"

    def apply(self, document, **_known):
        if document.entity.get("state") == "unmappable":
            raise MappingError("no stage for it", fields=("state",))
        if document.entity.get("state") == "bug":
            raise ZeroDivisionError
        if document.entity.get("state") == "unwanted":
            return Mapped(rows=(), notes=("left out by a rule",))
        row = Row("Opportunity", "Magento_Order_ID__c", document.key, {"Amount": 1})
        return Mapped(rows=(row,), notes=("a note",), lock_key="")


class FakeDispatcher:
    def __init__(self, answer=None):
        self.sent = []
        self._answer = answer or (lambda bundle: Written({"Opportunity": "006" + bundle.key}))

    async def send(self, bundles):
        check_of_context()()
        self.sent += [bundle.key for bundle in bundles]
        return [self._answer(bundle) for bundle in bundles]


async def handled(handler, envelopes):
    """Return the decisions of a batch (order not kept)."""
    prepared = await handler.prepare(envelopes)
    with asked_before_requests(handler.check_alive):
        return await handler.write(prepared.intents) + prepared.decisions


class World:
    """A handler with a memory of states, as `route` would keep it."""

    def __init__(self, answer=None, **options):
        self.states = {}
        self.dispatcher = FakeDispatcher(answer)
        self.now = NOW
        self.is_org_known = True
        self.handler = Handler(
            org_mapping=self.mapping,
            dispatcher=self.dispatcher,
            get_state=lambda _partition, key: self.states.get(key),
            check_alive=lambda: None,
            topics=TOPICS,
            clock_ms=lambda: self.now,
            **options,
        )
        self.offset = 0

    async def mapping(self):
        return FakeMapping() if self.is_org_known else None

    def event(self, number="100", second=0, *, state="processing", via=Via.LIVE, **more):
        self.offset += 1
        order = {
            "increment_id": number,
            "state": state,
            "updated_at": f"2026-03-14 18:00:{second:02d}",
            "grand_total": more.pop("total", 10),
        }
        body = orjson.dumps({"event": "sales_order_save_after", "order": order})
        envelope = Envelope(
            event_id=f"e{self.offset}",
            event="sales_order_save_after",
            kind=Kind.ORDER,
            key=number,
            received_at_ms=NOW - 1000,
            value=body,
            via=via,
            origin=Origin("magento.orders", 0, self.offset, NOW),
        )
        return envelope if not more else _replaced(envelope, **more)

    def handle(self, *envelopes):
        decisions = asyncio.run(handled(self.handler, envelopes))
        for decision in decisions:
            if decision.state is not None:
                self.states[f"order:{decision.envelope.key}".encode()] = decision.state
        return decisions

    def outcomes(self, *envelopes):
        by_id = {d.result.event_id: d.result.outcome for d in self.handle(*envelopes)}
        return [by_id[envelope.event_id].value for envelope in envelopes]


def _replaced(envelope, **changes):
    import dataclasses

    return dataclasses.replace(envelope, **changes)
