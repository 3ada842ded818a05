"""What the provider's 429s teach: whose window closes, what limit is kept, and what becomes of the key's status."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import LedgerUnavailable, ProviderQuotaSpent, QuotaUnavailable
from shared.keys import DEPLOYMENT
from shared.quota import DEFAULT_KEY, Learned, LimitSource, WindowName, account_of, share_of
from shared.values import DefaultKeyPolicy, JobState, KeySource, KeyStatus, UserId, WaitReason
from tests.unit.analyzer.conftest import ACTOR, ADA, KEYS, LINUS, Analyzer

PER_DAY = "GenerateRequestsPerDayPerProjectPerModel-FreeTier"
IN_FIVE_HOURS = datetime.now(UTC) + timedelta(hours=5)
NEW = "AIzaSyNew-0000000000000000000000000000new"


def spent(reason: WaitReason = WaitReason.QUOTA_DAY, *learned: Learned) -> ProviderQuotaSpent:
    return ProviderQuotaSpent("All calls are used up.", until=IN_FIVE_HOURS, reason=reason, learned=learned)


async def status_of(analyzer: Analyzer, owner: UserId = ADA) -> KeyStatus:
    known = await analyzer.registry.find(owner)
    assert known is not None
    return known.status


@pytest.mark.parametrize(
    ("reason", "window"),
    [
        (WaitReason.QUOTA_MINUTE, "minute"),
        (WaitReason.QUOTA_DAY, "day"),
        (WaitReason.QUOTA_MONTH, "month"),
    ],
)
async def test_a_window_the_provider_says_is_spent_is_closed_and_nothing_is_asked_until_it_opens(
    reason: WaitReason, window: str
) -> None:
    analyzer = Analyzer(batch_pause_s=0)
    await analyzer.add_key()
    page = await analyzer.add_page("page")
    analyzer.provider.refuses = lambda _, __: spent(reason)

    for _ in range(3):
        await analyzer.serve()
        await analyzer.wake()

    assert len(analyzer.provider.asked) == 1
    assert getattr(await analyzer.quota.status(account_of(ADA)), window).closed_until == IN_FIVE_HOURS
    assert page.state is JobState.QUEUED
    assert analyzer.attempts() == [0]


async def test_the_limits_a_refusal_names_are_kept_for_the_account_of_the_key(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    await analyzer.add_page("page")
    lessons = (Learned(WindowName.DAY, 250, PER_DAY), Learned(WindowName.MINUTE, 5, "perMinute"))
    analyzer.provider.refuses = lambda _, __: spent(WaitReason.QUOTA_DAY, *lessons)

    await analyzer.serve()

    adas, linuss = [await analyzer.limits.in_force(account_of(user)) for user in (ADA, LINUS)]
    assert (adas.day.calls, adas.day.source, adas.day.quota_id) == (250, LimitSource.PROVIDER, PER_DAY)
    assert adas.minute.calls == 5
    assert linuss.day.source is LimitSource.DEPLOYMENT


async def test_a_lesson_of_the_default_key_is_about_that_key_and_about_no_user() -> None:
    analyzer = Analyzer(policy=DefaultKeyPolicy.FALLBACK, batch_pause_s=0)
    await analyzer.add_key(DEPLOYMENT)
    await analyzer.add_key(LINUS)
    await analyzer.add_page("page")
    lesson = Learned(WindowName.DAY, 250, PER_DAY)
    analyzer.provider.refuses = lambda key, _: (
        spent(WaitReason.QUOTA_DAY, lesson) if key.get_secret_value() == KEYS[DEPLOYMENT] else None
    )
    await analyzer.serve()
    others = await analyzer.add_page("page", user=LINUS)
    await analyzer.serve()

    assert analyzer.rest(ADA).reason is WaitReason.QUOTA_DAY
    assert (await analyzer.limits.in_force(DEFAULT_KEY)).day.calls == 250
    assert (await analyzer.quota.status(DEFAULT_KEY)).day.closed_until == IN_FIVE_HOURS
    for account in (account_of(ADA), share_of(ADA)):
        assert (await analyzer.quota.status(account)).day.closed_until is None
    assert others.analysis is not None
    assert others.analysis.key_source is KeySource.USER
    assert await status_of(analyzer, DEPLOYMENT) is KeyStatus.EXHAUSTED


# ---- the key's status -----------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [WaitReason.QUOTA_DAY, WaitReason.QUOTA_MONTH])
async def test_a_key_whose_day_or_month_is_spent_is_exhausted_until_a_call_succeeds(
    analyzer: Analyzer, reason: WaitReason
) -> None:
    await analyzer.add_key()
    page = await analyzer.add_page("page")
    analyzer.provider.refuses = lambda _, __: spent(reason)
    await analyzer.serve()

    known = await analyzer.registry.find(ADA)
    assert known is not None
    assert (known.status, known.usable) == (KeyStatus.EXHAUSTED, True)
    assert known.reason == f"All calls are used up. Until {IN_FIVE_HOURS:%Y-%m-%d %H:%M} UTC."

    analyzer.provider.refuses = lambda _, __: None
    await analyzer.quota.forget(account_of(ADA))  # the window has opened
    await analyzer.wake()
    await analyzer.serve()

    assert page.state is JobState.DONE
    assert await status_of(analyzer) is KeyStatus.ACTIVE
    assert analyzer.registry.events == [
        (ADA, KeyStatus.ACTIVE),
        (ADA, KeyStatus.EXHAUSTED),
        (ADA, KeyStatus.ACTIVE),
    ]


async def test_an_exhausted_key_is_active_again_at_the_providers_time(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    await analyzer.add_page("page")
    a_moment_ago = datetime.now(UTC) - timedelta(seconds=1)
    analyzer.provider.refuses = lambda _, __: ProviderQuotaSpent("", until=a_moment_ago, reason=WaitReason.QUOTA_DAY)
    await analyzer.serve()
    assert await status_of(analyzer) is KeyStatus.EXHAUSTED

    await analyzer.registry.renew(by=ACTOR)

    assert await status_of(analyzer) is KeyStatus.ACTIVE


async def test_a_spent_minute_says_nothing_of_the_key(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    await analyzer.add_page("page")
    analyzer.provider.refuses = lambda _, __: spent(WaitReason.QUOTA_MINUTE)

    await analyzer.serve()

    assert await status_of(analyzer) is KeyStatus.ACTIVE
    assert analyzer.rest().reason is WaitReason.QUOTA_MINUTE


@pytest.mark.parametrize("reason", [WaitReason.QUOTA_MINUTE, WaitReason.QUOTA_DAY])
async def test_what_is_said_of_an_old_key_is_not_learned_of_the_new_one(analyzer: Analyzer, reason: WaitReason) -> None:
    await analyzer.add_key()
    page = await analyzer.add_page("page")
    lesson = Learned(WindowName.MINUTE, 1, "perMinute")
    analyzer.provider.meanwhile = lambda: analyzer.add_key(key=NEW)
    analyzer.provider.refuses = lambda key, _: spent(reason, lesson) if key.get_secret_value() == KEYS[ADA] else None
    await analyzer.serve()

    assert await status_of(analyzer) is KeyStatus.ACTIVE
    status = await analyzer.quota.status(account_of(ADA))
    assert {status.minute.closed_until, status.day.closed_until} == {None}
    assert (await analyzer.limits.in_force(account_of(ADA))).minute.source is LimitSource.DEPLOYMENT
    assert analyzer.rest().reason is WaitReason.BACKOFF
    await analyzer.wake()
    await analyzer.serve()
    assert page.state is JobState.DONE


@pytest.mark.parametrize("away", ["quota", "limits"])
async def test_a_lesson_that_cannot_be_kept_lets_the_lane_wait_all_the_same(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch, away: str
) -> None:
    await analyzer.add_key()
    await analyzer.add_page("page")
    analyzer.provider.refuses = lambda _, __: spent(WaitReason.QUOTA_DAY, Learned(WindowName.DAY, 250, PER_DAY))

    async def unavailable(*_: object) -> None:
        if away == "quota":
            raise QuotaUnavailable("Redis is away.", until=datetime.now(UTC))
        raise LedgerUnavailable("PostgreSQL cannot be reached.")

    monkeypatch.setattr(*((analyzer.quota, "close") if away == "quota" else (analyzer.limits, "learn")), unavailable)
    await analyzer.serve()

    assert (analyzer.rest().reason, analyzer.rest().until) == (WaitReason.QUOTA_DAY, IN_FIVE_HOURS)
    assert analyzer.attempts() == [0]
