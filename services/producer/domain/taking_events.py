"""What an event asks for is done: a bookmark kept, brought up to date or removed, or a user forgotten."""

from collections.abc import Awaitable, Callable, Mapping

from services.producer.domain.bursts import Bursts
from services.producer.domain.cloudevents import Event, EventType
from services.producer.domain.submissions import new_bookmark
from shared.errors import UnknownUser
from shared.ledger import Ledger, Receipt
from shared.values import UserId

Erase = Callable[[UserId], Awaitable[object]]
"""Deletes everything of a user; raises `UnknownUser` when there is nothing."""


class TakeEvent:
    """Does what an event asks for; doing it again changes nothing."""

    def __init__(self, ledger: Ledger, bursts: Bursts, erase: Erase) -> None:
        """Keep the ledger, who watches for bursts, and how a user is erased."""
        self._ledger = ledger
        self._bursts = bursts
        self._erase = erase

    async def __call__(self, event: Event) -> None:
        """Do it; when this returns, it is in the ledger.

        Raises:
            InvalidInput, InvalidUrl: its data cannot be accepted.
            IdempotencyConflict: its name came before with something else in it.
            LedgerUnavailable, KeysUnavailable: not now; nothing was acknowledged.
        """
        match event.type:
            case EventType.BOOKMARK_CREATED | EventType.BOOKMARK_UPDATED:
                await self._keep(event)
            case EventType.BOOKMARK_DELETED:
                await self._ledger.remove(event.user, urls=[_address(event.data)])
            case EventType.USER_DELETED:
                await self._forget(event.user)

    async def _keep(self, event: Event) -> None:
        receipt = Receipt(source=f"event:{event.source}", key=event.id, digest=event.digest)
        accepted = await self._ledger.submit(event.user, [new_bookmark(event.data)], receipt=receipt)
        await self._bursts.watch(event.user, accepted)

    async def _forget(self, user: UserId) -> None:
        try:
            await self._erase(user)
        except UnknownUser:
            return  # forgotten before, or never known: what was asked for holds


def _address(data: object) -> str:
    url = data.get("url") if isinstance(data, Mapping) else data
    return new_bookmark({"url": url}).url
