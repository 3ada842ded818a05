"""Content for a bookmark whose page could not be read: what its owner said of it, its address, and what was seen."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

from yarl import URL

from services.scraper.domain.cleaning import clean_line, clean_text
from services.scraper.domain.failures import Unfit
from services.scraper.domain.gate import Verdict
from services.scraper.domain.pages import Extracted
from shared.bookmarks import Bookmark, Content
from shared.errors import FleetError
from shared.values import Strategy

_BETWEEN_WORDS = re.compile(r"[\W_]+")
_SUFFIX = re.compile(r"\.(?:html?|php|aspx?|jsp|md|txt|pdf)$", re.IGNORECASE)
_MEANINGLESS = re.compile(r"\d+|[0-9a-f]{8,}|index|default|www|amp", re.IGNORECASE)
_TELLING = frozenset({Verdict.PAYWALL, Verdict.THIN, Verdict.OK})
"""Verdicts under which a page's own title and description are those of the bookmarked page."""

_LONGEST = 20_000


def fallback_content(bookmark: Bookmark, error: FleetError) -> Content:
    """What stands in for a page that could not be read; never empty, and marked as not the page.

    Args:
        bookmark: title, tags and excerpt as the user saved them.
        error: why the page could not be read; an `Unfit` behind it brings what was seen.
    """
    unfit = error.__cause__ if isinstance(error.__cause__, Unfit) else None
    seen = _believable(unfit)
    title = clean_line(bookmark.title or seen.title) or url_words(bookmark.url) or _host(bookmark)
    return Content(
        strategy=Strategy.FALLBACK,
        verdict=unfit.judgement.verdict.value if unfit else error.code,
        final_url=bookmark.url,
        title=title,
        text=clean_text("\n\n".join(dict.fromkeys(_paragraphs(bookmark, seen, title))), chars=_LONGEST),
        description=clean_line(seen.description or bookmark.excerpt),
        author=seen.author,
        site_name=seen.site_name,
        language=seen.language,
        published=seen.published,
    )


def url_words(url: str) -> str:
    """The words in an address' path that a person would recognise: `/2024/07/a-fast_parser.html` → `a fast parser`."""
    path = _SUFFIX.sub("", unquote(URL(url).raw_path).rstrip("/"))
    words = (word for word in _BETWEEN_WORDS.split(path) if word and not _MEANINGLESS.fullmatch(word))
    return clean_line(" ".join(words), chars=300)


def _believable(unfit: Unfit | None) -> Extracted:
    if unfit is None or unfit.seen is None or unfit.judgement.verdict not in _TELLING:
        return Extracted()
    return unfit.seen


def _paragraphs(bookmark: Bookmark, seen: Extracted, title: str) -> Iterator[str]:
    yield title
    yield from filter(None, (clean_line(bookmark.excerpt, chars=5_000), clean_line(seen.description), seen.text))
    if bookmark.tags:
        yield "Tags: " + ", ".join(clean_line(tag, chars=100) for tag in bookmark.tags)
    words = url_words(bookmark.url)
    yield f"Saved from {_host(bookmark)}" + (f": {words}" if words else "")


def _host(bookmark: Bookmark) -> str:
    return URL(bookmark.url).host or bookmark.url
