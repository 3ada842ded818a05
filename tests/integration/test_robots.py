"""What robots.txt asks for is heeded on every hop, asked for once, and never believed to be more than it is."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_network

import pytest
from yarl import URL

from services.scraper.adapters.in_aiohttp import HttpFetcher
from services.scraper.adapters.robots import RobotsTxt
from services.scraper.domain.limits import FetchLimits
from shared.egress.in_memory import GuardInMemory
from shared.egress.rules import Rules
from shared.errors import PageUnreachable, RobotsRefused
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
    polite = fetcher(RobotsTxt(fetcher()))

    assert (await polite.fetch(here.url("/open"))).body == b"hello"
    for path in ("/closed", "/redirects"):
        with pytest.raises(RobotsRefused, match=r"127\.0\.0\.1 asks robots"):
            await polite.fetch(here.url(path))

    assert not [request for request in here.requests if request.startswith("GET /closed")]


async def test_a_site_is_asked_once_by_all_and_its_interval_is_told(here: Site) -> None:
    here.answers["/robots.txt"] = SLOWLY
    robots = RobotsTxt(fetcher())

    told = await asyncio.gather(*(robots.heed(URL(here.url(f"/{page}"))) for page in range(9)))

    assert set(told) == {timedelta(seconds=7)}
    assert len(here.requests) == 1


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

    assert await RobotsTxt(fetcher()).heed(URL(here.url("/open"))) == timedelta(0)


async def test_a_site_that_cannot_say_what_it_asks_for_is_not_visited_until_it_can(here: Site) -> None:
    here.answers["/robots.txt"] = answer(status="503 Service Unavailable")
    robots = RobotsTxt(fetcher())
    with pytest.raises(PageUnreachable):
        await robots.heed(URL(here.url("/open")))

    here.answers["/robots.txt"] = SLOWLY

    assert await robots.heed(URL(here.url("/open"))) == timedelta(seconds=7)
