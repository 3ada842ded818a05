"""Content for a bookmark whose page could not be read: what its owner said of it, its address, and what was seen."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from yarl import URL

from services.scraper.domain.cleaning import clean_line, clean_text
from services.scraper.domain.facts import Facts, facts_of
from services.scraper.domain.failures import Unfit
from services.scraper.domain.pages import Extracted
from services.scraper.domain.telling import told_of
from shared.bookmarks import Bookmark, Content
from shared.counting import count_words
from shared.errors import FleetError
from shared.ledger import Job
from shared.values import Strategy

_BETWEEN_WORDS = re.compile(r"[\W_]+")
_SUFFIX = re.compile(r"\.(?:html?|php|aspx?|jsp|md|txt|pdf)$", re.IGNORECASE)
_MEANINGLESS = re.compile(r"\d+|[0-9a-f]{8,}|index|default|www|amp", re.IGNORECASE)
_LONGEST = 20_000
_FACTS = tuple(Facts.__annotations__)


def fallback_for(job: Job, error: FleetError) -> Content:
    """What stands in for the page of a job whose try failed or is not over; see `fallback_content`."""
    return fallback_content(job.bookmark, error, before=job.content)


def fallback_content(bookmark: Bookmark, error: FleetError, *, before: Content | None = None) -> Content:
    """What stands in for a page that could not be read; never empty, and marked as not the page.

    Args:
        bookmark: title, tags and excerpt as the user saved them.
        error: why the page could not be read; an `Unfit` behind it brings what was seen.
        before: what stands in for the page since an earlier try; what that one saw is not lost.
    """
    unfit = error.__cause__ if isinstance(error.__cause__, Unfit) else None
    seen = _seen(bookmark, unfit, before)
    title = clean_line(bookmark.title or seen.title) or url_words(bookmark.url) or _host(bookmark)
    text = clean_text("\n\n".join(dict.fromkeys(_paragraphs(bookmark, seen, title))), chars=_LONGEST)
    facts = facts_of(seen)
    facts["description"] = facts["description"] or clean_line(bookmark.excerpt, chars=5_000)
    return Content(
        strategy=Strategy.FALLBACK,
        verdict=unfit.judgement.verdict.value if unfit else error.code,
        final_url=bookmark.url,
        title=title,
        text=max(text, before.text if before else "", key=count_words),
        **facts,
    )


def url_words(url: str) -> str:
    """The words in an address' path that a person would recognise: `/2024/07/a-fast_parser.html` → `a fast parser`."""
    path = _SUFFIX.sub("", unquote(URL(url).raw_path).rstrip("/"))
    words = (word for word in _BETWEEN_WORDS.split(path) if word and not _MEANINGLESS.fullmatch(word))
    return clean_line(" ".join(words), chars=300)


def _seen(bookmark: Bookmark, unfit: Unfit | None, before: Content | None) -> Extracted:
    """What this try tells of the page, and where it tells nothing what earlier ones told."""
    now = Extracted()
    if unfit and unfit.seen:
        now = told_of(unfit.seen, unfit.judgement.verdict, url=bookmark.url, title=bookmark.title)
    if before is None:
        return now
    return Extracted(
        text=now.text,
        title=now.title or _seen_title(bookmark, before),
        **{name: getattr(now, name) or getattr(before, name) for name in _FACTS},
    )


def _seen_title(bookmark: Bookmark, before: Content) -> str:
    """The title that stands there, unless it was made of the address."""
    return "" if before.title in (url_words(bookmark.url), _host(bookmark)) else before.title


def _paragraphs(bookmark: Bookmark, seen: Extracted, title: str) -> Iterator[str]:
    yield title
    yield from filter(None, (clean_line(bookmark.excerpt, chars=5_000), clean_line(seen.description), seen.text))
    if bookmark.tags:
        yield "Tags: " + ", ".join(clean_line(tag, chars=100) for tag in bookmark.tags)
    words = url_words(bookmark.url)
    yield f"Saved from {_host(bookmark)}" + (f": {words}" if words else "")


def _host(bookmark: Bookmark) -> str:
    return URL(bookmark.url).host or bookmark.url
