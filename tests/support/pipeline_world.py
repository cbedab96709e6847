"""A pipeline with an org, a journal and a consumer in memory."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import orjson

from agents.delivery.cost_model import CostModel
from agents.delivery.types import Written
from agents.handling.handler import Handler
from agents.handling.poison_pills import PoisonPillJournal
from agents.mapping.apply import Mapped
from agents.pacing.stall_clock import Progress
from agents.salesforce.api.send_right import check_of_context
from agents.worker.agent import held_event
from agents.worker.call_pacing import CallPacing
from agents.worker.context import WorkerContext
from agents.worker.pipeline import Pipeline
from schemas.event import Envelope, Kind, Via
from schemas.headers import headers_of
from schemas.salesforce import Row
from stream.topics import Topics

NOW = 1_800_000_000_000
PARTITIONS = 3


class Slots:
    """An admission that only counts slots, and tokens if there are few."""

    def __init__(self, slots=3, tokens=1_000):
        self.slots, self.in_flight, self.tokens = slots, 0, tokens
        self.when_free = lambda: None

    def startable(self, starting, owed):
        free = max(0, self.slots - self.in_flight - starting)
        return self.slots, free, max(0, min(free, self.tokens - starting - owed))

    def pause_between_calls(self):
        return 0.001, 0.0

    @asynccontextmanager
    async def call(self):
        while self.in_flight >= self.slots:
            await asyncio.sleep(0)
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1
            self.when_free()


class Mapping:
    version = "m1"

    def __init__(self):
        self.mapped = 0

    def apply(self, document, **_how):
        self.mapped += 1
        row = Row("Opportunity", "Order__c", document.key, {"Amount": 1})
        return Mapped(rows=(row,), notes=(), lock_key=document.entity.get("customer_email", ""))


class Message:
    """What Faust's event carries."""

    def __init__(self, source, offset, body, key, via):
        self.topic, self.partition, self.offset = *source, offset
        self.timestamp, self.key, self.value, self.generation_id = NOW / 1000, key, body, 1
        envelope = Envelope(
            f"{source}{offset}", "sales_order_save_after", Kind.ORDER, key.decode(), NOW, body
        )
        self.headers = headers_of(envelope)


class World:
    """A worker's pipeline between a fake consumer and a fake org."""

    def __init__(
        self,
        tmp_path,
        chance,
        *,
        slots=3,
        answer=None,
        window=1000,
        max_batch=1000,
        asks_first=lambda _: False,
    ):
        self.chance, self.answer = (
            chance,
            answer or (lambda bundle: Written({"Opportunity": "006"})),
        )
        self.admission = Slots(slots)
        self.rules = Mapping()
        self.states, self.done, self.acked, self.dropped = {}, [], [], []
        self.in_calls, self.calls, self.ended = Counter(), [], []
        self.offsets = Counter()
        self.journal = PoisonPillJournal(tmp_path / "journal")
        self.hold = asyncio.Event()
        self.hold.set()
        handler = Handler(
            org_mapping=self.mapping,
            dispatcher=self,
            get_state=lambda _partition, key: self.states.get(key),
            check_alive=lambda: None,
            topics=Topics(retry_delays_seconds=(30,)),
            clock_ms=lambda: NOW,
            journal=self.journal,
        )
        context = WorkerContext(
            handler=handler,
            state=None,
            finish=self.finish,
            journal=self.journal,
            progress=Progress(),
            pacing=CallPacing(self.admission, CostModel(), lambda: False, 0, max_batch),
            check_alive=lambda: None,
            end_process=self.ended.append,
            max_held=window,
            max_held_bytes=10**9,
            asks_first=asks_first,
        )
        self.pipeline = Pipeline(context, ack=self.acked.append, drop=self.dropped.append)

    async def mapping(self):
        return self.rules

    async def breathe(self):
        for _ in range(self.chance.randint(0, 4)):
            await asyncio.sleep(0)

    async def send(self, bundles):
        locks = {row.identity for b in bundles for row in b.rows} | {
            b.lock_key for b in bundles if b.lock_key
        }
        async with self.admission.call():
            await asyncio.to_thread(check_of_context())
            self.in_calls.update(locks)
            assert max(self.in_calls.values()) == 1, "two calls hold one lock"
            self.calls.append([bundle.key for bundle in bundles])
            if not self.hold.is_set() and any(b.key.startswith("slow") for b in bundles):
                await self.hold.wait()
            await self.breathe()
            self.in_calls.subtract(locks)
        return [self.answer(bundle) for bundle in bundles]

    async def finish(self, decisions):
        await self.breathe()
        for decision in decisions:
            self.done.append(decision.result)
            if decision.state is not None:
                self.states[f"order:{decision.envelope.key}".encode()] = decision.state

    def event(self, number, version, *, customer="a@example.com", via=Via.LIVE, is_news=False):
        source = "magento.orders", hash(number) % PARTITIONS
        offset = self.offsets[source]
        self.offsets[source] += 1
        order = {
            "increment_id": number,
            "updated_at": f"2026-03-14 18:00:{version:02d}",
            "customer_email": customer,
            "grand_total": version,
        }
        if is_news:  # another part than the amount, and nobody's account
            order |= {"status": "complete"}
            del order["grand_total"], order["customer_email"]
        body = orjson.dumps({"event": "sales_order_save_after", "order": order})
        message = Message(source, offset, body, number.encode(), via)
        return held_event(type("Event", (), {"message": message})())

    def check(self):
        """What is acknowledged is done, and in order."""
        finished = {(r.origin_topic, r.origin_partition, r.origin_offset) for r in self.done}
        offsets = {}
        for held in self.acked:
            assert (*held.source, held.offset) in finished
            assert held.offset == offsets.get(held.source, 0)
            offsets[held.source] = held.offset + 1
        assert not self.ended, self.ended
