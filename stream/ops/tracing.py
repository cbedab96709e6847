"""Traces from the webhook to the Salesforce call, by OpenTelemetry; off unless an endpoint is set.

    ingress   accept ─────────────▶ record header `traceparent`, kept by retries, requeues, replays
    worker    batch, linked to the accept of each of its events
                └─ salesforce composite, … one per call
              event: in the trace of its accept, linked to the batch it was in

OpenTelemetry is an extra (`pip install orderstream[otel]`) and is imported only when it is wanted:
without an endpoint a span is one comparison. Spans carry ids, codes and counts; no values, and of
exceptions the type only. A collector that is away costs spans, never time: they are sent by a
thread with a bounded queue.
"""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

from stream.errors import SettingsError
from stream.settings.operations import OperationsSettings

HEADER = "traceparent"
MAX_LINKS = 1000  # the largest batch by default
EXPORT_SECONDS = 5
LAST_EXPORT_SECONDS = 3.0  # a process that ends does not wait longer for a collector

_OFF: AbstractContextManager[None] = nullcontext()
_tracer: Any = None


def is_on() -> bool:
    """Return whether spans are made."""
    return _tracer is not None


def configure_tracing(settings: OperationsSettings, *, process: str) -> None:
    """Start tracing if TRACING_OTLP_ENDPOINT says so. Raises SettingsError without the extra."""
    endpoint = settings.tracing_otlp_endpoint
    if not endpoint:
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import (  # noqa: PLC0415 - loaded only where it is used: the extra or a slow import
            OTLPSpanExporter,
        )
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415 - loaded only where it is used: the extra or a slow import
    except ImportError:
        text = "TRACING_OTLP_ENDPOINT: OpenTelemetry is missing; pip install 'orderstream[otel]'"
        raise SettingsError([text]) from None
    exporter = OTLPSpanExporter(endpoint=_traces_url(endpoint), timeout=EXPORT_SECONDS)
    start_tracing(
        BatchSpanProcessor(exporter), process=process, ratio=settings.tracing_sample_ratio
    )


def _traces_url(endpoint: str) -> str:
    base = endpoint.rstrip("/")
    return base if base.endswith("/v1/traces") else f"{base}/v1/traces"


def start_tracing(processor: Any, *, process: str, ratio: float = 1.0) -> None:
    """Start tracing into a span processor; `ratio` of the webhooks are traced, each whole."""
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - the extra
    from opentelemetry.sdk.trace import SpanLimits, TracerProvider  # noqa: PLC0415 - loaded only where it is used: the extra or a slow import
    from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased  # noqa: PLC0415 - loaded only where it is used: the extra or a slow import

    global _tracer  # noqa: PLW0603 - one per process, as the registry of metrics
    name, _, instance = process.partition("/")
    provider = TracerProvider(
        resource=Resource.create(
            {"service.name": f"orderstream-{name}", "service.instance.id": instance or name}
        ),
        sampler=ParentBased(TraceIdRatioBased(ratio)),
        span_limits=SpanLimits(max_links=MAX_LINKS),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(processor)
    _tracer = provider.get_tracer("orderstream")
    # Begun now: from Python 3.12 on no thread can be begun while the interpreter ends.
    is_ending = threading.Event()
    last = threading.Thread(target=_shut_down, args=(is_ending, provider), daemon=True)
    last.start()
    atexit.register(_wait_for, is_ending, last)


def _shut_down(is_ending: threading.Event, provider: Any) -> None:
    is_ending.wait()
    provider.shutdown()


def _wait_for(is_ending: threading.Event, last: threading.Thread) -> None:
    is_ending.set()
    last.join(LAST_EXPORT_SECONDS)


def span(
    name: str,
    *,
    parent: str | None = None,
    links: Iterable[str] = (),
    kind: str = "INTERNAL",
    attributes: Mapping[str, str | float] | None = None,
) -> AbstractContextManager[Any]:
    """Return a context in which a span is the current one; it yields None while tracing is off.

    `parent` and `links` are traceparents; without a parent it is a child of the current span.
    """
    if _tracer is None:
        return _OFF
    return _span(name, parent, links, kind, attributes or {})


@contextmanager
def _span(
    name: str,
    parent: str | None,
    links: Iterable[str],
    kind: str,
    attributes: Mapping[str, str | float],
) -> Iterator[Any]:
    from opentelemetry import trace  # noqa: PLC0415 - the extra

    contexts = (trace.get_current_span(_context(link)).get_span_context() for link in links)
    with _tracer.start_as_current_span(
        name,
        context=None if parent is None else _context(parent),
        kind=trace.SpanKind[kind],
        links=[trace.Link(context) for context in contexts if context.is_valid],
        attributes=attributes,
        record_exception=False,  # its message may quote a customer
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_status(trace.Status(trace.StatusCode.ERROR, type(error).__name__))
            raise


def _context(traceparent: str) -> Any:
    from opentelemetry.context import Context  # noqa: PLC0415 - the extra
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - loaded only where it is used: the extra or a slow import
        TraceContextTextMapPropagator,
    )

    return TraceContextTextMapPropagator().extract({HEADER: traceparent}, context=Context())


def current_traceparent() -> str:
    """Return the current span as a traceparent; nothing while tracing is off."""
    if _tracer is None:
        return ""
    from opentelemetry.trace.propagation.tracecontext import (  # noqa: PLC0415 - the extra
        TraceContextTextMapPropagator,
    )

    carrier: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(carrier)
    return carrier.get(HEADER, "")
