"""What a page says about itself: in its meta data, in the data it offers to search engines, and in its markup."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate
from enum import StrEnum
from typing import Any

from services.scraper.domain.content.data import text_of
from services.scraper.domain.content.page import Page
from services.scraper.domain.content.tree import Element

_WORKS = re.compile(r"Article|BlogPosting|Report|Posting|Recipe|Review|HowTo|WebPage|VideoObject|Book|Course|Product$")
_ARTICLES = re.compile(r"Article$|BlogPosting|NewsArticle|Report$|Review$|Recipe$|HowTo$")
_ARTICLE_TYPES = ("article", "blog", "news")
_FORUMS = re.compile(r"DiscussionForumPosting|QAPage")
_BY = re.compile(r"^(?:written |posted )?(?:by|von|par|por)[:\s]+", re.IGNORECASE)
_ADDRESS = re.compile(r"https?://|^@?\w+\.(?:com|org|net)", re.IGNORECASE)
_AUTHORS = (
    *("author", "dc.creator", "dcterms.creator", "sailthru.author", "parsely-author", "citation_author"),
    *("article:author", "twitter:creator"),
)
_LONGEST_NAME = 150


class Kind(StrEnum):
    """What a page says it is."""

    ARTICLE = "article"
    PERHAPS_ARTICLE = "perhaps an article"  # blogging software says so of every page
    DISCUSSION = "discussion"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class About:
    """Empty or None where the page says nothing.

    Attributes:
        published: ISO 8601 date.
        image: address of the lead image.
        body: the article's text where the page's data has it too.
    """

    title: str = ""
    offered_title: str = ""
    description: str = ""
    author: str | None = None
    site_name: str | None = None
    language: str | None = None
    published: str | None = None
    image: str | None = None
    body: str = ""
    kind: Kind = Kind.UNKNOWN


def about(page: Page) -> About:
    """What the page says about itself."""
    meta, root = page.meta, page.tree
    data = page.data("application/ld+json")
    types = {name for each in data for name in _types(each)}
    works = [each for each in data if any(_WORKS.search(name) for name in _types(each))]
    offered_title = _first(meta, "og:title", "twitter:title")
    return About(
        title=page.title or offered_title,
        offered_title=offered_title,
        description=_first(meta, "description", "og:description", "twitter:description", "dc.description")
        or _said(works, "description"),
        author=_author(page, works) or None,
        site_name=_first(meta, "og:site_name", "application-name") or _said(works, "publisher") or None,
        language=root.get("lang") or root.get("xml:lang") or _first(meta, "content-language", "og:locale") or None,
        published=_published(page, works),
        image=_image(page, works),
        body=_said(works, "articleBody"),
        kind=_kind(page, types),
    )


def _kind(page: Page, types: set[str]) -> Kind:
    if any(_FORUMS.search(name) for name in types):
        return Kind.DISCUSSION
    if any(_ARTICLES.search(name) for name in types) or "article:published_time" in page.meta:
        return Kind.ARTICLE
    if any(each.get("itemprop") == "articleBody" for each in page.marked):
        return Kind.ARTICLE
    return Kind.PERHAPS_ARTICLE if _first(page.meta, "og:type").lower() in _ARTICLE_TYPES else Kind.UNKNOWN


def _first(meta: Mapping[str, str], *names: str) -> str:
    return next((meta[name] for name in names if name in meta), "")


def _types(each: Mapping[str, Any]) -> list[str]:
    kind = each.get("@type")
    return [name for name in (kind if isinstance(kind, list) else [kind]) if isinstance(name, str)]


def _said(works: list[dict[str, Any]], name: str) -> str:
    return next((text for each in works if (text := text_of(each.get(name)).strip())), "")


def _author(page: Page, works: list[dict[str, Any]]) -> str:
    said = [page.meta.get(name, "") for name in _AUTHORS]
    said[1:1] = [_said(works, "author")]
    return next((name for each in [*said, _marked_author(page.marked)] if (name := _as_name(each))), "")


def _as_name(text: str) -> str:
    name = _BY.sub("", " ".join(text.split())).strip(" ,|·")
    return "" if len(name) > _LONGEST_NAME or _ADDRESS.search(name) else name


def _marked_author(marked: list[Element]) -> str:
    for each in marked:
        if each.get("itemprop") == "author" or each.get("rel") == "author":
            inner = next((one for one in each.walk() if one.get("itemprop") == "name"), each)
            text = inner.get("content") or inner.text()
            if text:
                return text
    return ""


def _published(page: Page, works: list[dict[str, Any]]) -> str | None:
    return next((day for said in _dates(page, works) if (day := _day(said))), None)


def _dates(page: Page, works: list[dict[str, Any]]) -> Iterator[str]:
    """Where a page may say when it was published, the surest first."""
    meta = page.meta
    yield _first(
        meta, "article:published_time", "og:published_time", "datepublished", "parsely-pub-date", "dc.date.issued"
    )
    yield _said(works, "datePublished") or _said(works, "uploadDate")
    yield _first(meta, "citation_publication_date", "citation_date", "dcterms.created", "dc.date", "date", "pubdate")
    for each in page.marked:
        if each.get("itemprop") == "datePublished" or (each.tag == "time" and each.get("datetime")):
            yield each.get("datetime") or each.get("content") or each.text()
    in_path = _IN_PATH.search(page.path)
    yield "-".join(in_path.groups()) if in_path else ""


_IN_PATH = re.compile(r"/((?:19|20)\d\d)/(\d\d?)/(\d\d?)(?:/|$)")
_NUMBERS = re.compile(r"\b((?:19|20)\d\d)[-/.]?(\d\d?)[-/.]?(\d\d?)(?!\d)")
_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_WRITTEN = re.compile(rf"\b({'|'.join(_MONTHS)})[a-z]*\.? (\d\d?)(?:st|nd|rd|th)?,? ((?:19|20)\d\d)", re.IGNORECASE)
_WRITTEN_DAY_FIRST = re.compile(rf"\b(\d\d?)\.? ({'|'.join(_MONTHS)})[a-z]*\.?,? ((?:19|20)\d\d)", re.IGNORECASE)


def _day(text: str) -> str | None:
    """The date in a text, ISO 8601; None when it names no day there is."""
    text = text[:100]
    if numbers := _NUMBERS.search(text):
        return _iso(numbers[1], numbers[2], numbers[3])
    if written := _WRITTEN.search(text):
        return _iso(written[3], _month(written[1]), written[2])
    if written := _WRITTEN_DAY_FIRST.search(text):
        return _iso(written[3], _month(written[2]), written[1])
    mailed = parsedate(text)
    return _iso(*mailed[:3]) if mailed else None


def _month(name: str) -> int:
    return 1 + _MONTHS.index(name[:3].lower())


def _iso(year: str | int, month: str | int, day: str | int) -> str | None:
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def _image(page: Page, works: list[dict[str, Any]]) -> str | None:
    names = ("og:image", "og:image:url", "og:image:secure_url", "twitter:image", "twitter:image:src")
    linked = next((each.get("href") for each in page.elements["link"] if each.get("rel") == "image_src"), "")
    return page.whole(_first(page.meta, *names) or _said(works, "image") or linked)
