"""Many users save one page at once: the site is asked once, whatever happens to who asks it."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from ipaddress import ip_network

from pydantic import SecretStr

from services.scraper.adapters.in_aiohttp import HttpFetcher
from services.scraper.adapters.in_memory import ReaderInProcess
from services.scraper.adapters.looks.in_redis import RedisLooks
from services.scraper.domain.limits import FetchLimits, LookLimits
from services.scraper.domain.looking import FreshLook
from services.scraper.domain.sharing import SharedLook
from shared.egress.in_memory import GuardInMemory
from shared.egress.rules import Rules
from shared.in_redis import open_redis
from shared.values import Strategy
from tests.integration.crowd import all_save, read_by_all, scrapers
from tests.integration.hostile_site import answer, redirect, site
from tests.visits import visits

USERS = int(os.environ.get("FLEET_CHAOS_USERS", "150"))
SENTENCES = " ".join(f"Sentence number {n} of a page says something of its own." for n in range(30))
PAGE = f"<html><head><title>A page</title></head><body><article><p>{SENTENCES}</p></article></body></html>"


async def test_however_many_users_save_a_page_and_however_long_it_takes_its_site_is_asked_once(
    database_url: str, redis_url: str
) -> None:
    async def slowly(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(1.2)
        await answer(PAGE)(writer)

    async with site() as here, scrapers(database_url, redis_url, number=3) as crowd:
        here.answers["/page"] = slowly
        await all_save(crowd[0].ledger, here.url("/page"), users=USERS)

        async with asyncio.timeout(120):
            texts = await read_by_all(crowd, users=USERS)

        assert len(texts) == USERS
        assert set(texts) == {SENTENCES}
        assert [request.split(" ")[1] for request in here.requests] == ["/page"]


async def test_a_page_whose_freshness_is_over_is_fetched_again_only_if_its_site_says_it_has_changed(
    redis_url: str,
) -> None:
    editions = {'"v1"': "First edition.", '"v2"': "Second edition."}
    current = '"v1"'

    async def conditionally(writer: asyncio.StreamWriter) -> None:
        marks = {"ETag": current, "Last-Modified": "Mon, 01 Jan 2024 00:00:00 GMT"}
        is_known = f"If-None-Match: {current}\r\n" in here.requests[-1]
        unchanged, whole = answer(status="304 Not Modified", headers=marks), answer(editions[current], headers=marks)
        await (unchanged if is_known else whole)(writer)

    async with site() as here, looker(redis_url, fresh=timedelta(milliseconds=1)) as shared:
        here.answers |= {"/page": redirect("/edition"), "/edition": conditionally}
        texts = []
        for edition in ('"v1"', '"v1"', '"v1"', '"v2"', '"v2"'):
            current = edition
            texts.append((await shared.look(here.url("/page"))).reading.extracted.text)
            await asyncio.sleep(0.01)

    assert texts == ["First edition."] * 3 + ["Second edition."] * 2
    asked = [request.partition("If-None-Match: ")[2].partition("\r\n")[0] for request in here.requests[1::2]]
    assert asked == ["", '"v1"', '"v1"', '"v1"', '"v2"']
    assert all("If-Modified-Since: Mon, 01 Jan 2024" in request for request in here.requests[3::2])
    assert not any("If-" in request for request in here.requests[::2])


@asynccontextmanager
async def looker(redis_url: str, *, fresh: timedelta) -> AsyncIterator[SharedLook]:
    """Looks at sites on loopback, over a real Valkey."""
    guard = GuardInMemory(Rules(allow=(ip_network("127.0.0.1/32"),)))
    fetcher = HttpFetcher(guard, visits(), FetchLimits(), user_agent="tests/1.0")
    async with open_redis(SecretStr(redis_url)) as redis:
        looks = RedisLooks(redis, way="static", limits=LookLimits())
        yield SharedLook(FreshLook(fetcher, ReaderInProcess(chars=10_000), Strategy.STATIC), looks, fresh=fresh)
