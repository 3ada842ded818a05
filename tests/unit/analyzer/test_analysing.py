"""The analyzer's story, told with every neighbour in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.analyzer.domain.provider import Item
from shared.bookmarks import Tokens
from shared.breaker import OPENS_AT, Go, Pace
from shared.errors import (
    AnswerUnusable,
    ContentBlocked,
    FleetError,
    KeyExpired,
    KeyRefused,
    KeysUnavailable,
    LedgerUnavailable,
    ProviderDown,
    ProviderQuotaSpent,
    ProviderUnreached,
)
from shared.keys import ApiKey, StoredKey
from shared.ledger import Job, Pause
from shared.preferences import Language
from shared.quota import Account, Taken, Wait, WindowName, account_of
from shared.usage import NOT_SENT
from shared.values import AnalysedBy, BookmarkId, JobState, KeySource, KeyStatus, Strategy, UserId, WaitReason
from tests.unit.analyzer.conftest import ADA, KEYS, LINUS, Analyzer


def soon(**span: float) -> datetime:
    return datetime.now(UTC) + timedelta(**span)


async def test_a_batch_is_one_request_on_the_users_own_key(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    pages = [await analyzer.add_page(f"page-{number}") for number in range(5)]

    await analyzer.serve()

    assert analyzer.provider.asked == [(KEYS[ADA], tuple(str(page.id) for page in pages))]
    assert [page.state for page in pages] == [JobState.DONE] * 5
    for page in pages:
        assert page.analysis is not None
        assert page.analysis.analysed_by is AnalysedBy.GEMINI
        assert page.analysis.key_source is KeySource.USER
        assert page.new.title in page.analysis.summary
    (call,) = analyzer.journal.calls
    assert (call.outcome, call.items, call.tokens.prompt, call.tokens.answer) == ("analysed", 5, 100, 10)


async def test_the_parts_of_a_requests_tokens_add_up_to_it(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    pages = [await analyzer.add_page(f"page-{number}") for number in range(3)]

    await analyzer.serve()

    spent = [page.analysis.tokens for page in pages if page.analysis]
    assert sum(tokens.prompt for tokens in spent) == 100
    assert sum(tokens.answer for tokens in spent) == 10
    assert max(tokens.prompt for tokens in spent) - min(tokens.prompt for tokens in spent) <= 1


async def test_the_lane_rests_after_the_provider_was_asked(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    await analyzer.add_page("page")

    await analyzer.serve()

    assert analyzer.rest().reason is WaitReason.BATCH_PAUSE
    assert soon(seconds=50) < analyzer.rest().until < soon(seconds=70)


@pytest.mark.parametrize("pause_s", [0.0, 60.0])
async def test_the_lane_does_not_rest_when_nobody_was_asked_or_no_rest_is_wanted(pause_s: float) -> None:
    analyzer = Analyzer(batch_pause_s=pause_s)
    if not pause_s:
        await analyzer.add_key()
    await analyzer.add_page("page")

    await analyzer.serve()

    assert analyzer.rest().until < soon()


async def test_without_a_key_the_page_is_read_here_and_labelled_so(analyzer: Analyzer) -> None:
    page = await analyzer.add_page("page")

    await analyzer.serve()

    assert page.analysis is not None
    assert page.analysis.analysed_by is AnalysedBy.HEURISTIC
    assert page.analysis.key_source is KeySource.NONE
    assert analyzer.provider.asked == []
    assert analyzer.journal.calls == []


@pytest.mark.parametrize("status", [KeyStatus.INVALID, KeyStatus.EXPIRED, KeyStatus.REVOKED])
async def test_a_key_that_is_known_to_be_refused_is_not_tried(analyzer: Analyzer, status: KeyStatus) -> None:
    await analyzer.add_key(status=status)
    page = await analyzer.add_page("page")

    await analyzer.serve()

    assert page.analysis is not None
    assert page.analysis.analysed_by is AnalysedBy.HEURISTIC
    assert analyzer.provider.asked == []


async def test_what_could_not_be_fetched_costs_no_quota_though_there_is_a_key(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    unread = await analyzer.add_page("unread", strategy=Strategy.FALLBACK)
    read = await analyzer.add_page("read")

    await analyzer.serve()

    assert [items for _, items in analyzer.provider.asked] == [(str(read.id),)]
    assert unread.analysis is not None
    assert unread.analysis.analysed_by is AnalysedBy.HEURISTIC


async def test_a_key_that_comes_later_replaces_what_was_read_here(analyzer: Analyzer) -> None:
    page = await analyzer.add_page("page")
    await analyzer.serve()
    await analyzer.add_key()

    await analyzer.ledger.requeue_heuristic(ADA)
    await analyzer.serve()

    assert page.analysis is not None
    assert page.analysis.analysed_by is AnalysedBy.GEMINI


async def test_each_user_is_answered_in_their_own_language(analyzer: Analyzer) -> None:
    wanted: dict[str, str] = {}

    def note(key: ApiKey, items: Sequence[Item]) -> None:
        wanted[key.get_secret_value()] = items[0].answer_in

    analyzer.provider.refuses = note
    await analyzer.preferences.set_language(ADA, Language("de"), by=analyzer.actor)
    for user in (ADA, LINUS):
        await analyzer.add_key(user)
        await analyzer.add_page("page", user=user)

    await analyzer.serve()

    assert wanted == {KEYS[ADA]: "de", KEYS[LINUS]: "page"}


async def test_two_users_never_share_a_request(analyzer: Analyzer) -> None:
    for user in (ADA, LINUS):
        await analyzer.add_key(user)
        await analyzer.add_page("one", user=user)
        await analyzer.add_page("two", user=user)

    await analyzer.serve()

    assert sorted(key for key, _ in analyzer.provider.asked) == sorted([KEYS[ADA], KEYS[LINUS]])
    for key, items in analyzer.provider.asked:
        owners = {page.user for page in analyzer.ledger.bookmarks.values() if str(page.id) in items}
        assert [KEYS[owner] for owner in owners] == [key]


# ---- what waits -----------------------------------------------------------------------------------


async def test_a_spent_quota_waits_for_room_and_costs_no_attempt() -> None:
    analyzer = Analyzer(per_minute=1, batch_pause_s=0)
    await analyzer.add_key()
    for number in range(6):
        await analyzer.add_page(f"page-{number}")
    await analyzer.serve()

    await analyzer.serve()

    assert len(analyzer.provider.asked) == 1
    assert analyzer.rest().reason is WaitReason.QUOTA_MINUTE
    assert soon(seconds=50) < analyzer.rest().until < soon(seconds=70)
    assert set(analyzer.attempts()) == {0}


async def test_a_vault_that_is_away_lets_the_lane_wait_with_nothing_spent(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await analyzer.add_key()
    page = await analyzer.add_page("page")

    async def sealed(_: UserId) -> StoredKey | None:
        raise KeysUnavailable("The vault is sealed.", until=soon(seconds=15))

    monkeypatch.setattr(analyzer.keys, "read", sealed)
    await analyzer.serve()

    assert analyzer.rest().reason is WaitReason.KEYS_UNAVAILABLE
    assert page.state is JobState.QUEUED
    assert (await analyzer.quota.status(account_of(ADA))).minute.used == 0
    assert analyzer.attempts() == [0]


async def test_users_without_a_key_are_served_while_the_vault_is_away(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = await analyzer.add_page("page")

    async def sealed(_: UserId) -> StoredKey | None:
        raise KeysUnavailable("The vault is sealed.", until=soon(seconds=15))

    monkeypatch.setattr(analyzer.keys, "read", sealed)
    await analyzer.serve()

    assert page.state is JobState.DONE


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ProviderDown("Overloaded.", until=soon(seconds=30)), WaitReason.PROVIDER_DOWN),
        (
            ProviderQuotaSpent("The day is spent.", until=soon(hours=5), reason=WaitReason.QUOTA_DAY),
            WaitReason.QUOTA_DAY,
        ),
    ],
)
async def test_a_provider_that_cannot_answer_is_waited_for_and_the_call_counts(
    analyzer: Analyzer, error: ProviderDown | ProviderQuotaSpent, reason: WaitReason
) -> None:
    await analyzer.add_key()
    page = await analyzer.add_page("page")
    analyzer.provider.refuses = lambda _, __: error

    await analyzer.serve()

    assert analyzer.rest() == Pause(reason, error.until)
    assert page.state is JobState.QUEUED
    assert analyzer.attempts() == [0]
    assert [call.outcome for call in analyzer.journal.calls] == [error.code]
    assert (await analyzer.quota.status(account_of(ADA))).minute.used == 1


async def test_a_provider_that_fails_several_users_is_asked_by_one_of_them_alone(analyzer: Analyzer) -> None:
    users = [UserId(f"user-{number}") for number in range(6)]
    for user in users:
        await analyzer.add_key(user, key=f"AIzaSyUser-{user:0>29}")
        await analyzer.add_page("page", user=user)
    down = ProviderDown("Overloaded.", until=soon())
    analyzer.provider.refuses = lambda _, __: down

    await analyzer.serve()

    assert len(analyzer.provider.asked) == OPENS_AT
    assert [analyzer.rest(user).reason for user in users] == [WaitReason.PROVIDER_DOWN] * 6
    assert [await analyzer.used(account_of(user)) for user in users] == [1] * OPENS_AT + [0] * OPENS_AT
    assert set(analyzer.attempts()) == {0}


async def test_a_provider_that_refuses_answers_and_is_not_down(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    for number in range(OPENS_AT):
        await analyzer.add_page(f"page-{number}")
        analyzer.provider.refuses = lambda _, __: AnswerUnusable("It is not JSON.")
        await analyzer.serve()
        await analyzer.wake()

    assert not await analyzer.breaker.is_open()


async def test_a_probe_the_quota_does_not_permit_leaves_the_try_to_another(analyzer: Analyzer) -> None:
    analyzer.breaker.pace = Pace(timedelta(0), call=timedelta(hours=1))
    for user in (ADA, LINUS):
        await analyzer.add_key(user)
        await analyzer.add_page("page", user=user)
    for user in (ADA, LINUS, ADA):
        go = await analyzer.breaker.ask(user)
        assert isinstance(go, Go)
        await analyzer.breaker.failed(user, go)
    await analyzer.quota.close(account_of(ADA), WindowName.DAY, soon(hours=1))

    await analyzer.serve()

    assert analyzer.rest(ADA).reason is WaitReason.QUOTA_DAY
    assert [key for key, _ in analyzer.provider.asked] == [KEYS[LINUS]]
    assert not await analyzer.breaker.is_open()


async def test_a_call_that_never_left_gives_its_quota_back(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    await analyzer.add_page("page")
    analyzer.provider.refuses = lambda _, __: ProviderUnreached("No route.", until=soon(seconds=5))

    await analyzer.serve()

    assert (await analyzer.quota.status(account_of(ADA))).minute.used == 0
    assert [call.outcome for call in analyzer.journal.calls] == [NOT_SENT]
    assert analyzer.rest().reason is WaitReason.PROVIDER_DOWN


async def test_a_permit_that_lapsed_while_the_call_was_recorded_is_not_used(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await analyzer.add_key()
    await analyzer.add_page("page")
    take, taken = analyzer.quota.take, []

    async def lapsing_at_first(user: UserId, *, calls: int = 1) -> Taken | Wait:
        permit = await take(user, calls=calls)
        assert isinstance(permit, Taken)
        taken.append(permit if taken else replace(permit, lapses_at=0.0))
        return taken[-1]

    monkeypatch.setattr(analyzer.quota, "take", lapsing_at_first)
    await analyzer.serve()

    assert len(taken) == 2
    assert [call.outcome for call in analyzer.journal.calls] == [NOT_SENT, "analysed"]
    assert (await analyzer.quota.status(account_of(ADA))).minute.used == 1


async def test_no_call_leaves_for_a_user_who_was_erased_meanwhile_and_nothing_is_counted(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await analyzer.add_key()
    await analyzer.add_page("page")
    take = analyzer.quota.take

    async def erased_right_before(account: Account) -> Taken | Wait:
        await analyzer.erase(ADA)
        return await take(account)

    monkeypatch.setattr(analyzer.quota, "take", erased_right_before)
    await analyzer.serve()

    assert analyzer.provider.asked == []
    assert analyzer.ledger.bookmarks == {}
    assert analyzer.journal.calls == []
    assert (await analyzer.quota.status(account_of(ADA))).minute.used == 0


async def test_no_call_leaves_that_could_not_be_recorded(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    await analyzer.add_key()
    page = await analyzer.add_page("page")

    async def away(*_: object, **__: object) -> None:
        raise LedgerUnavailable("PostgreSQL cannot be reached.")

    monkeypatch.setattr(analyzer.journal, "begin", away)
    await analyzer.serve()

    assert analyzer.provider.asked == []
    assert (await analyzer.quota.status(account_of(ADA))).minute.used == 0
    assert page.state is JobState.QUEUED
    assert analyzer.attempts() == [0]


async def test_paid_results_wait_for_a_ledger_that_is_away(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    await analyzer.add_key()
    page = await analyzer.add_page("page")
    store, tries = analyzer.ledger.store_analyses, []

    async def away_at_first(results: Sequence[tuple[Job, object]], *, pause: Pause | None = None) -> None:
        tries.append(results)
        if len(tries) == 1:
            raise LedgerUnavailable("PostgreSQL cannot be reached.")
        await store(results, pause=pause)  # type: ignore[arg-type]

    monkeypatch.setattr(analyzer.ledger, "store_analyses", away_at_first)
    await analyzer.serve()

    assert len(tries) == 2
    assert page.state is JobState.DONE
    assert len(analyzer.provider.asked) == 1


# ---- keys that are refused ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refusal", "status"),
    [(KeyRefused("it is not valid"), KeyStatus.INVALID), (KeyExpired("it has expired"), KeyStatus.EXPIRED)],
)
async def test_a_refused_key_is_marked_told_and_not_tried_again(
    analyzer: Analyzer, refusal: KeyRefused, status: KeyStatus
) -> None:
    await analyzer.add_key()
    pages = [await analyzer.add_page(f"page-{number}") for number in range(6)]
    analyzer.provider.refuses = lambda _, __: refusal

    while await analyzer.serve():
        await analyzer.wake()

    assert len(analyzer.provider.asked) == 1
    known = await analyzer.registry.find(ADA)
    assert known is not None
    assert (known.status, known.reason) == (status, refusal.sentence)
    assert analyzer.registry.events[-1] == (ADA, status)
    assert {page.analysis.analysed_by for page in pages if page.analysis} == {AnalysedBy.HEURISTIC}
    assert all(page.state is JobState.DONE for page in pages)


async def test_an_old_keys_refusal_does_not_mark_the_new_one(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    page = await analyzer.add_page("page")
    new_key = "AIzaSyNew-0000000000000000000000000000new"
    old = KEYS[ADA]

    class Replacing:
        model = "replacing"

        async def prepare(self, key: ApiKey) -> None:
            """Nothing takes time."""

        async def analyse(self, key: ApiKey, items: Sequence[Item]) -> object:
            if key.get_secret_value() == old:
                await analyzer.add_key(key=new_key)
                raise KeyRefused("it is not valid")
            return await analyzer.provider.analyse(key, items)

    object.__setattr__(analyzer.analyse.asking, "provider", Replacing())
    await analyzer.serve()

    known = await analyzer.registry.find(ADA)
    assert known is not None
    assert known.status is KeyStatus.ACTIVE
    assert page.state is JobState.QUEUED
    assert analyzer.attempts() == [0]
    await analyzer.wake()
    await analyzer.serve()
    assert [key for key, _ in analyzer.provider.asked] == [new_key]


async def test_a_key_that_could_not_be_checked_becomes_active_when_the_provider_takes_it(analyzer: Analyzer) -> None:
    await analyzer.add_key(status=KeyStatus.UNCHECKED)
    await analyzer.add_page("page")

    await analyzer.serve()

    known = await analyzer.registry.find(ADA)
    assert known is not None
    assert known.status is KeyStatus.ACTIVE
    assert known.last_used_at is not None


async def test_a_remembered_key_that_was_replaced_meanwhile_is_read_anew(
    analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await analyzer.add_key()
    remembered = await analyzer.keys.read(ADA)
    new_key = "AIzaSyNew-0000000000000000000000000000new"
    await analyzer.add_key(key=new_key)
    await analyzer.add_page("page")
    read, forgotten = analyzer.keys.read, []

    async def remembering(user: UserId) -> StoredKey | None:
        return await read(user) if forgotten else remembered

    monkeypatch.setattr(analyzer.keys, "read", remembering)
    monkeypatch.setattr(analyzer.keys, "forget", forgotten.append)
    await analyzer.serve()

    assert [key for key, _ in analyzer.provider.asked] == [new_key]


# ---- answers that are less than was asked for -----------------------------------------------------


async def test_what_an_answer_misses_is_tried_again_and_the_rest_is_kept(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    pages = [await analyzer.add_page(f"page-{number}") for number in range(3)]
    analyzer.provider.misses = {str(pages[1].id)}

    await analyzer.serve()

    assert [page.state for page in pages] == [JobState.DONE, JobState.QUEUED, JobState.DONE]
    assert analyzer.attempts() == [0, 1, 0]


async def test_an_answer_nobody_can_use_costs_each_page_one_attempt(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    await analyzer.add_page("one")
    await analyzer.add_page("two")
    unusable = AnswerUnusable("It is not JSON.")
    unusable.tokens = Tokens(prompt=70, answer=3)
    analyzer.provider.refuses = lambda _, __: unusable

    await analyzer.serve()

    assert analyzer.attempts() == [1, 1]
    [call] = analyzer.journal.calls
    assert (call.outcome, call.tokens) == ("answer_unusable", Tokens(prompt=70, answer=3))


def blocks(poison: str) -> object:
    def refuse(_: ApiKey, items: Sequence[Item]) -> FleetError | None:
        return ContentBlocked("Refused.") if any(item.title == poison for item in items) else None

    return refuse


async def test_one_blocked_page_ends_alone_and_takes_no_other_down(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    pages = [await analyzer.add_page(title) for title in ("one", "poison", "three")]
    analyzer.provider.refuses = blocks("poison")  # type: ignore[assignment]

    await analyzer.serve()

    assert [page.state for page in pages] == [JobState.DONE, JobState.FAILED, JobState.DONE]
    assert isinstance(pages[1].error, ContentBlocked)
    assert [len(items) for _, items in analyzer.provider.asked] == [3, 1, 2, 1, 1]


async def test_a_blocked_page_is_found_by_halves(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    pages = [await analyzer.add_page(title) for title in ("one", "two", "three", "four", "poison")]
    analyzer.provider.refuses = blocks("poison")  # type: ignore[assignment]

    await analyzer.serve()

    assert [page.state for page in pages] == [*[JobState.DONE] * 4, JobState.FAILED]
    assert [len(items) for _, items in analyzer.provider.asked] == [5, 2, 3, 1, 2, 1, 1]


async def test_a_page_that_spoils_answers_again_and_again_is_found_and_takes_no_other_down(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    pages = [await analyzer.add_page(title) for title in ("one", "poison", "three", "four")]

    def cut(_: ApiKey, items: Sequence[Item]) -> FleetError | None:
        return AnswerUnusable("It was cut.") if any(item.title == "poison" for item in items) else None

    analyzer.provider.refuses = cut
    await analyzer.serve()
    assert [len(items) for _, items in analyzer.provider.asked] == [4]  # it may have been chance
    for _ in range(4):
        await analyzer.wake()
        await analyzer.serve()

    assert [page.state for page in pages] == [JobState.DONE, JobState.FAILED, JobState.DONE, JobState.DONE]
    assert isinstance(pages[1].error, AnswerUnusable)
    assert {page.analysis.analysed_by for page in pages if page.analysis} == {AnalysedBy.GEMINI}


async def test_what_an_answer_misses_is_asked_about_alone_once(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    pages = [await analyzer.add_page(title) for title in ("one", "two", "three")]
    missed = str(pages[1].id)
    analyzer.provider.misses = {missed}

    async def come_to_itself() -> None:
        if analyzer.provider.asked[-1][1] == (missed,):
            analyzer.provider.misses = set()

    analyzer.provider.meanwhile = come_to_itself
    await analyzer.serve()

    assert [len(items) for _, items in analyzer.provider.asked] == [3, 1]
    assert [page.state for page in pages] == [JobState.DONE] * 3
    assert set(analyzer.attempts()) == {0}


# ---- how much one request carries -------------------------------------------------------------------


async def test_pages_that_do_not_fit_together_go_in_several_requests_each_whole() -> None:
    analyzer = Analyzer(text_tokens=100, batch_pause_s=0)
    await analyzer.add_key()
    sizes = {"a": 60, "b": 50, "c": 40, "d": 45}
    pages = [await analyzer.add_page(title, text="word " * (size * 4 // 5)) for title, size in sizes.items()]

    await analyzer.serve()

    asked = [
        [analyzer.ledger.bookmarks[BookmarkId(int(id_))].new.title for id_ in ids] for _, ids in analyzer.provider.asked
    ]
    assert asked == [["a", "c"], ["b", "d"]]
    assert [page.analysis and page.analysis.chars_left_out for page in pages] == [0] * 4


async def test_a_page_too_long_for_company_goes_alone_and_what_was_cut_is_recorded() -> None:
    analyzer = Analyzer(text_tokens=100, batch_pause_s=0)
    await analyzer.add_key()
    text = "This is a sentence of thirty-six. " * 50
    short, long = await analyzer.add_page("short"), await analyzer.add_page("long", text=text)

    await analyzer.serve()

    assert [items for _, items in analyzer.provider.asked] == [(str(short.id),), (str(long.id),)]
    assert long.analysis
    shown = len(text) - long.analysis.chars_left_out
    assert 300 < shown <= 400
    assert text[:shown].endswith(".")


async def test_a_single_blocked_page_is_not_asked_about_twice(analyzer: Analyzer) -> None:
    await analyzer.add_key()
    page = await analyzer.add_page("poison")
    analyzer.provider.refuses = blocks("poison")  # type: ignore[assignment]

    await analyzer.serve()

    assert page.state is JobState.FAILED
    assert len(analyzer.provider.asked) == 1


async def test_looking_for_the_blocked_page_stays_within_the_quota() -> None:
    analyzer = Analyzer(per_minute=2, batch_pause_s=0)
    await analyzer.add_key()
    pages = [await analyzer.add_page(title) for title in ("one", "poison", "three")]
    analyzer.provider.refuses = blocks("poison")  # type: ignore[assignment]

    await analyzer.serve()

    assert len(analyzer.provider.asked) == 2
    assert [page.state for page in pages] == [JobState.DONE, JobState.QUEUED, JobState.QUEUED]
    assert analyzer.rest().reason is WaitReason.QUOTA_MINUTE
    assert analyzer.attempts() == [0, 0, 0]
