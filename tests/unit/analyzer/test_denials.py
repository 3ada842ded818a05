"""Users whose asks for calls are mostly refused are noted, once an hour, and nobody else."""

from datetime import timedelta

import pytest

from services.analyzer.domain import denials as module
from services.analyzer.domain.denials import ENOUGH_ASKS, WITHIN, Denials
from shared.errors import LedgerUnavailable
from shared.keys import DEPLOYMENT
from shared.quota import UserLimits, account_of
from shared.signals import SignalKind
from shared.signals.in_memory import InMemorySignals
from shared.values import DefaultKeyPolicy, UserId
from tests.unit.analyzer.conftest import ACTOR, ADA, LINUS, Analyzer


class Hour:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def passes(self, time: timedelta) -> None:
        self.now += time.total_seconds()


async def ask(denials: Denials, *, granted: int = 0, denied: int = 0, user: UserId = ADA) -> None:
    for _ in range(granted):
        denials.granted(user)
    for _ in range(denied):
        await denials.denied(user)


async def test_three_in_four_refused_are_noted_once_there_are_enough() -> None:
    signals = InMemorySignals()
    denials = Denials(signals)

    await ask(denials, granted=12, denied=37)
    assert await signals.newest() == []

    await ask(denials, denied=1)
    [sign] = await signals.newest()
    assert (sign.user, sign.kind, sign.details) == (ADA, SignalKind.CALLS_DENIED, {"asked": 50, "denied": 38})


async def test_it_stays_one_sign_while_it_goes_on() -> None:
    signals = InMemorySignals()
    await ask(Denials(signals), denied=10 * ENOUGH_ASKS)

    [sign] = await signals.newest()
    assert sign.times == 1


async def test_a_user_at_a_limit_of_one_call_a_minute_is_no_sign() -> None:
    signals = InMemorySignals()
    denials = Denials(signals)

    for _ in range(200):
        await ask(denials, granted=1, denied=1)

    assert await signals.newest() == []


async def test_refusals_of_another_hour_or_another_user_do_not_count() -> None:
    signals, clock = InMemorySignals(), Hour()
    denials = Denials(signals, clock=clock)

    await ask(denials, denied=ENOUGH_ASKS - 1)
    await ask(denials, denied=ENOUGH_ASKS - 1, user=LINUS)
    clock.passes(WITHIN)
    await ask(denials, denied=1)

    assert await signals.newest() == []


async def test_no_more_users_are_remembered_than_there_is_room_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_USERS", 3)
    signals = InMemorySignals()
    denials = Denials(signals)
    await ask(denials, denied=ENOUGH_ASKS - 1)
    for number in range(3):
        await ask(denials, granted=1, user=UserId(f"user-{number}"))

    await ask(denials, denied=1)

    assert await signals.newest() == []
    assert len(denials._asks) == 3


async def test_the_work_goes_on_where_nothing_can_be_noted() -> None:
    class Away(InMemorySignals):
        async def note(self, *_: object, **__: object) -> None:
            raise LedgerUnavailable("PostgreSQL went away.")

    await ask(Denials(Away()), denied=2 * ENOUGH_ASKS)


async def test_what_the_analyzer_asks_of_the_quota_is_counted(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ENOUGH_ASKS", 3)
    await analyzer.add_key()
    await analyzer.limits.set(ADA, UserLimits(minute=1), by=ACTOR)
    await analyzer.quota.take(account_of(ADA))
    await analyzer.add_page("page")

    for _ in range(3):
        await analyzer.serve()
        await analyzer.wake()

    [sign] = await analyzer.signals.newest()
    assert (sign.kind, sign.details) == (SignalKind.CALLS_DENIED, {"asked": 3, "denied": 3})


async def test_what_everybody_used_up_is_no_sign_of_one_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ENOUGH_ASKS", 3)
    analyzer = Analyzer(policy=DefaultKeyPolicy.FALLBACK, default_key_per_minute=0)
    await analyzer.add_key(DEPLOYMENT)
    await analyzer.add_page("page")

    for _ in range(5):
        await analyzer.serve()
        await analyzer.wake()

    assert await analyzer.signals.newest() == []
