"""The audit trail: who did what with whose keys and data; rows are added and never changed."""

from collections.abc import Mapping
from typing import Protocol

from shared.values import UserId


class Audit(Protocol):
    """Records access to keys and acts of administration."""

    async def record(
        self, actor: str, action: str, user: UserId | None, details: Mapping[str, str | int] | None = None
    ) -> None:
        """Keep one entry, dated by the store.

        Args:
            actor: who: `user:ada`, `service:importer`, `process:analyzer`.
            action: what, `noun_verbed`: `key_read`.
            user: whose data was touched; None when it was nobody's in particular.
            details: facts that identify the act; never a secret.

        Raises:
            LedgerUnavailable: it was not kept; what needs an entry must not be done.
        """
        ...
