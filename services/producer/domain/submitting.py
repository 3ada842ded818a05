"""Accepting bookmarks: checked as a whole, then kept as a whole; the same request twice is accepted once."""

import hashlib
import json
import re
from collections.abc import Sequence

from services.producer.domain.bursts import Bursts
from services.producer.domain.submissions import MOST_BOOKMARKS, new_bookmarks
from shared.errors import InvalidInput
from shared.ledger import Accepted, Ledger, Receipt
from shared.values import UserId

_ACCEPTABLE_KEY = re.compile(r"[\x21-\x7e]{1,200}")


class SubmitBookmarks:
    """Takes what a caller sends as one bookmark or a list of them."""

    def __init__(self, ledger: Ledger, bursts: Bursts) -> None:
        self._ledger = ledger
        self._bursts = bursts

    async def __call__(
        self, user: UserId, data: object, *, source: str, idempotency_key: str | None = None
    ) -> list[Accepted]:
        """Keep the bookmarks and queue their work; one answer each, in order.

        Args:
            user: whose they are.
            data: a bookmark as an object, a URL alone, or a list of up to 1,000 of either.
            source: where it comes from (`http`, `python`); idempotency keys of different sources never meet.
            idempotency_key: names the request: sent again, it answers what it answered, and keeps nothing new.

        Raises:
            InvalidInput, InvalidUrl: something in it cannot be accepted; nothing was.
            IdempotencyConflict: the key named a different request before.
        """
        bookmarks = new_bookmarks(data)
        receipt = None
        if idempotency_key is not None:
            receipt = Receipt(source=source, key=_checked(idempotency_key), digest=_digest(data))
        accepted = await self._ledger.submit(user, bookmarks, receipt=receipt)
        await self._bursts.watch(user, accepted)
        return accepted

    async def however_many(self, user: UserId, items: Sequence[object], *, source: str) -> list[Accepted]:
        """Keep bookmarks by as many at a time as may be handed in; one answer each, in order.

        Raises:
            InvalidInput, InvalidUrl: something cannot be accepted; those that were handed in before it are kept.
        """
        accepted: list[Accepted] = []
        for start in range(0, len(items), MOST_BOOKMARKS):
            accepted += await self(user, list(items[start : start + MOST_BOOKMARKS]), source=source)
        return accepted


def _checked(key: str) -> str:
    if not _ACCEPTABLE_KEY.fullmatch(key):
        raise InvalidInput("The Idempotency-Key must be 1 to 200 visible ASCII characters.")
    return key


def _digest(data: object) -> str:
    return hashlib.sha256(json.dumps(data, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
