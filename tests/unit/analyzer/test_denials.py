"""Users whose work asks for far more calls than their day or month has are noted, once a day, and nobody else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.analyzer.domain.denials import Denials
from shared.errors import LedgerUnavailable
from shared.keys import DEPLOYMENT
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import RetryPolicy
from shared.quota import Limits, UserLimits, Wait, account_of
from shared.quota.in_memory import InMemoryLimits, InMemoryQuota
from shared.quota.limits import DeploymentLimits
from shared.signals import SignalKind
from shared.signals.in_memory import InMemorySignals
from shared.values import DefaultKeyPolicy, Stage, UserId, WaitReason
from tests.unit.analyzer.conftest import ACTOR, ADA, Analyzer

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
PLENTY = Limits(minute=1_000)
A_CALL = 5
"""Pages that travel in one request."""


class Backlog(MemoryLedger):
    """A ledger where so many of Ada's pages wait."""

    def __init__(self, pages: int) -> None:
        super().__init__(policies={}, retries=RetryPolicy())
        self.pages = pages

    async def waiting(self, user: UserId, stage: Stage, *, at_most: int) -> int:
        assert (user, stage) == (ADA, Stage.ANALYZE)
        return min(self.pages, at_most)


async def refuse(
    signals: InMemorySignals, *, used: int, waiting: int, reason: WaitReason = WaitReason.QUOTA_DAY
) -> list[dict[str, Any]]:
    """Refuse Ada a call after so many, while so many of her pages wait; the figures of what is noted."""
    limits = InMemoryLimits(DeploymentLimits(user=PLENTY, share=PLENTY, default_key=PLENTY))
    moments = iter([NOON - timedelta(days=reason is WaitReason.QUOTA_MONTH), NOON])  # a month is used up over days
    quota = InMemoryQuota(limits=limits, now=lambda: next(moments))
    await quota.take(account_of(ADA), calls=used)
    denials = Denials(Backlog(waiting), quota, signals, pages_per_call=A_CALL)
    await denials.weigh(ADA, account_of(ADA), Wait(reason, NOON + timedelta(hours=12)))
    return [dict(sign.details) for sign in await signals.newest()]


@pytest.mark.parametrize("reason", [WaitReason.QUOTA_DAY, WaitReason.QUOTA_MONTH])
async def test_three_times_as_much_waiting_as_a_day_or_month_has_calls_for_is_noted(reason: WaitReason) -> None:
    signals = InMemorySignals()

    assert await refuse(signals, used=20, waiting=59 * A_CALL, reason=reason) == []
    assert await refuse(signals, used=20, waiting=59 * A_CALL + 1, reason=reason) == [{"asked": 80, "denied": 60}]


async def test_a_handful_of_calls_is_no_sign_however_few_are_permitted() -> None:
    assert await refuse(InMemorySignals(), used=1, waiting=48 * A_CALL) == []


async def test_a_full_minute_is_no_sign_whatever_waits() -> None:
    assert await refuse(InMemorySignals(), used=20, waiting=1_000, reason=WaitReason.QUOTA_MINUTE) == []


async def test_it_stays_one_sign_a_day() -> None:
    signals = InMemorySignals()
    for _ in range(3):
        await refuse(signals, used=20, waiting=1_000)

    [sign] = await signals.newest()
    assert (sign.user, sign.kind, sign.times) == (ADA, SignalKind.CALLS_DENIED, 1)


async def test_the_work_goes_on_where_nothing_can_be_noted() -> None:
    class Away(InMemorySignals):
        async def note(self, *_: object, **__: object) -> None:
            raise LedgerUnavailable("PostgreSQL went away.")

    assert await refuse(Away(), used=20, waiting=1_000) == []


async def test_a_refused_user_whose_pages_pile_up_is_noted(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    await analyzer.limits.set(ADA, UserLimits(day=0), by=ACTOR)
    for number in range(50 * A_CALL + A_CALL):
        await analyzer.add_page(f"page-{number}")

    await analyzer.serve()

    [sign] = await analyzer.signals.newest()
    assert sign.kind is SignalKind.CALLS_DENIED


async def test_what_everybody_used_up_is_no_sign_of_one_user() -> None:
    analyzer = Analyzer(policy=DefaultKeyPolicy.FALLBACK, default_key_per_day=0)
    await analyzer.add_key(DEPLOYMENT)
    for number in range(50 * A_CALL + A_CALL):
        await analyzer.add_page(f"page-{number}")

    await analyzer.serve()

    assert analyzer.rest().reason is WaitReason.QUOTA_DAY
    assert await analyzer.signals.newest() == []
