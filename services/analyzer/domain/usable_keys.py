"""Which key may be used for a user, and what is told of it when the provider takes it or not."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.audit import Actor
from shared.errors import KeyChanged, KeyExpired, KeyRefused, KeysUnavailable, ProviderQuotaSpent
from shared.keys import KeyReader, KeyRecord, KeyRegistry, StoredKey
from shared.keys.serving import account_charged, owners, source_of
from shared.logs import log
from shared.quota import Account
from shared.values import DefaultKeyPolicy, KeySource, KeyStatus, UserId, WaitReason

_START_OVER_AFTER = timedelta(seconds=1)
_LOOK_AGAIN_AFTER = timedelta(seconds=15)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class UsableKey:
    """A key that may be tried, and what was known of it."""

    stored: StoredKey
    known: KeyRecord

    @property
    def owner(self) -> UserId:
        """The user, or the deployment."""
        return self.known.user

    @property
    def source(self) -> KeySource:
        """Whose key it is, as calls and analyses tell it."""
        return source_of(self.owner)

    @property
    def account(self) -> Account:
        """Whose calls the provider counts when it counts this key's."""
        return account_charged(self.owner)


@dataclass(frozen=True, slots=True)
class UsableKeys:
    """The user's own key or the deployment's default key, as the policy has it.

    Attributes:
        actor: who marks keys, for the audit trail.
    """

    reader: KeyReader
    registry: KeyRegistry
    actor: Actor
    policy: DefaultKeyPolicy = DefaultKeyPolicy.OFF
    now: Callable[[], datetime] = _now

    async def find(self, user: UserId) -> UsableKey | None:
        """The key to ask with; None when there is none that may be tried.

        Raises:
            KeysUnavailable: there is one, and the vault cannot be asked for it, or has lost it.
        """
        lost = False
        for owner in owners(self.policy, user):
            known = await self.registry.find(owner)
            if known is not None and known.usable:
                if (stored := await self._read(known)) is not None:
                    return UsableKey(stored, known)
                lost = True
        if lost:
            raise KeysUnavailable(
                "The vault does not hold the key that was added: restore it, or add the key again.",
                until=self.now() + _LOOK_AGAIN_AFTER,
            )
        return None

    async def accepted(self, key: UsableKey) -> None:
        """The provider took the key: note its use, and that it is good if that was not known."""
        await self.registry.touch(key.owner)
        if key.known.status is not KeyStatus.ACTIVE:
            await self._mark(key, KeyStatus.ACTIVE, "The provider accepted it.")

    async def refuse(self, key: UsableKey, refusal: KeyRefused) -> None:
        """The provider refused the key: mark it, so that it is not tried again and its owner is told.

        Raises:
            KeyChanged: it is not the owner's key any more; the one that took its place deserves its own try.
        """
        status = KeyStatus.EXPIRED if isinstance(refusal, KeyExpired) else KeyStatus.INVALID
        self.reader.forget(key.owner)
        if not await self._mark(key, status, refusal.sentence):
            raise self.changed()
        log.warning("key_refused", key_source=key.source.value, status=status.value, sentence=refusal.sentence)

    async def is_spent(self, key: UsableKey, spent: ProviderQuotaSpent) -> bool:
        """The key's quota is used up: its owner is told when that lasts; whether it is the owner's key still."""
        if spent.reason is WaitReason.QUOTA_MINUTE:
            known = await self.registry.find(key.owner)
            return known is not None and known.version == key.known.version
        reason = f"{spent.sentence} Until {spent.until:%Y-%m-%d %H:%M} UTC."
        return await self._mark(key, KeyStatus.EXHAUSTED, reason, exhausted_until=spent.until)

    def changed(self) -> KeyChanged:
        """What to raise where a key was replaced or removed while it was used."""
        return KeyChanged("The key was changed meanwhile.", until=self.now() + _START_OVER_AFTER)

    async def _read(self, known: KeyRecord) -> StoredKey | None:
        stored = await self.reader.read(known.user)
        if stored is None or stored.version != known.version:
            self.reader.forget(known.user)  # what was remembered is of another key than the one the registry knows
            stored = await self.reader.read(known.user)
        return stored

    async def _mark(
        self, key: UsableKey, status: KeyStatus, reason: str, *, exhausted_until: datetime | None = None
    ) -> bool:
        return await self.registry.mark(
            key.owner,
            version=key.known.version,  # a vault or a ledger out of a back-up may hold another one for good
            status=status,
            reason=reason,
            by=self.actor,
            exhausted_until=exhausted_until,
        )
