"""Pages whose users wait for the provider are read here meanwhile, once, and at no cost."""

from datetime import UTC, datetime, timedelta

from services.analyzer.domain.reading_meanwhile import ReadMeanwhile
from shared.errors import ProviderDown
from shared.ledger.in_memory import Kept
from shared.quota import account_of
from shared.values import AnalysedBy, JobState, Stage, Strategy
from tests.unit.analyzer.conftest import ADA, LINUS, Analyzer


def by(page: Kept) -> AnalysedBy | None:
    return page.analysis.analysed_by if page.analysis else None


async def a_provider_that_is_down(analyzer: Analyzer, *pages: str) -> list[Kept]:
    await analyzer.add_key()
    kept = [await analyzer.add_page(page) for page in pages]
    down = ProviderDown("It is down.", until=datetime.now(UTC) + timedelta(hours=1))
    analyzer.provider.refuses = lambda *_: down
    await analyzer.serve()
    return kept


async def test_who_waits_for_the_provider_sees_the_built_in_analysis_and_later_the_providers(
    analyzer: Analyzer,
) -> None:
    pages = await a_provider_that_is_down(analyzer, "one", "two")
    used = await analyzer.used(account_of(ADA))

    assert await ReadMeanwhile(analyzer.ledger, after=timedelta(0))() == 2
    assert await ReadMeanwhile(analyzer.ledger, after=timedelta(0))() == 0

    assert [(by(page), page.state) for page in pages] == [(AnalysedBy.HEURISTIC, JobState.DONE)] * 2
    assert await analyzer.used(account_of(ADA)) == used
    assert set(analyzer.attempts()) == {0}
    analyzer.provider.refuses = lambda *_: None
    await analyzer.wake()
    await analyzer.serve()
    assert [by(page) for page in pages] == [AnalysedBy.GEMINI] * 2


async def test_nobody_is_read_for_before_the_time(analyzer: Analyzer) -> None:
    pages = await a_provider_that_is_down(analyzer, "one")

    assert await ReadMeanwhile(analyzer.ledger, after=timedelta(minutes=5))() == 0
    assert by(pages[0]) is None


async def test_a_page_that_was_never_fetched_is_done_with_it(analyzer: Analyzer) -> None:
    await a_provider_that_is_down(analyzer, "one")
    unread = await analyzer.add_page("unread", strategy=Strategy.FALLBACK)

    assert await ReadMeanwhile(analyzer.ledger, after=timedelta(0))() == 2

    states = {job.state for job in analyzer.ledger._jobs.values() if job.bookmark is unread}
    assert by(unread) is AnalysedBy.HEURISTIC
    assert states == {JobState.DONE}


async def test_many_bookmarks_that_wait_are_read_once_each(analyzer: Analyzer) -> None:
    pages = await a_provider_that_is_down(analyzer, *map(str, range(60)))
    others = await analyzer.add_page("other", user=LINUS)
    told: list[tuple[str, int]] = []

    for _ in range(3):
        await ReadMeanwhile(analyzer.ledger, after=timedelta(0))()
        told = [event for event in analyzer.ledger.events if event[0] == "bookmark.analyzed"]

    assert sorted(told) == [("bookmark.analyzed", page.id) for page in pages]
    assert by(others) is None
    assert len([job for job in analyzer.ledger._jobs.values() if job.stage is Stage.ANALYZE]) == 61
