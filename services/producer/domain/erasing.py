"""Forgetting a user: the key first, then everything else; done again, it finishes what was begun."""

from shared.audit import Actor, Audit
from shared.errors import UnknownUser
from shared.keys import KeyRegistry, KeyWriter
from shared.ledger import Ledger
from shared.values import UserId


class EraseUser:
    """Deletes everything of a user in the vault and in the ledger; the audit trail keeps that it was done."""

    def __init__(self, *, writer: KeyWriter, registry: KeyRegistry, ledger: Ledger, audit: Audit) -> None:
        self._writer = writer
        self._registry = registry
        self._ledger = ledger
        self._audit = audit

    async def __call__(self, user: UserId, *, by: Actor) -> int:
        """Erase the user; how many bookmarks went.

        Raises:
            UnknownUser: there was nothing.
            KeysUnavailable: the vault is away; nothing was erased.
        """
        await self._audit.record(by, "user_erasure_asked", user)
        await self._writer.remove(user)
        had_key = await self._registry.remove(user, by=by)
        erased = await self._ledger.erase(user, by=by)
        if not erased and not had_key:
            raise UnknownUser(user)
        return erased
