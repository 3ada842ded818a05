"""One look serves all: who looks, who gets that look, and who has to wait."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from prometheus_client import REGISTRY

from services.scraper.adapters.looks.in_memory import LooksInMemory
from services.scraper.domain.gate import Verdict
from services.scraper.domain.looking import Look
from services.scraper.domain.looks import A_MOMENT, AN_INSTANT, Answer, Away, Flight, Looks
from services.scraper.domain.pages import Hop
from services.scraper.domain.sharing import A_WHILE, SharedLook
from shared.errors import AddressRefused, FleetError, HostBusy, PageBlocked, PageUnreachable
from tests.integration.waiting import until
from tests.looks import URL, look

if TYPE_CHECKING:
    from collections.abc import Callable

DAY = timedelta(days=1)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def forward(self, by: timedelta) -> None:
        self.now += by.total_seconds()


class Site:
    """A `Looker` that remembers who came, and answers when it is let."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Look | None]] = []
        self.answer: Callable[[Look | None], Look | BaseException] = lambda _: look()
        self.open = asyncio.Event()
        self.open.set()

    async def look(self, url: str, *, seen: Look | None = None) -> Look:
        self.asked.append((url, seen))
        await self.open.wait()
        answer = self.answer(seen)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def urls(self) -> list[str]:
        return [url for url, _ in self.asked]


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shared(site: Site, clock: Clock) -> SharedLook:
    return SharedLook(site, LooksInMemory(clock), fresh=DAY)


def counted(result: str) -> float:
    return REGISTRY.get_sample_value("fleet_cache_total", {"result": result}) or 0.0


async def test_a_page_is_looked_at_once_within_its_freshness(site: Site, shared: SharedLook, clock: Clock) -> None:
    before = counted("miss"), counted("hit")

    first = await shared.look(URL)
    clock.forward(DAY - timedelta(seconds=1))
    second = await shared.look(f"{URL}?utm_source=mail#part")

    assert second.reading == first.reading
    assert site.urls == [URL]
    assert (counted("miss"), counted("hit")) == (before[0] + 1, before[1] + 1)
    clock.forward(timedelta(seconds=2))
    await shared.look(URL)
    assert len(site.urls) == 2


async def test_nobodys_tracking_reaches_the_site_or_the_next_user(site: Site, shared: SharedLook) -> None:
    await shared.look(f"{URL}?fbclid=of-ada&page=2")

    assert site.urls == [f"{URL}?page=2"]


async def test_of_a_thousand_who_come_at_once_one_looks(site: Site, shared: SharedLook) -> None:
    before = counted("joined")
    site.open.clear()
    asyncio.get_running_loop().call_later(0.01, site.open.set)  # when all of them have asked

    looks = await asyncio.gather(*(shared.look(URL) for _ in range(1_000)))

    assert len({look.reading for look in looks}) == 1
    assert site.urls == [URL]
    assert counted("joined") == before + 999


async def test_who_comes_while_a_page_takes_long_is_put_back_at_once_and_the_later_the_longer_it_took(
    site: Site, shared: SharedLook, clock: Clock
) -> None:
    site.open.clear()
    looking = asyncio.create_task(shared.look(URL))
    await asyncio.sleep(0)
    for seconds, at_least, at_most in ((1, 1, 1.5), (6, 6, 9), (12, 12, 18), (19, 15, 22.5)):
        clock.now = float(seconds)
        with pytest.raises(HostBusy) as busy:
            await shared.look(URL)
        wait = (busy.value.until - datetime.now(UTC)).total_seconds()
        assert at_least - 0.5 < wait <= at_most

    site.open.set()
    await looking
    assert (await shared.look(URL)).reading == look().reading
    assert site.urls == [URL]


async def test_a_failure_is_shared_for_a_moment_and_then_somebody_else_tries(
    site: Site, shared: SharedLook, clock: Clock
) -> None:
    site.answer = lambda _: PageUnreachable("site.example cannot be reached.")
    for _ in range(1_000):
        with pytest.raises(PageUnreachable, match=r"site\.example cannot be reached"):
            await shared.look(URL)
    assert site.urls == [URL]

    clock.forward(A_MOMENT)
    site.answer = lambda _: look()
    assert await shared.look(URL) == look()


@pytest.mark.parametrize("error", [HostBusy(until=datetime.now(UTC)), AddressRefused("private")])
async def test_what_never_reached_the_site_is_nobody_elses_answer(
    site: Site, shared: SharedLook, error: FleetError
) -> None:
    site.answer = lambda _: error
    for _ in range(2):
        with pytest.raises(type(error)):
            await shared.look(URL)

    assert len(site.urls) == 2


async def test_when_who_looks_is_told_to_stop_it_is_the_next_ones_turn(site: Site, shared: SharedLook) -> None:
    site.open.clear()
    looking = asyncio.create_task(shared.look(URL))
    await asyncio.sleep(0)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking

    site.open.set()
    await shared.look(URL)
    assert len(site.urls) == 2


async def test_a_bug_leaves_no_turn_behind(site: Site, shared: SharedLook) -> None:
    site.answer = lambda _: ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        await shared.look(URL)

    site.answer = lambda _: look()
    assert await shared.look(URL) == look()


async def test_a_page_that_has_not_changed_is_fresh_again(site: Site, shared: SharedLook, clock: Clock) -> None:
    before = counted("revalidated")
    site.answer = lambda _: look("Before.", headers={"etag": '"v1"'})
    await shared.look(URL)
    clock.forward(DAY)

    site.answer = lambda seen: seen or look("never asked")
    assert (await shared.look(URL)).reading.extracted.text == "Before."
    assert (await shared.look(URL)).reading.extracted.text == "Before."

    (_, nothing), (_, earlier) = site.asked
    assert nothing is None
    assert earlier is not None
    assert earlier.page.headers == {"etag": '"v1"'}
    assert counted("revalidated") == before + 1


@pytest.mark.parametrize(
    ("verdict", "fresh"),
    [
        (Verdict.OK, DAY),
        (Verdict.THIN, A_WHILE),
        (Verdict.GONE, A_WHILE),
        (Verdict.SOFT_404, A_WHILE),
        (Verdict.LOGIN, A_WHILE),
        (Verdict.PAYWALL, A_WHILE),
        (Verdict.NOT_TEXT, A_WHILE),
        (Verdict.BLOCKED, A_MOMENT),
        (Verdict.CHALLENGE, A_MOMENT),
        (Verdict.UNAVAILABLE, A_MOMENT),
    ],
)
async def test_a_verdict_stands_for_as_long_as_it_can_be_believed(
    site: Site, shared: SharedLook, clock: Clock, verdict: Verdict, fresh: timedelta
) -> None:
    site.answer = lambda _: look(verdict=verdict)
    await shared.look(URL)
    clock.forward(fresh - timedelta(seconds=1))
    assert (await shared.look(URL)).judgement.verdict is verdict
    assert len(site.urls) == 1

    clock.forward(timedelta(seconds=1))
    await shared.look(URL)
    assert len(site.urls) == 2


@pytest.mark.parametrize("headers", [{"cache-control": "private"}, {"set-cookie": "session=1"}])
async def test_a_personal_page_is_looked_at_by_everybody_alone_and_holds_nobody_up(
    site: Site, shared: SharedLook, headers: dict[str, str]
) -> None:
    answers = iter(range(100))
    site.answer = lambda _: look(f"Hello, visitor {next(answers)}.", headers=headers)

    looks = [await shared.look(URL) for _ in range(5)]

    assert len({look.reading for look in looks}) == 5
    assert len(site.urls) == 5


async def test_those_who_come_for_a_personal_page_do_not_wait_for_each_other(site: Site, shared: SharedLook) -> None:
    site.answer = lambda _: look(headers={"cache-control": "private"})
    await shared.look(URL)
    site.open.clear()

    coming = [asyncio.create_task(shared.look(URL)) for _ in range(3)]
    await until(lambda: len(site.urls) == 4, what="all of them are at the site")

    site.open.set()
    await asyncio.gather(*coming)


async def test_a_page_that_sets_a_cookie_on_its_way_is_everybodys_own(site: Site, shared: SharedLook) -> None:
    way = (Hop("https://site.example/welcome", {"set-cookie": "session=1"}),)
    site.answer = lambda _: replace(look(), page=replace(look().page, way=way))

    for _ in range(3):
        await shared.look(URL)

    assert len(site.urls) == 3


async def test_a_page_that_turns_out_personal_when_it_is_asked_about_again_is_not_kept(
    site: Site, shared: SharedLook, clock: Clock
) -> None:
    site.answer = lambda _: look(headers={"etag": '"v1"'})
    await shared.look(URL)
    clock.forward(DAY)

    site.answer = lambda seen: seen and replace(seen, page=replace(seen.page, headers={"cache-control": "private"}))
    for _ in range(3):
        await shared.look(URL)
        site.answer = lambda _: look(headers={"cache-control": "private"})

    assert len(site.urls) == 4


async def test_an_address_that_bears_a_secret_is_asked_as_it_is_and_kept_nowhere(site: Site, clock: Clock) -> None:
    class Unasked(LooksInMemory):
        async def ask(self, key: str) -> Answer:
            raise AssertionError(key)

    shared, url = SharedLook(site, Unasked(clock), fresh=DAY), "https://site.example/a?utm_source=x&token=abc"

    for _ in range(2):
        await shared.look(url)

    assert site.urls == [url, url]


async def test_without_a_store_every_page_is_looked_at(site: Site, clock: Clock) -> None:
    class Gone(LooksInMemory):
        async def ask(self, _: str) -> Answer:
            return Away()

    before = counted("away")
    shared = SharedLook(site, Gone(clock), fresh=DAY)

    await asyncio.gather(*(shared.look(URL) for _ in range(5)))

    assert len(site.urls) == 5
    assert counted("away") == before + 5


async def test_a_look_that_takes_long_keeps_its_turn(site: Site, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.scraper.domain.sharing.PROLONG_EVERY", timedelta(milliseconds=1))
    prolonged = asyncio.Event()

    class Watched(LooksInMemory):
        async def prolong(self, flight: Flight) -> None:
            await super().prolong(flight)
            prolonged.set()

    looks: Looks = Watched(clock)
    site.open.clear()
    looking = asyncio.create_task(SharedLook(site, looks, fresh=DAY).look(URL))
    await asyncio.sleep(0)
    clock.forward(timedelta(seconds=19))
    prolonged.clear()
    await prolonged.wait()
    clock.forward(timedelta(seconds=19))

    with pytest.raises(HostBusy):
        await SharedLook(site, looks, fresh=DAY).look(URL)

    site.open.set()
    await looking


def test_a_page_is_tried_again_when_what_was_wrong_with_it_is_not_the_answer_any_more() -> None:
    assert PageBlocked.rest >= A_MOMENT
    assert PageUnreachable.rest >= AN_INSTANT
