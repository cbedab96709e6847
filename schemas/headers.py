"""Envelope ↔ Kafka headers: the only place that knows header names.

| header | when | meaning |
|---|---|---|
| event-id, event, kind, received-at-ms, sender, signature-key, via | always | see `Envelope` |
| origin-topic, -partition, -offset, -timestamp-ms | from the first re-publish on | first record |
| attempt, first-failed-at-ms, not-before-ms | retry, due, dead letter | story of the retries |
| error-kind, error-code, error-message, error-fields | retry, due, dead letter | last failure |
| error-status, error-rule | retry, due, dead letter | HTTP status, and the rule that judged |
| parked-for | a parked event | digest of why it waits, and `.n`: how often before |
| mapping-version | retry, due, dead letter | the mapping that was used last |
| traceparent | when tracing is on | W3C trace context of the acceptance |
| job-id, forced | replay, requeue | which job put it there |
| corrects, edited-at-ms | dlq edit | which save a person corrected, and when |
| operator-signature | whatever an operator's process publishes | `schemas.operator_signature` |
"""

from __future__ import annotations

from collections.abc import Sequence

from schemas.event import Envelope, ErrorInfo, Kind, Origin, Via
from schemas.frozen import replace
from schemas.sender_clock import LATEST_MS

MAX_MESSAGE_CHARACTERS = 2_000
MOST = 2**63 - 1  # of a number: what JSON and Kafka hold
KINDS = {kind.value: kind for kind in Kind}
VIAS = {via.value: via for via in Via}
# What a record has from its first failure on, or from an operator; nearly every one has none.
OF_A_STORY = frozenset(
    (
        *("origin-topic", "attempt", "first-failed-at-ms", "not-before-ms", "parked-for"),
        *("error-kind", "error-code", "mapping-version", "job-id", "forced", "corrects"),
        *("edited-at-ms", "operator-signature"),
    )
)


def headers_of(envelope: Envelope) -> list[tuple[str, bytes]]:
    """Return the headers that carry everything of the envelope but key and value.

    Empty fields get no header.
    """
    headers = identity_headers(
        event_id=envelope.event_id,
        event=envelope.event,
        kind=envelope.kind,
        received_at_ms=envelope.received_at_ms,
        sender=envelope.sender,
        signature_key=envelope.signature_key,
        via=envelope.via,
    )
    if envelope.origin is not None:
        headers += _origin_headers(envelope.origin)
    if envelope.attempt:
        headers.append(("attempt", b"%d" % envelope.attempt))
    if envelope.first_failed_at_ms is not None:
        headers.append(("first-failed-at-ms", b"%d" % envelope.first_failed_at_ms))
    if envelope.not_before_ms is not None:
        headers.append(("not-before-ms", b"%d" % envelope.not_before_ms))
    if envelope.parked_for:
        headers.append(("parked-for", envelope.parked_for.encode()))
    if envelope.mapping_version:
        headers.append(("mapping-version", envelope.mapping_version.encode()))
    if envelope.traceparent:
        headers.append(("traceparent", envelope.traceparent.encode()))
    headers += _operator_headers(envelope)
    if envelope.error is not None:
        headers += _error_headers(envelope.error)
    return [pair for pair in headers if pair[1]]


def identity_headers(
    *,
    event_id: str,
    event: str,
    kind: Kind,
    received_at_ms: int,
    sender: str,
    signature_key: str,
    via: Via = Via.LIVE,
) -> list[tuple[str, bytes]]:
    """Return the headers every event has: all that there is to say of one that is new.

    The ingress calls this itself, because an Envelope would cost it more than its headers.
    """
    return [
        ("event-id", event_id.encode()),
        ("event", event.encode()),
        ("kind", kind.value.encode()),
        ("received-at-ms", b"%d" % received_at_ms),
        ("sender", sender.encode()),
        ("signature-key", signature_key.encode()),
        ("via", via.value.encode()),
    ]


def _origin_headers(origin: Origin) -> list[tuple[str, bytes]]:
    return [
        ("origin-topic", origin.topic.encode()),
        ("origin-partition", b"%d" % origin.partition),
        ("origin-offset", b"%d" % origin.offset),
        ("origin-timestamp-ms", b"%d" % origin.timestamp_ms),
    ]


def _operator_headers(envelope: Envelope) -> list[tuple[str, bytes]]:
    headers = [("job-id", envelope.job_id.encode())]
    if envelope.is_forced:
        headers.append(("forced", b"1"))
    if envelope.edited_at_ms:
        headers.append(("corrects", envelope.corrects.encode()))
        headers.append(("edited-at-ms", b"%d" % envelope.edited_at_ms))
    headers.append(("operator-signature", envelope.operator_signature.encode()))
    return headers


def _error_headers(error: ErrorInfo) -> list[tuple[str, bytes]]:
    return [
        ("error-kind", error.kind.encode()),
        ("error-code", error.code.encode()),
        ("error-message", error.message[:MAX_MESSAGE_CHARACTERS].encode(errors="replace")),
        ("error-fields", ",".join(error.fields).encode(errors="replace")),
        ("error-status", b"%d" % error.status if error.status else b""),
        ("error-rule", error.rule.encode(errors="replace")),
    ]


def envelope_of(
    *,
    topic: str,
    partition: int,
    offset: int,
    timestamp_ms: int,
    key: bytes | None,
    value: bytes | None,
    headers: Sequence[tuple[str, bytes]],
) -> Envelope:
    """Return the envelope of a consumed record.

    Never raises: a record without our headers (somebody else wrote into the topic) becomes an
    envelope whose event id is its coordinates, by which the handler knows it. Whoever re-publishes
    an event keeps its partition number, so an origin in another one is not believed: the outcome
    would go where nobody may write it, or where no such partition is. Nor is a receipt at a time
    that no calendar has, or a negative number of attempts: no retry tier is before the first.
    """
    read = {name: str(raw, "utf-8", "replace") for name, raw in headers if raw is not None}
    value_of = read.get
    here = Origin(topic, partition, offset, timestamp_ms)
    first = Envelope(
        event_id=_event_id(read) or coordinates_id(topic, partition, offset),
        event=value_of("event", ""),
        kind=_kind(value_of("kind", ""), topic),
        key=str(key or b"", "utf-8", "replace"),
        received_at_ms=_time_ms(value_of("received-at-ms")) or _in_calendar(timestamp_ms) or 0,
        value=value or b"",
        sender=value_of("sender", ""),
        signature_key=value_of("signature-key", ""),
        via=VIAS.get(value_of("via", ""), Via.LIVE),
        origin=here,
        traceparent=value_of("traceparent", ""),
    )
    return first if OF_A_STORY.isdisjoint(read) else _with_story(first, read, partition)


def _with_story(envelope: Envelope, read: dict[str, str], partition: int) -> Envelope:
    """Return an envelope with what its record says of retries, of an operator, of its origin."""
    return replace(
        envelope,
        origin=_origin(read, partition) or envelope.origin,
        attempt=max(0, _int(read.get("attempt")) or 0),
        first_failed_at_ms=_int(read.get("first-failed-at-ms")),
        not_before_ms=_int(read.get("not-before-ms")),
        error=_error(read),
        parked_for=read.get("parked-for", ""),
        mapping_version=read.get("mapping-version", ""),
        job_id=read.get("job-id", ""),
        is_forced=read.get("forced") == "1",
        corrects=read.get("corrects", ""),
        edited_at_ms=_time_ms(read.get("edited-at-ms")),
        operator_signature=read.get("operator-signature", ""),
    )


def event_id_in(headers: Sequence[tuple[str, bytes]]) -> str:
    """Return the event id that `envelope_of` finds in headers, '' for none: for who counts."""
    read = {name: raw for name, raw in headers if raw is not None}
    wanted = ("event-id", "kind", "received-at-ms")
    return _event_id({n: bytes(read[n]).decode(errors="replace") for n in wanted if n in read})


def coordinates_id(topic: str, partition: int, offset: int) -> str:
    """Return what stands in for the event id of a record that has none."""
    return f"{topic}-{partition}-{offset}"


def _event_id(read: dict[str, str]) -> str:
    """Return the event id of a record that has the headers every event has; '' of any other."""
    is_ours = read.get("kind") in KINDS and _int(read.get("received-at-ms")) is not None
    return read.get("event-id", "") if is_ours else ""


def _origin(read: dict[str, str], here: int) -> Origin | None:
    partition, offset = _int(read.get("origin-partition")), _int(read.get("origin-offset"))
    if "origin-topic" not in read or partition != here or offset is None or offset < 0:
        return None
    timestamp_ms = _int(read.get("origin-timestamp-ms")) or 0
    return Origin(read["origin-topic"], partition, offset, timestamp_ms)


def _error(read: dict[str, str]) -> ErrorInfo | None:
    if "error-code" not in read and "error-kind" not in read:
        return None
    fields = tuple(name for name in read.get("error-fields", "").split(",") if name)
    return ErrorInfo(
        kind=read.get("error-kind", ""),
        code=read.get("error-code", ""),
        message=read.get("error-message", ""),
        fields=fields,
        status=_int(read.get("error-status")) or 0,
        rule=read.get("error-rule", ""),
    )


def _int(text: str | None) -> int | None:
    if not text:
        return None
    try:
        number = int(text)
    except ValueError:
        return None
    return number if -MOST <= number <= MOST else None


def _time_ms(text: str | None) -> int | None:
    return _in_calendar(_int(text))


def _in_calendar(at_ms: int | None) -> int | None:
    return at_ms if at_ms is not None and 0 <= at_ms <= LATEST_MS else None


def _kind(text: str, topic: str) -> Kind:
    kind = KINDS.get(text)
    if kind is None:
        return Kind.CUSTOMER if topic.endswith("customers") else Kind.ORDER
    return kind
