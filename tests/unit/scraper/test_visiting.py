"""Visits: who is visited, how turns are waited for and given back, and what sites ask for."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network

import pytest
from yarl import URL

from services.scraper.adapters.turns.domains import Sites
from services.scraper.adapters.turns.in_memory import InMemoryTurns
from services.scraper.domain.pages import Fetched
from services.scraper.domain.politeness import Busy, Ending, Manners, Site, Turn
from services.scraper.domain.politeness.in_turn import FetcherInTurn
from services.scraper.domain.politeness.visiting import Visits, pause_of
from shared.errors import HostBusy, PageUnreachable, PageUnusable

SOON = timedelta(milliseconds=1)
HERE, THERE = URL("https://www.example.org/a"), URL("https://example.net/b")


class Turns:
    """Turns that are answered as the test says, and remember what they were told."""

    def __init__(self, *answers: Busy) -> None:
        self.answers = list(answers)
        self.out: dict[str, bool] = {}
        self.told: list[object] = []

    async def take(self, site: Site, *, follows: bool = False, **_: object) -> Turn | Busy:
        if self.answers:
            return self.answers.pop(0)
        turn = Turn(site, f"{len(self.told)}-{site.host}")
        self.out[turn.id] = follows
        return turn

    async def give_back(self, turn: Turn, ending: Ending, **_: object) -> None:
        del self.out[turn.id]
        self.told.append((turn.site.host, ending))

    async def pause(self, site: Site, *, length: timedelta) -> None:
        self.told.append((site.domain, length))


def visits(turns: Turns) -> Visits:
    return Visits(turns, Sites(), Manners())


@pytest.mark.parametrize(
    ("url", "domain", "host"),
    [
        ("https://a.b.example.co.uk/x", "example.co.uk", "a.b.example.co.uk"),
        ("http://EXAMPLE.com.:8080/", "example.com", "example.com"),
        ("https://ada.github.io/", "ada.github.io", "ada.github.io"),
        ("https://github.io/", "github.io", "github.io"),
        ("https://bücher.example/", "xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("http://intranet/", "intranet", "intranet"),
        ("http://127.0.0.1:8001/", "127.0.0.1:8001", "127.0.0.1:8001"),
        ("http://0x7f000001:8001/", "127.0.0.1:8001", "127.0.0.1:8001"),
        ("http://[::1]/", "::1:80", "::1:80"),
        ("http://localhost:3000/", "localhost:3000", "localhost:3000"),
    ],
)
def test_a_site_is_what_somebody_can_register_and_addresses_stand_for_themselves(
    url: str, domain: str, host: str
) -> None:
    assert Sites()(URL(url)) == Site(domain, host)


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("http://10.1.2.3/", True),
        ("http://localhost/", True),
        ("http://11.1.2.3/", False),
        ("http://intra.net/", False),
    ],
)
def test_addresses_in_the_operators_networks_are_its_own(url: str, own: bool) -> None:
    sites = Sites(own=[ip_network("10.0.0.0/8"), ip_network("127.0.0.0/8")])

    assert sites(URL(url)).is_own is own


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("Wed, 25 Nov 2026 04:00:30 GMT", 30),
        ("Wed, 25 Nov 2026 04:00:30", 30),
        ("Wed, 25 Nov 2026 03:00:00 GMT", 0),
        ("Wed, 25 Nov 2037 03:00:00 GMT", 3600),
        ("99999999999999999999", 3600),
        ("-1", 0),
        ("soon", 0),
        ("", 0),
        ("٣", 0),
    ],
)
def test_a_pause_is_asked_for_in_seconds_or_as_a_date_and_bounded(retry_after: str, seconds: int) -> None:
    now = datetime(2026, 11, 25, 4, tzinfo=UTC)

    assert pause_of(retry_after, now=now) == timedelta(seconds=seconds)


async def _fail(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize(
    ("visit", "ending"),
    [
        (lambda: asyncio.sleep(0), Ending.ANSWERED),
        (lambda: _fail(PageUnusable("too large")), Ending.ANSWERED),
        (lambda: _fail(PageUnreachable("refused")), Ending.OTHER),
        (lambda: _fail(PageUnreachable("hangs", timed_out=True)), Ending.HUNG),
        (lambda: _fail(asyncio.CancelledError()), Ending.OTHER),
        (lambda: _fail(ZeroDivisionError()), Ending.OTHER),
    ],
)
async def test_a_turn_is_given_back_with_how_the_visit_went(visit: Callable[[], object], ending: Ending) -> None:
    turns = Turns()

    outcome = await asyncio.gather(_visit(turns, visit), return_exceptions=True)

    assert outcome
    assert not turns.out
    assert turns.told == [("www.example.org", ending)]


async def _visit(turns: Turns, visit: Callable[[], object]) -> None:
    async with visits(turns).journey() as journey:
        await journey.go_to(HERE)
        await visit()  # type: ignore[misc]


async def test_a_turn_is_given_back_when_its_holder_is_cancelled_before_it_starts() -> None:
    manners = Manners(interval=timedelta(seconds=60), in_place=timedelta(seconds=90))
    turns = InMemoryTurns(manners)
    here = Visits(turns, Sites(), manners)
    async with here.journey() as journey:
        await journey.go_to(HERE)

    async def wait_for_turn() -> None:
        async with here.journey() as journey:
            await journey.go_to(HERE)

    waiting = asyncio.create_task(wait_for_turn())
    await asyncio.sleep(0.01)
    waiting.cancel()
    await asyncio.wait([waiting])

    assert not turns._domains["example.org"].running


async def test_a_redirect_to_another_domain_leaves_the_first_before_it_asks_for_the_second() -> None:
    turns = Turns()
    async with visits(turns).journey() as journey:
        await journey.go_to(HERE)
        await journey.go_to(THERE)
        assert list(turns.out.values()) == [False]

    assert turns.told == [("www.example.org", Ending.ANSWERED), ("example.net", Ending.ANSWERED)]


async def test_a_redirect_within_a_domain_holds_its_turn_until_it_has_the_next() -> None:
    turns = Turns()
    async with visits(turns).journey() as journey:
        await journey.go_to(URL("http://example.org/a"))
        await journey.go_to(HERE)
        assert list(turns.out.values()) == [True]

    assert [host for host, _ in turns.told] == ["example.org", "www.example.org"]  # type: ignore[misc]


async def test_a_site_that_is_busy_makes_the_page_wait_and_says_for_how_long() -> None:
    began = datetime.now(UTC)
    turns = Turns(Busy(timedelta(seconds=30), timedelta(seconds=3)))

    with pytest.raises(HostBusy) as busy:
        await _visit(turns, lambda: asyncio.sleep(0))

    assert busy.value.until >= began + timedelta(seconds=30)
    assert busy.value.every == timedelta(seconds=3)


async def test_a_brief_wait_is_waited_in_place_but_not_for_ever() -> None:
    brief = Busy(SOON, is_brief=True)
    await _visit(Turns(brief, brief), lambda: asyncio.sleep(0))

    with pytest.raises(HostBusy):
        await _visit(Turns(*[Busy(timedelta(seconds=0.2), is_brief=True)] * 9), lambda: asyncio.sleep(0))


async def test_a_host_that_is_down_is_told_at_once() -> None:
    with pytest.raises(PageUnreachable, match=r"^www\.example\.org has kept everybody waiting"):
        await _visit(Turns(Busy(timedelta(seconds=600), is_down=True)), lambda: asyncio.sleep(0))


@pytest.mark.parametrize(("status", "paused"), [(429, True), (503, True), (200, False), (301, False), (500, False)])
async def test_a_site_that_is_overloaded_is_left_in_peace_for_as_long_as_it_asks(status: int, paused: bool) -> None:
    turns = Turns()

    async with visits(turns).journey() as journey:
        await journey.go_to(HERE)
        journey.answered(status, "30")

    assert (("example.org", timedelta(seconds=30)) in turns.told) is paused


@pytest.mark.parametrize("retry_after", [None, "0", "soon", "Wed, 25 Nov 2020 03:00:00 GMT"])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_site_that_is_overloaded_and_does_not_say_for_how_long_is_known_to_be(
    status: int, retry_after: str | None
) -> None:
    turns = Turns()

    async with visits(turns).journey() as journey:
        await journey.go_to(HERE)
        journey.answered(status, retry_after)
        await journey.go_to(THERE)
        journey.answered(200, None)

    assert turns.told == [("www.example.org", Ending.OVERLOADED), ("example.net", Ending.ANSWERED)]


async def test_a_page_in_a_browser_is_one_visit() -> None:
    turns = Turns()

    class Shown:
        async def fetch(self, url: str, **_: object) -> Fetched:
            assert list(turns.out.values()) == [False]
            return Fetched(url, 503, "text/html", headers={"retry-after": "5"})

    await FetcherInTurn(Shown(), visits(turns)).fetch(str(HERE))

    assert turns.told == [("www.example.org", Ending.ANSWERED), ("example.org", timedelta(seconds=5))]
