"""Which records are believed: a topic takes whatever its users write.

| the record | is believed |
|---|---|
| claims to be a job's, forced, a correction, an erasure or a reset | if it is signed |
| has lost or never had our headers | if an operator requeued it (signed) |
| stands in `salesforce.due` and was accepted nowhere before | if it is signed |
| any other | yes: its topic's own users are allowed to write it |

What is not believed is a dead letter, so that a person sees it; nothing of it reaches Salesforce.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from agents.handling.outcome import Decision
from agents.handling.outcome_rules import OutcomeRules
from schemas.event import Envelope
from schemas.operator_signature import (
    UNTRUSTED,
    claims_operator,
    has_no_headers,
    is_signed,
    signature_of,
)
from stream.settings.kafka import KafkaSettings
from stream.topics import Topics

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RecordTrust:
    """Judges records by the operators' keys; without a key no claim is believed."""

    topics: Topics
    keys: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: KafkaSettings) -> RecordTrust:
        """Return the judge of the settings; loud where it can believe nobody."""
        if not settings.operator_signing_keys:
            log.warning("no_operator_signing_key", effect="no replay or erasure is believed")
        return cls(settings.topics, settings.operator_signing_keys)

    def problem(self, envelope: Envelope) -> str:
        """Return why a record is not believed; '' when it is."""
        is_claim = claims_operator(envelope)
        if is_claim and is_signed(envelope, self.keys):
            return ""
        if has_no_headers(envelope):
            return _NO_HEADERS
        if is_claim:
            return _UNSIGNED if self.keys else _NO_KEY
        origin = envelope.origin
        return _NOWHERE if origin is not None and origin.topic == self.topics.due else ""

    def vouched(self, envelope: Envelope) -> Envelope | None:
        """Return a worker's own word, signed; None without a key: nobody would believe it."""
        if not self.keys:
            return None
        return replace(envelope, operator_signature=signature_of(envelope, self.keys[0]))

    def signed(self, envelope: Envelope) -> Envelope:
        """Return a believed event that goes on with another key or content, signed again."""
        return (self.vouched(envelope) if envelope.operator_signature else None) or envelope


def sift(
    envelopes: Sequence[Envelope], trust: RecordTrust | None, ends: OutcomeRules
) -> tuple[Sequence[Envelope], list[Decision]]:
    """Return the believed ones, and the dead letters of the others. None: all are believed."""
    if trust is None:
        return envelopes, []
    problems = [trust.problem(envelope) for envelope in envelopes]
    if not any(problems):
        return envelopes, []
    pairs = list(zip(envelopes, problems, strict=True))
    believed = [envelope for envelope, problem in pairs if not problem]
    refused = [ends.dead(envelope, UNTRUSTED, why) for envelope, why in pairs if why]
    return believed, refused


_NO_HEADERS = (
    "the record came without orderstream's headers: something other than the ingress writes into "
    "its topic (docs/kafka.md, users). If it is good, requeue it by its id"
)
_UNSIGNED = (
    "the record claims to be an operator's doing and is not signed with OPERATOR_SIGNING_KEY: "
    "either its process has another key than this worker, or somebody else wrote it"
)
_NO_KEY = (
    "the record claims to be an operator's doing and this worker has no OPERATOR_SIGNING_KEY to "
    "tell: give workers, dashboard and commands the same one"
)
_NOWHERE = (
    "the record was put into the topic of due events and was accepted nowhere before: neither the "
    "relay nor a job does that"
)
