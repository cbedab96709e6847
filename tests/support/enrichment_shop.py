"""A store in memory that is asked for orders, and an org they are written to."""

from __future__ import annotations

import asyncio

import orjson

from agents.delivery.types import Written
from agents.handling.enrichment import Enricher
from agents.handling.handler import Handler
from agents.mapping.apply import Mapped
from agents.mapping.mapping import Mapping
from schemas.codec import key_of
from schemas.event import Envelope, Kind, Origin
from schemas.salesforce import Row
from stream.errors import MagentoError
from stream.magento.client import SearchPage
from stream.ops.alerts import Alerts
from stream.topics import Topics
from tests.support.handler_world import handled

SHIPPED = Mapping.load()
TOPICS = Topics(retry_delays_seconds=(30, 120))
NOW = 1_800_000_000_000
SAVED = "2026-03-14 18:00:00"


class Shop:
    """The store's REST API: what it has, and every search it was asked."""

    def __init__(self, *documents):
        self.documents = list(documents)
        self.searches = []
        self.is_away, self.status = False, 503

    async def search(self, resource, search):
        group = search.groups[0]
        self.searches.append((resource.name, group[0].field, group[0].value))
        if self.is_away:
            raise MagentoError(f"Magento answers {self.status}: away", status=self.status)
        values = group[0].value.split(",")
        found = [
            document
            for document in self.documents
            if str(document.get(group[0].field) or document.get("id")).lower() in values
        ]
        return SearchPage(found, len(found))


class Org:
    """Mapping, dispatcher and state of a worker, as far as these tests look."""

    def __init__(self, shop):
        self.shop, self.now, self.sent, self.states = shop, 0.0, {}, {}
        self.alerts = Alerts()
        self.enricher = Enricher(shop, SHIPPED.reads, alerts=self.alerts, clock=lambda: self.now)
        self.offset = 0
        self.handler = Handler(
            org_mapping=self.mapping,
            dispatcher=self,
            get_state=lambda _partition, key: self.states.get(key),
            check_alive=lambda: None,
            topics=TOPICS,
            enrich=self.enricher.enrich,
            clock_ms=lambda: NOW,
        )

    version = "m1"

    async def mapping(self):
        return self

    def apply(self, document, **_known):
        fields = {"Amount": document.entity.get("grand_total")}
        return Mapped((Row("Opportunity", "Magento_Order_ID__c", document.key, fields),))

    async def send(self, bundles):
        for bundle in bundles:
            self.sent[bundle.rows[0].external_id] = bundle.rows[0].fields["Amount"]
        return [Written({"Opportunity": "006"}) for _ in bundles]

    def event(self, entity, *, kind=Kind.ORDER):
        self.offset += 1
        return Envelope(
            event_id=f"e{self.offset}",
            event=f"{kind.value}_saved",
            kind=kind,
            key=key_of(entity, kind),
            received_at_ms=NOW,
            value=orjson.dumps({kind.value: entity}),
            origin=Origin(TOPICS.orders, 0, self.offset, NOW),
        )

    def handle(self, *envelopes):
        decisions = asyncio.run(handled(self.handler, envelopes))
        for decision in decisions:
            if decision.state:
                self.states[f"{decision.envelope.kind}:{decision.envelope.key}".encode()] = (
                    decision.state
                )
        return {d.result.event_id: d for d in decisions}

    def outcomes(self, *envelopes):
        found = self.handle(*envelopes)
        return [found[envelope.event_id].result.outcome.value for envelope in envelopes]


def order(n, total=10, updated_at=SAVED, **more):
    return {
        "entity_id": n,
        "increment_id": f"{n:09d}",
        "updated_at": updated_at,
        "created_at": SAVED,
        "state": "processing",
        "customer_email": "a@b.de",
        "billing_address": {"city": "Ulm"},
        "grand_total": total,
        "items": [{"item_id": 1, "sku": "CUP", "qty_ordered": 1}],
        **more,
    }
