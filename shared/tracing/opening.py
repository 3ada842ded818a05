"""Opens what a process traces with; nothing of OpenTelemetry is imported unless tracing is on."""

from collections.abc import Iterator
from contextlib import contextmanager

from shared.errors import TracingMissing
from shared.tracing import SILENCE, Tracer, trace_with


@contextmanager
def tracing(endpoint: str | None, *, process: str) -> Iterator[None]:
    """Trace while the block runs.

    Args:
        endpoint: FLEET_TRACE_ENDPOINT; nothing is traced when None.
        process: the role, for the name of the service: `scrape`, `api`.

    Raises:
        TracingMissing: OpenTelemetry is not installed.
    """
    if endpoint is None:
        yield
        return
    tracer = _tracer(endpoint, process)
    trace_with(tracer)
    try:
        yield
    finally:
        trace_with(SILENCE)
        tracer.close()


def _tracer(endpoint: str, process: str) -> Tracer:
    try:
        from shared.tracing.in_opentelemetry import OpenTelemetry  # noqa: PLC0415 - an extra, and slow to import
    except ImportError as error:
        raise TracingMissing from error
    return OpenTelemetry(endpoint, process=process)
