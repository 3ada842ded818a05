"""What a site whose pages have a shape of their own tells of them; each is one file in `sites/`."""

from collections.abc import Callable
from dataclasses import dataclass

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.tree import Element
from services.scraper.domain.pages import Query


@dataclass(frozen=True, slots=True)
class Data:
    """Where a site has a page's content as data.

    Attributes:
        query: what to ask for it.
        page: makes HTML of the answer, as the site's own handler reads it; None when it is not what was asked for.
    """

    query: Query
    page: Callable[[bytes], str | None]


@dataclass(frozen=True, slots=True)
class Awaited:
    """What a browser waits for on a site's pages, where it would take what is there before for the page.

    Attributes:
        selector: CSS, of what holds the content.
        seconds: how long it may take from when the page begins to arrive.
    """

    selector: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Site:
    """A handler of a site's pages.

    Attributes:
        is_here: whether a page is one of its.
        content: what to write of a page; None when it is of a kind the handler does not know.
        data: where the content of the page at an address is to be had as data; None for most pages.
        awaited: what a browser waits for at an address; None for most pages.
    """

    is_here: Callable[[Page], bool]
    content: Callable[[Page], Element | None]
    data: Callable[[str], Data | None] = lambda _: None
    awaited: Callable[[str], Awaited | None] = lambda _: None
