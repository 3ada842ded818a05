"""What nobody foresaw: logged once with its traceback, answered as a problem that tells nothing of the inside."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.producer.api.problems import problem_of
from shared.errors import FleetError
from shared.logs import log


class Crashes:
    """Answers in place of a route that crashed; Starlette's own handler would log the crash a second time."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and answer if that crashes before an answer began."""
        began = False

        async def watched(message: Message) -> None:
            nonlocal began
            began = began or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception:
            log.exception("request_crashed")
            if began or scope["type"] != "http":
                raise
            await problem_of(FleetError("Something inside the fleet went wrong while it answered."))(
                scope, receive, send
            )
