"""Browsers that die, grow old or are left in the middle: another takes over, and nothing is left of them."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from services.scraper.adapters.browsers import Wear
from services.scraper.domain.pages import Fetched
from shared.errors import PageUnusable
from tests.integration.browsing import LIMITS, browsing, leaders, left_behind
from tests.integration.hostile_site import Answer, answer, site
from tests.integration.waiting import until

pytestmark = pytest.mark.xdist_group("browser")

SENTENCES = " ".join(f"Sentence number {n} of a page says something of its own." for n in range(30))
SHORT = replace(LIMITS, settle=timedelta(seconds=2), total=timedelta(seconds=12))


def page(script: str = "", *, text: str = SENTENCES) -> Answer:
    return answer(f"<html><title>T</title><body><p>{text}</p><script>{script}</script></body></html>")


async def test_pages_whose_browser_dies_are_shown_in_another_and_the_one_to_blame_is_unusable() -> None:
    async with site() as hostile, browsing(limits=SHORT) as here:

        async def murder(writer: asyncio.StreamWriter) -> None:
            for process in leaders():
                process.kill()
            await answer("")(writer)

        hostile.answers["/murder"] = murder
        hostile.answers["/guilty"] = page("fetch('/murder')", text="Little.")
        hostile.answers["/slow"] = page("fetch('/nothing').then(() => setTimeout(() => 0, 900))", text="Few words.")

        guilty, *innocent = await asyncio.gather(
            here.fetcher.fetch(hostile.url("/guilty")),
            *(here.fetcher.fetch(hostile.url("/slow")) for _ in range(3)),
            return_exceptions=True,
        )

    assert isinstance(guilty, PageUnusable)
    assert all(isinstance(each, Fetched) for each in innocent), innocent
    assert left_behind() == []


async def test_a_browser_is_replaced_after_a_number_of_pages_and_nothing_is_left_of_the_old_one() -> None:
    async with site() as harmless, browsing(wear=Wear(pages=2, memory_bytes=4_000_000_000)) as here:
        harmless.answers["/"] = page()
        seen = set()
        for _ in range(5):
            await here.fetcher.fetch(harmless.url())
            seen.update(process.pid for process in leaders())
        await until(lambda: not here.browsers._ending, what="the old ones are gone")
        assert len(leaders()) == 1

    assert len(seen) == 3
    assert left_behind() == []


async def test_a_statement_that_comes_long_after_the_rest_of_its_page_is_waited_for() -> None:
    late = (
        "setTimeout(() => { const said = document.createElement('div');"
        " said.className = 'question-content__x'; said.innerText = 'Return the lease ' + 'that ends first.';"
        " document.body.append(said); }, 2500)"  # by when the page would have been taken as it is
    )
    async with site() as hostile, browsing(names={"leetcode.com": ["127.0.0.1"]}, limits=SHORT) as here:
        hostile.answers["/problems/two-leases/"] = page(late, text=SENTENCES * 3)

        fetched = await here.fetcher.fetch(hostile.url("/problems/two-leases/", host="leetcode.com"))

    assert b"Return the lease that ends first." in fetched.body
