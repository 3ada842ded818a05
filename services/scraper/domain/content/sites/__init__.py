"""Sites whose pages have a shape of their own: each one file with a `SITE`, which is found by lying here."""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.site import Awaited, Data, Site
from services.scraper.domain.content.tree import Element


def _sites() -> Iterator[Site]:
    for module in sorted(iter_modules(__path__), key=lambda each: each.name):
        yield import_module(f"{__name__}.{module.name}").SITE


SITES = tuple(_sites())


def data_of(url: str) -> Data | None:
    """Where the content of the page at an address is to be had as data; None for most pages."""
    return next(filter(None, (site.data(url) for site in SITES)), None)


def awaited_at(url: str) -> Awaited | None:
    """What to wait for on the page at an address; None for most pages."""
    return next(filter(None, (site.awaited(url) for site in SITES)), None)


def content_by_site(page: Page) -> Element | None:
    """The content as the page's own site lays it out; None when no handler knows the page."""
    for site in SITES:
        if site.is_here(page):
            return site.content(page)
    return None
