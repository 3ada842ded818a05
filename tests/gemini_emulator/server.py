"""The emulator's HTTP server, in a thread of its own, and the handle tests hold on it."""

import asyncio
import contextlib
import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from aiohttp import web

from tests.gemini_emulator import bodies
from tests.gemini_emulator.faults import ERRORS, PLAIN, Fault, Script
from tests.gemini_emulator.journal import Request
from tests.gemini_emulator.keys import REFUSALS, Key, KeyState
from tests.gemini_emulator.pages import BLOCK_MARK, Page, analyses, pages_in

MODELS = ("gemini-flash-latest", "gemini-flash-lite-latest", "gemini-2.5-flash", "gemini-2.0-flash")


class GeminiEmulator:
    """Gemini on loopback; starts on `with`, and its settings may be changed while it runs.

    Attributes:
        latency_s: how long every answer takes, seconds.
        any_key: whether unknown keys are taken as good ones with the usual quotas.
        requests: every request to generate an answer, oldest first.
        says: what the model says to the next requests instead of an analysis, one text each.
        written: bytes of answers without end that were sent.
        strays: paths that were asked for and that Gemini does not have.
    """

    def __init__(
        self, *, host: str = "127.0.0.1", port: int = 0, latency_s: float = 0.0, any_key: bool = False
    ) -> None:
        self._host, self._port = host, port
        self.latency_s = latency_s
        self.any_key = any_key
        self.requests: list[Request] = []
        self.strays: list[str] = []
        self.says: deque[str] = deque()
        self.written = 0
        self.keys: dict[str, Key] = {}
        self.script = Script()
        self._started = threading.Event()
        self._failed: BaseException | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._serve, name="gemini-emulator", daemon=True)

    # ---- for tests ---------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """The address for FLEET_GEMINI_BASE_URL."""
        return f"http://{self._host}:{self._port}"

    def add_key(self, key: str, *, per_minute: int = 15, per_day: int = 1_500, minute_s: float = 60.0) -> str:
        """Make a key good, with these quotas; hands it back."""
        self.keys[key] = Key(per_minute=per_minute, per_day=per_day, minute_s=minute_s)
        return key

    def refuse_key(self, key: str, state: KeyState = KeyState.INVALID) -> None:
        """Stop accepting a key from now on."""
        self.keys.setdefault(key, Key()).state = state

    def plan(self, *faults: Fault | None) -> None:
        """Let the next requests end so, one each; None lets one pass."""
        self.script.plan(faults)

    def fail_by_chance(self, rate: float, kinds: Sequence[Fault], *, seed: int = 0) -> None:
        """Let every request fail with this probability, in one of these ways."""
        self.script.by_chance(rate, kinds, seed=seed)

    def requests_of(self, key: str) -> list[Request]:
        """Every request that came with this key."""
        return [request for request in self.requests if request.key == key]

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.wait(timeout=10)
        if self._failed is not None:
            raise self._failed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=10)

    # ---- the server --------------------------------------------------------------------------------

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        runner = web.AppRunner(self._app(), access_log=None, shutdown_timeout=0.1)
        try:
            self._loop.run_until_complete(runner.setup())
            site = web.TCPSite(runner, self._host, self._port)
            self._loop.run_until_complete(site.start())
            self._port = runner.addresses[0][1]
        except BaseException as error:  # noqa: BLE001 - handed to the thread that started us
            self._failed = error
        self._started.set()
        if self._failed is None:
            self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        self._loop.close()

    def _app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 2**20)
        app.add_routes(
            [
                web.get("/{version:v1|v1beta}/models", self._list_models),
                web.get("/{version:v1|v1beta}/models/{model}", self._get_model),
                web.post(r"/{version:v1|v1beta}/models/{model:[^:/]+}:generateContent", self._generate),
                web.get("/_journal", self._show_journal),
                web.post("/_keys", self._put_key),
                web.post("/_faults", self._put_faults),
                web.route("*", "/{path:.*}", self._stray),
            ]
        )
        return app

    async def _list_models(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        return web.json_response({"models": [_model(name) for name in MODELS]})

    async def _get_model(self, request: web.Request) -> web.Response:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        model = request.match_info["model"]
        return web.json_response(_model(model)) if model in MODELS else _sent(bodies.no_such_model(model))

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        arrived = time.time()
        body = await request.json()
        prompt = _texts(body.get("contents"))
        pages = pages_in(prompt)
        entry = Request(
            at=arrived,
            key=_key(request),
            key_in_url="key" in request.query,
            path=request.path,
            items=tuple(page.id for page in pages),
            prompt=prompt,
            instructions=_texts([body.get("systemInstruction") or {}]),
        )
        self.requests.append(entry)
        fault = self.script.next()
        response = await self._answer(request, body, pages, prompt, fault)
        entry.outcome = fault.value if fault else str(response.status)
        entry.answered = response.status == HTTPStatus.OK
        return response

    async def _answer(
        self, request: web.Request, body: bodies.Body, pages: list[Page], prompt: str, fault: Fault | None
    ) -> web.StreamResponse:
        if (refusal := self._refusal(request)) is not None:
            return refusal
        await asyncio.sleep(self.latency_s)
        if fault in ERRORS:
            return _sent(ERRORS[fault])
        if (broken := await self._broken(request, fault)) is not None:
            return broken
        if (spent := self.keys[_key(request)].spend()) is not None:
            return _sent(spent)
        model = request.match_info["model"]
        if model not in MODELS:
            return _sent(bodies.no_such_model(model))
        if self.says:
            generated = bodies.answer(self.says.popleft(), model=model, prompt_chars=len(prompt))
        else:
            generated = _generated(body, pages, prompt, model, fault)
        return web.json_response(generated)

    async def _broken(self, request: web.Request, fault: Fault | None) -> web.StreamResponse | None:
        """What is no answer of Gemini's at all."""
        if fault in PLAIN:
            return PLAIN[fault]()
        match fault:
            case Fault.RESET if request.transport is not None:
                request.transport.abort()
                return web.Response(status=499)
            case Fault.HANG:
                await asyncio.sleep(3_600)
            case Fault.DRIP:
                return await self._without_end(request, b" ", rest_s=0.05)
            case Fault.ENDLESS:
                return await self._without_end(request, b" " * 2**16, rest_s=0)
        return None

    async def _without_end(self, request: web.Request, piece: bytes, *, rest_s: float) -> web.StreamResponse:
        """An answer that never ends and never pauses for long."""
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            while True:
                await response.write(piece)
                self.written += len(piece)
                await asyncio.sleep(rest_s)
        return response

    def _refusal(self, request: web.Request) -> web.Response | None:
        key = _key(request)
        if not key:
            return _sent(bodies.KEY_MISSING)
        if key not in self.keys and self.any_key:
            self.add_key(key)
        known = self.keys.get(key)
        state = known.state if known else KeyState.INVALID
        return None if state is KeyState.ACTIVE else _sent(REFUSALS[state])

    # ---- the same over HTTP, for tests in other processes ---------------------------------------------

    async def _stray(self, request: web.Request) -> web.Response:
        self.strays.append(request.path)
        return web.Response(status=404)

    async def _show_journal(self, _: web.Request) -> web.Response:
        return web.json_response([request.public() for request in self.requests])

    async def _put_key(self, request: web.Request) -> web.Response:
        """`{"key", "per_minute"?, "per_day"?, "minute_s"?, "state"?}`: add a key, or change one."""
        body = await request.json()
        key, state = body.pop("key"), KeyState(body.pop("state", "active"))
        if body or key not in self.keys:
            self.add_key(key, **body)
        self.keys[key].state = state
        return web.json_response({"keys": len(self.keys)})

    async def _put_faults(self, request: web.Request) -> web.Response:
        """`{"next"?: [fault or null…], "rate"?, "kinds"?, "seed"?, "latency_s"?}`."""
        body = await request.json()
        self.plan(*(Fault(name) if name else None for name in body.get("next", [])))
        if "rate" in body:
            self.fail_by_chance(body["rate"], [Fault(name) for name in body["kinds"]], seed=body.get("seed", 0))
        self.latency_s = body.get("latency_s", self.latency_s)
        return web.json_response({})


def _generated(body: bodies.Body, pages: list[Page], prompt: str, model: str, fault: Fault | None) -> bodies.Body:
    """The 200 to a request that was let through, well or broken as the fault says."""
    if fault is Fault.BLOCKED_PROMPT or any(BLOCK_MARK in page.text for page in pages):
        return bodies.blocked_prompt(model=model, prompt_chars=len(prompt))
    if fault is Fault.BLOCKED_ANSWER:
        return bodies.answer(None, model=model, prompt_chars=len(prompt), finish="SAFETY")
    if fault is Fault.EMPTY:
        return {}
    config = body.get("generationConfig", {})
    found = analyses(pages, config.get("responseSchema") or config.get("responseJsonSchema"))
    text = json.dumps({"analyses": _tampered(found, fault)})
    if fault is Fault.CUT:
        return bodies.answer(text[: len(text) // 2], model=model, prompt_chars=len(prompt), finish="MAX_TOKENS")
    if fault is Fault.MALFORMED:
        text = f"Certainly! Here is the JSON: {text} Let me know if you need more."
    if fault is Fault.HUGE:
        text = json.dumps({"analyses": found, "padding": "x" * 10_000_000})
    return bodies.answer(text, model=model, prompt_chars=len(prompt))


def _tampered(found: list[bodies.Body], fault: Fault | None) -> list[bodies.Body]:
    match fault:
        case Fault.MISSING:
            return found[1:]
        case Fault.SHUFFLED:
            return found[::-1]
        case Fault.FOREIGN:
            return [*(entry | {"admin": True} for entry in found), found[0] | {"id": "someone-elses"}]
        case _:
            return found


def _model(name: str) -> bodies.Body:
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 8_192,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def _key(request: web.Request) -> str:
    return request.headers.get("x-goog-api-key") or request.query.get("key", "")


def _texts(contents: Any) -> str:
    parts = contents if isinstance(contents, list) else [contents or {}]
    return "\n".join(part["text"] for content in parts for part in content.get("parts", []) if "text" in part)


def _sent(body: bodies.Body) -> web.Response:
    return web.json_response(body, status=body["error"]["code"])
