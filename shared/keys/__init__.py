"""Users' API keys: the vault that holds them, and the registry that knows of them without knowing them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType, Protocol

from pydantic import SecretStr

from shared.audit import Actor
from shared.values import KeyStatus, UserId

ApiKey = NewType("ApiKey", SecretStr)
"""A key's plaintext, hidden from repr and logs; from `shared.keys.plaintext.api_key`, which refuses unusable text."""

DEPLOYMENT = UserId("_deployment")
"""The owner of the deployment's default key, which is kept like a user's; no user's id may begin so."""

RENEWED = "Its calls are to be had again."
"""Why a key that was exhausted is active again without having been tried."""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as the analyzer reads it, with the vault's version of it."""

    key: ApiKey
    version: int


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What is known of a user's key, without the key."""

    user: UserId
    name: str
    status: KeyStatus
    reason: str | None
    fingerprint: str
    version: int
    created_at: datetime
    checked_at: datetime | None
    last_used_at: datetime | None

    @property
    def usable(self) -> bool:
        """Whether calls may be tried with it; an exhausted one is held back by its quota, and tried when that opens."""
        return self.status in {KeyStatus.ACTIVE, KeyStatus.UNCHECKED, KeyStatus.EXHAUSTED}


class KeyWriter(Protocol):
    """The front door's side of the vault: it can put keys in and take them out, and cannot read them."""

    async def put(self, user: UserId, key: ApiKey) -> int:
        """Store a user's key in place of the one before; the vault's version of it.

        Raises:
            KeysUnavailable: the vault is sealed or away; nothing was stored.
        """
        ...

    async def remove(self, user: UserId) -> None:
        """Destroy a user's key with all its versions; no error when there is none.

        Raises:
            KeysUnavailable: the vault is sealed or away.
        """
        ...


class KeyReader(Protocol):
    """The analyzer's side of the vault: it can read keys and change nothing."""

    async def read(self, user: UserId) -> StoredKey | None:
        """A user's key, or None when there is none; may be up to a minute old.

        Raises:
            KeysUnavailable: the vault is sealed or away.
        """
        ...

    def forget(self, user: UserId) -> None:
        """Drop what is remembered of a user's key, so that the next read asks the vault."""
        ...


class KeyRegistry(Protocol):
    """Name, status, fingerprint and times of every key, in PostgreSQL; raises `LedgerUnavailable`.

    Each change is in the audit trail with who made it, in the transaction of the change.
    """

    async def record(
        self,
        user: UserId,
        *,
        name: str,
        fingerprint: str,
        version: int,
        status: KeyStatus,
        reason: str | None,
        by: Actor,
    ) -> None:
        """Keep what is known of a freshly stored key, in place of the one before."""
        ...

    async def find(self, user: UserId) -> KeyRecord | None:
        """What is known of a user's key."""
        ...

    async def holders(self, fingerprint: str) -> Sequence[UserId]:
        """Whose keys have this fingerprint: more than one when a key is shared; for the fleet's own eyes."""
        ...

    async def mark(
        self,
        user: UserId,
        *,
        version: int,
        status: KeyStatus,
        reason: str,
        by: Actor,
        exhausted_until: datetime | None = None,
    ) -> bool:
        """Change the status of this version of a key and queue the event `key.status_changed`.

        Args:
            user: whose key it is.
            version: the vault's version of the key that this was learned of.
            status: what it is now.
            reason: why, for a person.
            by: who found out.
            exhausted_until: when `renew` shall make it active again; None for never.

        Returns:
            False when the key was replaced or removed meanwhile; nothing changed then.
        """
        ...

    async def renew(self, *, by: Actor) -> int:
        """Mark the exhausted keys whose time has come as active again; how many, of a great many some at a time."""
        ...

    async def touch(self, user: UserId) -> None:
        """Note that the key was just used."""
        ...

    async def remove(self, user: UserId, *, by: Actor) -> bool:
        """Forget a user's key; whether there was one."""
        ...


TRIES_COUNT_FOR = timedelta(hours=1)
"""How long a key that was offered counts as a try."""


class KeyTries(Protocol):
    """Counts the keys offered for each user, over all processes; raises `LedgerUnavailable`.

    The audit trail is what is counted, so nothing that drops a user's data makes room for more tries.
    """

    async def offer(self, user: UserId, *, fingerprint: str, by: Actor) -> None:
        """Count a key that is offered and record it, before anybody is asked about it.

        Its name is not recorded: that is the user's own words, and the audit trail outlives an erasure.

        Raises:
            TooManyTries: as many as may be were offered within the hour; this one does not count.
        """
        ...

    async def refused(self, user: UserId, *, fingerprint: str, code: str, by: Actor) -> int:
        """Record that the provider refused a key that was offered; how many it refused within the hour, this one too.

        Args:
            user: for whom it was offered.
            fingerprint: the key's.
            code: of the refusal.
            by: who offered it.
        """
        ...
