"""The links in a content: where who reads it may go on to."""

import re
from collections.abc import Iterator
from urllib.parse import urldefrag, urljoin, urlsplit

from services.scraper.domain.content.markdown import blocks_of
from services.scraper.domain.content.tree import Element
from services.scraper.domain.personal import has_secret
from shared.bookmarks import Link

MOST_LINKS = 200
"""Of a page's, those that come first."""

LONGEST_ADDRESS = 2_000

_LOOKED_AT = 1_000
_MAIL = re.compile(r"mailto:([^\s@?/]{1,64}@[^\s@?/]{1,255})(?:\?|$)", re.IGNORECASE)
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
    """The whole address; empty when it is none of the web or of mail, or lets in whoever has it."""
    if len(href) > LONGEST_ADDRESS:
        return ""
    if mail := _MAIL.match(href.strip()):
        return f"mailto:{mail[1]}"
    try:
        url = urljoin(base, _IGNORED.sub("", href).strip()).replace(" ", "%20")
        parts = urlsplit(url)
    except ValueError:
        return ""
    is_of_web = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    return url if is_of_web and not has_secret(parts.query, parts.fragment) else ""


def _words(element: Element) -> str:
    """What the link is written as; of one around several blocks, the first."""
    first = next(iter(blocks_of(element)), "")
    return " ".join(_SHAPE.sub("", first).split())
