"""How a key is checked with the provider: one cheap question, the key in a header, and no answer taken for a yes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from services.local.ports import free_port
from services.producer.adapters.in_gemini import GeminiKeyCheck
from shared.errors import KeyExpired, KeyRefused, ProviderDown
from shared.keys.plaintext import api_key
from shared.settings import GeminiSettings
from tests.gemini_emulator import bodies

KEY = "AIzaSyAda-0000000000000000000000000000ada"
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def check_at(address: str, model: str = "gemini-2.5-flash") -> GeminiKeyCheck:
    return GeminiKeyCheck(GeminiSettings(gemini_base_url=address, gemini_model=model))


@asynccontextmanager
async def provider(answer: Answer) -> AsyncIterator[str]:
    """A provider that answers so; its address."""
    app = web.Application()
    app.router.add_route("*", "/{anything:.*}", answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def saying(status: int, body: object) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    return answer


async def test_the_key_travels_in_a_header_and_only_the_model_is_asked_for() -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request)
        return web.json_response({"name": "models/x"})

    async with provider(answer) as address:
        await check_at(f"{address}/", model="a/b?c")(api_key(KEY))

    [request] = asked
    assert request.method == "GET"
    assert request.raw_path == "/v1beta/models/a%2Fb%3Fc"
    assert request.headers["x-goog-api-key"] == KEY
    assert KEY not in request.raw_path


@pytest.mark.parametrize(
    ("status", "body", "error", "why"),
    [
        (400, bodies.KEY_INVALID, KeyRefused, "does not know this key"),
        (400, bodies.KEY_EXPIRED, KeyExpired, "has expired"),
        (403, bodies.API_DISABLED, KeyRefused, "switched off"),
        (403, bodies.KEY_MISSING, KeyRefused, "may not use this model"),
        (401, {}, KeyRefused, "may not use this model"),
        (400, bodies.COUNTRY, ProviderDown, "it answered 400"),
        (400, bodies.BAD_REQUEST, ProviderDown, "it answered 400"),
        (404, bodies.no_such_model("x"), ProviderDown, "it answered 404"),
        (429, bodies.BARE_429, ProviderDown, "it answered 429"),
        (500, bodies.INTERNAL, ProviderDown, "it answered 500"),
        (503, bodies.OVERLOADED, ProviderDown, "it answered 503"),
        (400, ["nonsense"], ProviderDown, "it answered 400"),
        (400, {"error": {"details": [None, {"reason": 7}], "message": KEY}}, ProviderDown, "it answered 400"),
    ],
)
async def test_each_answer_means_what_it_says_and_nothing_is_a_silent_yes(
    status: int, body: object, error: type[Exception], why: str
) -> None:
    async with provider(saying(status, body)) as address:
        with pytest.raises(error, match=why) as raised:
            await check_at(address)(api_key(KEY))

    assert KEY not in str(raised.value)


async def test_a_redirect_is_not_followed_and_is_no_yes() -> None:
    asked_elsewhere: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked_elsewhere.append(request.path)
        return web.json_response({})

    async with provider(elsewhere) as other:

        async def redirect(_: web.Request) -> web.Response:
            raise web.HTTPFound(f"{other}/v1beta/models/x")

        async with provider(redirect) as address:
            with pytest.raises(ProviderDown, match="302"):
                await check_at(address)(api_key(KEY))

    assert asked_elsewhere == []


async def test_a_provider_nobody_reaches_is_no_yes_and_its_error_does_not_carry_the_key() -> None:
    with pytest.raises(ProviderDown) as raised:
        await check_at(f"http://127.0.0.1:{free_port()}")(api_key(KEY))

    assert raised.value.__cause__ is None
    assert KEY not in str(raised.value)


async def test_a_provider_that_breaks_off_is_no_yes() -> None:
    async def break_off(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with provider(break_off) as address:
        with pytest.raises(ProviderDown):
            await check_at(address)(api_key(KEY))
