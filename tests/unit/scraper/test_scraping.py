"""The story of one scrape: which pages become content, and which errors the others end with."""

import pytest
from prometheus_client import REGISTRY

from services.scraper.adapters.in_memory import FetcherInMemory, ReaderInProcess
from services.scraper.domain.failures import Unfit
from services.scraper.domain.fallback import fallback_content
from services.scraper.domain.gate import Verdict
from services.scraper.domain.looking import FreshLook
from services.scraper.domain.pages import Fetched
from services.scraper.domain.scraping import ScrapePage
from shared.bookmarks import Bookmark, Content, NewBookmark
from shared.errors import (
    AddressRefused,
    FleetError,
    LeaseLost,
    PageBlocked,
    PageEmpty,
    PageGone,
    PageRefused,
    PageUnreachable,
    PageUnusable,
)
from shared.ledger import Job
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import retry_policy, stage_policies
from shared.settings import DispatchSettings
from shared.values import BookmarkId, Stage, Strategy, UserId

URL = "https://site.example/posts/a-fine-page"
WORDS = " ".join(f"Sentence number {n} says something of its own." for n in range(30))


def html(text: str, *, title: str = "", head: str = "") -> bytes:
    return (
        f"<html><head><title>{title}</title>{head}</head><body><article><p>{text}</p></article></body></html>".encode()
    )


def memory_ledger(*, render: bool = False) -> MemoryLedger:
    settings = DispatchSettings(render=render)
    return MemoryLedger(policies=stage_policies(settings), retries=retry_policy(settings))


def scraping(
    answer: Fetched | FleetError,
    *,
    ledger: MemoryLedger | None = None,
    chars: int = 10_000,
    strategy: Strategy = Strategy.STATIC,
    browser_follows: bool = False,
) -> ScrapePage:
    return ScrapePage(
        looker=FreshLook(FetcherInMemory({URL: answer}), ReaderInProcess(chars=chars), strategy),
        ledger=ledger or memory_ledger(),
        chars=chars,
        strategy=strategy,
        browser_follows=browser_follows,
    )


async def scraped(answer: Fetched | FleetError, *, title: str = "As saved", chars: int = 10_000) -> Content:
    saved = Bookmark(id=BookmarkId(1), user=UserId("u"), url=URL, title=title)
    return await scraping(answer, chars=chars).scrape(saved)


async def claimed(ledger: MemoryLedger) -> list[Job]:
    await ledger.submit(UserId("u"), [NewBookmark(url=URL, title="As saved")])
    (released,) = await ledger.release(Stage.SCRAPE)
    return await ledger.claim(Stage.SCRAPE, released.job_ids, released.token)


def page(body: bytes, *, status: int = 200, media_type: str = "text/html", url: str = URL) -> Fetched:
    return Fetched(url=url, status=status, media_type=media_type, body=body)


async def test_a_page_becomes_content() -> None:
    content = await scraped(page(html(WORDS, title="A fine page"), url="https://site.example/moved"))

    assert content.strategy is Strategy.STATIC
    assert content.verdict == "ok"
    assert content.title == "A fine page"
    assert content.final_url == "https://site.example/moved"
    assert "Sentence number 29" in content.text


@pytest.mark.parametrize(("saved", "title"), [("As saved", "As saved"), ("", "posts a fine page")])
async def test_a_page_without_a_title_bears_the_bookmarks_or_the_words_of_its_address(saved: str, title: str) -> None:
    assert (await scraped(page(html(WORDS)), title=saved)).title == title


async def test_a_thin_page_is_kept_and_marked() -> None:
    content = await scraped(page(html("Red, green, blue, yellow, orange, purple")))

    assert (content.verdict, content.text) == ("thin", "Red, green, blue, yellow, orange, purple")


@pytest.mark.parametrize(
    ("answer", "error", "verdict"),
    [
        (page(b"", status=404), PageGone, Verdict.GONE),
        (page(b"", status=403), PageBlocked, Verdict.BLOCKED),
        (page(b"", status=401), PageRefused, Verdict.LOGIN),
        (page(b"", status=429), PageUnreachable, Verdict.UNAVAILABLE),
        (page(b"", status=502), PageUnreachable, Verdict.UNAVAILABLE),
        (page(b"", media_type="image/png"), PageUnusable, Verdict.NOT_TEXT),
        (page(bytes(1_000)), PageUnusable, Verdict.NOT_TEXT),
        (page(html("")), PageEmpty, Verdict.THIN),
        (page(html("One two.")), PageEmpty, Verdict.THIN),
        (page(b"<div id=root></div>" + html("Loading, one moment please, thank you.")), PageEmpty, Verdict.THIN),
        (page(html("Verify you are human", title="Just a moment...")), PageBlocked, Verdict.CHALLENGE),
    ],
)
async def test_what_cannot_be_used_ends_in_a_typed_error_with_its_verdict(
    answer: Fetched, error: type[FleetError], verdict: Verdict
) -> None:
    with pytest.raises(error) as caught:
        await scraped(answer)

    assert isinstance(caught.value.__cause__, Unfit)
    assert caught.value.__cause__.judgement.verdict is verdict


@pytest.mark.parametrize("error", [AddressRefused("private"), PageUnreachable("No."), PageUnusable("Too large.")])
async def test_what_the_fetcher_says_is_passed_on_and_counted(error: FleetError) -> None:
    labels = {"strategy": "static", "verdict": error.code}
    before = REGISTRY.get_sample_value("fleet_fetch_total", labels) or 0.0

    with pytest.raises(type(error)):
        await scraped(error)

    assert REGISTRY.get_sample_value("fleet_fetch_total", labels) == before + 1


async def test_a_paywalled_pages_own_title_and_description_survive_in_the_fallback() -> None:
    head = '<meta name="description" content="What it is about.">'
    saved = Bookmark(id=BookmarkId(1), user=UserId("u"), url=URL)

    with pytest.raises(PageRefused) as caught:
        await scraped(
            page(
                html(f"{'The beginning. ' * 20}</p><p>Subscribe to continue reading.", title="Worth paying", head=head)
            )
        )

    content = fallback_content(saved, caught.value)
    assert (content.title, content.description, content.verdict) == ("Worth paying", "What it is about.", "paywall")


async def test_text_is_kept_up_to_the_limit_and_without_what_a_database_cannot_hold() -> None:
    content = await scraped(page(b"a\x01b\x02 " + WORDS.encode() * 10, media_type="text/plain"), chars=1_000)

    assert content.text.startswith("ab ")
    assert 900 < len(content.text) <= 1_000


async def test_a_jobs_content_is_in_the_ledger_when_the_use_case_ends() -> None:
    ledger = memory_ledger()
    jobs = await claimed(ledger)

    worked = await scraping(page(html(WORDS, title="A fine page")), ledger=ledger)(jobs)

    assert worked.strategy == "static"
    assert worked.facts == {"host": "site.example", "chars": len(WORDS), "verdict": "ok"}
    assert not worked.failed
    (analysis,) = await ledger.release(Stage.ANALYZE)
    (job,) = await ledger.claim(Stage.ANALYZE, analysis.job_ids, analysis.token)
    assert job.content is not None
    assert job.content.text == WORDS


SHELL = page(b"<html><body><div id=root></div><p>Loading, one moment please, thank you.</p></body></html>")


async def test_a_page_that_needs_a_browser_goes_on_to_the_render_stage_where_there_is_one() -> None:
    ledger = memory_ledger(render=True)
    jobs = await claimed(ledger)

    worked = await scraping(SHELL, ledger=ledger, browser_follows=True)(jobs)

    assert not worked.failed
    assert (worked.facts["verdict"], worked.facts["to"]) == ("thin", "render")
    assert not await ledger.release(Stage.ANALYZE)
    (released,) = await ledger.release(Stage.RENDER)
    (job,) = await ledger.claim(Stage.RENDER, released.job_ids, released.token)
    assert job.bookmark.url == URL


async def test_what_was_seen_of_a_page_is_shown_while_a_browser_is_asked_for_it() -> None:
    ledger = memory_ledger(render=True)
    jobs = await claimed(ledger)
    shell = html("", title="An app", head='<meta name="description" content="It plans gardens.">')

    await scraping(page(shell + b"<div id=root></div>"), ledger=ledger, browser_follows=True)(jobs)

    (kept,) = ledger.bookmarks.values()
    assert kept.content is not None
    assert (kept.state, kept.content.strategy, kept.content.verdict) == ("queued", "fallback", "thin")
    assert kept.content.description == "It plans gardens."


async def test_what_a_page_says_about_itself_is_kept_beside_its_text() -> None:
    head = (
        '<meta property="og:image" content="/lead.png"><meta property="article:published_time" content="2024-05-06">'
        '<meta name="author" content="Ada"><meta property="og:site_name" content="Site">'
    )

    content = await scraped(page(html(WORDS, title="A fine page", head=head)))

    assert content.image == "https://site.example/lead.png"
    assert (content.author, content.site_name, content.published) == ("Ada", "Site", "2024-05-06")
    assert content.pages is None


async def test_the_address_of_an_image_is_kept_whole_or_not_at_all() -> None:
    head = f'<meta property="og:image" content="https://a.example/{"x" * 3_000}">'

    assert (await scraped(page(html(WORDS, head=head)))).image is None


async def test_a_page_that_needs_a_browser_ends_with_what_could_be_read_where_there_is_none() -> None:
    ledger = memory_ledger()
    jobs = await claimed(ledger)

    worked = await scraping(SHELL, ledger=ledger)(jobs)

    ((_, error),) = worked.failed
    assert isinstance(error, PageEmpty)


async def test_what_a_browser_showed_passes_the_same_gate_and_is_marked() -> None:
    ledger = memory_ledger(render=True)
    jobs = await claimed(ledger)
    await ledger.advance(jobs[0], to=Stage.RENDER)
    (released,) = await ledger.release(Stage.RENDER)
    jobs = await ledger.claim(Stage.RENDER, released.job_ids, released.token)

    worked = await scraping(page(html(WORDS)), ledger=ledger, strategy=Strategy.BROWSER)(jobs)

    assert worked.strategy == "browser"
    (analysis,) = await ledger.release(Stage.ANALYZE)
    (job,) = await ledger.claim(Stage.ANALYZE, analysis.job_ids, analysis.token)
    assert job.content is not None
    assert job.content.strategy is Strategy.BROWSER


async def test_a_browser_that_is_turned_away_is_tried_again_later_and_never_done() -> None:
    with pytest.raises(PageBlocked):
        await scraping(page(b"", status=403), strategy=Strategy.BROWSER).scrape(
            Bookmark(id=BookmarkId(1), user=UserId("u"), url=URL)
        )


async def test_a_job_that_cannot_be_scraped_is_handed_back_with_its_reason() -> None:
    ledger = memory_ledger()
    (job,) = await claimed(ledger)

    worked = await scraping(page(b"", status=404), ledger=ledger)([job])

    ((failed, error),) = worked.failed
    assert failed is job
    assert isinstance(error, PageGone)


async def test_a_job_that_was_taken_back_meanwhile_keeps_nothing() -> None:
    ledger = memory_ledger()
    jobs = await claimed(ledger)
    await ledger.remove(UserId("u"), urls=[URL])

    with pytest.raises(LeaseLost):
        await scraping(page(html(WORDS)), ledger=ledger)(jobs)
