"""Hacker News: the title, the text where there is one, and the comments."""

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.putting_together import parted
from services.scraper.domain.content.site import Site
from services.scraper.domain.content.tree import Element


def is_here(page: Page) -> bool:
    """Whether the page is one of its items."""
    return page.host == "news.ycombinator.com" and page.path == "/item"


def content(page: Page) -> Element | None:
    """The item and what was said of it; None when it has neither."""
    return parted(page.tree.called("titleline", "toptext", "commtext"))


SITE = Site(is_here, content)
