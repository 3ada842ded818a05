"""Spans of jobs: one for each message that is sent, one for each that is worked on."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace

from shared.ledger import Job, Released
from shared.tracing import Kind, Span, Trace, begin, fail_for, here, span
from shared.values import Stage

_SYSTEM = "dramatiq"  # whatever broker carries its messages


@contextmanager
def sending(releases: Sequence[Released]) -> Iterator[list[Released]]:
    """Spans around the sending of releases; what is to be sent, each with its span's place for its worker."""
    spans = [_sent(release) for release in releases]
    try:
        yield [replace(release, trace=span.trace) for release, span in zip(releases, spans, strict=True)]
    except Exception as error:
        for each in spans:
            fail_for(each, error)
        raise
    finally:
        for each in spans:
            each.end()


def processing(stage: Stage, jobs: Sequence[Job]) -> AbstractContextManager[Span]:
    """A span around the work on a message's jobs, under the one that sent it."""
    traces = [job.trace for job in jobs if job.trace]
    return span(
        f"process {stage}",
        Kind.CONSUMER,
        parent=here() or _the_one(traces),
        links=_if_many(traces),
        facts={
            **_facts(stage, "process", jobs=[job.id for job in jobs]),
            "fleet.attempt": max(job.attempt for job in jobs),
        },
    )


def _sent(release: Released) -> Span:
    return begin(
        f"send {release.stage}",
        Kind.PRODUCER,
        parent=_the_one(release.traces),
        links=_if_many(release.traces),
        facts=_facts(release.stage, "send", jobs=release.job_ids),
    )


def _the_one(traces: Sequence[Trace]) -> Trace | None:
    """The trace that all of them are; bookmarks of several are under none of theirs, and linked to each."""
    return traces[0] if len({trace.id for trace in traces}) == 1 else None


def _if_many(traces: Sequence[Trace]) -> Sequence[Trace]:
    return traces if len(traces) > 1 else ()


def _facts(stage: Stage, operation: str, *, jobs: Sequence[int]) -> dict[str, str | int | Sequence[int]]:
    return {
        "messaging.system": _SYSTEM,
        "messaging.operation.name": operation,
        "messaging.operation.type": operation,
        "messaging.destination.name": stage.value,
        "fleet.job.ids": jobs,
    }
