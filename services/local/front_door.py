"""The front door as any user reaches it: over HTTP, with a bearer token."""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

from services.local.loopback import open_loopback
from services.local.ports import LOOPBACK
from shared.errors import Permanent, Transient
from shared.tokens import Scope, TokenIssuer
from shared.values import UserId

_TIMEOUT_S = 15.0
_LIFETIME = timedelta(hours=12)
_PAGE = 200


class FrontDoorAway(Transient):
    """The API does not answer, or says that it cannot now."""

    code = "front_door_away"
    advice = "Wait; the fleet starts it again by itself. Its log is logs/api.log in the data folder."

    def __init__(self) -> None:
        super().__init__("The fleet's API does not answer.")


class FrontDoorRefused(Permanent):
    """The API refused a request, with a code, a sentence and advice of its own."""

    code = "front_door_refused"

    def __init__(self, sentence: str, *, code: str = code, advice: str = Permanent.advice) -> None:
        super().__init__(sentence)
        self.code, self.advice = code, advice  # type: ignore[misc]  # the API's own, in place of the class's


class FrontDoor:
    """The API of the fleet on this machine.

    Args:
        port: where it listens.
        secret: what its tokens are signed with.
    """

    def __init__(self, port: int, secret: SecretStr) -> None:
        self.address = f"http://{LOOPBACK}:{port}"
        self._issuer = TokenIssuer(secret)

    @property
    def page(self) -> str:
        """The live page, signed in: the token is behind the #, which no browser sends and no server logs."""
        return f"{self.address}/#token={self._as_operator()}"

    def is_ready(self) -> bool:
        """Whether it takes bookmarks, and is ours: another fleet's does not know our tokens."""
        try:
            with open_loopback(f"{self.address}/readyz", timeout_s=2):
                self._ask_as(self._as_operator(), "GET", "caller")
        except (OSError, FrontDoorAway, FrontDoorRefused):
            return False
        return True

    def submit(self, user: UserId, bookmarks: Sequence[dict[str, Any]]) -> list[int]:
        """Hand in bookmarks; their ids, in order."""
        accepted = self._ask(user, "POST", "bookmarks", list(bookmarks))
        return [int(one["id"]) for one in accepted]

    def bookmarks(self, user: UserId) -> Iterator[dict[str, Any]]:
        """All bookmarks of a user, as the API shows them."""
        cursor = ""
        while True:
            page = self._ask(user, "GET", f"bookmarks?limit={_PAGE}{cursor}")
            yield from page["bookmarks"]
            if page["after"] is None:
                return
            cursor = f"&cursor={page['after']}"

    def overview(self) -> dict[str, Any]:
        """The whole fleet as it stands."""
        found: dict[str, Any] = self._ask_as(self._as_operator(), "GET", "admin/overview")
        return found

    def has_key(self, user: UserId) -> bool:
        """Whether the user has an API key of their own."""
        try:
            self._ask(user, "GET", "api-key")
        except FrontDoorRefused:
            return False
        return True

    def _as_operator(self) -> str:
        return self._issuer.for_service("fleet-up", [Scope.ADMIN], lifetime=_LIFETIME)

    def _ask(self, user: UserId, method: str, what: str, body: object = None) -> Any:
        token = self._issuer.for_user(user, lifetime=timedelta(minutes=5))
        return self._ask_as(token, method, f"users/{quote(user, safe='')}/{what}", body)

    def _ask_as(self, token: str, method: str, what: str, body: object = None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - our own API
            f"{self.address}/v1/{what}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with open_loopback(request, timeout_s=_TIMEOUT_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise _told(error) from error
        except OSError as error:
            raise FrontDoorAway from error


def _told(error: urllib.error.HTTPError) -> FrontDoorAway | FrontDoorRefused:
    with error:
        text = error.read()
    if error.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return FrontDoorAway()
    try:
        problem = json.loads(text)
        return FrontDoorRefused(problem["detail"], code=problem["code"], advice=problem["advice"])
    except (ValueError, KeyError, TypeError):
        return FrontDoorRefused(f"The API answered {error.code}.")
