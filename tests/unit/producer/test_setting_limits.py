"""Setting a user's limits: who waits for quota looks again at once, who waits for something else goes on waiting."""

import pytest

from services.producer.domain.setting_limits import SetLimits
from shared.errors import InvalidLimits
from shared.ledger import Pause
from shared.quota import UserLimits
from shared.values import WaitReason
from tests.contract.ledger.kit import ADA, ANALYZE, OPERATOR, InMemory, claim_all, later, scraped
from tests.quotas import limits_of


async def waiting_for(reason: WaitReason) -> InMemory:
    fleet = InMemory()
    await scraped(fleet.ledger, 2)
    await fleet.ledger.postpone(await claim_all(fleet.ledger, ANALYZE), Pause(reason, later(fleet, 30 * 86_400)))
    assert not await fleet.ledger.release(ANALYZE)
    return fleet


@pytest.mark.parametrize("reason", [WaitReason.QUOTA_MINUTE, WaitReason.QUOTA_DAY, WaitReason.QUOTA_MONTH])
async def test_who_waits_for_quota_looks_again_when_limits_are_set(reason: WaitReason) -> None:
    fleet, book = await waiting_for(reason), limits_of(minute=0)

    await SetLimits(limits=book, ledger=fleet.ledger)(ADA, UserLimits(minute=5), by=OPERATOR)

    assert await book.set_for(ADA) == UserLimits(minute=5)
    assert await fleet.ledger.release(ANALYZE)


async def test_who_waits_for_a_key_goes_on_waiting() -> None:
    fleet = await waiting_for(WaitReason.NO_KEY)

    await SetLimits(limits=limits_of(), ledger=fleet.ledger)(ADA, UserLimits(minute=5), by=OPERATOR)

    assert not await fleet.ledger.release(ANALYZE)


async def test_limits_that_cannot_be_held_wake_nobody() -> None:
    fleet = await waiting_for(WaitReason.QUOTA_DAY)

    with pytest.raises(InvalidLimits):
        await SetLimits(limits=limits_of(), ledger=fleet.ledger)(ADA, UserLimits(day=-1), by=OPERATOR)

    assert not await fleet.ledger.release(ANALYZE)
