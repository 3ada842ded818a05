"""Key sets over HTTP: fetched once, fetched anew in time, never too often, and never believed for too long."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from shared.errors import IdentityProviderAway, Unauthenticated
from shared.identity import IdentityProvider
from shared.identity.over_http import FetchedKeySet
from shared.users import user_id
from tests.identity_provider import AUDIENCE, ISSUER, jwks, private_key, token
from tests.strangers import answering_server, silent_server

ADA = user_id("ada")


@dataclass
class Publishing:
    """A provider that publishes keys; `asked` counts, `now` is the clock of those who remember."""

    kids: tuple[str, ...] = ("rsa",)
    status: int = 200
    text: str | None = None
    asked: int = 0
    now: float = 1_000.0
    url: str = ""
    provider: IdentityProvider = field(init=False)

    def answer(self, _path: str, _body: bytes) -> tuple[int, bytes]:
        self.asked += 1
        return self.status, (jwks(*self.kids) if self.text is None else self.text).encode()

    def read_at(self, url: str) -> None:
        keys = FetchedKeySet(url, clock=lambda: self.now)
        self.provider = IdentityProvider(keys, issuer=ISSUER, audience=AUDIENCE)


@pytest.fixture
def publishing() -> Iterator[Publishing]:
    publishing = Publishing()
    with answering_server(publishing.answer) as url:
        publishing.read_at(f"{url}/keys")
        yield publishing


async def test_keys_are_fetched_once_for_many_tokens(publishing: Publishing) -> None:
    users = await asyncio.gather(*(publishing.provider.user_of(token(sub=f"user-{n}")) for n in range(20)))

    assert len(set(users)) == 20
    assert publishing.asked == 1


async def test_a_new_key_of_the_provider_is_learned_when_a_token_names_it(publishing: Publishing) -> None:
    await publishing.provider.user_of(token())
    publishing.kids = ("rsa", "another")
    publishing.now += 11

    assert await publishing.provider.user_of(token(kid="another")) == ADA
    assert publishing.asked == 2


async def test_made_up_key_ids_do_not_make_us_ask_again_and_again(publishing: Publishing) -> None:
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await publishing.provider.user_of(token(kid=f"made-up-{number}", key=private_key("rsa")))
    assert publishing.asked == 1

    assert await publishing.provider.user_of(token()) == ADA


async def test_a_key_the_provider_withdrew_is_forgotten(publishing: Publishing) -> None:
    await publishing.provider.user_of(token())
    publishing.kids = ("another",)
    publishing.now += 301

    with pytest.raises(Unauthenticated):
        await publishing.provider.user_of(token())


async def test_while_the_provider_is_away_known_keys_serve_for_a_while_and_no_longer(publishing: Publishing) -> None:
    await publishing.provider.user_of(token())
    publishing.status = 500
    publishing.now += 3_599

    assert await publishing.provider.user_of(token()) == ADA

    publishing.now += 2
    with pytest.raises(IdentityProviderAway):
        await publishing.provider.user_of(token())

    publishing.status = 200
    publishing.now += 11
    assert await publishing.provider.user_of(token()) == ADA


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (500, "{}"),
        (404, "{}"),
        (302, "{}"),
        (200, "<html>"),
        (200, "{}"),
        (200, '{"keys": []}'),
        (200, "\xff" * 10),
        (200, " " * 300_000 + "{}"),
    ],
    ids=lambda value: str(value)[:8].strip(),
)
async def test_what_is_no_key_set_lets_nobody_in(publishing: Publishing, status: int, text: str) -> None:
    publishing.status, publishing.text = status, text

    for _ in range(2):
        with pytest.raises(IdentityProviderAway) as away:
            await publishing.provider.user_of(token())
    assert away.value.status == 503
    assert publishing.asked == 1


async def test_a_provider_that_is_not_there_lets_nobody_in() -> None:
    publishing = Publishing()
    publishing.read_at("http://127.0.0.1:9/keys")

    with pytest.raises(IdentityProviderAway):
        await publishing.provider.user_of(token())


async def test_a_provider_that_never_answers_holds_up_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    publishing = Publishing()
    monkeypatch.setattr("shared.identity.over_http._PATIENCE", _patience(0.5))
    with silent_server() as address:
        publishing.read_at(f"http://{address}/keys")
        waiting = asyncio.create_task(publishing.provider.user_of(token()))
        longest = 0.0
        while not waiting.done():
            began = time.monotonic()
            await asyncio.sleep(0.01)
            longest = max(longest, time.monotonic() - began)
        with pytest.raises(IdentityProviderAway, match="TimeoutError"):
            await waiting

    assert longest < 0.3


def _patience(seconds: float) -> object:
    import aiohttp  # noqa: PLC0415 - for this test alone

    return aiohttp.ClientTimeout(total=seconds)
