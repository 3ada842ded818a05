"""`fleet scrape` as it is run: a real ledger, a real broker, a site of our own, and a signal in the end."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator

import psutil
import pytest

from shared.bookmarks import Content, NewBookmark
from shared.broker import Carrier
from shared.broker.making import make_carrier
from shared.database import Database
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import retry_policy, stage_policies
from shared.settings import DispatchSettings
from shared.values import Stage, Strategy, UserId
from tests.integration.hostile_site import Site, answer, redirect, site
from tests.integration.waiting import until

ADA = UserId("ada")
SENTENCES = " ".join(f"Sentence number {n} of a page says something of its own." for n in range(30))
PAGE = f"<html><head><title>A page</title></head><body><article><p>{SENTENCES}</p></article></body></html>"


@pytest.fixture
async def pages() -> AsyncIterator[Site]:
    async with site() as here:
        here.answers["/good"] = answer(PAGE)
        here.answers["/inwards"] = redirect("http://127.0.0.2/")
        yield here


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[PostgresLedger]:
    database, settings = Database(database_url, pool=2), DispatchSettings()
    yield PostgresLedger(database, policies=stage_policies(settings), retries=retry_policy(settings))
    await database.close()


@pytest.fixture
async def carrier(rabbitmq_url: str) -> AsyncIterator[Carrier]:
    carrier = make_carrier(rabbitmq_url, partitions=1, stages=[Stage.SCRAPE])
    yield carrier
    await carrier.close()


@pytest.fixture
async def scraper(database_url: str, rabbitmq_url: str, redis_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = {
        "FLEET_DATABASE_URL": database_url,
        "FLEET_BROKER_URL": rabbitmq_url,
        "FLEET_REDIS_URL": redis_url,
        "FLEET_PARTITIONS": "1",
        "FLEET_EGRESS_ALLOW": "127.0.0.1/32",
        "FLEET_SCRAPE_PARSERS": "1",
    }
    command = "import sys; from services.scraper.main import run_scraper; sys.exit(run_scraper())"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", command, env={**os.environ, **settings})
    yield process
    if process.returncode is None:
        process.kill()
        await process.wait()


async def dispatched(ledger: PostgresLedger, carrier: Carrier, *, bookmarks: int) -> dict[str, Content]:
    """Release what may run until so many contents wait for analysis; by the last part of their address."""
    contents: dict[str, Content] = {}

    async def all_are_there() -> bool:
        assert await carrier.send(await ledger.release(Stage.SCRAPE)) == []
        for released in await ledger.release(Stage.ANALYZE):
            for job in await ledger.claim(Stage.ANALYZE, released.job_ids, released.token):
                assert job.content is not None
                contents[job.bookmark.url.rsplit("/", 1)[1]] = job.content
        return len(contents) == bookmarks

    await until(all_are_there, what="every bookmark has content", within_s=60)
    return contents


async def test_bookmarks_become_content_or_fallback_content_and_a_signal_ends_the_process_with_its_parsers(
    pages: Site, ledger: PostgresLedger, carrier: Carrier, scraper: asyncio.subprocess.Process
) -> None:
    urls = [pages.url(path) for path in ("/good", "/inwards", "/missing")]
    await ledger.submit(ADA, [NewBookmark(url, title="As saved", tags=("test",)) for url in urls])

    contents = await dispatched(ledger, carrier, bookmarks=3)

    assert (contents["good"].strategy, contents["good"].title) == (Strategy.STATIC, "A page")
    assert "Sentence number 29" in contents["good"].text
    assert (contents["inwards"].strategy, contents["inwards"].verdict) == (Strategy.FALLBACK, "address_refused")
    assert (contents["missing"].strategy, contents["missing"].verdict) == (Strategy.FALLBACK, "gone")
    assert "Tags: test" in contents["missing"].text

    parsers = psutil.Process(scraper.pid).children()
    assert len(parsers) == 1
    scraper.send_signal(signal.SIGTERM)
    async with asyncio.timeout(30):
        assert await scraper.wait() == 0
    assert not psutil.pid_exists(parsers[0].pid)
