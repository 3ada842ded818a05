"""Scraping one bookmark: fetch its page, have it read, judge what came back, keep it, pass it on, or say why not."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from services.scraper.domain.cleaning import clean_line, clean_text
from services.scraper.domain.failures import Unfit, error_of
from services.scraper.domain.fallback import url_words
from services.scraper.domain.gate import EMPTY_WORDS, Judgement, Verdict, count_words, judge
from services.scraper.domain.pages import Extracted, Fetched, Fetcher, Reader, Reading
from services.scraper.domain.signs import Sign
from shared.bookmarks import Bookmark, Content
from shared.errors import AddressRefused, FleetError, LeaseLost, LedgerUnavailable
from shared.jobs import Worked
from shared.ledger import Job, Ledger
from shared.logs import log
from shared.metrics import FETCHES
from shared.patience import patiently
from shared.values import Stage, Strategy


class ScrapePage:
    """The use case of the scrape and the render stage: a job in, its page's content in the ledger."""

    def __init__(
        self,
        *,
        fetcher: Fetcher,
        reader: Reader,
        ledger: Ledger,
        chars: int,
        strategy: Strategy = Strategy.STATIC,
        browser_follows: bool = False,
    ) -> None:
        """Keep the collaborators.

        Args:
            fetcher: gets pages.
            reader: reads them, apart from this process.
            ledger: where content is kept.
            chars: of a page's text, kept at most.
            strategy: how the fetcher gets pages.
            browser_follows: whether the render stage takes what a browser may be shown more of.
        """
        self._fetcher = fetcher
        self._reader = reader
        self._ledger = ledger
        self._chars = chars
        self._strategy = strategy
        self._browser_follows = browser_follows

    async def __call__(self, jobs: Sequence[Job], /) -> Worked:
        """See `shared.jobs.UseCase`."""
        facts: dict[str, object] = {}
        failed: list[tuple[Job, FleetError]] = []
        for job in jobs:
            try:
                facts = await self._scrape(job)
            except (LedgerUnavailable, LeaseLost):
                raise
            except FleetError as error:
                failed.append((job, error))
        return Worked(self._strategy, facts, failed)

    async def _scrape(self, job: Job) -> dict[str, object]:
        page, reading, judgement = await self._look(job.bookmark)
        facts = {"host": urlsplit(page.url).hostname, "verdict": judgement.verdict.value}
        if judgement.needs_browser and self._browser_follows:
            await patiently(lambda: self._ledger.advance(job, to=Stage.RENDER), until=job.deadline)
            return {**facts, "evidence": judgement.evidence, "to": Stage.RENDER.value}
        content = self._kept(job.bookmark, page, reading, judgement)
        await patiently(lambda: self._ledger.store_content(job, content), until=job.deadline)
        return {**facts, "chars": len(content.text)}

    async def scrape(self, bookmark: Bookmark) -> Content:
        """The content of a bookmark's page.

        Raises:
            AddressRefused, PageUnreachable, PageBlocked, PageGone, PageRefused, PageUnusable, PageEmpty: it cannot be
                had; an `Unfit` as the cause brings the verdict and what was seen.
        """
        return self._kept(bookmark, *await self._look(bookmark))

    async def _look(self, bookmark: Bookmark) -> tuple[Fetched, Reading, Judgement]:
        try:
            page = await self._fetcher.fetch(bookmark.url)
            reading = await self._reader.read(page) if page.is_readable else Reading()
        except AddressRefused as error:
            FETCHES.labels(self._strategy, error.code).inc()
            log.warning("address_refused", host=urlsplit(bookmark.url).hostname, kind=error.kind)
            raise
        except FleetError as error:
            FETCHES.labels(self._strategy, error.code).inc()
            raise
        judgement = judge(page, reading)
        FETCHES.labels(self._strategy, judgement.verdict).inc()
        return page, reading, judgement

    def _kept(self, bookmark: Bookmark, page: Fetched, reading: Reading, judgement: Judgement) -> Content:
        if not _is_usable(judgement, reading):
            raise error_of(judgement, url=page.url) from Unfit(judgement, reading.extracted)
        return self._content(bookmark, page, reading.extracted, judgement)

    def _content(self, bookmark: Bookmark, page: Fetched, found: Extracted, judgement: Judgement) -> Content:
        return Content(
            strategy=self._strategy,
            verdict=judgement.verdict.value,
            final_url=page.url,
            title=clean_line(found.title or bookmark.title) or url_words(page.url) or page.url,
            text=clean_text(found.text, chars=self._chars),
            description=clean_line(found.description, chars=5_000),
            author=clean_line(found.author) or None,
            site_name=clean_line(found.site_name) or None,
            language=clean_line(found.language, chars=35) or None,
            published=clean_line(found.published, chars=35) or None,
        )


def _is_usable(judgement: Judgement, reading: Reading) -> bool:
    """A thin page is kept for what it says, unless it says nothing or only asks for JavaScript."""
    if judgement.verdict is not Verdict.THIN:
        return judgement.verdict is Verdict.OK
    return count_words(reading.extracted.text) >= EMPTY_WORDS and Sign.SCRIPT_APP not in reading.signs
