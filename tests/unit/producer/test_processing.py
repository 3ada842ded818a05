"""What may be analysed better is queued anew exactly where a key serves, and the answer says whose."""

from types import SimpleNamespace
from typing import Any

import pytest

from services.producer.domain.processing import ProcessContent
from shared.audit import Actor
from shared.bookmarks import Analysis, Content, NewBookmark
from shared.errors import InvalidInput, UnknownUser
from shared.keys import DEPLOYMENT
from shared.keys.in_memory import InMemoryKeyRegistry
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import RetryPolicy, stage_policies
from shared.settings import DispatchSettings
from shared.users import user_id
from shared.values import AnalysedBy, DefaultKeyPolicy, KeySource, KeyStatus, Stage, Strategy, UserId

ADA = user_id("ada")
OFF, FALLBACK, ALWAYS = DefaultKeyPolicy


class Reports:
    """What the ledger shows of a user, for these tests."""

    def __init__(self, *, knows: bool = True) -> None:
        self._knows = knows

    async def knows(self, _: UserId) -> bool:
        return self._knows

    async def progress(self, _: UserId) -> Any:
        return SimpleNamespace(unfinished=0)


async def read_here(ledger: MemoryLedger, pages: int) -> None:
    """Ada's pages, analysed by the built-in analyser."""
    await ledger.submit(ADA, [NewBookmark(f"https://example.com/{number}") for number in range(pages)])
    while released := await ledger.release(Stage.SCRAPE):
        for each in released:
            for job in await ledger.claim(Stage.SCRAPE, each.job_ids, each.token):
                await ledger.store_content(job, Content(Strategy.STATIC, "ok", job.bookmark.url, "t", "words"))
    while released := await ledger.release(Stage.ANALYZE):
        for each in released:
            jobs = await ledger.claim(Stage.ANALYZE, each.job_ids, each.token)
            await ledger.store_analyses([(job, analysis()) for job in jobs])


def analysis() -> Analysis:
    return Analysis(
        key_concepts=("words",),
        content_type="article",
        difficulty="beginner",
        technologies=(),
        learning_path="",
        project_applicability="",
        skill_development="",
        summary="words",
        analysed_by=AnalysedBy.HEURISTIC,
        model="heuristic-1",
        key_source=KeySource.NONE,
        prompt_version="heuristic-1",
    )


@pytest.mark.parametrize(
    ("policy", "own", "default", "serves"),
    [
        (OFF, None, KeyStatus.ACTIVE, KeySource.NONE),
        (OFF, KeyStatus.ACTIVE, None, KeySource.USER),
        (OFF, KeyStatus.INVALID, None, KeySource.NONE),
        (FALLBACK, None, KeyStatus.ACTIVE, KeySource.DEFAULT),
        (FALLBACK, KeyStatus.INVALID, KeyStatus.ACTIVE, KeySource.DEFAULT),
        (FALLBACK, None, KeyStatus.INVALID, KeySource.NONE),
        (ALWAYS, KeyStatus.ACTIVE, None, KeySource.NONE),
        (ALWAYS, None, KeyStatus.ACTIVE, KeySource.DEFAULT),
    ],
)
async def test_analyses_made_without_a_key_are_queued_anew_where_one_serves_now(
    policy: DefaultKeyPolicy, own: KeyStatus | None, default: KeyStatus | None, serves: KeySource
) -> None:
    ledger = MemoryLedger(policies=stage_policies(DispatchSettings()), retries=RetryPolicy())
    registry = InMemoryKeyRegistry()
    for owner, status in ((ADA, own), (DEPLOYMENT, default)):
        if status is not None:
            by = Actor("operator:root", "here")
            await registry.record(owner, name="n", fingerprint="f", version=1, status=status, reason=None, by=by)
    await read_here(ledger, 3)

    queued = await ProcessContent(ledger=ledger, registry=registry, reports=Reports(), policy=policy)(ADA, limit=2)  # type: ignore[arg-type]  # as far as it is used

    assert queued.requeued == (0 if serves is KeySource.NONE else 2)
    assert queued.key_source is serves
    assert queued.key_reason
    assert queued.has_usable_key == (own is KeyStatus.ACTIVE)


async def test_nothing_is_queued_for_nobody_nor_for_no_number_of_pages() -> None:
    ledger = MemoryLedger(policies=stage_policies(DispatchSettings()), retries=RetryPolicy())
    process = ProcessContent(
        ledger=ledger,
        registry=InMemoryKeyRegistry(),
        reports=Reports(knows=False),  # type: ignore[arg-type]  # as far as it is used
        policy=OFF,
    )

    with pytest.raises(UnknownUser):
        await process(ADA)
    with pytest.raises(InvalidInput):
        await process(ADA, limit=0)
