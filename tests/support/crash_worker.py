"""A worker of the crash model: it takes events, works on them, and dies at any await."""

from __future__ import annotations

import asyncio
from typing import Any

import orjson

from agents.delivery.types import NotSent, RefusedWrite, Written
from agents.handling.debounce import Debounce
from agents.handling.handler import Handler
from agents.handling.outcome import Decision, held_back, state_record
from agents.salesforce.api.send_right import check_of_context
from agents.salesforce.errors.error_kind import ErrorKind
from schemas.event import Envelope
from schemas.result import Outcome
from schemas.state import State
from stream.errors import FrozenError
from stream.topics import Topics
from support.version_model import FakeMapping

TOPICS = Topics()
LOOP = asyncio.new_event_loop()
FAILURES = (
    RefusedWrite(ErrorKind.LOCK, "UNABLE_TO_LOCK_ROW", "locked"),
    NotSent("away"),
)
REFUSED = RefusedWrite(ErrorKind.PERMANENT, "STRING_TOO_LONG", "too long")


SOURCES = {"Amount": "grand_total", "StageName": "status"}


def save_of(envelope: Envelope) -> int:
    """Return the number of the save that an event tells."""
    order = orjson.loads(envelope.value)
    return int(order.get("grand_total") or order["status"])


class Worker:
    """A worker's life: what it has read and done, and what it knows."""

    def __init__(self, cluster: Any) -> None:
        self.cluster, self.began = cluster, cluster.now
        self.logs = {TOPICS.orders: cluster.live, TOPICS.due: cluster.due}
        self.read = {topic: log.committed for topic, log in self.logs.items()}
        self.done: dict[str, set[int]] = {topic: set() for topic in self.logs}
        self.known = dict(cluster.states)
        self.handler = Handler(
            org_mapping=self._mapping,
            dispatcher=self,
            get_state=lambda _p, key: State.from_bytes(s) if (s := self.known.get(key)) else None,
            check_alive=lambda: None,
            topics=TOPICS,
            note_doubt=self._announce,
            is_inherited=lambda origin: origin.timestamp_ms <= self.began,
            clock_ms=lambda: cluster.now,
            debounce_ms=cluster.debounce_ms,
            settling=Debounce(max_ms=5 * cluster.debounce_ms),
        )

    @staticmethod
    async def _mapping():
        return FakeMapping()

    def _may_die(self, where: str) -> None:
        if self.cluster.may_fail and self.cluster.die.random() < 0.07:
            raise FrozenError(where)

    async def _announce(self, foreseen) -> None:
        self._may_die("before the announcement")
        for _, state in foreseen:
            self._keep(state.to_bytes())
            self.cluster.tell("announced", state.version[-8:])
        self._may_die("behind the announcement")

    def _keep(self, value: bytes) -> None:
        self.cluster.keep(value)
        self.known = dict(self.cluster.states)

    async def send(self, bundles):
        check_of_context()()
        die, cluster = self.cluster.die, self.cluster
        if cluster.may_fail and die.random() < 0.25:
            answer = die.choice(FAILURES)
            cluster.tell("refused", type(answer).__name__)
            return [answer for _ in bundles]
        told = {**bundles[0].rows[0].fields}
        if cluster.may_fail and cluster.bad.intersection(told.values()):
            cluster.tell("refused for good")
            return [REFUSED for _ in bundles]
        assert len(bundles) == 1, "of one order"
        cluster.tell("writes", told)
        cluster.org.write(told)
        self._may_die("behind the write")
        return [Written({"Opportunity": "006"}) for _ in bundles]

    def step(self) -> None:
        """Take some events, in the order of their topics, and work on them as one batch."""
        taken: list[tuple[str, int, Envelope]] = []
        for _ in range(self.cluster.die.randint(1, 3)):
            ready = [t for t, log in self.logs.items() if self.read[t] < len(log.records)]
            if not ready:
                break
            topic = self.cluster.die.choice(ready)
            offset = self.read[topic]
            self.read[topic] += 1
            envelope = self.cluster.as_consumed(topic, self.logs[topic], offset)
            taken.append((topic, offset, envelope))
            self.cluster.tell("takes", topic.split(".")[1], offset, ":", save_of(envelope))
        if taken:
            LOOP.run_until_complete(self._handle(taken))
        self._commit()

    async def _handle(self, taken: list[tuple[str, int, Envelope]]) -> None:
        self.cluster.now += 1_000
        places = list(taken)
        envelopes = [envelope for _, _, envelope in taken]
        while envelopes:
            prepared = await self.handler.prepare(envelopes)
            await self._end(prepared.decisions, places)
            await self._end(await self.handler.write(prepared.intents), places)
            envelopes = prepared.later

    async def _end(self, decisions: list[Decision], places) -> None:
        die, cluster = self.cluster.die, self.cluster
        decisions = [self._held(decision) for decision in decisions]
        effects = []
        for decision in decisions:
            cluster.tell("ends", save_of(decision.envelope), decision.result.outcome.value)
            if decision.republish is not None:
                effects.append(decision)
            if (record := state_record(decision, TOPICS)) is not None:
                effects.append(record)
        die.shuffle(effects)
        for effect in effects:
            self._may_die("amid its records")
            if not isinstance(effect, Decision):
                cluster.keep(effect.value)
            elif effect.result.outcome is Outcome.DEAD:
                cluster.letters.append(effect.envelope)
            else:
                cluster.later.append(effect.envelope)
        self._may_die("behind its records")
        self.known = dict(cluster.states)
        for decision in decisions:
            place = next(
                p
                for p in places
                if p[2].event_id == decision.envelope.event_id
                and p[2].origin == decision.envelope.origin
            )
            places.remove(place)
            self.done[place[0]].add(place[1])

    def _held(self, decision: Decision) -> Decision:
        if decision.result.outcome is not Outcome.DEAD or self.cluster.die.random() < 0.5:
            return decision
        tier = TOPICS.retry_tiers[0]
        return held_back(decision, tier, 600_000, self.cluster.now, worker="w")

    def _commit(self) -> None:
        if self.cluster.die.random() < 0.5:
            for topic, log in self.logs.items():
                while log.committed in self.done[topic]:
                    log.committed += 1
