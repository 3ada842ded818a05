"""One user's pages on many hosts, through the whole scrape stage: with a host that hangs among them, and without.

The sites are at addresses of their own on loopback. Only the pages of the hosts that answer are waited for.
"""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta

import psycopg
from redis.asyncio import Redis

from services.producer.dispatching import Dispatcher
from shared.bookmarks import NewBookmark
from shared.broker.making import make_carrier
from shared.database import Database
from shared.ledger.opening import postgres_ledger
from shared.settings import DispatchSettings
from shared.users import user_id
from shared.values import Stage
from tests.bench.corners import Servers
from tests.bench.measuring import Measure, Result, in_turn
from tests.integration.hostile_site import Site, answer, silence, site
from tests.integration.waiting import until

HOSTS, PAGES = 20, 10
THINKS_S = 0.1  # how long a site takes to answer

_SENTENCES = " ".join(f"Sentence number {n} of a page says something of its own." for n in range(30))
_PAGE = answer(f"<html><head><title>A page</title></head><body><article><p>{_SENTENCES}</p></article></body></html>")


async def _thinking(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(THINKS_S)
    await _PAGE(writer)


@asynccontextmanager
async def _sites(hosts: int) -> AsyncIterator[list[Site]]:
    async with AsyncExitStack() as opened:
        yield [await opened.enter_async_context(site(f"127.0.0.{number}")) for number in range(1, hosts + 1)]


@asynccontextmanager
async def _scraper(settings: dict[str, str]) -> AsyncIterator[None]:
    command = "import sys; from services.scraper.main import run_scraper; sys.exit(run_scraper())"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", command, env={**os.environ, **settings})
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


class _Stage:
    """The whole scrape stage: a ledger of its own, a dispatcher, one scraper process."""

    def __init__(self, servers: Servers) -> None:
        self._servers = servers

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        self._url, serving = await self._servers.database(), DispatchSettings()
        broker, self._redis = await self._servers.rabbitmq(), await self._servers.redis()
        store = Database(self._url, pool=4)
        carrier = make_carrier(broker, partitions=1, stages=[Stage.SCRAPE])
        self.ledger = postgres_ledger(store, serving)
        settings = {
            "FLEET_DATABASE_URL": self._url,
            "FLEET_BROKER_URL": broker,
            "FLEET_REDIS_URL": self._redis,
            "FLEET_PARTITIONS": "1",
            "FLEET_EGRESS_ALLOW": "127.0.0.0/8",
            "FLEET_LOG_LEVEL": "error",
        }
        async with _scraper(settings):
            dispatcher = Dispatcher(self.ledger, carrier)
            tasks = dispatcher.tasks([Stage.SCRAPE], poll=timedelta(seconds=0.1), sweep=timedelta(seconds=5))
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                    with suppress(asyncio.CancelledError):
                        await task
        await carrier.close()
        await store.close()

    async def scrape(self, user: str, pages: Sequence[str], *, awaited: Sequence[str]) -> None:
        """Hand a user's pages in, of hosts that nobody has heard of, and come back when those awaited are there."""
        async with Redis.from_url(self._redis) as redis:
            await redis.flushdb()
        await self.ledger.submit(user_id(user), [NewBookmark(url) for url in pages])
        async with await psycopg.AsyncConnection.connect(self._url, autocommit=True) as watching:

            async def are_there() -> bool:
                query = (
                    "SELECT count(*) FROM contents JOIN bookmarks ON bookmarks.id = contents.bookmark_id "
                    "WHERE bookmarks.user_id = %s AND bookmarks.url = ANY(%s) AND contents.strategy = 'static'"
                )
                found = await (await watching.execute(query, [user, list(awaited)])).fetchone()
                return found is not None and found[0] == len(awaited)

            await until(are_there, what="every page of the hosts that answer is there", within_s=300)


def _pages(sites: Sequence[Site], run: str, each: int) -> list[str]:
    urls = [here.url(f"/{run}/{page}") for here in sites for page in range(each)]
    for here in sites:
        here.answers.update({f"/{run}/{page}": _thinking for page in range(each)})
    random.Random(run).shuffle(urls)
    return urls


async def _politeness(servers: Servers, *, small: bool) -> Result:
    each = 3 if small else PAGES
    stage, runs = _Stage(servers), iter(range(1_000))
    async with _sites(HOSTS) as sites, stage.open():
        *alive, hanging = sites
        await stage.scrape("warm", _pages(alive, "warm", 1), awaited=_pages(alive, "warm", 1))

        async def without() -> None:
            run = f"{next(runs)}"
            urls = _pages(alive, run, each)
            await stage.scrape(run, urls, awaited=urls)

        async def with_one_that_hangs() -> None:
            run = f"{next(runs)}"
            urls = _pages(sites, run, each)
            hanging.answers.update(dict.fromkeys(hanging.answers, silence))
            await stage.scrape(run, urls, awaited=[url for url in urls if not url.startswith(hanging.url(""))])

        ours, baseline = await in_turn((HOSTS - 1) * each, with_one_that_hangs, without)
    return Result("politeness", ours, baseline, "pages/s", "the same pages without those of a host that hangs")


politeness = Measure("politeness", _politeness)
