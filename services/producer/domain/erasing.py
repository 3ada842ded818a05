"""Forgetting a user: the key first, then everything else; done again, it finishes what was begun.

1. The audit entry `user_erasure_asked` is kept, so that no erasure goes unrecorded.
2. The vault destroys the key in all its versions, and the registry forgets it: no new call is made with it.
3. The ledger drops all rows in one transaction, with the entry `user_erased`. What runs for the user at this moment
   finds neither job nor lane when it comes back, so it stores nothing, and no further provider call leaves for it.
4. The journal of calls and the quota's counters follow; nothing can bring them back now.
"""

from services.producer.domain.adding_keys import Unlearn
from shared.audit import Actor, Audit
from shared.errors import UnknownUser
from shared.keys import KeyRegistry, KeyWriter
from shared.ledger import Ledger
from shared.quota import account_of, share_of
from shared.usage import UsageJournal
from shared.values import UserId


class EraseUser:
    """Deletes everything of a user in the vault, in PostgreSQL and in Redis; the audit trail keeps that it was done."""

    def __init__(
        self,
        *,
        writer: KeyWriter,
        registry: KeyRegistry,
        ledger: Ledger,
        journal: UsageJournal,
        unlearn: Unlearn,
        audit: Audit,
    ) -> None:
        self._writer = writer
        self._registry = registry
        self._ledger = ledger
        self._journal = journal
        self._unlearn = unlearn
        self._audit = audit

    async def __call__(self, user: UserId, *, by: Actor) -> int:
        """Erase the user; how many bookmarks went.

        Raises:
            UnknownUser: there was nothing.
            KeysUnavailable: the vault is away; nothing was erased.
            QuotaUnavailable: Redis is away, and has counters of the user still; doing it again finishes it.
        """
        await self._audit.record(by, "user_erasure_asked", user)
        await self._writer.remove(user)
        had_key = await self._registry.remove(user, by=by)
        erased = await self._ledger.erase(user, by=by)
        await self._journal.forget(user)
        for account in (account_of(user), share_of(user)):
            await self._unlearn(account)
        if not erased.anything and not had_key:
            raise UnknownUser(user)
        return erased.bookmarks
