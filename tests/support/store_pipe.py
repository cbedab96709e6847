"""From a store's documents to an org's records: ingress rule, handler, dispatcher, simulated org.

What is published goes round in memory, at once: retries, words of a renaming, what moves to its
own key. So a story ends when nothing is under way.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime
from typing import Any

import orjson

from agents.delivery.dispatcher import build_dispatcher
from agents.handling.handler import Handler
from agents.handling.outcome import Decision
from agents.mapping.mapping import Mapping
from agents.pacing.stall_clock import Progress
from agents.salesforce.api.send_right import asked_before_requests
from agents.salesforce.api.wiring import build_client
from agents.salesforce.interrupt import Interrupt
from agents.worker.org_schema import OrgSchema
from agents.worker.shutdown import Shutdown
from schemas.codec import DecodeError, placed
from schemas.event import Envelope, Kind, Via
from schemas.headers import envelope_of
from schemas.identity import PLAIN, Identity
from stream.backfill.event import SENDER
from stream.kafka.record import Record
from stream.ops.alerts import Alerts
from stream.topics import Topics
from support.org_settings import settings_for

TOPICS = Topics(retry_delays_seconds=(30,))
COMMIT, CUSTOMER = "sales_order_save_commit_after", "customer_save_commit_after"
MOST_ROUNDS = 50


class StorePipe:
    """One worker that has all keys, and the org it writes to."""

    def __init__(
        self,
        server: Any,
        *,
        identity: Identity = PLAIN,
        mapping: Mapping | None = None,
        enrich: Any = None,
    ) -> None:
        self.org = server.org
        settings = settings_for(server, breaker_probe_seconds=0.1, salesforce_calls_per_second=1000)
        self.client = build_client(settings, alerts=Alerts())
        dispatcher = build_dispatcher(settings, self.client, Alerts(), Interrupt())
        schema = OrgSchema(
            client=self.client,
            mapping=mapping or Mapping.load(),
            alerts=Alerts(),
            life=Shutdown(),
            progress=Progress(),
            probe_seconds=0.1,
        )
        self.identity, self.states, self.now_ms = identity, {}, 0
        self.results: list[Any] = []
        self.letters: list[Decision] = []
        self.offsets: dict[str, int] = {}
        self.pending: deque[Envelope] = deque()
        self.handler = Handler(
            org_mapping=schema.mapping,
            dispatcher=dispatcher,
            get_state=lambda _partition, key: self.states.get(key),
            check_alive=lambda: None,
            topics=TOPICS,
            identity=identity,
            enrich=enrich,
            clock_ms=lambda: self.now_ms,
        )

    async def gets(self, *documents: Any, at: str = "", event: str = "", **how: Any) -> list[str]:
        """Return what becomes of documents that come in one batch; `ignored` and `refused` are the
        ingress' answers."""
        if at:
            self.now_ms = ms_of(at)
        elif not self.now_ms:
            self.now_ms = ms_of("2026-03-14 12:00:00")
        else:
            self.now_ms += 1000
        taken, answers = [], []
        for document in documents:
            envelope = self._accepted(document, event, **how)
            if isinstance(envelope, str):
                answers.append(envelope)
            else:
                taken.append(envelope)
                answers.append(envelope.event_id)
        await self._work(taken)
        for _ in range(MOST_ROUNDS):
            if not self.pending:
                break
            batch, self.pending = list(self.pending), deque()
            self.now_ms = max([self.now_ms, *(e.not_before_ms or 0 for e in batch)])
            await self._work(batch)
        assert not self.pending, "it goes round for ever"
        return [self._end_of(answer) for answer in answers]

    def _end_of(self, answer: str) -> str:
        ends = [r.outcome.value for r in self.results if r.event_id == answer]
        return ends[-1] if ends else answer

    def _accepted(
        self,
        document: Any,
        event: str,
        *,
        sender: str = "",
        via: Via = Via.LIVE,
        forced: bool = False,
    ) -> Envelope | str:
        raw = document if isinstance(document, bytes) else orjson.dumps(document)
        try:
            place = placed(raw, event=event, identity=self.identity)
        except DecodeError as error:
            return f"refused: {error}"
        if place.kind is None:
            return f"ignored: {place.ignored}"
        topic = TOPICS.source_of(place.kind)
        return envelope_of(
            topic=topic,
            partition=0,
            offset=self._next(topic),
            timestamp_ms=self.now_ms,
            key=place.key.encode(),
            value=raw,
            headers=[
                ("event-id", f"e{len(self.offsets)}-{topic}-{self.offsets[topic]}".encode()),
                ("event", place.event.encode()),
                ("kind", place.kind.value.encode()),
                ("received-at-ms", b"%d" % self.now_ms),
                ("sender", (SENDER if via is Via.BACKFILL else sender).encode()),
                ("via", via.value.encode()),
                *([("forced", b"1")] if forced else []),
            ],
        )

    def _next(self, topic: str) -> int:
        self.offsets[topic] = self.offsets.get(topic, -1) + 1
        return self.offsets[topic]

    async def _work(self, envelopes: list[Envelope]) -> None:
        while envelopes:
            prepared = await self.handler.prepare(envelopes)
            with asked_before_requests(lambda: None):
                decisions = prepared.decisions + await self.handler.write(prepared.intents)
            for decision in decisions:
                self._publish(decision)
            envelopes = list(prepared.later)

    def _publish(self, decision: Decision) -> None:
        self.results.append(decision.result)
        envelope = decision.envelope
        if decision.state is not None:
            self.states[f"{envelope.kind.value}:{envelope.key}".encode()] = decision.state
        record = decision.republish
        if record is None:
            return
        if record.topic == TOPICS.dead_letters:
            self.letters.append(decision)
        else:
            self.pending.append(self._consumed(record))

    def _consumed(self, record: Record) -> Envelope:
        topic = TOPICS.due if record.topic in TOPICS.retry_tiers else record.topic
        return envelope_of(
            topic=topic,
            partition=0,
            offset=self._next(topic),
            timestamp_ms=self.now_ms,
            key=record.key,
            value=record.value,
            headers=record.headers,
        )

    def records(self, sobject: str) -> list[dict[str, Any]]:
        return list(self.org.store.tables[sobject].records.values())

    def opportunities(self, *fields: str) -> dict[str, Any]:
        return self._by("Opportunity", "Magento_Order_ID__c", fields)

    def accounts(self, *fields: str) -> dict[str, Any]:
        return self._by("Account", "Magento_Customer_Key__c", fields)

    def contacts(self, *fields: str) -> dict[str, Any]:
        return self._by("Contact", "Magento_Customer_Key__c", fields)

    def _by(self, sobject: str, key: str, fields: tuple[str, ...]) -> dict[str, Any]:
        found = {}
        for record in self.records(sobject):
            told = [record.get(name) for name in fields]
            found[record.get(key)] = told[0] if len(fields) == 1 else told
        return found

    @property
    def notes(self) -> list[str]:
        return [note for result in self.results for note in result.notes]


def ms_of(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


__all__ = ["COMMIT", "CUSTOMER", "Kind", "StorePipe", "ms_of"]
