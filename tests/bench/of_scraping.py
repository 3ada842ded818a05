"""Pages a second through the scrape stage, end to end, against aiohttp and our extractor in a bare loop.

Ours: jobs in PostgreSQL, released onto RabbitMQ, claimed by one scraper process with its parser processes, fetched
through the guard, turns and shared looks, judged and stored. Bare: as many processes as there are parsers, each
fetching a few pages at once over kept connections and extracting them where they came in, which a hostile page would
end. There are as many of either as cores beside one for the servers, which have machines of their own in a fleet.
"""

import asyncio
import gzip
import multiprocessing
import os
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from itertools import count
from random import Random
from statistics import median

import aiohttp
from sqlalchemy import text

from services.scraper.adapters.charset import decode
from services.scraper.adapters.extraction import extract
from shared.bookmarks import NewBookmark
from shared.broker import Carrier
from shared.broker.making import make_carrier
from shared.database import Database
from shared.ledger import Ledger
from shared.ledger.opening import postgres_ledger
from shared.settings import DispatchSettings
from shared.users import user_id
from shared.values import Stage
from tests.bench.corners import Servers
from tests.bench.measuring import ROUNDS, Measure, Result, pieces_per_second
from tests.bench.of_analysis import WORDS
from tests.integration.waiting import until

PROCESSES = max(1, (os.cpu_count() or 2) - 1)
AT_ONCE = 8
USERS = 50
PARTITIONS = 4
WARM_UP = 40
_TICK_S = 0.1
COMMAND = "import sys; from services.scraper.main import run_scraper; sys.exit(run_scraper())"


# ---- a site whose pages are like most: an article among menus, teasers, remarks and scripts ---------


def page() -> bytes:
    """200 kB of HTML with an article of some 3,900 words: as long to read as real pages are on average; compressed."""
    chance = Random(4)

    def sentence(words: int = 14) -> str:
        return " ".join(chance.choices(WORDS, k=words)).capitalize() + "."

    def links(number: int) -> str:
        return "".join(
            f'<li class="item i-{n}"><div class="card"><a class="link" href="/{n}" title="t"><span class="icon"></span>'
            f'<span class="label">{sentence(4)}</span></a>'
            f'<span class="meta"><i>{n}</i> <b>{sentence(2)}</b></span></div></li>'
            for n in range(number)
        )

    paragraphs = "".join(
        f"<p>{' '.join(sentence() for _ in range(4))} <a href='/{n}'><em>{sentence(3)}</em></a></p>" for n in range(30)
    )
    remarks = "".join(
        f'<div class="comment"><div class="by"><a href="/u">{sentence(2)}</a><time>today</time></div>'
        f'<div class="text"><p>{sentence(25)}</p></div><div class="do"><button>reply</button></div></div>'
        for _ in range(80)
    )
    html = (
        f"<!doctype html><html lang=en><head><meta charset=utf-8><title>{sentence(6)}</title>"
        f"<style>{'.c{color:red}' * 1_500}</style><script>{'var a=1;' * 3_000}</script></head><body>"
        f"<header><nav><ul>{links(260)}</ul></nav></header><main><article><h1>{sentence(6)}</h1>{paragraphs}"
        f"<h2>{sentence(3)}</h2><pre><code>{'x = y + 1;' * 40}</code></pre></article></main>"
        f"<section class=comments>{remarks}</section><aside class=related><ul>{links(220)}</ul></aside>"
        f"<footer><ul>{links(180)}</ul></footer></body></html>"
    )
    return gzip.compress(html.encode(), 6)


async def _serve(told: "multiprocessing.connection.Connection[int, None]") -> None:
    body = page()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(head.encode() + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    told.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _site(told: "multiprocessing.connection.Connection[int, None]") -> None:
    asyncio.run(_serve(told))


@contextmanager
def running_site() -> Iterator[int]:
    """The site's port, in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_site, args=[theirs], daemon=True)
    process.start()
    yield ours.recv()
    process.kill()
    process.join()


# ---- bare ------------------------------------------------------------------------------------------


async def _loop(urls: Sequence[str]) -> int:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

        async def chars(url: str) -> int:
            async with session.get(url) as response:
                return len(extract(decode(await response.read(), declared=response.charset), url).text)

        return sum(await asyncio.gather(*(chars(url) for url in urls)))


def loop(urls: Sequence[str]) -> int:
    return asyncio.run(_loop(urls))


# ---- ours ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stand:
    """A ledger and a broker, and a scraper that works for them."""

    database: Database
    ledger: Ledger
    carrier: Carrier

    async def submit(self, urls: Sequence[str]) -> None:
        for number in range(USERS):
            if pages := [NewBookmark(url) for url in urls[number::USERS]]:
                await self.ledger.submit(user_id(f"user{number}"), pages)

    async def scrape(self) -> None:
        """Release until every bookmark has its content."""
        await until(self._is_done, what="every page is scraped", within_s=600)

    async def _is_done(self) -> bool:
        await asyncio.sleep(_TICK_S)
        assert await self.carrier.send(await self.ledger.release(Stage.SCRAPE)) == []
        async with self.database.begin() as work:
            left = await work.scalar(
                text("SELECT count(*) FROM jobs WHERE stage = 'scrape' AND state IN ('queued', 'released', 'running')")
            )
        return left == 0


@asynccontextmanager
async def stand(servers: Servers) -> AsyncIterator[Stand]:
    database_url, rabbitmq_url = await servers.database(), await servers.rabbitmq()
    settings = {
        "FLEET_DATABASE_URL": database_url,
        "FLEET_BROKER_URL": rabbitmq_url,
        "FLEET_REDIS_URL": await servers.redis(),
        "FLEET_PARTITIONS": str(PARTITIONS),
        "FLEET_EGRESS_ALLOW": "127.0.0.1/32",
        "FLEET_SCRAPE_PARSERS": str(PROCESSES),
        "FLEET_HOST_CONCURRENCY": "100",
        "FLEET_LOG_LEVEL": "error",
    }
    scraper = await asyncio.create_subprocess_exec(sys.executable, "-c", COMMAND, env={**os.environ, **settings})
    database = Database(database_url, pool=4)
    ledger = postgres_ledger(database, DispatchSettings())
    carrier = make_carrier(rabbitmq_url, partitions=PARTITIONS, stages=[Stage.SCRAPE])
    try:
        yield Stand(database, ledger, carrier)
    finally:
        scraper.terminate()
        await scraper.wait()
        await carrier.close()
        await database.close()


async def _scraping(servers: Servers, *, small: bool) -> Result:
    pages, numbers = 100 if small else 400, count()
    with running_site() as port, ProcessPoolExecutor(PROCESSES, multiprocessing.get_context("spawn")) as processes:

        def new_urls(number: int = pages) -> list[str]:
            return [f"http://127.0.0.1:{port}/{next(numbers)}" for _ in range(number)]

        async def barely(urls: Sequence[str]) -> None:
            here = asyncio.get_running_loop()
            await asyncio.gather(
                *(here.run_in_executor(processes, loop, urls[start::PROCESSES]) for start in range(PROCESSES))
            )

        async with stand(servers) as ours:
            await ours.submit(new_urls(WARM_UP))
            await ours.scrape()
            await barely(new_urls(WARM_UP))
            rates = []
            for _ in range(ROUNDS):  # in turn, so that a noisy moment touches both
                await ours.submit(new_urls())
                urls = new_urls()
                rates.append(
                    (
                        await pieces_per_second(pages, ours.scrape),
                        await pieces_per_second(pages, lambda urls=urls: barely(urls)),
                    )
                )
    return Result(
        "scraping",
        median(mine for mine, _ in rates),
        median(theirs for _, theirs in rates),
        "pages/s",
        f"aiohttp and our extractor in {PROCESSES} bare loops",
    )


scraping = Measure("scraping", _scraping)
