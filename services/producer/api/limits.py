"""The largest body that is read: announced larger, it is refused unread; grown larger, it is cut."""

from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.producer.api.problems import problem_of
from shared.errors import TooLarge


class BodyLimit:
    """Counts what a request brings (FastAPI's own limit answers with plain text instead of a problem)."""

    def __init__(self, app: ASGIApp, *, most_bytes: int) -> None:
        self._app = app
        self._most = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer that it is too large."""
        announced = Headers(scope=scope).get("content-length", "") if scope["type"] == "http" else ""
        if announced.isdecimal() and int(announced) > self._most:
            await problem_of(TooLarge("The request holds more than is read at once."))(scope, receive, send)
        else:
            await self._app(scope, self._counting(receive), send)

    def _counting(self, receive: Receive) -> Receive:
        brought = 0

        async def counted() -> Message:
            nonlocal brought
            message = await receive()
            brought += len(message.get("body", b""))
            if brought > self._most:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)  # the one kind FastAPI lets through
            return message

        return counted
