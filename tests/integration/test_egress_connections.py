"""What is dialled is what was judged: lying resolvers, redirects and literals, with a canary on loopback."""

import itertools
from collections.abc import AsyncIterator, Sequence
from ipaddress import ip_network

import aiohttp
import pytest
from yarl import URL

from services.scraper.adapters.in_aiohttp import HttpFetcher
from services.scraper.domain.limits import FetchLimits
from shared.egress import Allowed, EgressGuard
from shared.egress.connector import JudgedConnector
from shared.egress.in_memory import GuardInMemory
from shared.egress.in_resolver import ResolvingGuard
from shared.egress.rules import Rules
from shared.errors import AddressRefused, PageUnreachable, PageUnusable
from tests.integration.hostile_site import Site, answer, redirect, site
from tests.visits import visits

SITES = Rules(allow=(ip_network("127.0.0.1/32"),))
"""The site of these tests may be visited; the canary, on 127.0.0.2, may not."""

EVERYTHING = Rules(allow=(ip_network("127.0.0.0/8"), ip_network("::ffff:127.0.0.0/104")))
"""The guard switched off, as far as these tests can tell."""


def fetcher(guard: EgressGuard) -> HttpFetcher:
    return HttpFetcher(guard, visits(), FetchLimits(), user_agent="tests")


@pytest.fixture
async def public() -> AsyncIterator[Site]:
    async with site() as here:
        here.answers["/"] = answer("hello")
        yield here


@pytest.fixture
async def canary() -> AsyncIterator[Site]:
    async with site("127.0.0.2") as here:
        here.answers["/"] = answer("secret")
        yield here
        assert here.connections == 0


async def test_the_judged_address_is_dialled_whatever_the_system_would_resolve(public: Site) -> None:
    guard = GuardInMemory(SITES, {"page.example": ["127.0.0.1"]})

    page = await fetcher(guard).fetch(public.url(host="page.example"))

    assert page.body == b"hello"
    assert f"Host: page.example:{public.port}" in public.requests[0]


async def test_a_resolver_that_changes_its_mind_after_the_judgement_is_not_asked_again(
    public: Site, canary: Site
) -> None:
    answers = itertools.chain([["127.0.0.1"]], itertools.repeat(["127.0.0.2"]))

    async def rebinding(_: str) -> Sequence[str]:
        return next(answers)

    guard = ResolvingGuard(SITES, rebinding)

    assert (await fetcher(guard).fetch(public.url(host="rebind.example"))).body == b"hello"
    with pytest.raises(AddressRefused):
        await fetcher(guard).fetch(canary.url(host="rebind.example"))


def moving(rules: Rules) -> ResolvingGuard:
    """A guard whose resolver has a name at the site's address once, and at the canary's from then on."""
    answers = itertools.chain([["127.0.0.1"]], itertools.repeat(["127.0.0.2"]))

    async def rebinding(_: str) -> Sequence[str]:
        return next(answers)

    return ResolvingGuard(rules, rebinding)


async def test_a_site_that_redirects_to_itself_while_its_name_moves_to_loopback_is_refused(
    public: Site, canary: Site
) -> None:
    public.answers["/"] = redirect(f"http://rebind.example:{canary.port}/")

    with pytest.raises(AddressRefused):
        await fetcher(moving(SITES)).fetch(public.url(host="rebind.example"))


async def test_with_the_guard_switched_off_a_name_that_moves_reaches_the_canary(public: Site) -> None:
    async with site("127.0.0.2") as canary:
        canary.answers["/"] = answer("secret")
        public.answers["/"] = redirect(f"http://rebind.example:{canary.port}/")

        page = await fetcher(moving(EVERYTHING)).fetch(public.url(host="rebind.example"))

        assert (page.body, canary.connections) == (b"secret", 1)


DISGUISES = (
    "127.0.0.2",
    "127.2",
    "0x7f.2",
    "2130706434",
    "0177.0.0.2",
    "[::ffff:127.0.0.2]",
    "moved.example",
    "127.0.0.2.",
)
MOVED = {"moved.example": ["127.0.0.2"]}


@pytest.mark.parametrize("host", DISGUISES)
async def test_a_redirect_to_a_refused_address_is_refused_in_any_disguise(
    public: Site, canary: Site, host: str
) -> None:
    public.answers["/"] = redirect(canary.url(host=host))

    with pytest.raises(AddressRefused):
        await fetcher(GuardInMemory(SITES, MOVED)).fetch(public.url())


STATUSES = ("301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent")


@pytest.mark.parametrize("status", STATUSES)
async def test_a_redirect_of_any_status_to_a_refused_address_is_refused(
    public: Site, canary: Site, status: str
) -> None:
    public.answers["/"] = redirect("/next", status=status)
    public.answers["/next"] = redirect(canary.url(), status=status)

    with pytest.raises(AddressRefused):
        await fetcher(GuardInMemory(SITES)).fetch(public.url())


async def test_with_the_guard_switched_off_the_same_redirects_reach_the_canary(public: Site) -> None:
    async with site("127.0.0.2") as canary:
        canary.answers["/"] = answer("secret")
        for host in DISGUISES:
            public.answers["/"] = redirect(canary.url(host=host))
            page = await fetcher(GuardInMemory(EVERYTHING, MOVED)).fetch(public.url())
            assert page.body == b"secret", host
        for status in STATUSES:
            public.answers["/"] = redirect("/next", status=status)
            public.answers["/next"] = redirect(canary.url(), status=status)
            page = await fetcher(GuardInMemory(EVERYTHING)).fetch(public.url())
            assert page.body == b"secret", status

        assert canary.connections == len(DISGUISES) + len(STATUSES)


MALFORMED = (
    *("http://[::1", "http://exa mple/", "http://a..example/", "http://.example/", "http://-/", "http://a_/..:x/"),
    *("http://127.0.0.1:99999/", "http://127.0.0.1:-1/", "http://", "http:page", "//", "", "page"),
    *("http://%31%32%37.0.0.1/", "http://127.0.0.1%00.example/", "http://[fe80::1%25eth0]/", "http://user:pw@127.0.0.1/"),
    *(f"http://{'a' * 64}.example/", f"http://{'a.' * 127}example/", "http://xn--a/", "http://xn--/", "http://\ud83d.example/"),
    *("http://1.2.3.4.5/", "http://0x7f.0.0.1.example/", "http://256.256.256.256/", "http://例え.テスト/", "http://\uff41\uff0eexample/"),
)  # fmt: skip


@pytest.mark.parametrize("url", MALFORMED, ids=ascii)
async def test_an_address_that_is_none_or_leads_nowhere_is_a_typed_failure(url: str) -> None:
    with pytest.raises((AddressRefused, PageUnreachable, PageUnusable)):
        await fetcher(GuardInMemory(SITES)).fetch(url)


@pytest.mark.parametrize("url", [url for url in MALFORMED if url.startswith("http://") and url.isascii()], ids=ascii)
async def test_a_redirect_to_an_address_that_is_none_or_leads_nowhere_is_a_typed_failure(
    public: Site, url: str
) -> None:
    public.answers["/"] = redirect(url)

    with pytest.raises((AddressRefused, PageUnreachable, PageUnusable)):
        await fetcher(GuardInMemory(SITES)).fetch(public.url())


async def test_a_host_in_another_script_is_asked_for_by_its_name_in_ascii(public: Site) -> None:
    names = {"xn--bcher-kva.example": ["127.0.0.1"], "xn--r8jz45g.xn--zckzah": ["127.0.0.1"]}
    for host in ("bücher.example", "BÜCHER.example", "bu\u0308cher.example", "例え.テスト"):
        await fetcher(GuardInMemory(SITES, names)).fetch(public.url(host=host))

    asked = [request.partition("Host: ")[2].partition(":")[0] for request in public.requests]
    assert asked == ["xn--bcher-kva.example"] * 3 + ["xn--r8jz45g.xn--zckzah"]


@pytest.mark.parametrize(
    "location",
    [
        *("file:///etc/passwd", "javascript:alert(1)", "data:text/html,hi", "//127.0.0.2/", "ftp://127.0.0.1/"),
        *(
            "http://93.184.216.34:22/",
            "http://93.184.216.34:6379/",
            "http://user@127.0.0.1/",
            "http://[64:ff9b::7f00:2]/",
        ),
    ],
)
async def test_a_redirect_to_another_scheme_port_or_network_is_refused(public: Site, location: str) -> None:
    public.answers["/"] = redirect(location)

    with pytest.raises(AddressRefused):
        await fetcher(GuardInMemory(SITES)).fetch(public.url())


async def test_a_connector_dials_neither_names_nor_literals_that_were_not_pinned(canary: Site) -> None:
    connector = JudgedConnector()
    connector.pin(Allowed(URL("http://public.example/"), ("93.184.216.34",)))

    async with aiohttp.ClientSession(connector=connector) as session:
        for host in ("127.0.0.2", "localhost", "public.example.other"):
            with pytest.raises(aiohttp.ClientConnectionError):
                await session.get(canary.url(host=host))


async def test_a_pin_is_for_its_host_alone(public: Site) -> None:
    connector = JudgedConnector()
    connector.pin(Allowed(URL(public.url(host="page.example")), ("127.0.0.1",)))

    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(public.url(host="other.example"))

    assert public.connections == 0


async def test_a_pin_replaces_the_one_before(public: Site) -> None:
    connector = JudgedConnector()
    connector.pin(Allowed(URL(public.url()), ("127.0.0.1",)))

    async with aiohttp.ClientSession(connector=connector) as session:
        async with session.get(public.url()) as response:
            assert await response.text() == "hello"
        connector.pin(Allowed(URL("http://public.example/"), ("93.184.216.34",)))
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get(public.url())

    assert public.connections == 1


async def test_an_address_nobody_answers_on_is_unreachable_and_named_by_host_alone(public: Site) -> None:
    guard = GuardInMemory(Rules(allow=(ip_network("127.0.0.0/8"),)), {"dead.example": ["127.0.0.9"]})

    with pytest.raises(PageUnreachable) as unreachable:
        await fetcher(guard).fetch(public.url(host="dead.example"))

    assert unreachable.value.sentence == "dead.example cannot be reached."
