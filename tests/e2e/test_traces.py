"""One event is one trace: from upstream's own span over every process to the provider, and nothing private in it."""

import json
from collections.abc import Callable

import pika
import pytest

from tests.collector import Collector, SeenSpan
from tests.gemini_emulator import Fault, GeminiEmulator
from tests.running_fleet import RunningFleet, Site, wait_until

pytestmark = pytest.mark.xdist_group("fleet")  # one whole fleet of processes at a time

KEY = "AIzaSyTraced-0000000000000000000000000ada"
USER = "ada.lovelace"  # long enough not to come up in ids by chance
TRACE, UPSTREAM = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{UPSTREAM}-01"
PRIVATE = (KEY, USER, "/page/", "127.0.0.1:", "Notes on queues", "PostgreSQL keeps every job")


def published(fleet: RunningFleet, url: str) -> bool:
    """An event of upstream's, sent within a trace of its own; whether there was a broker and a queue for it yet."""
    event = {"specversion": "1.0", "id": "1", "source": "shop", "type": "bookmark.created", "subject": USER}
    body = json.dumps({**event, "data": {"url": url}}).encode()
    properties = pika.BasicProperties(
        content_type="application/cloudevents+json", headers={"traceparent": TRACEPARENT}, delivery_mode=2
    )
    try:
        with pika.BlockingConnection(pika.URLParameters(fleet.settings()["FLEET_BROKER_URL"])) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            channel.basic_publish("bookmark.events", "bookmark.created", body, properties, mandatory=True)
    except pika.exceptions.AMQPError:
        return False
    return True


def line_of(span: SeenSpan, spans: list[SeenSpan]) -> list[str]:
    """The names from upstream's span down to this one."""
    parents = {each.id: each for each in spans}
    names = [span.name]
    while span.parent in parents:
        span = parents[span.parent]
        names.append(span.name)
    assert span.parent == UPSTREAM
    return names[::-1]


def is_analysed(span: SeenSpan) -> bool:
    return span.facts.get("fleet.strategy") == "gemini" and "error.type" not in span.facts


def test_one_event_is_one_trace_over_all_processes_and_tries_and_tells_nothing_private(
    start_fleet: Callable[..., RunningFleet], site: Site
) -> None:
    with GeminiEmulator() as gemini, Collector() as collector:
        gemini.add_key(KEY)
        settings = {"FLEET_GEMINI_BASE_URL": gemini.url, "FLEET_TRACE_ENDPOINT": collector.url}
        fleet = start_fleet("--broker", "rabbitmq", settings=settings | {"OTEL_BSP_SCHEDULE_DELAY": "200"}).ready()
        fleet.run("key", "add", "--user", USER, typed=f"{KEY}\n")
        gemini.plan(Fault.MALFORMED)

        def spans() -> list[SeenSpan]:
            return [span for span in collector.spans() if span.trace == TRACE]

        wait_until(lambda: published(fleet, site.pages(1)[0]), what="upstream's event is in")
        wait_until(lambda: any(map(is_analysed, spans())), what="the analysis is traced")
        fleet.stop()

    seen = spans()
    to_scrape = ["process producer.intake", "send scrape", "process scrape"]
    to_analyze = [*to_scrape, "send analyze", "process analyze"]
    tries = [span for span in seen if span.name == "process analyze"]
    assert [span.facts.get("error.type") for span in tries] == ["answer_unusable", None]
    assert [line_of(span, seen) for span in tries] == [to_analyze, to_analyze]
    asked = [span for span in seen if span.name.startswith("generate_content")]
    assert [line_of(span, seen)[:-1] for span in asked] == [to_analyze, to_analyze]
    assert {span.process for span in seen} == {"fleet-intake", "fleet-dispatch", "fleet-scrape", "fleet-analyze"}
    sent = b"\n".join(collector.bodies)
    assert b"producer.intake" in sent, "the bytes are readable; else the search shows nothing"
    assert [private for private in PRIVATE if private.encode() in sent] == []
    logged = [line for line in fleet.printed if TRACE in line]
    logs = "\n".join(file.read_text(encoding="utf-8") for file in fleet.data.rglob("*.log"))
    done = [line for line in [*logged, *logs.splitlines()] if '"job_done"' in line]
    assert done
    assert all(TRACE in line for line in done)
