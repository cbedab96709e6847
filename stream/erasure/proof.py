"""The proof of an erasure: what still names the person in any topic of ours, and until when.

Every record of every topic is decoded and searched (`schemas/person.py`): key, headers and value.
What is left has a date by Kafka's own rules, or it has none, and then the erasure is not proved.

| topic | a record is gone |
|---|---|
| kept for a time | `retention.ms` after it was written, and at most one `segment.ms` later |
| compacted, its key written again or deleted since | `max.compaction.lag.ms` after that |
| a tombstone itself | `delete.retention.ms` after that |
| compacted, still the newest of its key | never |

Kafka rolls a partition's last segment when something is written to it: a partition that nobody
writes to keeps it longer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.person import Person
from stream.config import Settings
from stream.kafka.log.passing_reader import PassingReader
from stream.kafka.log.range_reader import Record
from stream.kafka.topic_admin import TopicAdmin

UNLIMITED_MS = 2**62  # Kafka's way to say never is the largest number there is
DAY_MS = 86_400_000
SEGMENT_MS, TOMBSTONE_MS = 7 * DAY_MS, DAY_MS  # Kafka's own defaults


@dataclass(slots=True)
class Remnant:
    """What one topic still holds of a person. Times are unix milliseconds; None: never, nothing."""

    topic: str
    records: int = 0
    gone_ms: int | None = None
    without_date: int = 0

    @property
    def has_date(self) -> bool:
        return not self.without_date

    def note(self, gone_ms: int | None) -> None:
        self.records += 1
        if gone_ms is None:
            self.without_date += 1
        else:
            self.gone_ms = max(self.gone_ms or 0, gone_ms)


@dataclass(frozen=True, slots=True)
class TopicRules:
    """When Kafka removes records of a topic, by its configuration as the cluster has it."""

    is_compacted: bool
    retention_ms: int | None
    segment_ms: int
    compaction_ms: int | None
    tombstone_ms: int

    @classmethod
    def of(cls, config: Mapping[str, str]) -> TopicRules:
        return cls(
            is_compacted="compact" in config.get("cleanup.policy", ""),
            retention_ms=_limit(config.get("retention.ms"), 7 * DAY_MS),
            segment_ms=_limit(config.get("segment.ms"), SEGMENT_MS) or SEGMENT_MS,
            compaction_ms=_limit(config.get("max.compaction.lag.ms"), UNLIMITED_MS),
            tombstone_ms=_limit(config.get("delete.retention.ms"), TOMBSTONE_MS) or TOMBSTONE_MS,
        )

    def gone_ms(
        self, written_ms: int, replaced_ms: int | None, *, is_tombstone: bool
    ) -> int | None:
        """Return when a record is gone; `replaced_ms`: when its key was written again."""
        if not self.is_compacted:
            return (
                None
                if self.retention_ms is None
                else (written_ms + self.retention_ms + self.segment_ms)
            )
        if self.compaction_ms is None:
            return None
        if replaced_ms is not None:
            return replaced_ms + self.compaction_ms
        return written_ms + self.compaction_ms + self.tombstone_ms if is_tombstone else None


@dataclass(slots=True)
class Proof:
    """The outcome. It holds when nothing is left, or all that is left has a date.

    It proves nothing of `unread`: the partitions that did not answer, or are broken, and why.
    """

    remnants: list[Remnant] = field(default_factory=list)
    records_read: int = 0
    unread: dict[tuple[str, int], str] = field(default_factory=dict)

    @property
    def has_dates(self) -> bool:
        """Whether Kafka itself removes all that was found."""
        return all(remnant.has_date for remnant in self.remnants)

    @property
    def holds(self) -> bool:
        return self.has_dates and not self.unread


async def prove_erasure(
    settings: Settings,
    person: Person,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Proof:
    """Decode all records of all topics and return what names the person. Raises BrokerError."""
    names = {spec.name for spec in settings.topics.specs()}
    proof = Proof()
    async with PassingReader(settings) as reader:
        names.update(await reader.topics_starting(settings.topics.retry_prefix))
        async with TopicAdmin(settings) as admin:
            rules = {
                name: TopicRules.of(topic.config)
                for name, topic in (await admin.existing(sorted(names))).items()
            }
        # Of all names: one that is not there, or that we may not see, proves nothing.
        spans, proof.unread = await reader.known_spans(sorted(names))
        total = sum(span.size for span in spans)
        search = _Search(person, rules)
        async for batch in reader.read(spans):
            for record in batch:
                search.look_at(record)
            proof.records_read += len(batch)
            progress(proof.records_read, total)
    proof.unread |= reader.broken.told()
    proof.remnants = search.remnants()
    return proof


class _Search:
    """What was found on the way; of a compacted topic only the end tells what is the newest."""

    def __init__(self, person: Person, rules: Mapping[str, TopicRules]) -> None:
        self._person = person
        self._rules = rules
        self._found: list[_Seen] = []
        self._newest: dict[tuple[str, int, bytes], _Seen] = {}

    def look_at(self, record: Record) -> None:
        headers = (value or b"" for _name, value in record.headers)
        is_named = self._person.is_named_in(record.key or b"", record.value or b"", *headers)
        if is_named:
            self._found.append(_Seen.of(record))
        if self._rules[record.topic].is_compacted and (is_named or _at(record) in self._newest):
            self._newest[_at(record)] = _Seen.of(record)

    def remnants(self) -> list[Remnant]:
        found: dict[str, Remnant] = {}
        for seen in self._found:
            newest = self._newest.get(_at(seen), seen)
            replaced_ms = newest.timestamp if newest.offset > seen.offset else None
            gone_ms = self._rules[seen.topic].gone_ms(
                seen.timestamp, replaced_ms, is_tombstone=seen.is_tombstone
            )
            found.setdefault(seen.topic, Remnant(seen.topic)).note(gone_ms)
        return list(found.values())


class _Seen(NamedTuple):
    """Of a record only what its end depends on: payloads of a whole topic do not fit in memory."""

    topic: str
    partition: int
    offset: int
    key: bytes
    timestamp: int
    is_tombstone: bool

    @classmethod
    def of(cls, record: Record) -> _Seen:
        key = record.key or b""
        is_tombstone = record.value is None
        return cls(
            record.topic, record.partition, record.offset, key, record.timestamp, is_tombstone
        )


def _at(record: Record | _Seen) -> tuple[str, int, bytes]:
    return record.topic, record.partition, record.key or b""


def _limit(text: str | None, default: int) -> int | None:
    value = default if text is None else int(text)
    return None if value < 0 or value >= UNLIMITED_MS else value
