"""A collector of OpenTelemetry's traces on loopback, which keeps every byte it is sent."""

import gzip
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class SeenSpan:
    """One span as it arrived."""

    name: str
    process: str
    trace: str
    id: str
    parent: str
    links: tuple[str, ...]
    facts: dict[str, Any]


class Collector:
    """Takes spans over OTLP/HTTP while the block runs."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                assert self.path == "/v1/traces"
                collector.bodies.append(body)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def spans(self) -> list[SeenSpan]:
        """Every span so far, in the order of its beginning."""
        found = [
            (span.start_time_unix_nano, _seen(span, resource))
            for body in list(self.bodies)
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        return [span for _, span in sorted(found, key=lambda each: each[0])]


def _seen(span: Any, resource: Any) -> SeenSpan:
    facts = {fact.key: _value(fact.value) for fact in span.attributes}
    process = next(fact.value.string_value for fact in resource.resource.attributes if fact.key == "service.name")
    links = tuple(link.trace_id.hex() for link in span.links)
    return SeenSpan(
        span.name, process, span.trace_id.hex(), span.span_id.hex(), span.parent_span_id.hex(), links, facts
    )


def _value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    return [_value(each) for each in value.array_value.values] if kind == "array_value" else getattr(value, kind)
