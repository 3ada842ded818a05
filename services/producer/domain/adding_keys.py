"""API keys, of users and of the deployment: checked with the provider, put into the vault, known to the registry.

The order of the writes makes a crash between any two of them harmless: each state on the way is one the fleet can
work in, nobody was told "done" yet, and the same call again completes it.

1. The try is counted and recorded (`key_offered`): so many an hour, good or bad, and no write goes unrecorded.
2. The provider is asked; a refused key is not written anywhere.
3. The vault gets the key as a new version. Until step 4 the registry still tells of the version before, so that no
   refusal of the old key can mark the new one.
4. The registry gets name, fingerprint, version and status, with its own audit entry and event: the key is known.
5. What the provider taught of the key before is forgotten, and what waited for a key is queued again and woken; all of
   it can be done any number of times. For the default key nothing is queued again: see docs/decisions/0011.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from shared.audit import Actor, Audit
from shared.errors import KeyRefused, NotFound, ProviderDown
from shared.keys import DEPLOYMENT, TRIES_COUNT_FOR, ApiKey, KeyRecord, KeyRegistry, KeyTries, KeyWriter
from shared.keys.plaintext import key_name
from shared.keys.serving import account_charged
from shared.ledger import Ledger
from shared.logs import log
from shared.quota import Account
from shared.signals import SignalKind, Signals
from shared.values import KeyStatus, Stage, UserId, WaitReason

DEFAULT_NAME = "default"
_UNCHECKED = "The provider could not be asked when the key was added; the first analysis will show whether it works."
_WAITS_A_KEY_ENDS = (
    WaitReason.NO_KEY,
    WaitReason.KEY_REFUSED,
    WaitReason.KEYS_UNAVAILABLE,
    WaitReason.QUOTA_MINUTE,
    WaitReason.QUOTA_DAY,
    WaitReason.QUOTA_MONTH,
)
_MINUTES = int(TRIES_COUNT_FOR.total_seconds() // 60)
_MANY_REFUSALS = 3  # within an hour: people mistype once or twice


class NoKey(NotFound):
    """The user has no API key here."""

    code = "no_api_key"
    advice = "Add one: PUT /v1/users/{user}/api-key, or `fleet key add --user U`."

    def __init__(self) -> None:
        super().__init__("This user has no API key here.")


class NoDefaultKey(NoKey):
    """The deployment has no default key."""

    code = "no_default_key"
    advice = "Add one: PUT /v1/admin/default-key, or `fleet key add --default`."

    def __init__(self) -> None:
        NotFound.__init__(self, "The deployment has no default key.")


def no_key_of(owner: UserId) -> NoKey:
    """What to raise where an owner has no key."""
    return NoDefaultKey() if owner == DEPLOYMENT else NoKey()


class KeyCheck(Protocol):
    """Asks the provider whether it accepts a key, by a call that spends nothing."""

    async def __call__(self, key: ApiKey) -> None:
        """Return when the provider accepts the key.

        Raises:
            KeyRefused: it does not.
            ProviderDown: it cannot be asked now, so nobody knows.
        """
        ...


@dataclass(frozen=True, slots=True)
class KeyAdded:
    """What came of adding a key; `requeued` analyses are made anew with it."""

    name: str
    status: KeyStatus
    reason: str | None
    requeued: int


Unlearn = Callable[[Account], Awaitable[None]]
"""Drops what was counted and what the provider taught of an account, whose key is another one now."""


class Waiting:
    """What waits for keys, and for the quota of keys."""

    def __init__(self, *, ledger: Ledger, unlearn: Unlearn) -> None:
        self._ledger = ledger
        self._unlearn = unlearn

    async def goes_on(self, owner: UserId) -> None:
        """An owner's key is another one now, or gone: its waits are over, and what was learned of it is not true.

        Raises:
            QuotaUnavailable, LedgerUnavailable: not all of it was done; do it again.
        """
        await self._unlearn(account_charged(owner))
        if owner == DEPLOYMENT:
            await self._ledger.wake_all(Stage.ANALYZE, reasons=_WAITS_A_KEY_ENDS)
        else:
            await self._ledger.wake(owner, Stage.ANALYZE, reasons=_WAITS_A_KEY_ENDS)


class AddKey:
    """Checks and stores a user's key, or the deployment's, in place of the one before."""

    def __init__(
        self,
        *,
        check: KeyCheck,
        tries: KeyTries,
        writer: KeyWriter,
        registry: KeyRegistry,
        ledger: Ledger,
        waiting: Waiting,
        signals: Signals,
        fingerprint: Callable[[ApiKey], Awaitable[str]],
    ) -> None:
        self._check = check
        self._tries = tries
        self._writer = writer
        self._registry = registry
        self._ledger = ledger
        self._waiting = waiting
        self._signals = signals
        self._fingerprint = fingerprint

    async def __call__(self, user: UserId, key: ApiKey, *, name: str, by: Actor) -> KeyAdded:
        """Add the key.

        Raises:
            InvalidKeyName: the name cannot be used; nothing was stored.
            TooManyTries: too many keys were offered for the user within the hour; nobody was asked.
            KeyRefused: the provider does not accept it; nothing was stored.
            KeysUnavailable: the vault is away; nothing was stored.
            QuotaUnavailable, LedgerUnavailable: not all of it was done; the same call again completes it.
        """
        name = key_name(name)
        fingerprint = await self._fingerprint(key)
        await self._tries.offer(user, fingerprint=fingerprint, by=by)
        status, reason = await self._checked(user, key, fingerprint=fingerprint, by=by)
        version = await self._writer.put(user, key)
        await self._registry.record(
            user, name=name, fingerprint=fingerprint, version=version, status=status, reason=reason, by=by
        )
        await self._note_sharing(fingerprint)
        requeued = await self._ledger.requeue_heuristic(user)
        await self._waiting.goes_on(user)
        return KeyAdded(name=name, status=status, reason=reason, requeued=requeued)

    async def _checked(self, user: UserId, key: ApiKey, *, fingerprint: str, by: Actor) -> tuple[KeyStatus, str | None]:
        try:
            await self._check(key)
        except KeyRefused as refusal:
            refused = await self._tries.refused(user, fingerprint=fingerprint, code=refusal.code, by=by)
            if refused >= _MANY_REFUSALS:
                await self._signals.note(user, SignalKind.BAD_KEYS, {"keys": refused, "minutes": _MINUTES})
            raise
        except ProviderDown:
            return KeyStatus.UNCHECKED, _UNCHECKED
        return KeyStatus.ACTIVE, None

    async def _note_sharing(self, fingerprint: str) -> None:
        """A key that several have is taken all the same; each of them is flagged, and none learns of the others."""
        holders = await self._registry.holders(fingerprint)
        if len(holders) > 1:
            facts = {"users": len(holders)}
            log.warning("shared_key_noted", **facts)
            for holder in holders:
                await self._signals.note(holder, SignalKind.SHARED_KEY, facts, quiet=TRIES_COUNT_FOR)


class RemoveKey:
    """Destroys a key: in the vault first, so that it is gone even when the rest must be done again."""

    def __init__(self, *, writer: KeyWriter, registry: KeyRegistry, waiting: Waiting, audit: Audit) -> None:
        self._writer = writer
        self._registry = registry
        self._waiting = waiting
        self._audit = audit

    async def __call__(self, user: UserId, *, by: Actor) -> None:
        """Remove the key with all its versions.

        Raises:
            NoKey: there was none.
            KeysUnavailable: the vault is away; the key is still there.
            QuotaUnavailable, LedgerUnavailable: the key is gone, and what waits for its quota waits on; do it again.
        """
        await self._audit.record(by, "key_removal_asked", user)
        await self._writer.remove(user)
        had_key = await self._registry.remove(user, by=by)
        await self._waiting.goes_on(user)
        if not had_key:
            raise no_key_of(user)


async def known_key(registry: KeyRegistry, user: UserId) -> KeyRecord:
    """What is known of an owner's key, without the key.

    Raises:
        NoKey: there is none.
    """
    record = await registry.find(user)
    if record is None:
        raise no_key_of(user)
    return record
