"""Users' API keys: checked with the provider, put into the vault, known to the registry, and taken out again.

The order of the writes makes a crash between any two of them harmless: each state on the way is one the fleet can
work in, nobody was told "done" yet, and the same call again completes it.

1. The provider is asked; a refused key is not written anywhere.
2. The audit entry `key_offered` is kept, so that no write goes unrecorded.
3. The vault gets the key as a new version. Until step 4 the registry still tells of the version before, so that no
   refusal of the old key can mark the new one.
4. The registry gets name, fingerprint, version and status, with its own audit entry and event: the key is known.
5. What waited for it is queued again and woken; both can be done any number of times.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

from shared.audit import Actor, Audit
from shared.errors import KeyRefused, NotFound, ProviderDown
from shared.keys import ApiKey, KeyRecord, KeyRegistry, KeyWriter
from shared.keys.plaintext import key_name
from shared.ledger import Ledger
from shared.values import KeyStatus, Stage, UserId, WaitReason

DEFAULT_NAME = "default"
_UNCHECKED = "The provider could not be asked when the key was added; the first analysis will show whether it works."
_WAITS_A_KEY_ENDS = (WaitReason.NO_KEY, WaitReason.KEY_REFUSED)


class NoKey(NotFound):
    """The user has no API key here."""

    code = "no_api_key"
    advice = "Add one: PUT /v1/users/{user}/api-key, or `fleet key add --user U`."

    def __init__(self) -> None:
        super().__init__("This user has no API key here.")


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


class AddKey:
    """Checks and stores a user's key in place of the one before."""

    def __init__(
        self,
        *,
        check: KeyCheck,
        writer: KeyWriter,
        registry: KeyRegistry,
        ledger: Ledger,
        audit: Audit,
        fingerprint: Callable[[ApiKey], Awaitable[str]],
    ) -> None:
        self._check = check
        self._writer = writer
        self._registry = registry
        self._ledger = ledger
        self._audit = audit
        self._fingerprint = fingerprint

    async def __call__(self, user: UserId, key: ApiKey, *, name: str, by: Actor) -> KeyAdded:
        """Add the key.

        Raises:
            InvalidKeyName: the name cannot be used; nothing was stored.
            KeyRefused: the provider does not accept it; nothing was stored.
            KeysUnavailable: the vault is away; nothing was stored.
        """
        name = key_name(name)
        fingerprint = await self._fingerprint(key)
        status, reason = await self._checked(user, key, fingerprint=fingerprint, by=by)
        details = {"name": name, "fingerprint": fingerprint, "status": status.value}
        await self._audit.record(by, "key_offered", user, details)
        version = await self._writer.put(user, key)
        await self._registry.record(
            user, name=name, fingerprint=fingerprint, version=version, status=status, reason=reason, by=by
        )
        requeued = await self._ledger.requeue_heuristic(user)
        await self._ledger.wake(user, Stage.ANALYZE, reasons=_WAITS_A_KEY_ENDS)
        return KeyAdded(name=name, status=status, reason=reason, requeued=requeued)

    async def _checked(self, user: UserId, key: ApiKey, *, fingerprint: str, by: Actor) -> tuple[KeyStatus, str | None]:
        try:
            await self._check(key)
        except KeyRefused as refusal:
            await self._audit.record(by, "key_refused", user, {"fingerprint": fingerprint, "code": refusal.code})
            raise
        except ProviderDown:
            return KeyStatus.UNCHECKED, _UNCHECKED
        return KeyStatus.ACTIVE, None


class RemoveKey:
    """Destroys a user's key: in the vault first, so that it is gone even when the rest must be done again."""

    def __init__(self, *, writer: KeyWriter, registry: KeyRegistry, audit: Audit) -> None:
        self._writer = writer
        self._registry = registry
        self._audit = audit

    async def __call__(self, user: UserId, *, by: Actor) -> None:
        """Remove the key with all its versions.

        Raises:
            NoKey: there was none.
            KeysUnavailable: the vault is away; the key is still there.
        """
        await self._audit.record(by, "key_removal_asked", user)
        await self._writer.remove(user)
        if not await self._registry.remove(user, by=by):
            raise NoKey


async def known_key(registry: KeyRegistry, user: UserId) -> KeyRecord:
    """What is known of a user's key, without the key.

    Raises:
        NoKey: there is none.
    """
    record = await registry.find(user)
    if record is None:
        raise NoKey
    return record
