"""A crowd that saves one page: users in a real ledger, their jobs run by several scrapers over one Redis."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from ipaddress import ip_network

from pydantic import SecretStr

from services.scraper.adapters.in_aiohttp import HttpFetcher
from services.scraper.adapters.in_memory import ReaderInProcess
from services.scraper.adapters.looks.in_redis import RedisLooks
from services.scraper.domain.limits import FetchLimits, LookLimits
from services.scraper.domain.looking import FreshLook
from services.scraper.domain.scraping import ScrapePage
from services.scraper.domain.sharing import SharedLook
from shared.bookmarks import NewBookmark
from shared.database import Database
from shared.egress.in_memory import GuardInMemory
from shared.egress.rules import Rules
from shared.in_redis import open_redis
from shared.jobs import JobRunner, Work
from shared.ledger import Ledger
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import retry_policy, stage_policies
from shared.settings import DispatchSettings
from shared.users import user_id
from shared.values import Stage, Strategy
from tests.visits import visits

LEASE = timedelta(minutes=1)
AT_ONCE = 40


@dataclass(frozen=True)
class Scraper:
    """A scraper's runner, its connections its own."""

    ledger: Ledger
    run: JobRunner


@asynccontextmanager
async def scrapers(database_url: str, redis_url: str, *, number: int) -> AsyncIterator[list[Scraper]]:
    async with AsyncExitStack() as closing:
        yield [await closing.enter_async_context(_scraper(database_url, redis_url)) for _ in range(number)]


@asynccontextmanager
async def _scraper(database_url: str, redis_url: str) -> AsyncIterator[Scraper]:
    database, settings = Database(database_url, pool=8), DispatchSettings()
    ledger = PostgresLedger(database, policies=stage_policies(settings), retries=retry_policy(settings))
    guard = GuardInMemory(Rules(allow=(ip_network("127.0.0.1/32"),)))
    fresh = FreshLook(
        HttpFetcher(guard, visits(), FetchLimits(), user_agent="tests/1.0"),
        ReaderInProcess(chars=10_000),
        Strategy.STATIC,
    )
    async with open_redis(SecretStr(redis_url)) as redis:
        looks = RedisLooks(redis, way="static", limits=LookLimits())
        scrape = ScrapePage(looker=SharedLook(fresh, looks, fresh=timedelta(hours=1)), ledger=ledger, chars=10_000)
        yield Scraper(ledger, JobRunner(Stage.SCRAPE, Work(ledger, scrape), hold=LEASE))
    await database.close()


async def all_save(ledger: Ledger, url: str, *, users: int) -> None:
    """So many users save the same page, each with a tracking parameter of their own."""
    turns = asyncio.Semaphore(8)

    async def save(number: int) -> None:
        async with turns:
            await ledger.submit(user_id(f"user{number}"), [NewBookmark(f"{url}?utm_source=user{number}")])

    await asyncio.gather(*(save(number) for number in range(users)))


async def read_by_all(crowd: list[Scraper], *, users: int) -> list[str]:
    """Release and run until every user has content; the texts."""
    texts: list[str] = []
    running: set[asyncio.Task[None]] = set()
    while len(texts) < users:
        for place, released in enumerate(await crowd[0].ledger.release(Stage.SCRAPE)):
            runner = crowd[place % len(crowd)].run
            running.add(asyncio.create_task(runner(released.job_ids, released.token)))
        if running:
            _, running = await asyncio.wait(running, timeout=0.1, return_when=asyncio.FIRST_COMPLETED)
        else:
            await asyncio.sleep(0.05)
        for released in await crowd[0].ledger.release(Stage.ANALYZE):
            jobs = await crowd[0].ledger.claim(Stage.ANALYZE, released.job_ids, released.token)
            texts += [job.content.text for job in jobs if job.content is not None]
    await asyncio.gather(*running)
    return texts
