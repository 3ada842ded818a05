"""Many users save one page at once: the site is asked once, whatever happens to who asks it."""

import asyncio
import os

from tests.integration.crowd import all_save, read_by_all, scrapers
from tests.integration.hostile_site import answer, site

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
