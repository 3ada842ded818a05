"""What a scraper and a renderer have in common: the ledger, the egress guard, turns at sites, and what others saw."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial

from redis.asyncio import Redis

from services.scraper.adapters.in_aiohttp import HttpFetcher
from services.scraper.adapters.looks.in_redis import RedisLooks, show_size
from services.scraper.adapters.robots import FRESH, RobotsFiles, RobotsTxt
from services.scraper.adapters.turns.domains import Sites
from services.scraper.adapters.turns.in_memory import InMemoryTurns
from services.scraper.adapters.turns.in_redis import RedisTurns
from services.scraper.adapters.turns.with_stand_in import TurnsWithStandIn
from services.scraper.domain.looking import Looker
from services.scraper.domain.pages import READABLE, Fetcher
from services.scraper.domain.politeness import Manners
from services.scraper.domain.politeness.robots import Robots, UnheededRobots
from services.scraper.domain.politeness.visiting import Visits
from services.scraper.domain.sharing import SharedLook
from services.scraper.settings import PolitenessSettings, ScraperSettings
from shared.database import Database
from shared.egress import EgressGuard
from shared.egress.in_resolver import ResolvingGuard, SystemResolver
from shared.egress.rules import Rules
from shared.in_redis import open_redis
from shared.ledger import Ledger
from shared.ledger.opening import postgres_ledger
from shared.probes import Check
from shared.regularly import regularly
from shared.settings import DatabaseSettings, DispatchSettings, EgressSettings, RedisSettings
from shared.values import Strategy

_SHOWN_EVERY = timedelta(seconds=15)  # as often as Prometheus looks


@dataclass(frozen=True, slots=True)
class Parts:
    """What is open while a process of either works.

    Attributes:
        needs: what has to answer for the process to be ready.
    """

    needs: Mapping[str, Check]
    ledger: Ledger
    guard: EgressGuard
    visits: Visits
    robots: Robots
    _redis: Redis
    _scraper: ScraperSettings
    _egress: EgressSettings

    def fetcher(self, *, readable: frozenset[str] = READABLE) -> HttpFetcher:
        """Fetches pages, and has the bodies of those of these types."""
        return _fetcher(self._scraper, self.guard, self.visits, robots=self.robots, readable=readable)

    def shared(self, fresh: Looker, strategy: Strategy) -> Looker:
        """See `shared_between_users`."""
        return shared_between_users(fresh, self._redis, self._scraper, self._egress, strategy)


@asynccontextmanager
async def open_parts(
    *,
    scraper: ScraperSettings,
    politeness: PolitenessSettings,
    egress: EgressSettings,
    database: DatabaseSettings,
    redis: RedisSettings,
    dispatch: DispatchSettings,
    longest_visit: timedelta,
    names_at_once: int,
) -> AsyncIterator[Parts]:
    """Open them as the settings have it, and close them when the block ends; each connects when first used.

    Args:
        scraper: limits of pages.
        politeness: towards sites.
        egress: what may be visited.
        database: where the ledger is.
        redis: where turns and looks are.
        dispatch: how the ledger serves.
        longest_visit: to a site.
        names_at_once: names resolved at once; slow ones hold up others beyond.
    """
    async with AsyncExitStack() as opened:
        store = Database(database.database_url.get_secret_value(), pool=database.database_pool)
        opened.push_async_callback(store.close)
        client = open_redis(redis.redis_url)
        opened.push_async_callback(client.aclose)
        await opened.enter_async_context(regularly(partial(show_size, client), every=_SHOWN_EVERY))
        resolver = SystemResolver(threads=names_at_once)
        opened.callback(resolver.close)
        guard = _guard(scraper, egress, resolver)
        visits = _visits(client, egress, politeness.manners(longest_visit=longest_visit))
        robots = make_robots(politeness, _fetcher(scraper, guard, visits), client, scraper)
        ledger = postgres_ledger(store, dispatch)
        yield Parts({"ledger": store.answers}, ledger, guard, visits, robots, client, scraper, egress)


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


def _guard(scraper: ScraperSettings, egress: EgressSettings, resolver: SystemResolver) -> ResolvingGuard:
    """The one egress guard, as the settings have it."""
    return ResolvingGuard(
        Rules(allow=egress.egress_allow, ports=frozenset(egress.egress_ports)),
        resolver,
        timeout=timedelta(seconds=scraper.fetch_resolve_s),
    )


def _visits(redis: Redis, egress: EgressSettings, manners: Manners) -> Visits:
    """Turns at sites for the whole fleet, and for this process alone while Redis is away."""
    turns = TurnsWithStandIn(RedisTurns(redis, manners), InMemoryTurns(manners))
    return Visits(turns, Sites(own=egress.egress_allow), manners)


def _fetcher(
    scraper: ScraperSettings,
    guard: EgressGuard,
    visits: Visits,
    *,
    robots: Robots | None = None,
    readable: frozenset[str] = READABLE,
) -> HttpFetcher:
    agent, limits = scraper.fetch_user_agent, scraper.fetch_limits()
    return HttpFetcher(guard, visits, limits, user_agent=agent, robots=robots, readable=readable)
