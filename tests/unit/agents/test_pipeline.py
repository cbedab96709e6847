"""Several batches in flight: what is acknowledged is done, and an order is in one call at a time."""

import asyncio
import random
from collections import Counter
from contextlib import asynccontextmanager

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.delivery.cost_model import CostModel
from agents.delivery.types import NotSent, Written
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
from schemas.result import Outcome
from schemas.salesforce import Row
from stream.topics import Topics

NOW = 1_800_000_000_000
PARTITIONS = 3


class Slots:
    """An admission that only counts slots."""

    def __init__(self, slots=3):
        self.slots, self.in_flight = slots, 0
        self.when_free = lambda: None

    def startable(self, starting):
        free = max(0, self.slots - self.in_flight - starting)
        return self.slots, free, free

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

    def apply(self, document, **_how):
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

    def __init__(self, tmp_path, chance, *, slots=3, answer=None, window=1000):
        self.chance, self.answer = (
            chance,
            answer or (lambda bundle: Written({"Opportunity": "006"})),
        )
        self.admission = Slots(slots)
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
            pacing=CallPacing(self.admission, CostModel(), lambda: False, 0, 1000),
            check_alive=lambda: None,
            end_process=self.ended.append,
            max_held=window,
            max_held_bytes=10**9,
        )
        self.pipeline = Pipeline(context, ack=self.acked.append, drop=self.dropped.append)

    async def mapping(self):
        return Mapping()

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


@given(seed=st.integers(0, 10**6))
@settings(max_examples=40, deadline=None)
def test_any_interleaving_acknowledges_in_order_and_calls_one_lock_at_a_time(
    seed, tmp_path_factory
):
    chance = random.Random(seed)

    async def story():
        world = World(tmp_path_factory.mktemp("w"), chance, slots=chance.randint(1, 4))
        latest, events = {}, []
        for _ in range(chance.randint(1, 60)):
            number = f"o{chance.randint(1, 8)}"
            latest[number] = latest.get(number, 0) + 1
            customer, is_news = f"c{hash(number) % 3}", chance.random() < 0.3
            made = world.event(number, latest[number], customer=customer, is_news=is_news)
            events.append(made)
        for event in events:
            await world.pipeline.room()
            world.pipeline.add(event)
            await world.breathe()
            world.check()
        if chance.random() < 0.5:
            assert await world.pipeline.fence(5)
            assert len(world.acked) + len(world.dropped) == len(events)
        else:
            async with asyncio.timeout(10):
                while len(world.acked) < len(events):
                    await asyncio.sleep(0)
            for number, version in latest.items():
                assert world.states[f"order:{number}".encode()].version.endswith(f":{version:02d}")
        world.check()

    asyncio.run(story())


async def settle(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


@pytest.fixture
async def world(tmp_path):
    return World(tmp_path, random.Random(1))


async def test_a_slow_call_keeps_only_its_own_customer_waiting(world):
    world.hold.clear()
    slow = world.event("slow1", 1, customer="big")
    world.pipeline.add(slow)
    await settle(lambda: world.calls)
    behind = world.event("o2", 1, customer="big")
    others = [world.event(f"n{n}", 1, customer=f"c{n}") for n in range(20)]
    for event in (behind, *others):
        world.pipeline.add(event)
    await settle(lambda: len(world.done) == 20)
    assert behind.envelope.key not in {result.key for result in world.done}
    world.hold.set()
    await settle(lambda: len(world.acked) == 22)
    world.check()


async def test_later_saves_of_an_order_in_flight_become_one_write(world):
    world.hold.clear()
    world.pipeline.add(world.event("slow1", 1))
    await settle(lambda: world.calls)
    for version in (2, 3, 4):
        world.pipeline.add(world.event("slow1", version))
    world.hold.set()
    await settle(lambda: len(world.acked) == 4)
    assert world.calls == [["slow1"], ["slow1"]]
    outcomes = [result.outcome for result in world.done]
    assert outcomes.count(Outcome.SUPERSEDED) == 2


async def test_a_full_window_takes_no_more_until_something_is_acknowledged(tmp_path):
    world = World(tmp_path, random.Random(1), window=2)
    world.hold.clear()
    for number in ("slow1", "slow2"):
        world.pipeline.add(world.event(number, 1, customer=number))
    room = asyncio.create_task(world.pipeline.room())
    await settle(lambda: len(world.calls) == 2)
    assert not room.done()
    world.hold.set()
    async with asyncio.timeout(5):
        await room


async def test_a_fence_that_cannot_wait_for_a_call_says_so(world):
    world.hold.clear()
    world.pipeline.add(world.event("slow1", 1))
    await settle(lambda: world.calls)
    assert not await world.pipeline.fence(0.05)
    assert world.acked == []
    world.hold.set()


async def test_nothing_is_begun_behind_a_fence(world):
    assert await world.pipeline.fence(1)
    world.pipeline.open()
    world.pipeline.add(world.event("o1", 1))
    await settle(lambda: len(world.acked) == 1)
    world.check()


async def test_an_event_that_was_in_hand_at_a_crash_is_worked_with_nothing_else_in_flight(
    tmp_path,
):
    before = World(tmp_path, random.Random(1))
    suspect, neighbour = before.event("slow1", 1, customer="x"), before.event("o1", 1)
    before.journal.begin([suspect.envelope.event_id, neighbour.envelope.event_id])
    world = World(tmp_path, random.Random(1))
    world.hold.clear()
    world.pipeline.add(suspect)
    for n in range(2, 4):
        world.pipeline.add(world.event(f"o{n}", 1, customer=f"c{n}"))
    await settle(lambda: ["slow1"] in world.calls)
    for _ in range(50):
        await asyncio.sleep(0)
    assert world.calls[-1] == ["slow1"], "others wait while the suspect is worked"
    world.hold.set()
    await settle(lambda: len(world.done) == 3)


async def test_a_bug_ends_the_process_and_acknowledges_nothing(world):
    async def broken(_decisions):
        raise ZeroDivisionError

    world.pipeline._context = WorkerContext(
        **{
            name: getattr(world.pipeline._context, name)
            for name in WorkerContext.__dataclass_fields__
            if name != "finish"
        },
        finish=broken,
    )
    world.pipeline.add(world.event("o1", 1))
    await settle(lambda: world.ended)
    assert isinstance(world.ended[0], ZeroDivisionError)
    assert world.acked == []


async def test_an_outage_parks_and_acknowledges(tmp_path):
    world = World(tmp_path, random.Random(1), answer=lambda _b: NotSent("breaker open"))
    world.pipeline.add(world.event("o1", 1))
    await settle(lambda: world.acked)
    assert [result.outcome for result in world.done] == [Outcome.PARKED]
