"""Waits for the next order that a store sends, and judges what Salesforce has of it."""

from __future__ import annotations

import asyncio
import time

from agents.handling.enrichment import is_incomplete
from cli.validate.run import Validation, ValidationVerdict
from schemas.codec import decode
from schemas.event import Envelope, Kind
from stream.config import Settings
from stream.errors import StreamError
from stream.kafka.log.range_reader import RangeReader, record_envelope

POLL_SECONDS = 1.0
# Why an order that went well could not be compared all the same.
NEWER = "a newer event of this order came right after it, and that one was written: wait again"
CONTENTLESS = "the event says which order, not what is in it: compare with `orderstream reconcile`"


async def judge_next_order(run: Validation) -> ValidationVerdict:
    """Return the verdict of the next order; failures are in it, and nothing is marked as ours."""
    verdict = ValidationVerdict("an order of your store")
    began = time.monotonic()
    try:
        envelope = await next_order(run.settings, run.timeout_seconds)
        verdict.event_id = envelope.event_id
        began = time.monotonic()
        await run.follow(verdict)
        if verdict.outcome == "superseded":
            verdict.problem = NEWER
        elif verdict.outcome != "dead":
            await _compare(run, verdict, envelope)
    except (StreamError, TimeoutError, ValueError) as error:
        verdict.problem = str(error) or type(error).__name__
    verdict.seconds = time.monotonic() - began
    return verdict


async def _compare(run: Validation, verdict: ValidationVerdict, envelope: Envelope) -> None:
    document = decode(envelope.value, event=envelope.event, identity=run.settings.identity)
    reads = run.mapping.reads(Kind.ORDER)
    if run.settings.magento_enrich and is_incomplete(Kind.ORDER, document.entity, reads):
        verdict.problem = CONTENTLESS
    else:
        await run.compare(verdict, envelope.value, is_new=False, keep=True)


async def next_order(settings: Settings, timeout_seconds: float) -> Envelope:
    """Return the first order event accepted from now on.

    Raises TimeoutError when none comes in time, BrokerError when Kafka does not answer.
    """
    since_ms = int(time.time() * 1000)
    give_up_at = time.monotonic() + timeout_seconds
    async with RangeReader(settings) as reader:
        while time.monotonic() < give_up_at:
            spans = await reader.spans([settings.topics.orders], since_ms=since_ms)
            async for batch in reader.read(spans):
                return record_envelope(batch[0])
            await asyncio.sleep(POLL_SECONDS)
    raise TimeoutError(f"no order came in {timeout_seconds:.0f} s: does the store send webhooks?")
