"""Key sets fetched from where the identity provider publishes them, remembered, and fetched anew in time.

Keys change at the provider, so they are asked for again every few minutes, and at once when a token names one that is
not known, though never more often than every few seconds: anybody can send tokens with made-up key ids. While the
provider is away the keys serve on for a while; then no token of its is believed until it is back.
"""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus

import aiohttp

from shared.errors import IdentityProviderAway, KeySetUnusable
from shared.identity import VerifyingKey
from shared.identity.in_memory import InMemoryKeySet
from shared.logs import log

_FRESH_S = 300.0
_OLDEST_S = 3600.0
_BETWEEN_TRIES_S = 10.0
_PATIENCE = aiohttp.ClientTimeout(total=5)
_LARGEST_BYTES = 256 * 1024


class FetchedKeySet:
    """Keeps the promises of `shared.identity.KeySet` with the JWKS at an address."""

    def __init__(self, url: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Keep the address; the first token fetches. `clock` counts seconds."""
        self._url = url
        self._clock = clock
        self._fetching = asyncio.Lock()
        self._keys: InMemoryKeySet | None = None
        self._fetched_at = self._tried_at = -_OLDEST_S
        self._trouble = "it was not asked yet"

    async def find(self, key_id: str | None) -> VerifyingKey | None:
        """The key of this id, fetched anew first when it is not known or the keys are no longer fresh."""
        found = await self._find(key_id)
        if found is None or self._age > _FRESH_S:
            await self._refresh()
            found = await self._find(key_id)
        if self._keys is None:
            raise IdentityProviderAway(self._trouble)
        return found

    @property
    def _age(self) -> float:
        return self._clock() - self._fetched_at

    async def _find(self, key_id: str | None) -> VerifyingKey | None:
        if self._keys is not None and self._age > _OLDEST_S:
            self._keys = None
        return None if self._keys is None else await self._keys.find(key_id)

    async def _refresh(self) -> None:
        """Fetch the keys, unless that was tried a moment ago; whoever asks meanwhile waits for the same answer."""
        async with self._fetching:
            if self._clock() - self._tried_at < _BETWEEN_TRIES_S:
                return
            try:
                self._keys = InMemoryKeySet(await _document(self._url))
                self._fetched_at = self._clock()
            except (aiohttp.ClientError, TimeoutError, OSError, KeySetUnusable) as error:
                self._trouble = error.why if isinstance(error, KeySetUnusable) else type(error).__name__
                log.warning("identity_keys_stale", why=self._trouble)
            finally:
                self._tried_at = self._clock()


async def _document(url: str) -> bytes:
    async with (
        aiohttp.ClientSession(timeout=_PATIENCE) as session,
        session.get(url, allow_redirects=False) as answer,
    ):
        if answer.status != HTTPStatus.OK:
            raise KeySetUnusable(f"it answered {answer.status}")
        text = bytearray()
        async for part in answer.content.iter_any():
            text += part
            if len(text) > _LARGEST_BYTES:
                raise KeySetUnusable("its answer is too large")
        return bytes(text)
