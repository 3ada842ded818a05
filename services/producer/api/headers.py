"""What every answer carries, and the one log line a request leaves."""

from time import perf_counter

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.logs import log

PROBES = {"/healthz", "/readyz", "/metrics"}  # asked for every few seconds, by machines


class Headers:
    """Keeps answers from being guessed at, framed, or cached; logs the route, never the address or the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and dress its answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = perf_counter()

        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers.setdefault("Cache-Control", "no-store")
                _log(scope, message["status"], perf_counter() - began)
            await send(message)

        await self._app(scope, receive, dressed)


def _log(scope: Scope, status: int, seconds: float) -> None:
    route = getattr(scope.get("route"), "path", None)
    tell = log.debug if route in PROBES else log.info
    tell("request_answered", method=scope["method"], route=route, status=status, seconds=round(seconds, 3))
