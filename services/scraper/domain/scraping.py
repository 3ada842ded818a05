"""Scraping one bookmark: look at its page, then keep what was seen, pass it on, or say why not."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from services.scraper.domain.cleaning import clean_line, clean_text
from services.scraper.domain.facts import facts_of, links_of
from services.scraper.domain.failures import Unfit, error_of
from services.scraper.domain.fallback import fallback_for, url_words
from services.scraper.domain.gate import EMPTY_WORDS, Verdict
from services.scraper.domain.looking import Look, Looker
from services.scraper.domain.signs import Sign
from shared.bookmarks import Bookmark, Content
from shared.counting import count_words
from shared.errors import FleetError, LeaseLost, LedgerUnavailable
from shared.jobs import Worked
from shared.ledger import Job, Ledger
from shared.patience import patiently
from shared.values import Stage, Strategy


class ScrapePage:
    """The use case of the scrape and the render stage: a job in, its page's content in the ledger."""

    def __init__(
        self,
        *,
        looker: Looker,
        ledger: Ledger,
        chars: int,
        strategy: Strategy = Strategy.STATIC,
        browser_follows: bool = False,
    ) -> None:
        """Keep the collaborators.

        Args:
            looker: looks at pages.
            ledger: where content is kept.
            chars: of a page's text, kept at most.
            strategy: how the looker gets pages.
            browser_follows: whether the render stage takes what a browser may be shown more of.
        """
        self._looker = looker
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
        look = await self._looker.look(job.bookmark.url)
        judgement = look.judgement
        facts = {"host": urlsplit(look.page.url).hostname, "verdict": judgement.verdict.value}
        if judgement.needs_browser and self._browser_follows:
            seen = fallback_for(job, _refusal(look))
            await patiently(lambda: self._ledger.advance(job, to=Stage.RENDER, fallback=seen), until=job.deadline)
            return {**facts, "evidence": judgement.evidence, "to": Stage.RENDER.value}
        content = self._kept(job.bookmark, look)
        await patiently(lambda: self._ledger.store_content(job, content), until=job.deadline)
        return {**facts, "chars": len(content.text)}

    async def scrape(self, bookmark: Bookmark) -> Content:
        """The content of a bookmark's page.

        Raises:
            AddressRefused, PageUnreachable, PageBlocked, PageGone, PageRefused, PageUnusable, PageEmpty: it cannot be
                had; an `Unfit` as the cause brings the verdict and what was seen.
        """
        return self._kept(bookmark, await self._looker.look(bookmark.url))

    def _kept(self, bookmark: Bookmark, look: Look) -> Content:
        if not _is_usable(look):
            raise _refusal(look)
        page, found = look.page, look.reading.extracted
        return Content(
            strategy=self._strategy,
            verdict=look.judgement.verdict.value,
            final_url=page.url,
            title=clean_line(found.title or bookmark.title) or url_words(page.url) or page.url,
            text=clean_text(found.text, chars=self._chars),
            links=links_of(found),
            **facts_of(found),
        )


def _refusal(look: Look) -> FleetError:
    """Why a look cannot be used, with what it shows of the page all the same."""
    error = error_of(look.judgement, url=look.page.url)
    error.__cause__ = Unfit(look.judgement, look.reading.extracted)
    return error


def _is_usable(look: Look) -> bool:
    """A thin page is kept for what it says, unless it says nothing or only asks for JavaScript."""
    if look.judgement.verdict is not Verdict.THIN:
        return look.judgement.verdict is Verdict.OK
    return count_words(look.reading.extracted.text) >= EMPTY_WORDS and Sign.SCRIPT_APP not in look.reading.signs
