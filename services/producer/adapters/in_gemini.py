"""Checks keys with Gemini by reading the model's description, which costs no quota; the key travels in a header."""

import json
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import aiohttp

from shared.errors import KeyExpired, KeyRefused, ProviderDown
from shared.keys import ApiKey
from shared.settings import GeminiSettings

_PATIENCE = aiohttp.ClientTimeout(total=10, connect=5)
_LONGEST_ANSWER_BYTES = 64 * 1024
_ASK_AGAIN_AFTER = timedelta(minutes=1)


class GeminiKeyCheck:
    """Keeps the promises of `services.producer.domain.adding_keys.KeyCheck`."""

    def __init__(self, settings: GeminiSettings) -> None:
        model = quote(settings.gemini_model, safe="")
        self._address = f"{settings.gemini_base_url.rstrip('/')}/{settings.gemini_api_version}/models/{model}"

    async def __call__(self, key: ApiKey) -> None:
        """Return when Gemini accepts the key, raise `KeyRefused` when not, `ProviderDown` when nobody knows."""
        headers = {"x-goog-api-key": key.get_secret_value()}
        try:
            async with (
                aiohttp.ClientSession(timeout=_PATIENCE, headers=headers) as session,
                session.get(self._address, allow_redirects=False) as answer,  # a redirect would carry the key away
            ):
                if answer.status == HTTPStatus.OK:
                    return
                raise _refusal(answer.status, await _error_of(answer)) or _unknown(f"it answered {answer.status}")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unknown(type(error).__name__) from None  # the error's text and request hold the key's header


def _unknown(why: str) -> ProviderDown:
    return ProviderDown(f"Gemini cannot be asked about the key: {why}.", until=datetime.now(UTC) + _ASK_AGAIN_AFTER)


def _refusal(status: int, error: dict[str, Any]) -> KeyRefused | None:
    """Gemini's error in our words, as its own could repeat the key; None when it says nothing against the key."""
    details = [detail for detail in error.get("details", ()) if isinstance(detail, dict)]
    reasons = {detail.get("reason") for detail in details}
    if "API_KEY_INVALID" in reasons:
        expired = "expired" in str(error.get("message")).lower()
        return KeyExpired("it has expired") if expired else KeyRefused("it does not know this key")
    if "SERVICE_DISABLED" in reasons:
        return KeyRefused("the Gemini API is switched off in the key's project")
    if status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}:
        return KeyRefused("the key may not use this model")
    return None


async def _error_of(answer: aiohttp.ClientResponse) -> dict[str, Any]:
    try:
        body = json.loads(await answer.content.read(_LONGEST_ANSWER_BYTES))
        return dict(body["error"])
    except (ValueError, TypeError, LookupError):
        return {}
