"""Users' keys and what is known of them in this process's memory, for tests."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import count

from shared.audit import Actor
from shared.audit.in_memory import InMemoryAudit
from shared.errors import TooManyTries
from shared.keys import RENEWED, TRIES_COUNT_FOR, ApiKey, KeyRecord, StoredKey
from shared.values import KeyStatus, UserId


class InMemoryKeys:
    """Keeps the promises of `shared.keys.KeyWriter` and `KeyReader` together until the process ends."""

    def __init__(self) -> None:
        self._keys: dict[UserId, StoredKey] = {}
        self._versions = count(1)

    async def put(self, user: UserId, key: ApiKey) -> int:
        """Store a key in place of the one before."""
        self._keys[user] = StoredKey(key, next(self._versions))
        return self._keys[user].version

    async def remove(self, user: UserId) -> None:
        """Drop a user's key."""
        self._keys.pop(user, None)

    async def read(self, user: UserId) -> StoredKey | None:
        """A user's key as it is now."""
        return self._keys.get(user)

    def forget(self, user: UserId) -> None:
        """Nothing is remembered beside what is stored."""


class InMemoryKeyRegistry:
    """Keeps the promises of `shared.keys.KeyRegistry`; `events` and `audit` show what is told of its changes."""

    def __init__(self) -> None:
        self.events: list[tuple[UserId, KeyStatus | None]] = []
        self.audit = InMemoryAudit()
        self._records: dict[UserId, KeyRecord] = {}
        self._exhausted_until: dict[UserId, datetime] = {}

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
        """Keep what is known of a freshly stored key."""
        now = datetime.now(UTC)
        checked_at = None if status is KeyStatus.UNCHECKED else now
        self._records[user] = KeyRecord(
            user, name, status, reason, fingerprint, version, now, checked_at, last_used_at=None
        )
        self._exhausted_until.pop(user, None)
        await self._tell(user, "key_added", by=by, status=status, version=version)

    async def find(self, user: UserId) -> KeyRecord | None:
        """What is known of a user's key."""
        return self._records.get(user)

    async def holders(self, fingerprint: str) -> Sequence[UserId]:
        """Whose keys have this fingerprint."""
        return [user for user, known in self._records.items() if known.fingerprint == fingerprint]

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
        """Change the status of this version of a key."""
        known = self._records.get(user)
        if known is None or known.version != version:
            return False
        self._records[user] = replace(known, status=status, reason=reason, checked_at=datetime.now(UTC))
        self._exhausted_until.pop(user, None)
        if exhausted_until:
            self._exhausted_until[user] = exhausted_until
        if known.status is not status:
            await self._tell(user, "key_status_changed", by=by, status=status, version=version)
        return True

    async def renew(self, *, by: Actor) -> int:
        """Mark the exhausted keys whose calls are to be had again as active."""
        now = datetime.now(UTC)
        renewed = [self._records[user] for user, until in self._exhausted_until.items() if until <= now]
        for known in renewed:
            await self.mark(known.user, version=known.version, status=KeyStatus.ACTIVE, reason=RENEWED, by=by)
        return len(renewed)

    async def touch(self, user: UserId) -> None:
        """Note that the key was just used."""
        if user in self._records:
            self._records[user] = replace(self._records[user], last_used_at=datetime.now(UTC))

    async def remove(self, user: UserId, *, by: Actor) -> bool:
        """Forget a user's key."""
        known = self._records.pop(user, None)
        self._exhausted_until.pop(user, None)
        if known is None:
            return False
        await self._tell(user, "key_removed", by=by, status=None, version=known.version)
        return True

    async def _tell(self, user: UserId, action: str, *, by: Actor, status: KeyStatus | None, version: int) -> None:
        self.events.append((user, status))
        await self.audit.record(by, action, user, {"status": status.value if status else "removed", "version": version})


def _now() -> datetime:
    return datetime.now(UTC)


class InMemoryKeyTries:
    """Keeps the promises of `shared.keys.KeyTries` until the process ends; `audit` shows what was recorded."""

    def __init__(
        self, *, per_hour: int = 10, audit: InMemoryAudit | None = None, now: Callable[[], datetime] = _now
    ) -> None:
        self.audit = audit or InMemoryAudit()
        self._per_hour = per_hour
        self._now = now
        self._offers: dict[UserId, list[datetime]] = {}
        self._refusals: dict[UserId, list[datetime]] = {}

    async def offer(self, user: UserId, *, fingerprint: str, by: Actor) -> None:
        """Count a key that is offered, if there is room for it."""
        tries = self._lately(self._offers, user)
        if len(tries) >= self._per_hour:
            raise TooManyTries(tries=self._per_hour, until=tries[-self._per_hour] + TRIES_COUNT_FOR)
        tries.append(self._now())
        await self.audit.record(by, "key_offered", user, {"fingerprint": fingerprint})

    async def refused(self, user: UserId, *, fingerprint: str, code: str, by: Actor) -> int:
        """Record a refusal; how many there were within the hour."""
        refusals = self._lately(self._refusals, user)
        refusals.append(self._now())
        await self.audit.record(by, "key_refused", user, {"fingerprint": fingerprint, "code": code})
        return len(refusals)

    def _lately(self, moments: dict[UserId, list[datetime]], user: UserId) -> list[datetime]:
        began = self._now() - TRIES_COUNT_FOR
        moments[user] = [moment for moment in moments.get(user, []) if moment > began]
        return moments[user]
