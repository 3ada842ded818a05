"""The deployment's default key: for whom it serves, in which accounts its calls count, and what ends it."""

from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from shared.errors import ContentBlocked, FleetError, KeyExpired, KeyRefused, KeysUnavailable, QuotaUnavailable
from shared.keys import DEPLOYMENT, StoredKey
from shared.keys.serving import owners, serving
from shared.ledger.in_memory import Kept
from shared.quota import DEFAULT_KEY, Account, Taken, Wait, account_of, share_of
from shared.usage import NOT_SENT
from shared.values import AnalysedBy, DefaultKeyPolicy, JobState, KeySource, KeyStatus, UserId, WaitReason
from tests.unit.analyzer.conftest import ADA, KEYS, LINUS, Analyzer

OFF, FALLBACK, ALWAYS = DefaultKeyPolicy
UNUSABLE = [KeyStatus.INVALID, KeyStatus.EXPIRED, KeyStatus.REVOKED]
ACCOUNTS = (account_of(ADA), share_of(ADA), DEFAULT_KEY)


def source(page: Kept) -> KeySource:
    assert page.analysis is not None
    assert (page.analysis.analysed_by is AnalysedBy.HEURISTIC) == (page.analysis.key_source is KeySource.NONE)
    return page.analysis.key_source


def keys_asked_with(analyzer: Analyzer) -> list[UserId]:
    """Whose keys the provider saw, in order."""
    return [next(owner for owner, key in KEYS.items() if key == asked) for asked, _ in analyzer.provider.asked]


def refuse(analyzer: Analyzer, owner: UserId, refusal: FleetError) -> None:
    analyzer.provider.refuses = lambda key, _: refusal if key.get_secret_value() == KEYS[owner] else None


@pytest.mark.parametrize(
    ("policy", "own", "default", "expected"),
    [
        (OFF, None, KeyStatus.ACTIVE, KeySource.NONE),
        (OFF, KeyStatus.ACTIVE, KeyStatus.ACTIVE, KeySource.USER),
        (OFF, KeyStatus.INVALID, KeyStatus.ACTIVE, KeySource.NONE),
        (FALLBACK, None, None, KeySource.NONE),
        (FALLBACK, None, KeyStatus.ACTIVE, KeySource.DEFAULT),
        (FALLBACK, None, KeyStatus.UNCHECKED, KeySource.DEFAULT),
        (FALLBACK, KeyStatus.ACTIVE, KeyStatus.ACTIVE, KeySource.USER),
        (FALLBACK, KeyStatus.UNCHECKED, KeyStatus.ACTIVE, KeySource.USER),
        (FALLBACK, KeyStatus.EXHAUSTED, KeyStatus.ACTIVE, KeySource.USER),
        *((FALLBACK, status, KeyStatus.ACTIVE, KeySource.DEFAULT) for status in UNUSABLE),
        *((FALLBACK, None, status, KeySource.NONE) for status in UNUSABLE),
        (ALWAYS, KeyStatus.ACTIVE, KeyStatus.ACTIVE, KeySource.DEFAULT),
        (ALWAYS, KeyStatus.ACTIVE, None, KeySource.NONE),
        (ALWAYS, KeyStatus.ACTIVE, KeyStatus.INVALID, KeySource.NONE),
        (ALWAYS, None, KeyStatus.ACTIVE, KeySource.DEFAULT),
    ],
)
async def test_the_policy_and_what_is_known_of_the_keys_decide_which_serves(
    policy: DefaultKeyPolicy, own: KeyStatus | None, default: KeyStatus | None, expected: KeySource
) -> None:
    analyzer = Analyzer(policy=policy)
    for owner, status in ((ADA, own), (DEPLOYMENT, default)):
        if status is not None:
            await analyzer.add_key(owner, status=status)
    page = await analyzer.add_page("page")

    assert (await serving(analyzer.registry, policy, ADA)).source is expected
    await analyzer.serve()

    assert source(page) is expected
    whose = {KeySource.USER: [ADA], KeySource.DEFAULT: [DEPLOYMENT], KeySource.NONE: []}
    assert keys_asked_with(analyzer) == whose[expected]
    assert [call.key_source for call in analyzer.journal.calls] == ([] if expected is KeySource.NONE else [expected])


def test_a_policy_names_whose_keys_may_be_used_the_preferred_one_first() -> None:
    assert [owners(policy, ADA) for policy in DefaultKeyPolicy] == [(ADA,), (ADA, DEPLOYMENT), (DEPLOYMENT,)]


async def test_why_a_key_serves_or_none_does_is_told_in_sentences(analyzer: Analyzer) -> None:
    async def why(policy: DefaultKeyPolicy) -> str:
        return (await serving(analyzer.registry, policy, ADA)).why

    assert await why(OFF) == "The user's own key is missing. Pages are read by the built-in analyser."
    assert await why(FALLBACK) == (
        "The user's own key is missing. The deployment's default key is missing. "
        "Pages are read by the built-in analyser."
    )
    await analyzer.add_key(DEPLOYMENT)
    assert await why(FALLBACK) == "The user's own key is missing. The deployment's default key serves."
    assert await why(ALWAYS) == "The deployment's default key serves."
    await analyzer.add_key(ADA, status=KeyStatus.INVALID)
    assert await why(FALLBACK) == (
        "The user's own key is invalid: the provider does not accept it. The deployment's default key serves."
    )
    await analyzer.add_key(ADA)
    assert await why(FALLBACK) == "The user's own key serves."
    known = await analyzer.registry.find(DEPLOYMENT)
    assert known is not None
    await analyzer.registry.mark(
        DEPLOYMENT, version=known.version, status=KeyStatus.EXPIRED, reason="It has expired.", by=analyzer.actor
    )
    assert await why(ALWAYS) == (
        "The deployment's default key is expired: It has expired. Pages are read by the built-in analyser."
    )


# ---- where its calls count ------------------------------------------------------------------------


async def test_a_call_on_the_default_key_counts_for_the_user_their_share_and_the_key() -> None:
    analyzer = Analyzer(policy=FALLBACK)
    await analyzer.add_key(DEPLOYMENT)
    await analyzer.add_key(LINUS)
    for user in (ADA, LINUS):
        await analyzer.add_page("page", user=user)
    counted = REGISTRY.get_sample_value(
        "fleet_provider_requests_total", {"key_source": "default", "outcome": "analysed"}
    )

    await analyzer.serve()

    assert [await analyzer.used(account) for account in ACCOUNTS] == [1, 1, 1]
    assert [await analyzer.used(account) for account in (account_of(LINUS), share_of(LINUS))] == [1, 0]
    assert {(call.user, call.key_source) for call in analyzer.journal.calls} == {
        (ADA, KeySource.DEFAULT),
        (LINUS, KeySource.USER),
    }
    now = REGISTRY.get_sample_value("fleet_provider_requests_total", {"key_source": "default", "outcome": "analysed"})
    assert now == (counted or 0) + 1


@pytest.mark.parametrize(
    ("limits", "whose"),
    [
        ({"per_minute": 1}, "user's calls"),
        ({"share_per_minute": 1}, "share of the default key"),
        ({"default_key_per_minute": 1}, "all users on the default key"),
    ],
)
async def test_the_account_that_is_full_lets_the_lane_wait_and_the_others_lose_nothing(
    limits: dict[str, int], whose: str
) -> None:
    analyzer = Analyzer(policy=FALLBACK, batch_pause_s=0, **limits)
    await analyzer.add_key(DEPLOYMENT)
    pages = [await analyzer.add_page(f"page-{number}") for number in range(6)]
    await analyzer.serve()
    began = datetime.now(UTC)

    await analyzer.serve()

    assert len(analyzer.provider.asked) == 1
    assert [await analyzer.used(account) for account in ACCOUNTS] == [1, 1, 1]
    assert analyzer.rest().reason is WaitReason.QUOTA_MINUTE
    assert timedelta(seconds=50) < analyzer.rest().until - began < timedelta(seconds=61)
    assert pages[5].state is JobState.QUEUED
    assert set(analyzer.attempts()) == {0}
    with pytest.raises(FleetError, match=whose):
        await analyzer.analyse.asking._take(ADA, KeySource.DEFAULT)


async def test_one_users_spent_share_stops_nobody_else_and_their_own_key_ends_the_wait() -> None:
    analyzer = Analyzer(policy=FALLBACK, share_per_minute=1, batch_pause_s=0)
    await analyzer.add_key(DEPLOYMENT)
    adas = [await analyzer.add_page(f"page-{number}") for number in range(6)]
    await analyzer.serve()
    linuss = await analyzer.add_page("page", user=LINUS)

    await analyzer.serve()
    assert source(linuss) is KeySource.DEFAULT
    assert adas[5].analysis is None

    await analyzer.add_key(ADA)
    await analyzer.wake(ADA)
    await analyzer.serve()
    assert source(adas[5]) is KeySource.USER


async def test_a_store_that_goes_away_between_two_accounts_leaves_no_call_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analyzer = Analyzer(policy=ALWAYS)
    await analyzer.add_key(DEPLOYMENT)
    await analyzer.add_page("page")
    take = analyzer.quota.take

    async def away_for_the_key(account: Account, *, calls: int = 1) -> Taken | Wait:
        if account == DEFAULT_KEY:
            raise QuotaUnavailable("Redis is away.", until=datetime.now(UTC) + timedelta(seconds=5))
        return await take(account, calls=calls)

    monkeypatch.setattr(analyzer.quota, "take", away_for_the_key)
    await analyzer.serve()

    assert [await analyzer.used(account) for account in ACCOUNTS] == [0, 0, 0]
    assert analyzer.provider.asked == []


async def test_a_call_that_never_left_is_given_back_to_every_account(monkeypatch: pytest.MonkeyPatch) -> None:
    analyzer = Analyzer(policy=ALWAYS)
    await analyzer.add_key(DEPLOYMENT)
    await analyzer.add_page("page")
    take, lapsed = analyzer.quota.take, []

    async def the_first_lapses(account: Account, *, calls: int = 1) -> Taken | Wait:
        permit = await take(account, calls=calls)
        if account == share_of(ADA) and not lapsed and isinstance(permit, Taken):
            lapsed.append(permit)
            return Taken(permit.account, permit.calls, permit.id, lapses_at=0.0)
        return permit

    monkeypatch.setattr(analyzer.quota, "take", the_first_lapses)
    await analyzer.serve()

    assert [call.outcome for call in analyzer.journal.calls] == [NOT_SENT, "analysed"]
    assert [await analyzer.used(account) for account in ACCOUNTS] == [1, 1, 1]


# ---- keys that are refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "status"),
    [(KeyRefused("it is not valid"), KeyStatus.INVALID), (KeyExpired("it has expired"), KeyStatus.EXPIRED)],
)
async def test_an_own_key_refused_in_the_middle_of_a_batch_hands_the_same_batch_to_the_default_key(
    refusal: KeyRefused, status: KeyStatus
) -> None:
    analyzer = Analyzer(policy=FALLBACK)
    await analyzer.add_key()
    await analyzer.add_key(DEPLOYMENT)
    refuse(analyzer, ADA, refusal)
    pages = [await analyzer.add_page(f"page-{number}") for number in range(3)]

    await analyzer.serve()

    assert keys_asked_with(analyzer) == [ADA, DEPLOYMENT]
    assert {source(page) for page in pages} == {KeySource.DEFAULT}
    assert [(call.key_source, call.outcome) for call in analyzer.journal.calls] == [
        (KeySource.USER, refusal.code),
        (KeySource.DEFAULT, "analysed"),
    ]
    assert analyzer.registry.events[-1] == (ADA, status)
    assert [await analyzer.used(account) for account in ACCOUNTS] == [2, 1, 1]
    assert analyzer.attempts() == [0, 0, 0]


async def test_a_refused_default_key_is_marked_told_and_not_tried_again_until_it_is_replaced() -> None:
    analyzer = Analyzer(policy=FALLBACK, batch_pause_s=0)
    await analyzer.add_key(DEPLOYMENT)
    refuse(analyzer, DEPLOYMENT, KeyRefused("it is not valid"))
    first = await analyzer.add_page("first")
    await analyzer.serve()
    second = await analyzer.add_page("second", user=LINUS)
    await analyzer.serve()

    assert [source(page) for page in (first, second)] == [KeySource.NONE, KeySource.NONE]
    assert len(analyzer.provider.asked) == 1
    known = await analyzer.registry.find(DEPLOYMENT)
    assert known is not None
    assert (known.status, known.reason) == (
        KeyStatus.INVALID,
        "The provider refused the API key: it is not valid.",
    )
    assert analyzer.registry.events[-1] == (DEPLOYMENT, KeyStatus.INVALID)

    await analyzer.add_key(DEPLOYMENT, key="AIzaSyAnother-0000000000000000000another")
    third = await analyzer.add_page("third")
    await analyzer.serve()
    assert source(third) is KeySource.DEFAULT


async def test_both_keys_refused_in_one_batch_leave_the_built_in_analyser() -> None:
    analyzer = Analyzer(policy=FALLBACK)
    await analyzer.add_key()
    await analyzer.add_key(DEPLOYMENT)
    analyzer.provider.refuses = lambda _, __: KeyRefused("it is not valid")
    page = await analyzer.add_page("page")

    await analyzer.serve()

    assert keys_asked_with(analyzer) == [ADA, DEPLOYMENT]
    assert source(page) is KeySource.NONE


async def test_a_vault_that_is_away_is_waited_for_and_the_default_key_does_not_step_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analyzer = Analyzer(policy=FALLBACK)
    await analyzer.add_key()
    await analyzer.add_key(DEPLOYMENT)
    await analyzer.add_page("page")

    async def sealed(_: UserId) -> StoredKey | None:
        raise KeysUnavailable("The vault is sealed.", until=datetime.now(UTC) + timedelta(seconds=15))

    monkeypatch.setattr(analyzer.keys, "read", sealed)
    await analyzer.serve()

    assert analyzer.rest().reason is WaitReason.KEYS_UNAVAILABLE
    assert analyzer.provider.asked == []


async def test_a_key_the_registry_knows_and_the_vault_does_not_makes_way_for_the_default_key() -> None:
    analyzer = Analyzer(policy=FALLBACK)
    await analyzer.add_key()
    await analyzer.add_key(DEPLOYMENT)
    await analyzer.keys.remove(ADA)  # a removal that has come half way
    page = await analyzer.add_page("page")

    await analyzer.serve()

    assert source(page) is KeySource.DEFAULT


# ---- keys that change -----------------------------------------------------------------------------


async def test_a_key_replaced_in_the_middle_of_a_batch_serves_the_rest_of_it(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    pages = [await analyzer.add_page(f"page-{number}") for number in range(4)]
    new = "AIzaSyNew-0000000000000000000000000000new"
    provider = analyzer.provider
    provider.refuses = lambda _, items: ContentBlocked("No.") if len(items) > 1 else None

    async def rotate() -> None:
        if len(provider.asked) == 3:
            await analyzer.add_key(key=new)

    provider.meanwhile = rotate
    await analyzer.serve()

    assert [key for key, _ in provider.asked] == [KEYS[ADA]] * 3 + [new] * 4
    assert {source(page) for page in pages} == {KeySource.USER}


async def test_a_key_removed_in_the_middle_of_a_batch_leaves_the_rest_to_the_built_in_analyser(
    analyzer: Analyzer,
) -> None:
    await analyzer.add_key()
    pages = [await analyzer.add_page(f"page-{number}") for number in range(3)]
    provider = analyzer.provider
    provider.refuses = lambda _, items: ContentBlocked("No.") if len(items) > 1 else None

    async def remove() -> None:
        if len(provider.asked) == 2:
            await analyzer.keys.remove(ADA)
            await analyzer.registry.remove(ADA, by=analyzer.actor)

    provider.meanwhile = remove
    await analyzer.serve()

    assert [source(page) for page in pages] == [KeySource.USER, KeySource.NONE, KeySource.NONE]
