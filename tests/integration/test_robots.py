"""What robots.txt asks for is heeded on every hop, asked for once, and never believed to be more than it is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from pydantic import SecretStr
from yarl import URL

from services.scraper.adapters.in_aiohttp import HttpFetcher
from services.scraper.adapters.robots import RobotsFiles, RobotsTxt
from services.scraper.adapters.turns.domains import Sites
from services.scraper.adapters.turns.in_memory import InMemoryTurns
from services.scraper.domain.limits import FetchLimits
from services.scraper.domain.pages import Fetched
from services.scraper.domain.politeness import Manners
from services.scraper.domain.politeness.in_turn import FetcherInTurn
from services.scraper.domain.politeness.visiting import Visits
from services.scraper.parts import make_robots
from services.scraper.settings import PolitenessSettings, ScraperSettings
from shared.egress.in_memory import GuardInMemory
from shared.egress.rules import Rules
from shared.errors import AddressRefused, HostBusy, PageUnreachable, RobotsRefused
from shared.in_redis import open_redis
from tests.integration.hostile_site import Answer, Site, answer, redirect, site
from tests.visits import visits

GUARD = GuardInMemory(Rules(allow=(ip_network("127.0.0.0/8"),)))


def fetcher(robots: RobotsTxt | None = None) -> HttpFetcher:
    return HttpFetcher(GUARD, visits(), FetchLimits(), user_agent="tests", robots=robots)


@pytest.fixture
async def here() -> AsyncIterator[Site]:
    async with site() as site_here:
        site_here.answers["/open"] = site_here.answers["/closed"] = answer("hello")
        site_here.answers["/redirects"] = redirect("/closed")
        yield site_here


def asks(text: str) -> Answer:
    return answer(text, content_type="text/plain")


CLOSED = asks("User-agent: *\nDisallow: /open\n\nUser-agent: BookmarkFleet\nDisallow: /closed\n")
SLOWLY = asks("User-agent: *\nCrawl-delay: 7\n")


async def test_a_page_that_robots_are_asked_not_to_visit_is_not_asked_for_not_even_by_a_redirect(here: Site) -> None:
    here.answers["/robots.txt"] = CLOSED
    polite = fetcher(RobotsTxt(RobotsFiles(fetcher())))

    assert (await polite.fetch(here.url("/open"))).body == b"hello"
    for path in ("/closed", "/redirects"):
        with pytest.raises(RobotsRefused, match=r"127\.0\.0\.1 asks robots"):
            await polite.fetch(here.url(path))

    assert not [request for request in here.requests if request.startswith("GET /closed")]


async def test_a_site_is_asked_once_by_all_and_its_interval_is_told(here: Site) -> None:
    here.answers["/robots.txt"] = SLOWLY
    robots = RobotsTxt(RobotsFiles(fetcher()))

    told = await asyncio.gather(*(robots.heed(URL(here.url(f"/{page}"))) for page in range(9)))

    assert set(told) == {timedelta(seconds=7)}
    assert len(here.requests) == 1


async def test_a_site_is_asked_once_by_the_whole_fleet_whatever_cookies_its_answer_sets(
    here: Site, redis_url: str
) -> None:
    here.answers["/robots.txt"] = answer(
        "User-agent: *\nCrawl-delay: 7\nDisallow: /closed",
        content_type="text/plain",
        headers={"Set-Cookie": "a=b", "Cache-Control": "private"},
    )
    async with open_redis(SecretStr(redis_url)) as redis:
        processes = [
            make_robots(PolitenessSettings(robots="respect"), fetcher(), redis, ScraperSettings()) for _ in range(3)
        ]

        told = [await robots.heed(URL(here.url("/open"))) for robots in processes]

        assert told == [timedelta(seconds=7)] * 3
        with pytest.raises(RobotsRefused):
            await processes[2].heed(URL(here.url("/closed")))
    assert len(here.requests) == 1


async def test_each_host_is_asked_for_itself(redis_url: str) -> None:
    asked: list[str] = []

    class Files:
        async def fetch(self, url: str, **_: object) -> Fetched:
            asked.append(url)
            return Fetched(url, 200, "text/plain")

    hosts = ["https://site.example", "https://m.site.example", "https://m.youtube.com", "https://www.youtube.com"]
    async with open_redis(SecretStr(redis_url)) as redis:
        robots = make_robots(PolitenessSettings(robots="respect"), Files(), redis, ScraperSettings())
        for host in hosts:
            await robots.heed(URL(f"{host}/a"))

    assert asked == [f"{host}/robots.txt" for host in hosts]


async def test_without_redis_each_process_asks_for_itself(here: Site) -> None:
    here.answers["/robots.txt"] = CLOSED
    async with open_redis(SecretStr("redis://127.0.0.1:1/0")) as redis:
        robots = make_robots(PolitenessSettings(robots="respect"), fetcher(), redis, ScraperSettings())

        with pytest.raises(RobotsRefused):
            await robots.heed(URL(here.url("/closed")))


async def test_a_browser_is_not_shown_a_page_that_robots_are_asked_not_to_visit(here: Site) -> None:
    here.answers["/robots.txt"] = CLOSED
    shown: list[str] = []

    class Browser:
        async def fetch(self, url: str, **_: object) -> Fetched:
            shown.append(url)
            return Fetched(url, 200, "text/html")

    polite = FetcherInTurn(Browser(), visits(), robots=RobotsTxt(RobotsFiles(fetcher())))
    await polite.fetch(here.url("/open"))
    with pytest.raises(RobotsRefused):
        await polite.fetch(here.url("/closed"))

    assert shown == [here.url("/open")]


async def test_what_a_script_led_a_browser_to_is_not_kept_where_robots_are_asked_to_stay_away(here: Site) -> None:
    here.answers["/robots.txt"] = CLOSED

    class Browser:
        async def fetch(self, _url: str, **_: object) -> Fetched:
            return Fetched(here.url("/closed"), 200, "text/html")

    with pytest.raises(RobotsRefused):
        await FetcherInTurn(Browser(), visits(), robots=RobotsTxt(RobotsFiles(fetcher()))).fetch(here.url("/open"))


async def test_a_redirect_within_a_domain_that_lets_one_in_at_a_time_arrives(here: Site) -> None:
    names = {"site.example": ["127.0.0.1"], "www.site.example": ["127.0.0.1"]}
    one_by_one = Manners(concurrency=1, interval=timedelta(0))
    visits_of_one = Visits(InMemoryTurns(one_by_one), Sites(), one_by_one)

    def of_one(robots: RobotsTxt | None = None) -> HttpFetcher:
        guard = GuardInMemory(Rules(allow=(ip_network("127.0.0.0/8"),)), names)
        return HttpFetcher(guard, visits_of_one, FetchLimits(), user_agent="tests", robots=robots)

    here.answers["/moved"] = redirect(here.url("/open", host="www.site.example"))
    polite = of_one(RobotsTxt(RobotsFiles(of_one())))

    assert (await polite.fetch(here.url("/moved", host="site.example"))).body == b"hello"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "data:text/html,hi", "javascript:alert(1)", "about:blank"])
async def test_an_address_of_no_site_is_for_the_egress_guard_to_refuse(here: Site, url: str) -> None:
    here.answers["/inwards"] = redirect(url)
    polite = fetcher(RobotsTxt(RobotsFiles(fetcher())))
    for start in (url, here.url("/inwards")):
        with pytest.raises(AddressRefused):
            await polite.fetch(start)


async def test_the_interval_a_site_asks_for_lies_between_visits_to_it(here: Site) -> None:
    here.answers["/robots.txt"] = SLOWLY
    manners = Manners(interval=timedelta(0), in_place=timedelta(0))
    turns = Visits(InMemoryTurns(manners), Sites(), manners)
    robots = RobotsTxt(RobotsFiles(fetcher()))
    polite = HttpFetcher(GUARD, turns, FetchLimits(), user_agent="tests", robots=robots)
    await polite.fetch(here.url("/open"))

    with pytest.raises(HostBusy) as busy:
        await polite.fetch(here.url("/open?again"))

    assert busy.value.every >= timedelta(seconds=7)


@pytest.mark.parametrize(
    "nothing",
    [
        answer("User-agent: *\nDisallow: /", status="404 Not Found"),
        answer("User-agent: *\nDisallow: /", status="403 Forbidden"),
        answer(b"\x89PNG\r\n", content_type="image/png"),
        answer("<html>all are welcome</html>"),
        redirect("/robots.txt"),
    ],
)
async def test_a_site_that_asks_for_nothing_is_visited(here: Site, nothing: Answer) -> None:
    here.answers["/robots.txt"] = nothing

    assert await RobotsTxt(RobotsFiles(fetcher())).heed(URL(here.url("/open"))) == timedelta(0)


async def test_a_site_that_cannot_say_what_it_asks_for_is_not_visited_until_it_can(here: Site) -> None:
    here.answers["/robots.txt"] = answer(status="503 Service Unavailable")
    robots = RobotsTxt(RobotsFiles(fetcher()))
    with pytest.raises(PageUnreachable):
        await robots.heed(URL(here.url("/open")))

    here.answers["/robots.txt"] = SLOWLY

    assert await robots.heed(URL(here.url("/open"))) == timedelta(seconds=7)
