"""Wires the scraper: settings, the egress guard, the fetcher, the parsers, the ledger and the pool that uses them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from redis.asyncio import Redis

from services.scraper.actors import make_scrape_actor
from services.scraper.adapters.in_aiohttp import HttpFetcher
from services.scraper.adapters.looks.in_redis import RedisLooks
from services.scraper.adapters.parsers import Parsers
from services.scraper.adapters.robots import FRESH, RobotsFiles, RobotsTxt
from services.scraper.adapters.turns.domains import Sites
from services.scraper.adapters.turns.in_memory import InMemoryTurns
from services.scraper.adapters.turns.in_redis import RedisTurns
from services.scraper.adapters.turns.with_stand_in import TurnsWithStandIn
from services.scraper.domain.data_first import DataFirst
from services.scraper.domain.fallback import fallback_for
from services.scraper.domain.looking import FreshLook, Looker
from services.scraper.domain.pages import DATA, Fetcher
from services.scraper.domain.politeness import Manners
from services.scraper.domain.politeness.robots import Robots, UnheededRobots
from services.scraper.domain.politeness.slow_pages import SlowPagesAside
from services.scraper.domain.politeness.visiting import Visits
from services.scraper.domain.scraping import ScrapePage
from services.scraper.domain.sharing import SharedLook
from services.scraper.settings import PolitenessSettings, ScraperSettings
from shared.database import Database
from shared.egress.in_resolver import ResolvingGuard, SystemResolver
from shared.egress.rules import Rules
from shared.in_redis import open_redis
from shared.jobs import Work
from shared.ledger.opening import postgres_ledger
from shared.settings import (
    BrokerSettings,
    DatabaseSettings,
    DispatchSettings,
    EgressSettings,
    ProcessSettings,
    RedisSettings,
)
from shared.values import Stage, Strategy
from shared.worker import Pool, run_pool


def run_scraper(partitions: Sequence[int] | None = None) -> int:
    """Run one scraper process until it is told to stop; its exit code.

    Args:
        partitions: of the scrape queues, those to consume; all when None.

    Raises:
        Misconfigured: a setting is missing or cannot be used.
    """
    scraper, politeness, egress = ScraperSettings.read(), PolitenessSettings.read(), EgressSettings.read()
    database, stores, dispatch = DatabaseSettings.read(), RedisSettings.read(), DispatchSettings.read()
    agent = scraper.fetch_user_agent

    @asynccontextmanager
    async def open_work() -> AsyncIterator[Work]:
        store = Database(database.database_url.get_secret_value(), pool=database.database_pool)
        ledger = postgres_ledger(store, dispatch)
        resolver = SystemResolver(threads=scraper.scrape_threads)
        redis = open_redis(stores.redis_url)
        try:
            async with Parsers(scraper.parser_limits(), processes=scraper.scrape_parsers) as parsers:
                guard, limits = make_guard(scraper, egress, resolver), scraper.fetch_limits()
                visits = make_visits(redis, egress, politeness.manners(longest_visit=limits.total))
                robots = make_robots(politeness, HttpFetcher(guard, visits, limits, user_agent=agent), redis, scraper)
                fetcher = HttpFetcher(guard, visits, limits, user_agent=agent, robots=robots)
                data = HttpFetcher(guard, visits, limits, user_agent=agent, robots=robots, readable=DATA)
                fresh = FreshLook(DataFirst(fetcher, data), parsers, Strategy.STATIC)
                shared = shared_between_users(fresh, redis, scraper, egress, Strategy.STATIC)
                async with SlowPagesAside(shared).open() as looker:
                    scrape = ScrapePage(
                        looker=looker,
                        ledger=ledger,
                        chars=scraper.content_max_chars,
                        browser_follows=dispatch.render,
                    )
                    yield Work(ledger, scrape, fallback_for, needs={"ledger": store.answers})
        finally:
            resolver.close()
            await redis.aclose()
            await store.close()

    pool = Pool(
        stage=Stage.SCRAPE,
        make_actor=make_scrape_actor,
        open_work=open_work,
        threads=scraper.scrape_threads,
        hold=timedelta(seconds=dispatch.release_lease_s),
    )
    return run_pool(pool, broker=BrokerSettings.read(), process=ProcessSettings.read(), partitions=partitions)


def make_guard(scraper: ScraperSettings, egress: EgressSettings, resolver: SystemResolver) -> ResolvingGuard:
    """The one egress guard, as the settings have it."""
    return ResolvingGuard(
        Rules(allow=egress.egress_allow, ports=frozenset(egress.egress_ports)),
        resolver,
        timeout=timedelta(seconds=scraper.fetch_resolve_s),
    )


def make_visits(redis: Redis, egress: EgressSettings, manners: Manners) -> Visits:
    """Turns at sites for the whole fleet, and for this process alone while Redis is away."""
    turns = TurnsWithStandIn(RedisTurns(redis, manners), InMemoryTurns(manners))
    return Visits(turns, Sites(own=egress.egress_allow), manners)


def make_robots(politeness: PolitenessSettings, fetcher: Fetcher, redis: Redis, scraper: ScraperSettings) -> Robots:
    """What sites ask of robots, asked for once by the whole fleet, if the settings have it heeded."""
    if politeness.robots == "ignore":
        return UnheededRobots()
    looks = RedisLooks(redis, way="robots", limits=scraper.look_limits())
    return RobotsTxt(SharedLook(RobotsFiles(fetcher), looks, fresh=FRESH))


def shared_between_users(
    fresh: Looker, redis: Redis, scraper: ScraperSettings, egress: EgressSettings, strategy: Strategy
) -> Looker:
    """A looker that asks this one only for what no look of others can answer, if the settings have pages shared.

    Looks belong to the addresses that may be visited: those from before a network was closed answer nobody after.
    """
    if not scraper.cache_ttl_s:
        return fresh
    allowed = " ".join(sorted(map(str, (*egress.egress_allow, *egress.egress_ports))))
    way = f"{strategy} {scraper.content_max_chars} {allowed}"
    looks = RedisLooks(redis, way=way, limits=scraper.look_limits())
    return SharedLook(fresh, looks, fresh=timedelta(seconds=scraper.cache_ttl_s))
