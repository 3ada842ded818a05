"""What a page says about itself, as it is kept beside its text."""

from typing import TypedDict

from services.scraper.domain.cleaning import clean_line
from services.scraper.domain.content.links import LONGEST_ADDRESS, MOST_LINKS
from services.scraper.domain.pages import Extracted
from shared.bookmarks import Link

_LONGEST_WORDS = 300


class Facts(TypedDict):
    """The fields of `Content` that bear them."""

    description: str
    author: str | None
    site_name: str | None
    language: str | None
    published: str | None
    image: str | None
    pages: int | None


def facts_of(found: Extracted) -> Facts:
    """Of what a page says, what can be kept: lines without controls, none too long, and None for nothing."""
    return Facts(
        description=clean_line(found.description, chars=5_000),
        author=clean_line(found.author) or None,
        site_name=clean_line(found.site_name) or None,
        language=clean_line(found.language, chars=35) or None,
        published=clean_line(found.published, chars=35) or None,
        image=_address(found.image),
        pages=found.pages,
    )


def links_of(found: Extracted) -> tuple[Link, ...]:
    """Of a content's links, those that can be kept."""
    links = (Link(clean_line(each.text, chars=_LONGEST_WORDS), _address(each.url) or "") for each in found.links)
    return tuple(each for each in links if each.text and each.url)[:MOST_LINKS]


def _address(told: str | None) -> str | None:
    """Whole or not at all: an address that is cut off leads elsewhere."""
    address = clean_line(told, chars=LONGEST_ADDRESS + 1)
    return address if 0 < len(address) <= LONGEST_ADDRESS else None
