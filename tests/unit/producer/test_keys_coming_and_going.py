"""Adding and removing keys: what is asked, what is written, in which order, and what a crash leaves."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest

from services.producer.domain.adding_keys import AddKey, NoDefaultKey, NoKey, RemoveKey, Waiting, known_key
from services.producer.domain.erasing import EraseUser
from shared.audit import Actor
from shared.audit.in_memory import InMemoryAudit
from shared.errors import (
    FleetError,
    InvalidKeyName,
    KeyRefused,
    KeysUnavailable,
    LedgerUnavailable,
    ProviderDown,
    TooManyTries,
    UnknownUser,
)
from shared.keys import DEPLOYMENT, ApiKey
from shared.keys.in_memory import InMemoryKeyRegistry, InMemoryKeys, InMemoryKeyTries
from shared.keys.plaintext import api_key
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import RetryPolicy, stage_policies
from shared.quota import DEFAULT_KEY, Account, Learned, LimitSource, WindowName, account_of
from shared.quota.in_memory import InMemoryQuota
from shared.quota.opening import OpenQuota
from shared.settings import DispatchSettings
from shared.signals import SignalKind
from shared.signals.in_memory import InMemorySignals
from shared.usage.in_memory import InMemoryUsage
from shared.users import user_id
from shared.values import KeyStatus, Stage, UserId, WaitReason
from tests.quotas import limits_of

ADA, BOB, EVE = user_id("ada"), user_id("bob"), user_id("eve")
KEY = api_key("AIzaSy-a-key-of-the-tests-0123456789")
ANOTHER = api_key("AIzaSy-another-key-of-the-tests-0123")
BY = Actor("user:ada", "192.0.2.7")
LATER = datetime.now(UTC) + timedelta(days=1)  # a long run of tests must not outlive it


class Failing:
    """A neighbour whose named methods fail once each."""

    def __init__(self, real: Any, **errors: FleetError) -> None:
        self._real = real
        self._errors = errors

    def __getattr__(self, name: str) -> Any:
        if error := self._errors.pop(name, None):
            return lambda *_, **__: _raise(error)
        return getattr(self._real, name)


async def _raise(error: FleetError) -> None:
    raise error


async def fingerprint(key: ApiKey) -> str:
    return sha256(key.get_secret_value().encode()).hexdigest()


@dataclass
class Door:
    """The use cases with every neighbour in memory."""

    answer: FleetError | None = None
    asked: list[ApiKey] = field(default_factory=list)
    vault: Any = field(default_factory=InMemoryKeys)
    registry: Any = field(default_factory=InMemoryKeyRegistry)
    audit: InMemoryAudit = field(default_factory=InMemoryAudit)
    tries: Any = None
    signals: InMemorySignals = field(default_factory=InMemorySignals)
    quota: Any = None
    ledger: Any = field(
        default_factory=lambda: MemoryLedger(policies=stage_policies(DispatchSettings()), retries=RetryPolicy())
    )

    journal: Any = field(default_factory=InMemoryUsage)

    def __post_init__(self) -> None:
        self.tries = InMemoryKeyTries(audit=self.audit)
        limits = limits_of()
        self.quota = OpenQuota(InMemoryQuota(limits=limits), limits)

    async def check(self, key: ApiKey) -> None:
        self.asked.append(key)
        if self.answer:
            raise self.answer

    async def add(self, key: ApiKey = KEY, name: str = "mine", user: UserId = ADA) -> Any:
        use_case = AddKey(
            check=self.check,
            tries=self.tries,
            writer=self.vault,
            registry=self.registry,
            ledger=self.ledger,
            waiting=self.waiting(),
            signals=self.signals,
            fingerprint=fingerprint,
        )
        return await use_case(user, key, name=name, by=BY)

    async def remove(self, user: UserId = ADA) -> None:
        use_case = RemoveKey(writer=self.vault, registry=self.registry, waiting=self.waiting(), audit=self.audit)
        await use_case(user, by=BY)

    def waiting(self) -> Waiting:
        return Waiting(ledger=self.ledger, unlearn=self.quota.forget)

    async def erase(self) -> int:
        use_case = EraseUser(
            writer=self.vault,
            registry=self.registry,
            ledger=self.ledger,
            journal=self.journal,
            unlearn=self.quota.forget,
            audit=self.audit,
        )
        return await use_case(ADA, by=BY)

    def acts(self) -> list[str]:
        return [entry.action for entry in self.audit.entries]


async def test_a_key_the_provider_accepts_is_stored_and_known() -> None:
    door = Door()

    added = await door.add()

    assert (added.status, added.reason) == (KeyStatus.ACTIVE, None)
    stored = await door.vault.read(ADA)
    record = await known_key(door.registry, ADA)
    assert (stored.key, stored.version) == (KEY, record.version)
    assert (record.name, record.status) == ("mine", KeyStatus.ACTIVE)


async def test_a_refused_key_is_not_stored_and_the_try_is_recorded() -> None:
    door = Door(answer=KeyRefused("it does not know this key"))

    with pytest.raises(KeyRefused):
        await door.add()

    assert await door.vault.read(ADA) is None
    assert await door.registry.find(ADA) is None
    assert door.acts() == ["key_offered", "key_refused"]


async def test_a_refused_key_leaves_the_one_before_as_it_was() -> None:
    door = Door()
    await door.add()
    door.answer = KeyRefused("it does not know this key")

    with pytest.raises(KeyRefused):
        await door.add(ANOTHER)

    assert (await door.vault.read(ADA)).key == KEY
    assert (await known_key(door.registry, ADA)).status is KeyStatus.ACTIVE


async def test_a_key_nobody_could_check_is_stored_as_unchecked_and_says_so() -> None:
    door = Door(answer=ProviderDown("Gemini cannot be asked.", until=LATER))

    added = await door.add()

    assert added.status is KeyStatus.UNCHECKED
    assert "could not be asked" in str(added.reason)
    assert (await known_key(door.registry, ADA)).status is KeyStatus.UNCHECKED


async def test_a_name_nobody_could_read_is_refused_before_anybody_is_asked() -> None:
    door = Door()

    with pytest.raises(InvalidKeyName):
        await door.add(name="two\nlines")

    assert not door.asked
    assert door.acts() == []


def _unavailable() -> FleetError:
    return LedgerUnavailable("PostgreSQL cannot be reached.")


@pytest.mark.parametrize(
    "break_it",
    [
        lambda door: setattr(door, "vault", Failing(door.vault, put=KeysUnavailable("sealed", until=LATER))),
        lambda door: setattr(door, "registry", Failing(door.registry, record=_unavailable())),
        lambda door: setattr(door, "ledger", Failing(door.ledger, requeue_heuristic=_unavailable())),
        lambda door: setattr(door, "quota", Failing(door.quota, forget=_unavailable())),
        lambda door: setattr(door, "ledger", Failing(door.ledger, wake=_unavailable())),
    ],
    ids=["vault", "registry", "requeue", "unlearn", "wake"],
)
async def test_wherever_adding_stops_doing_it_again_completes_it(break_it: Callable[[Door], None]) -> None:
    door = Door()
    break_it(door)
    with pytest.raises(FleetError):
        await door.add()
    record = await door.registry.find(ADA)
    stored = await door.vault.read(ADA)
    assert record is None or (record.version == stored.version)
    assert door.acts() == ["key_offered"]

    await door.add()

    assert (await door.vault.read(ADA)).version == (await known_key(door.registry, ADA)).version


async def test_a_crash_while_replacing_leaves_no_refusal_of_the_old_key_that_marks_the_new_one() -> None:
    door = Door()
    await door.add()
    old = await known_key(door.registry, ADA)
    door.registry = Failing(door.registry, record=_unavailable())
    with pytest.raises(LedgerUnavailable):
        await door.add(ANOTHER)

    await door.add(ANOTHER)

    assert not await door.registry.mark(ADA, version=old.version, status=KeyStatus.INVALID, reason="refused", by=BY)
    assert (await known_key(door.registry, ADA)).status is KeyStatus.ACTIVE


async def test_nothing_is_stored_that_could_not_be_recorded() -> None:
    door = Door()
    door.tries = Failing(door.tries, offer=_unavailable())

    with pytest.raises(LedgerUnavailable):
        await door.add()

    assert not door.asked
    assert await door.vault.read(ADA) is None


async def test_a_removed_key_is_gone_from_the_vault_even_when_the_registry_could_not_be_told() -> None:
    door = Door()
    await door.add()
    door.registry = Failing(door.registry, remove=_unavailable())

    with pytest.raises(LedgerUnavailable):
        await door.remove()
    assert await door.vault.read(ADA) is None

    await door.remove()
    with pytest.raises(NoKey):
        await known_key(door.registry, ADA)


async def test_removing_a_key_that_is_not_there_says_so() -> None:
    with pytest.raises(NoKey):
        await Door().remove()


async def test_erasing_a_user_takes_key_and_bookmarks() -> None:
    door = Door()
    await door.add()

    assert await door.erase() == 0
    assert await door.vault.read(ADA) is None
    with pytest.raises(UnknownUser):
        await door.erase()
    assert door.acts() == ["key_offered", "user_erasure_asked", "user_erasure_asked"]


async def test_no_audit_entry_holds_the_key() -> None:
    door = Door()
    await door.add()
    door.answer = KeyRefused("it does not know this key")
    with pytest.raises(KeyRefused):
        await door.add()

    assert KEY.get_secret_value() not in repr(door.audit.entries) + repr(door.registry.events)


# ---- tries and signs ------------------------------------------------------------------------------


async def signs(door: Door) -> list[tuple[UserId, SignalKind, dict[str, Any]]]:
    return [(sign.user, sign.kind, dict(sign.details)) for sign in await door.signals.newest()]


async def test_a_key_too_many_is_told_before_anybody_is_asked() -> None:
    door = Door()
    door.tries = InMemoryKeyTries(per_hour=2)
    await door.add()
    door.answer = KeyRefused("it does not know this key")
    with pytest.raises(KeyRefused):
        await door.add(ANOTHER)
    door.asked.clear()
    door.answer = None

    with pytest.raises(TooManyTries):
        await door.add()
    await door.add(user=BOB)

    assert len(door.asked) == 1
    assert (await door.vault.read(ADA)).key == KEY


async def test_a_name_that_cannot_be_used_costs_no_try() -> None:
    door = Door()
    door.tries = InMemoryKeyTries(per_hour=1)
    with pytest.raises(InvalidKeyName):
        await door.add(name=" ")

    await door.add()


async def test_key_after_key_that_is_refused_is_a_sign_and_one_or_two_are_not() -> None:
    door = Door(answer=KeyRefused("it does not know this key"))
    for _ in range(2):
        with pytest.raises(KeyRefused):
            await door.add()
    assert await signs(door) == []

    with pytest.raises(KeyRefused):
        await door.add(ANOTHER)

    assert await signs(door) == [(ADA, SignalKind.BAD_KEYS, {"keys": 3, "minutes": 60})]


async def test_a_key_of_two_users_is_taken_and_both_are_flagged_without_the_others_name() -> None:
    door = Door()
    await door.add(user=BOB)
    await door.add(ANOTHER, user=EVE)
    assert await signs(door) == []

    assert (await door.add()).status is KeyStatus.ACTIVE

    found = await signs(door)
    assert sorted(user for user, *_ in found) == [ADA, BOB]
    assert [(kind, details) for _, kind, details in found] == [(SignalKind.SHARED_KEY, {"users": 2})] * 2
    assert (await door.vault.read(BOB)).key == (await door.vault.read(ADA)).key == KEY


async def test_a_key_that_is_added_again_by_its_only_owner_is_not_shared() -> None:
    door = Door()
    await door.add()
    await door.add()

    assert await signs(door) == []


@pytest.mark.parametrize("reason", list(WaitReason))
async def test_a_new_key_ends_waits_for_a_key_and_for_the_quota_of_the_one_before(reason: WaitReason) -> None:
    door = Door()
    woken: list[Any] = []

    async def wake(user: UserId, stage: Stage, *, reasons: Any) -> bool:
        woken.append((user, stage, reason in reasons))
        return True

    door.ledger.wake = wake
    await door.add()

    of_the_key = {WaitReason.NO_KEY, WaitReason.KEY_REFUSED, WaitReason.KEYS_UNAVAILABLE}
    ends = reason in of_the_key | {WaitReason.QUOTA_MINUTE, WaitReason.QUOTA_DAY, WaitReason.QUOTA_MONTH}
    assert woken == [(ADA, Stage.ANALYZE, ends)]


# ---- what the provider taught of the key before ---------------------------------------------------


async def taught(door: Door, account: Account) -> bool:
    """Whether anything is known of the account that the provider said of its key."""
    learned = (await door.quota.limits.in_force(account)).day.source is LimitSource.PROVIDER
    closed = (await door.quota.permits.status(account)).day.closed_until is not None
    assert learned == closed
    return learned


async def teach(door: Door, *accounts: Account) -> None:
    for account in accounts:
        await door.quota.limits.learn(account, Learned(WindowName.DAY, 20, "PerDay"))
        await door.quota.permits.close(account, WindowName.DAY, LATER)


async def test_a_new_key_starts_without_what_the_provider_said_of_the_one_before() -> None:
    door = Door()
    await door.add()
    await teach(door, account_of(ADA), account_of(BOB), DEFAULT_KEY)

    await door.add(ANOTHER)

    assert not await taught(door, account_of(ADA))
    assert await taught(door, account_of(BOB))
    assert await taught(door, DEFAULT_KEY)


async def test_a_removed_key_leaves_nothing_of_what_the_provider_said_of_it_nor_anything_that_waits_for_it() -> None:
    door = Door()
    await door.add()
    await teach(door, account_of(ADA))
    woken: list[Any] = []

    async def wake(user: UserId, stage: Stage, *, reasons: Any) -> bool:
        woken.append((user, stage, WaitReason.QUOTA_DAY in reasons))
        return True

    door.ledger.wake = wake
    await door.remove()

    assert not await taught(door, account_of(ADA))
    assert woken == [(ADA, Stage.ANALYZE, True)]


async def test_a_key_is_gone_everywhere_also_when_its_quota_could_not_be_told() -> None:
    door = Door()
    await door.add()
    await teach(door, account_of(ADA))
    door.quota = Failing(door.quota, forget=_unavailable())

    with pytest.raises(LedgerUnavailable):
        await door.remove()
    assert await door.registry.find(ADA) is None

    with pytest.raises(NoKey):
        await door.remove()
    assert not await taught(door, account_of(ADA))


# ---- the deployment's default key -----------------------------------------------------------------


async def test_the_default_key_is_kept_like_a_users_and_wakes_everybody() -> None:
    door = Door()
    await teach(door, DEFAULT_KEY, account_of(ADA))
    woken: list[Any] = []

    async def wake_all(stage: Stage, *, reasons: Any) -> int:
        woken.append((stage, WaitReason.QUOTA_DAY in reasons))
        return 1

    door.ledger.wake_all = wake_all
    added = await door.add(user=DEPLOYMENT)

    assert (added.status, added.requeued) == (KeyStatus.ACTIVE, 0)
    assert (await door.vault.read(DEPLOYMENT)).key == KEY
    assert door.registry.events == [(DEPLOYMENT, KeyStatus.ACTIVE)]
    assert woken == [(Stage.ANALYZE, True)]
    assert not await taught(door, DEFAULT_KEY)
    assert await taught(door, account_of(ADA))

    await door.remove(DEPLOYMENT)
    assert await door.vault.read(DEPLOYMENT) is None
    assert len(woken) == 2


async def test_a_deployment_without_a_default_key_says_so_in_its_own_words() -> None:
    door = Door()

    with pytest.raises(NoDefaultKey, match="The deployment has no default key"):
        await known_key(door.registry, DEPLOYMENT)
    with pytest.raises(NoDefaultKey):
        await door.remove(DEPLOYMENT)
    with pytest.raises(NoKey, match="This user has no API key"):
        await known_key(door.registry, ADA)


async def test_a_user_with_the_default_key_as_their_own_is_flagged_with_it() -> None:
    door = Door()
    await door.add(user=DEPLOYMENT)
    await door.add()

    assert sorted(user for user, *_ in await signs(door)) == sorted([ADA, DEPLOYMENT])
