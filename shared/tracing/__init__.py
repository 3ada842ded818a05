"""Traces: what became of one event on its way through the processes, as spans of OpenTelemetry.

Off unless a process opens a tracer (`shared.tracing.opening`). A trace somebody else began is carried on all the same,
through the ledger and the broker, and stands in the log lines. Facts of a span are codes, counts and names of ours: no
user, no address, no text of a page, no key.
"""

import re
from asyncio import CancelledError
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from structlog.contextvars import bound_contextvars

from shared.errors import FleetError, InternalError, Postponed

_TRACEPARENT = re.compile(r"(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_FIRST_VERSION = "00"

Facts = Mapping[str, str | int | Sequence[int]]
"""What a span tells, by the names of OpenTelemetry's conventions or `fleet.…`."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A place in a trace: W3C's trace context without vendors' state.

    Attributes:
        id: the whole trace, 32 hexadecimal digits.
        span: the span that what comes next belongs under, 16 of them.
        sampled: whether who began it keeps it.
    """

    id: str
    span: str
    sampled: bool = True

    @classmethod
    def read(cls, traceparent: object) -> "Trace | None":
        """The place a `traceparent` names; None for whatever is none."""
        found = _TRACEPARENT.fullmatch(traceparent) if isinstance(traceparent, str) else None
        if found is None or (found[1] == _FIRST_VERSION and found[5]):
            return None
        return cls(found[2], found[3], sampled=bool(int(found[4], 16) & 1))

    def __str__(self) -> str:
        """As a `traceparent`."""
        return f"{_FIRST_VERSION}-{self.id}-{self.span}-{self.sampled:02x}"


class Kind(StrEnum):
    """Which side of a call a span is."""

    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Span(Protocol):
    """Something that takes its time."""

    @property
    def trace(self) -> Trace | None:
        """Where it is, for what comes next."""
        ...

    def rename(self, name: str) -> None:
        """Call it what it turned out to be: a route's name is known late."""
        ...

    def tell(self, facts: Facts) -> None:
        """Add facts."""
        ...

    def fail(self, code: str) -> None:
        """It did not succeed, for this reason: one of our errors' codes."""
        ...

    def end(self) -> None:
        """It is over."""
        ...


class Tracer(Protocol):
    """Begins spans, and has them reach somebody."""

    def begin(self, name: str, kind: Kind, *, parent: Trace | None, links: Sequence[Trace], facts: Facts) -> Span:
        """Begin a span under `parent`, or a new trace; `links` are other traces it belongs to as well."""
        ...

    def close(self) -> None:
        """Have what ended so far go out, within a bounded time."""
        ...


@dataclass(frozen=True, slots=True)
class _Untold:
    """The span of a process that tells nobody: its parent's place is passed on."""

    trace: Trace | None

    def rename(self, name: str) -> None:
        """For nobody."""

    def tell(self, facts: Facts) -> None:
        """To nobody."""

    def fail(self, code: str) -> None:
        """To nobody."""

    def end(self) -> None:
        """Nothing began."""


class _Silence:
    def begin(self, name: str, kind: Kind, *, parent: Trace | None, links: Sequence[Trace], facts: Facts) -> Span:  # noqa: ARG002 - inherited
        return _Untold(parent)

    def close(self) -> None:
        """Nothing is open."""


SILENCE: Tracer = _Silence()

_tracer = SILENCE
_here: ContextVar[Trace | None] = ContextVar("trace", default=None)


def trace_with(tracer: Tracer) -> None:
    """Have every span of this process begun by `tracer`; `SILENCE` begins none."""
    global _tracer  # noqa: PLW0603 - one for the process, as its log and its metrics are
    _tracer = tracer


def here() -> Trace | None:
    """The place in its trace of what runs now."""
    return _here.get()


def traceparent() -> str | None:
    """The place in its trace of what runs now, as rows keep it for what will follow from it."""
    trace = here()
    return None if trace is None else str(trace)


def go_on_from(trace: Trace | None) -> None:
    """What follows in this thread or task belongs there."""
    _here.set(trace)


def begin(name: str, kind: Kind, *, parent: Trace | None, links: Sequence[Trace] = (), facts: Facts) -> Span:
    """A span that whoever began it ends; what runs meanwhile is not under it."""
    return _tracer.begin(name, kind, parent=parent, links=links, facts=facts)


@contextmanager
def span(name: str, kind: Kind, *, parent: Trace | None, links: Sequence[Trace] = (), facts: Facts) -> Iterator[Span]:
    """A span around the block: what the block begins belongs under it, and its log lines carry the trace's id.

    An error that leaves the block is its reason to have failed, unless it is a `Postponed`.
    """
    begun = begin(name, kind, parent=parent, links=links, facts=facts)
    if begun.trace is None:
        yield begun
        return
    before = _here.set(begun.trace)
    try:
        with bound_contextvars(trace_id=begun.trace.id, span_id=begun.trace.span):
            yield begun
    except Exception as error:
        fail_for(begun, error)
        raise
    except CancelledError:
        begun.tell({"fleet.outcome": "stopped"})
        raise
    finally:
        _here.reset(before)
        begun.end()


def fail_for(span: Span, error: Exception) -> None:
    """Say by its code alone why a span's work did not succeed: a sentence may name an address."""
    if isinstance(error, Postponed):
        span.tell({"fleet.postponed": error.code})
    else:
        span.fail(error.code if isinstance(error, FleetError) else InternalError.code)
