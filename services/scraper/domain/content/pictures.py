"""The lead image of a page that names none: the first picture of its content, also one that loads when it is seen."""

import re

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.tree import Element

_LATER = ("data-src", "data-lazy-src", "data-original", "data-srcset", "data-lazy-srcset")
_SMALLEST = 100
"""Pixels: what is said to be smaller is a symbol, a face or a counter."""

_NO_LEADS = re.compile(
    r"\.(?:gif|svg)(?:$|[?#])|avatar|emoticon|emoji|smil(?:ey|ies)|(?<![a-z])(?:icons?|logos?|badges?)(?![a-z])",
    re.IGNORECASE,
)
_PIXELS = re.compile(r"(\d{1,6})(?:\.\d+)?(?:px)?")


def lead_picture(content: Element, page: Page) -> str | None:
    """Its whole address."""
    pictures = (each for each in content.walk() if each.tag == "img" and not _is_small(each))
    return next((address for each in pictures if (address := _address(each, page))), None)


def _is_small(picture: Element) -> bool:
    sizes = (_PIXELS.fullmatch(picture.get(side).strip()) for side in ("width", "height"))
    return any(size and int(size[1]) < _SMALLEST for size in sizes)


def _address(picture: Element, page: Page) -> str | None:
    """Where it is loaded from, or what stands in its place for visitors without scripts."""
    address = page.whole(_told(picture) or next((_told(each) for each in _without_scripts(picture, page)), ""))
    return address if address and not _NO_LEADS.search(address) else None


def _told(picture: Element) -> str:
    told = (picture.get(name).strip() for name in (*_LATER, "src", "srcset"))
    first = (each.split()[0].rstrip(",") for each in told if each and not each.startswith("data:"))
    return next(first, "")


def _without_scripts(picture: Element, page: Page) -> list[Element]:
    """The pictures in `noscript` next to it; it is a copy of one of the page's, with the same attributes."""
    pictures = page.elements["img"]
    here = next((at for at, each in enumerate(pictures) if each.attributes is picture.attributes), None)
    if here is None:
        return []
    near = (pictures[here + 1 : here + 2], pictures[max(here - 1, 0) : here])
    return [each for some in near for each in some if any(one.tag == "noscript" for one in each.ancestors())]
