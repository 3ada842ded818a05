"""The audit trail: who did what with whose keys and data, and from where; rows are added and never changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from socket import gethostname
from typing import Protocol

from shared.values import UserId


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something, and from where.

    Attributes:
        name: `user:ada`, `service:importer`, `process:analyzer`, `operator:root`.
        origin: the network address a request came from, or the host a command or process runs on.
    """

    name: str
    origin: str


def here(name: str) -> Actor:
    """Somebody who acts on this machine: a process, or a person at a command line."""
    return Actor(name, gethostname())


@dataclass(frozen=True, slots=True)
class Entry:
    """One act as the trail keeps it; `id` grows with time."""

    id: int
    at: datetime
    actor: Actor
    action: str
    user: UserId | None
    details: Mapping[str, str | int]


class Audit(Protocol):
    """Records access to keys and acts of administration."""

    async def record(
        self, actor: Actor, action: str, user: UserId | None, details: Mapping[str, str | int] | None = None
    ) -> None:
        """Keep one entry, dated by the store.

        Args:
            actor: who, and from where.
            action: what, `noun_verbed`: `key_read`.
            user: whose data was touched; None when it was nobody's in particular.
            details: facts that identify the act; never a secret.

        Raises:
            LedgerUnavailable: it was not kept; what needs an entry must not be done.
        """
        ...

    async def newest(
        self, limit: int = 50, *, user: UserId | None = None, before: int | None = None
    ) -> Sequence[Entry]:
        """Entries, newest first: about one user or about all, and only those before the one of this id.

        Raises:
            LedgerUnavailable: nobody can say.
        """
        ...
