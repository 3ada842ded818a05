"""Sites whose pages have a shape of their own: each one file, which pages are its and where their content is."""

from collections.abc import Callable
from dataclasses import dataclass

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.sites import (
    arxiv,
    github,
    hacker_news,
    leetcode,
    medium,
    reddit,
    stack_exchange,
    wikipedia,
    youtube,
)
from services.scraper.domain.content.tree import Element


@dataclass(frozen=True)
class Site:
    """A handler: `content` gives what to write, or None when the page is of a kind it does not know."""

    is_here: Callable[[Page], bool]
    content: Callable[[Page], Element | None]


SITES = tuple(
    Site(module.is_here, module.content)
    for module in (stack_exchange, github, leetcode, medium, wikipedia, youtube, reddit, hacker_news, arxiv)
)


@dataclass(frozen=True)
class Data:
    """Where a site has a page's content as data.

    Attributes:
        address: of the data.
        page: makes HTML of the answer, as the site's own handler reads it; None when it is not what was asked for.
    """

    address: str
    page: Callable[[bytes], str | None]


def data_of(url: str) -> Data | None:
    """Where the content of the page at an address is to be had as data; None for most pages."""
    address = leetcode.data_address(url)
    return Data(address, leetcode.page_of_data) if address else None


@dataclass(frozen=True)
class Awaited:
    """What a browser waits for on a site's pages, where it would take what is there before for the page.

    Attributes:
        selector: CSS, of what holds the content.
        seconds: how long it may take from when the page begins to arrive.
    """

    selector: str
    seconds: float


def awaited_at(url: str) -> Awaited | None:
    """What to wait for on the page at an address; None for most pages."""
    selector = leetcode.statement_selector(url)
    return Awaited(selector, leetcode.STATEMENT_WITHIN_S) if selector else None


def content_by_site(page: Page) -> Element | None:
    """The content as the page's own site lays it out; None when no handler knows the page."""
    for site in SITES:
        if site.is_here(page):
            return site.content(page)
    return None
