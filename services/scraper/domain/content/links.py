"""The links in a content: where who reads it may go on to."""

import re
from collections.abc import Iterator
from urllib.parse import urldefrag, urljoin, urlsplit

from services.scraper.domain.content.markdown import blocks_of
from services.scraper.domain.content.tree import Element
from shared.bookmarks import Link

MOST_LINKS = 200
"""Of a page's, those that come first."""

_LOOKED_AT = 1_000
_IGNORED = re.compile(r"[\t\r\n]")  # in addresses, by browsers
_SHAPE = re.compile(r"^(?:#+|[->]|\d+\.) |^`|`$")


def links_in(content: Element, text: str, *, base: str) -> tuple[Link, ...]:
    """Those of an element's links whose words are in the text that was made of it, each address once.

    Args:
        content: what the text was made of.
        text: the content as it is kept, in which parts of the element may be missing.
        base: what the page's addresses are relative to.
    """
    kept = " ".join(text.split())
    found: dict[str, Link] = {}
    for element, url in _anchors(content, base):
        words = _words(element)
        if words and words in kept:
            found.setdefault(url, Link(words, url))
            if len(found) == MOST_LINKS:
                break
    return tuple(found.values())


def _anchors(content: Element, base: str) -> Iterator[tuple[Element, str]]:
    """The first many elements that lead somewhere else, and where."""
    here, seen = urldefrag(base).url, 0
    for element in content.walk():
        if element.tag == "a" and (href := element.get("href")) and seen < _LOOKED_AT:
            seen += 1
            url = _absolute(href, base)
            if url and urldefrag(url).url != here:
                yield element, url


def _absolute(href: str, base: str) -> str:
    """The whole address; empty when it is none of the web, or has somebody's name or password in it."""
    try:
        url = urljoin(base, _IGNORED.sub("", href).strip()).replace(" ", "%20")
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc else ""


def _words(element: Element) -> str:
    """What the link is written as; of one around several blocks, the first."""
    first = next(iter(blocks_of(element)), "")
    return " ".join(_SHAPE.sub("", first).split())
