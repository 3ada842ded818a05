"""A span for every request, under its caller's when it names one (`traceparent`)."""

from http import HTTPMethod, HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.producer.api.headers import PROBES
from shared.tracing import Kind, Span, Trace, span

_METHODS = frozenset(HTTPMethod)


class Traces:
    """Traces what a request does; tells its route and status, never its address or body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on within its span."""
        if scope["type"] != "http" or scope["path"] in PROBES:
            await self._app(scope, receive, send)
            return
        parent = Trace.read(Headers(scope=scope).get("traceparent"))
        method = scope["method"] if scope["method"] in _METHODS else "_OTHER"
        with span(method, Kind.SERVER, parent=parent, facts={"http.request.method": method}) as request:

            async def watched(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _tell(request, method, scope, message["status"])
                await send(message)

            await self._app(scope, receive, watched)


def _tell(request: Span, method: str, scope: Scope, status: int) -> None:
    request.tell({"http.response.status_code": status})
    if route := getattr(scope.get("route"), "path", None):
        request.rename(f"{method} {route}")
        request.tell({"http.route": route})
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        request.fail(str(status))
