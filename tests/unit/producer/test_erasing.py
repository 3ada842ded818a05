"""Erasing a user: what goes, in which order, and that a crash between any two steps harms nothing."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from services.producer.domain.erasing import EraseUser
from shared.audit import Actor
from shared.audit.in_memory import InMemoryAudit
from shared.bookmarks import NewBookmark
from shared.errors import FleetError, LedgerUnavailable, UnknownUser
from shared.keys.in_memory import InMemoryKeyRegistry, InMemoryKeys
from shared.keys.plaintext import api_key
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import RetryPolicy, stage_policies
from shared.quota import Learned, LimitSource, WindowName, account_of, share_of
from shared.quota.in_memory import InMemoryQuota
from shared.quota.opening import OpenQuota
from shared.settings import DispatchSettings
from shared.usage.in_memory import InMemoryUsage
from shared.users import user_id
from shared.values import KeySource, KeyStatus
from tests.quotas import limits_of

ADA, BOB = user_id("ada"), user_id("bob")
BY = Actor("user:ada", "192.0.2.7")


class FailsOnce:
    """A neighbour whose named method fails when it is first called: before it does anything, or after."""

    def __init__(self, real: Any, method: str, *, after: bool) -> None:
        self._real, self._method, self._after = real, method, after

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name != self._method:
            return real

        async def fails(*arguments: Any, **named: Any) -> None:
            self._method = ""
            if self._after:
                await real(*arguments, **named)
            raise LedgerUnavailable("Something was away.")

        return fails


@dataclass
class House:
    """Everything that knows something of users."""

    writer: Any = field(default_factory=InMemoryKeys)
    registry: Any = field(default_factory=InMemoryKeyRegistry)
    ledger: Any = field(
        default_factory=lambda: MemoryLedger(policies=stage_policies(DispatchSettings()), retries=RetryPolicy())
    )
    journal: Any = field(default_factory=InMemoryUsage)
    audit: Any = field(default_factory=InMemoryAudit)
    quota: Any = None

    def __post_init__(self) -> None:
        limits = limits_of(minute=15)
        self.quota = OpenQuota(InMemoryQuota(limits=limits), limits)

    async def move_in(self) -> None:
        for user in (ADA, BOB):
            version = await self.writer.put(user, api_key(f"AIzaSy-a-key-of-the-tests-of-{user}"))
            await self.registry.record(
                user, name="mine", fingerprint="f", version=version, status=KeyStatus.ACTIVE, reason=None, by=BY
            )
            await self.ledger.submit(user, [NewBookmark("https://example.org/")])
            await self.journal.begin(user, key_source=KeySource.USER, model="m", items=1)
            for account in (account_of(user), share_of(user)):
                await self.quota.permits.take(account)
                await self.quota.limits.learn(account, Learned(WindowName.MINUTE, 2, "PerMinute"))

    async def erase(self) -> int:
        erase = EraseUser(
            writer=self.writer,
            registry=self.registry,
            ledger=self.ledger,
            journal=self.journal,
            unlearn=self.quota.forget,
            audit=self.audit,
        )
        return await erase(ADA, by=BY)

    async def nothing_is_left(self) -> None:
        assert await self.writer.read(ADA) is None
        assert await self.registry.find(ADA) is None
        assert not [kept for kept in self.ledger.bookmarks.values() if kept.user == ADA]
        assert ADA not in {call.user for call in self.journal.calls}
        for account in (account_of(ADA), share_of(ADA)):
            window = (await self.quota.permits.status(account)).minute
            assert (window.used, window.source) == (0, LimitSource.DEPLOYMENT)

    async def bob_is_as_he_was(self) -> None:
        assert await self.writer.read(BOB) is not None
        assert await self.registry.find(BOB) is not None
        assert [kept.user for kept in self.ledger.bookmarks.values()] == [BOB]
        assert [call.user for call in self.journal.calls if call.user == BOB] == [BOB]
        assert (await self.quota.permits.status(account_of(BOB))).minute.used == 1


async def test_everything_of_a_user_goes_and_nothing_of_others() -> None:
    house = House()
    await house.move_in()

    assert await house.erase() == 1

    await house.nothing_is_left()
    await house.bob_is_as_he_was()
    assert [(entry.actor, entry.action, entry.user) for entry in house.audit.entries] == [
        (BY, "user_erasure_asked", ADA)
    ]
    assert [(entry.actor, entry.action, entry.details) for entry in house.ledger.audit.entries] == [
        (BY, "user_erased", {"bookmarks": 1})
    ]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("neighbour", "method"),
    [
        ("audit", "record"),
        ("writer", "remove"),
        ("registry", "remove"),
        ("ledger", "erase"),
        ("journal", "forget"),
        ("quota", "forget"),
    ],
)
async def test_wherever_erasing_stops_doing_it_again_finishes_it(neighbour: str, method: str, after: bool) -> None:
    house = House()
    await house.move_in()
    setattr(house, neighbour, FailsOnce(getattr(house, neighbour), method, after=after))

    with pytest.raises(LedgerUnavailable):
        await house.erase()
    await _again(house.erase)

    await house.nothing_is_left()
    await house.bob_is_as_he_was()
    with pytest.raises(UnknownUser):
        await house.erase()
    await house.bob_is_as_he_was()


async def test_an_erasure_that_cannot_be_recorded_is_not_begun() -> None:
    house = House()
    await house.move_in()
    house.audit = FailsOnce(house.audit, "record", after=False)

    with pytest.raises(LedgerUnavailable):
        await house.erase()

    assert await house.writer.read(ADA) is not None


async def _again(erase: Callable[[], Any]) -> None:
    """What is left may be too little to be told from nothing: whoever asks hears that there is nothing, which is so."""
    try:
        await erase()
    except FleetError as error:
        assert isinstance(error, UnknownUser)  # noqa: PT017 - one of two good ends
