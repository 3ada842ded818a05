"""Pages that take their time: nobody stands and waits for them, and each is looked at once all the same."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.scraper.domain.gate import Judgement, Verdict
from services.scraper.domain.looking import Look, on_arrival
from services.scraper.domain.pages import Fetched, Reading
from services.scraper.domain.politeness.slow_pages import SlowPagesAside
from shared.errors import HostBusy, PageUnreachable

URL = "http://example.org/"
LOOK = Look(Fetched(URL, 200, "text/html"), Reading(), Judgement(Verdict.OK, "300 words"))
AT_ONCE, PATIENT = timedelta(0), timedelta(seconds=30)


class Site:
    """Looks that last until the test lets them end."""

    def __init__(self) -> None:
        self.looks = 0
        self.answer: asyncio.Future[Look] = asyncio.get_running_loop().create_future()

    async def look(self, *_: object, **__: object) -> Look:
        self.looks += 1
        return await asyncio.shield(self.answer)


async def test_a_page_that_comes_soon_is_waited_for() -> None:
    site = Site()
    site.answer.set_result(LOOK)

    async with SlowPagesAside(site, patience=PATIENT).open() as looker:
        assert await looker.look(URL) is LOOK
        assert await looker.look(URL) is LOOK

    assert site.looks == 2


async def test_a_slow_page_is_put_aside_looked_at_once_and_there_when_asked_for_again() -> None:
    site = Site()
    async with SlowPagesAside(site, patience=AT_ONCE).open() as looker:
        for _ in range(2):
            with pytest.raises(HostBusy) as busy:
                await looker.look(URL)
            assert not busy.value.every
            assert busy.value.until < datetime.now(UTC) + PATIENT

        site.answer.set_result(LOOK)
        await asyncio.sleep(0.01)

        assert await looker.look(URL) is LOOK
    assert site.looks == 1


async def test_a_page_that_has_arrived_is_waited_for_however_long_it_waits_to_be_read() -> None:
    class Arriving(Site):
        async def look(self, *_: object, **__: object) -> Look:
            on_arrival.get()()
            asyncio.get_running_loop().call_later(0.2, self.answer.set_result, LOOK)
            return await super().look()

    async with SlowPagesAside(Arriving(), patience=timedelta(seconds=0.05)).open() as looker:
        assert await looker.look(URL) is LOOK


async def test_the_failure_of_a_slow_page_is_told_once() -> None:
    site = Site()
    async with SlowPagesAside(site, patience=AT_ONCE).open() as looker:
        with pytest.raises(HostBusy):
            await looker.look(URL)
        site.answer.set_exception(PageUnreachable("hangs", timed_out=True))
        await asyncio.sleep(0.01)

        with pytest.raises(PageUnreachable):
            await looker.look(URL)
        site.answer = asyncio.get_running_loop().create_future()
        with pytest.raises(HostBusy):
            await looker.look(URL)
    assert site.looks == 2


async def test_whoever_is_told_to_stop_waiting_leaves_the_page_to_others() -> None:
    site = Site()
    async with SlowPagesAside(site, patience=PATIENT).open() as looker:
        waiting = asyncio.create_task(looker.look(URL))
        await asyncio.sleep(0.01)
        waiting.cancel()
        site.answer.set_result(LOOK)

        assert await looker.look(URL) is LOOK
    assert site.looks == 1


async def test_nothing_goes_on_when_the_process_ends() -> None:
    before = asyncio.all_tasks()
    async with SlowPagesAside(Site(), patience=AT_ONCE).open() as looker:
        with pytest.raises(HostBusy):
            await looker.look(URL)

    assert asyncio.all_tasks() == before
