"""Spans by OpenTelemetry's SDK, sent over OTLP/HTTP from a thread of their own; without a collector they are lost."""

import logging
import threading
from collections.abc import Sequence
from importlib.metadata import version

import requests
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import Span as OpenSpan

from shared.logs import log
from shared.metrics import SPANS
from shared.tracing import Facts, Kind, Span, Trace

_MOST_WAITING = 2_048
_GIVE_UP_S = 5.0
_LAST_WORDS_S = 3.0
_KINDS = {
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
}


class OpenTelemetry:
    """The `Tracer` that sends spans to a collector.

    How many are kept, how often they are sent and what goes with them is told by OpenTelemetry's own variables:
    `OTEL_TRACES_SAMPLER`, `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_EXPORTER_OTLP_HEADERS`.
    """

    def __init__(self, endpoint: str, *, process: str) -> None:
        """Connect to nothing yet.

        Args:
            endpoint: the collector's address for OTLP/HTTP: `http://collector:4318`.
            process: the role, for the name of the service.
        """
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # we say ourselves that spans are lost, once
        resource = {
            "service.name": f"fleet-{process}",
            "service.namespace": "bookmark-fleet",
            "service.version": version("bookmark-fleet"),
        }
        self._provider = TracerProvider(resource=Resource.create(resource), shutdown_on_exit=False)
        self._provider.add_span_processor(_Queue(_exporter(endpoint)))
        self._tracer = self._provider.get_tracer("bookmark-fleet")

    def begin(self, name: str, kind: Kind, *, parent: Trace | None, links: Sequence[Trace], facts: Facts) -> Span:
        """See `Tracer.begin`."""
        return _Told(
            self._tracer.start_span(
                name,
                context=set_span_in_context(NonRecordingSpan(_place(parent))) if parent else None,
                kind=_KINDS[kind],
                links=[Link(_place(trace)) for trace in links],
                attributes=facts,
                record_exception=False,  # a traceback may hold anything
            )
        )

    def close(self) -> None:
        """Send what is left, for a few seconds at most."""
        last = threading.Thread(target=self._provider.shutdown, daemon=True)
        last.start()
        last.join(_LAST_WORDS_S)


class _Told:
    """A span of OpenTelemetry's."""

    def __init__(self, span: OpenSpan) -> None:
        self._span = span
        place = span.get_span_context()
        self.trace: Trace | None = Trace(
            format_trace_id(place.trace_id), format_span_id(place.span_id), sampled=place.trace_flags.sampled
        )

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def tell(self, facts: Facts) -> None:
        self._span.set_attributes(facts)

    def fail(self, code: str) -> None:
        self._span.set_attribute("error.type", code)
        self._span.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        self._span.end()


class _Queue(SpanProcessor):
    """Spans that wait to be sent: when there are too many of them, those that come are dropped and counted."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._counting = _Counting(exporter)
        self._waiting = BatchSpanProcessor(self._counting, max_queue_size=_MOST_WAITING)

    def on_end(self, span: ReadableSpan) -> None:
        if span.context is None or not span.context.trace_flags.sampled:
            return
        if self._counting.has_room():
            self._waiting.on_end(span)
        else:
            SPANS.labels("dropped").inc()

    def shutdown(self) -> None:
        self._waiting.shutdown()


class _Counting(SpanExporter):
    """Sends spans, and says how many arrived."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lock = threading.Lock()
        self._waiting = 0
        self._is_away = False

    def has_room(self) -> bool:
        """Whether one more may wait; if so, it is counted as waiting."""
        with self._lock:
            if self._waiting >= _MOST_WAITING:
                return False
            self._waiting += 1
            return True

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            with self._lock:
                self._waiting -= len(spans)
            self._say(len(spans), arrived=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def _say(self, spans: int, *, arrived: bool) -> None:
        SPANS.labels("sent" if arrived else "dropped").inc(spans)
        if not arrived and not self._is_away:
            log.warning("spans_dropped", sentence="The collector of traces takes no spans; work goes on without.")
        elif arrived and self._is_away:
            log.info("spans_sent_again")
        self._is_away = not arrived


def _exporter(endpoint: str) -> OTLPSpanExporter:
    session = requests.Session()
    session.trust_env = False  # a proxy of the environment is for the web; the collector is ours
    return OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces", timeout=_GIVE_UP_S, session=session)


def _place(trace: Trace) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED if trace.sampled else TraceFlags.DEFAULT)
    return SpanContext(int(trace.id, 16), int(trace.span, 16), is_remote=True, trace_flags=flags)
