"""Traces while nobody takes them: what is read, passed on and logged, and what a process that has no collector does."""

import sys
from collections.abc import Sequence
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY
from structlog.contextvars import get_contextvars

from shared.bookmarks import NewBookmark
from shared.broker.messages import message_of
from shared.errors import TracingMissing
from shared.jobs import JobRunner, Work, Worked
from shared.ledger import Job, StagePolicy
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import RetryPolicy
from shared.tracing import Kind, Trace, go_on_from, here, span
from shared.tracing.of_jobs import sending
from shared.tracing.opening import tracing
from shared.values import Stage, UserId
from tests.collector import Collector

ID, PLACE = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
UPSTREAM = Trace(ID, PLACE)
OTHER = Trace("1" * 32, "2" * 16)
LEASE = timedelta(seconds=30)


def make_ledger() -> MemoryLedger:
    policy = StagePolicy(window=5, group=5, ready_buffer=64, release_lease=LEASE, run_lease=LEASE)
    return MemoryLedger(policies=dict.fromkeys(Stage, policy), retries=RetryPolicy())


async def submit(ledger: MemoryLedger, url: str, trace: Trace | None) -> None:
    with span("event", Kind.CONSUMER, parent=trace, facts={}):
        await ledger.submit(UserId("ada"), [NewBookmark(url)])


@pytest.mark.parametrize(
    ("traceparent", "place"),
    [
        (f"00-{ID}-{PLACE}-01", UPSTREAM),
        (f"00-{ID}-{PLACE}-00", Trace(ID, PLACE, sampled=False)),
        (f"01-{ID}-{PLACE}-01-of a later version", UPSTREAM),
        (f"00-{ID}-{PLACE}-01-more", None),
        (f"ff-{ID}-{PLACE}-01", None),
        (f"00-{'0' * 32}-{PLACE}-01", None),
        (f"00-{ID}-{'0' * 16}-01", None),
        (f"00-{ID.upper()}-{PLACE}-01", None),
        (f"00-{ID}-{PLACE}-01\n", None),
        ("", None),
        (None, None),
        (7, None),
    ],
)
def test_a_traceparent_is_read_as_w3c_has_it(traceparent: object, place: Trace | None) -> None:
    assert Trace.read(traceparent) == place


def test_a_place_is_written_as_it_is_read() -> None:
    for place in (UPSTREAM, Trace(ID, PLACE, sampled=False)):
        assert Trace.read(str(place)) == place


def test_without_a_collector_a_trace_is_passed_on_and_logged_and_nothing_is_left_of_it() -> None:
    with span("work", Kind.CONSUMER, parent=UPSTREAM, facts={}):
        assert here() == UPSTREAM
        assert get_contextvars()["trace_id"] == ID
    assert here() is None
    assert "trace_id" not in get_contextvars()


async def test_a_trace_goes_over_the_ledger_and_in_the_options_of_the_message() -> None:
    ledger = make_ledger()
    await submit(ledger, "http://example.org/", UPSTREAM)

    with sending(await ledger.release(Stage.SCRAPE)) as [released]:
        message = message_of(released, partitions=1)

    assert message.options == {"traceparent": f"00-{ID}-{PLACE}-01"}
    [job] = await ledger.claim(Stage.SCRAPE, released.job_ids, released.token)
    assert job.trace == UPSTREAM


async def test_a_bookmark_without_a_trace_has_a_message_without_one() -> None:
    ledger = make_ledger()
    await submit(ledger, "http://example.org/", None)

    with sending(await ledger.release(Stage.SCRAPE)) as [released]:
        assert message_of(released, partitions=1).options == {}


async def test_bookmarks_of_several_traces_are_worked_on_in_one_that_is_linked_to_each() -> None:
    ledger = make_ledger()
    await submit(ledger, "http://example.org/1", UPSTREAM)
    await submit(ledger, "http://example.org/2", OTHER)

    async def work(jobs: Sequence[Job]) -> Worked:
        return Worked("static")

    with Collector() as collector:
        with tracing(collector.url, process="scrape"):
            with sending(await ledger.release(Stage.SCRAPE)) as [released]:
                pass
            go_on_from(released.trace)
            await JobRunner(Stage.SCRAPE, Work(ledger, work), hold=LEASE)(released.job_ids, released.token)
            go_on_from(None)
        send, process = collector.spans()

    assert send.links == process.links == (UPSTREAM.id, OTHER.id)
    assert process.trace == send.trace
    assert send.trace not in {UPSTREAM.id, OTHER.id}
    assert process.parent == send.id


def dropped() -> float:
    return REGISTRY.get_sample_value("fleet_trace_spans_total", {"result": "dropped"}) or 0.0


def test_a_collector_that_is_away_costs_spans_that_are_counted_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "600000")
    before = dropped()
    with tracing("http://127.0.0.1:1", process="scrape"):
        monkeypatch.setattr("shared.tracing.in_opentelemetry._LAST_WORDS_S", 0.1)
        for _ in range(6_000):
            with span("work", Kind.CONSUMER, parent=None, facts={}):
                pass
        assert dropped() - before >= 6_000 - 2 * 2_048


def test_what_an_error_says_is_no_part_of_a_span() -> None:
    with Collector() as collector:
        with (
            tracing(collector.url, process="scrape"),
            pytest.raises(ValueError, match="secret"),
            span("work", Kind.CONSUMER, parent=None, facts={}),
        ):
            raise ValueError("http://example.org/secret")
        [failed] = collector.spans()

    assert failed.facts == {"error.type": "internal_fault"}
    assert b"secret" not in b"".join(collector.bodies)


def test_spans_go_through_no_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with Collector() as collector:
        with tracing(collector.url, process="scrape"), span("work", Kind.CONSUMER, parent=None, facts={}):
            pass
        assert [seen.name for seen in collector.spans()] == ["work"]


def test_tracing_without_opentelemetry_stops_the_start_with_advice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "shared.tracing.in_opentelemetry", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)

    with pytest.raises(TracingMissing, match="OpenTelemetry is not installed"), tracing("http://a", process="scrape"):
        pass
