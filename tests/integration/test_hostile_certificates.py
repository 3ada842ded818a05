"""Sites that cannot prove who they are: nothing of a page is asked from them, static or in the browser."""

import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import aiohttp.connector
import pytest

from services.scraper.adapters.in_aiohttp import HttpFetcher
from services.scraper.domain.limits import FetchLimits
from services.scraper.domain.pages import Fetched
from shared.egress.in_memory import GuardInMemory
from shared.egress.in_resolver import ResolvingGuard
from shared.errors import PageUnreachable
from tests.certificates import Authority, authority
from tests.integration.browsing import SITES, browsing
from tests.integration.hostile_site import Site, answer, site
from tests.visits import visits

HOST = "site.example"
NAMES = {HOST: ["127.0.0.1"], "127.0.0.1": ["127.0.0.1"]}
LIMITS = FetchLimits(connect=timedelta(seconds=5), first_byte=timedelta(seconds=2), total=timedelta(seconds=20))


@pytest.fixture
def trusted(tmp_path: Path) -> Authority:
    return authority(tmp_path, "trusted", host=HOST)


@asynccontextmanager
async def secret(tls: ssl.SSLContext) -> AsyncIterator[Site]:
    async with site(tls=tls) as here:
        here.answers["/"] = answer("secret")
        yield here


async def fetched(here: Site, believed: Authority, monkeypatch: pytest.MonkeyPatch) -> Fetched:
    """What a fetcher gets from the site, on a machine that believes one authority."""
    trust = ssl.create_default_context(cafile=str(believed.certificate))
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", trust)
    fetcher = HttpFetcher(GuardInMemory(SITES, NAMES), visits(), LIMITS, user_agent="tests/1.0")
    return await fetcher.fetch(here.url(host=HOST))


async def test_a_site_that_proves_who_it_is_is_read(trusted: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    async with secret(trusted.context) as here:
        assert (await fetched(here, trusted, monkeypatch)).body == b"secret"


@pytest.mark.parametrize(
    ("host", "until"),
    [(HOST, timedelta(hours=-1)), ("other.example", timedelta(hours=1)), ("127.0.0.1", timedelta(hours=1))],
    ids=["expired", "another name's", "of the address and not the name"],
)
async def test_a_certificate_that_does_not_hold_is_not_believed_whoever_vouches_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, until: timedelta
) -> None:
    bad = authority(tmp_path, "bad", host=host, until=until)

    async with secret(bad.context) as here:
        with pytest.raises(PageUnreachable, match=r"^site\.example could not prove that it is site\.example\.$"):
            await fetched(here, bad, monkeypatch)

    assert here.requests == []


async def test_a_certificate_that_nobody_known_vouches_for_is_not_believed(
    tmp_path: Path, trusted: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with secret(authority(tmp_path, "stranger", host=HOST).context) as here:
        with pytest.raises(PageUnreachable, match="could not prove"):
            await fetched(here, trusted, monkeypatch)

    assert here.requests == []


async def test_a_site_that_never_shakes_hands_has_not_answered_in_time(
    trusted: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with site() as here:
        here.scheme = "https"  # it waits for the end of a request that will never be one
        with pytest.raises(PageUnreachable, match="in time"):
            await fetched(here, trusted, monkeypatch)


@pytest.mark.xdist_group("browser")
async def test_a_browser_shows_nothing_of_a_site_that_cannot_prove_who_it_is_and_asks_nobody_else_about_it(
    tmp_path: Path,
) -> None:
    asked: list[str] = []

    async def resolve(name: str) -> Sequence[str]:
        asked.append(name)
        return ["127.0.0.1"]

    async with (
        secret(authority(tmp_path, "stranger").context) as here,
        browsing(ResolvingGuard(SITES, resolve)) as browser,
    ):
        with pytest.raises(PageUnreachable, match="could not prove"):
            await browser.fetcher.fetch(here.url())

    assert (here.requests, asked) == ([], [])
