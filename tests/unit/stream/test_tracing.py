"""Traces: from an acceptance through record headers to batch and call; nothing at all when off."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from support.fakes import FakePublisher

from agents.handling.outcome import Decision, Notes, done
from agents.worker.batch_log import batch_span, trace_events
from schemas.codec import decode
from schemas.event import Envelope, Kind, Origin
from schemas.headers import envelope_of, headers_of
from schemas.identity import PLAIN
from schemas.result import Outcome
from stream.config import load_settings
from stream.ingress.body import InFlightLimits
from stream.ingress.publish import PublishStep
from stream.ingress.readiness import Readiness
from stream.kafka.publisher import Record
from stream.ops import tracing
from stream.signatures.hmac_sha256 import Verified
from stream.topics import Topics

ROOT = Path(__file__).parents[3]
ORDER = b'{"event":"sales_order_save_after","order":{"increment_id":"000000123"}}'
SENDERS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def spans(monkeypatch):
    monkeypatch.setattr(tracing, "_tracer", None)
    exporter = InMemorySpanExporter()
    tracing.start_tracing(SimpleSpanProcessor(exporter), process="worker/w1")
    return exporter


async def accepted(parent: str = "") -> Record:
    """Return the record of one accepted order."""
    kafka = FakePublisher()

    async def probe() -> None:
        return None

    acceptance = PublishStep(
        kafka,
        Readiness(probe, now=lambda: 0.0),
        InFlightLimits(1_000_000, 10),
        topics=Topics(),
        publish_timeout_seconds=1.0,
        now=lambda: 0.0,
    )
    document = decode(ORDER, event="", identity=PLAIN)
    await acceptance.accept(document, ORDER, Verified("magento", "1"), deadline=5.0, parent=parent)
    return kafka.records[0]


def envelope(record: Record) -> Envelope:
    return envelope_of(
        topic=record.topic,
        partition=0,
        offset=0,
        timestamp_ms=1,
        key=record.key,
        value=record.value,
        headers=record.headers,
    )


def decided(event: Envelope) -> Decision:
    return done(event, Outcome.SYNCED, 5, Notes())


async def test_one_trace_goes_from_the_webhook_to_the_outcome_and_links_the_batch(spans) -> None:
    events = [envelope(await accepted()), envelope(await accepted())]
    with batch_span(events):
        with tracing.span("salesforce composite", kind="CLIENT"):
            pass
        trace_events([decided(event) for event in events])
    found: dict[str, list] = {}
    for span in spans.get_finished_spans():
        found.setdefault(span.name, []).append(span)
    accepts, (batch,), (call,), outcomes = (
        *(found["accept"], found["batch"], found["salesforce composite"]),
        found["event synced"],
    )
    assert {link.context.span_id for link in batch.links} == {a.context.span_id for a in accepts}
    assert call.parent.span_id == batch.context.span_id
    assert [o.context.trace_id for o in outcomes] == [a.context.trace_id for a in accepts]
    assert all(o.links[0].context.span_id == batch.context.span_id for o in outcomes)
    assert batch.context.trace_id not in {a.context.trace_id for a in accepts}
    assert batch.resource.attributes["service.name"] == "orderstream-worker"


async def test_a_sender_that_traces_is_the_parent_and_one_that_lies_is_not(spans) -> None:
    await accepted(parent=SENDERS)
    await accepted(parent="00-nonsense")
    traced, own = (span for span in spans.get_finished_spans() if span.name == "accept")
    assert f"{traced.context.trace_id:032x}" == SENDERS.split("-")[1]
    assert own.parent is None


async def test_the_trace_survives_every_copy_of_the_event(spans) -> None:
    event = envelope(await accepted())
    assert event.traceparent
    copy = Record("salesforce.retry.30s", b"k", event.value, headers_of(event))
    assert envelope(copy).traceparent == event.traceparent


def test_a_failure_tells_its_type_and_quotes_nobody(spans) -> None:
    with pytest.raises(ValueError, match="Jane"), tracing.span("batch"):
        raise ValueError("Jane Doe")
    (span,) = spans.get_finished_spans()
    assert not span.status.is_ok
    assert "Jane" not in span.to_json()
    assert "ValueError" in span.to_json()


@pytest.mark.slow
async def test_off_no_header_is_written_and_nothing_is_imported() -> None:
    record = await accepted(parent=SENDERS)
    assert tracing.HEADER not in dict(record.headers)
    with batch_span([envelope(record)]) as batch:
        assert batch is None
    code = (
        "import sys, cli.main, agents.worker.process, stream.ingress.process, stream.retry.process;"
        "sys.exit('opentelemetry' in sys.modules)"
    )
    environment = {"PYTHONPATH": str(ROOT)}
    assert (
        subprocess.run([sys.executable, "-c", code], env=environment, check=False).returncode == 0
    )


def test_without_the_extra_the_setting_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace.export", None)
    settings = load_settings(env_file=None, tracing_otlp_endpoint="http://127.0.0.1:4318")
    with pytest.raises(Exception, match=r"TRACING_OTLP_ENDPOINT.*orderstream\[otel\]"):
        tracing.configure_tracing(settings, process="ingress")
    assert not tracing.is_on()


def test_an_event_without_a_trace_gets_none(spans) -> None:
    event = Envelope("e", "order", Kind.ORDER, "1", 1, ORDER, origin=Origin("t", 0, 0, 1))
    with batch_span([event]):
        trace_events([decided(event)])
    assert [span.name for span in spans.get_finished_spans()] == ["batch"]


ENDS = """
from opentelemetry.sdk.trace import SpanProcessor
from stream.ops.tracing import start_tracing

class Last(SpanProcessor):
    def shutdown(self):
        print("the last spans went out", flush=True)

start_tracing(Last(), process="worker/w1")
"""


def test_the_last_spans_go_out_when_a_process_ends() -> None:
    """On every Python: since 3.12 a thread cannot begin while the interpreter ends."""
    ran = subprocess.run(
        [sys.executable, "-c", ENDS], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert (ran.stdout, ran.stderr) == ("the last spans went out\n", "")
