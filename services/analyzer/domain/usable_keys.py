"""Which key may be used for a user, and what is told when the provider takes it or not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.audit import Actor
from shared.errors import KeyChanged, KeyExpired, KeyRefused
from shared.keys import KeyReader, KeyRegistry, StoredKey
from shared.logs import log
from shared.values import KeyStatus, UserId

_START_OVER_AFTER = timedelta(seconds=1)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class UsableKey:
    """A key that may be tried, and what was known of it."""

    stored: StoredKey
    status: KeyStatus


@dataclass(frozen=True, slots=True)
class UsableKeys:
    """The user's own key where there is one that may be tried; `actor` is who marks keys, for the audit trail."""

    reader: KeyReader
    registry: KeyRegistry
    actor: Actor
    now: Callable[[], datetime] = _now

    async def find(self, user: UserId) -> UsableKey | None:
        """The key to ask with; None when the user has none, or none that may be tried.

        Raises:
            KeysUnavailable: there is one, and the vault cannot be asked for it.
        """
        known = await self.registry.find(user)
        if known is None or not known.usable:
            return None
        stored = await self.reader.read(user)
        if stored is None or stored.version != known.version:
            self.reader.forget(user)  # what was remembered is of another key than the one the registry knows
            stored = await self.reader.read(user)
        return None if stored is None else UsableKey(stored, known.status)

    async def accepted(self, user: UserId, key: UsableKey) -> None:
        """The provider took the key: note its use, and that it is good if that was not known yet."""
        await self.registry.touch(user)
        if key.status is KeyStatus.UNCHECKED:
            await self.registry.mark(
                user,
                version=key.stored.version,
                status=KeyStatus.ACTIVE,
                reason="The provider accepted it.",
                by=self.actor,
            )

    async def refuse(self, user: UserId, key: UsableKey, refusal: KeyRefused) -> None:
        """The provider refused the key: mark it, so that it is not tried again and its owner is told.

        Raises:
            KeyChanged: it is not the user's key any more; the one that took its place deserves its own try.
        """
        status = KeyStatus.EXPIRED if isinstance(refusal, KeyExpired) else KeyStatus.INVALID
        self.reader.forget(user)
        version, reason = key.stored.version, refusal.sentence
        if not await self.registry.mark(user, version=version, status=status, reason=reason, by=self.actor):
            raise KeyChanged("The user's key was changed meanwhile.", until=self.now() + _START_OVER_AFTER)
        log.warning("key_refused", status=status.value, sentence=refusal.sentence)
