"""DEV: the post's text, without reactions, comments and what else its author wrote."""

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.putting_together import parted
from services.scraper.domain.content.site import Site
from services.scraper.domain.content.tree import Element


def is_here(page: Page) -> bool:
    """Whether the page is one of its."""
    return page.is_at("dev.to")


def content(page: Page) -> Element | None:
    """The post; None for a page of lists."""
    text = page.tree.by_id("article-body")
    return parted([text]) if text else None


SITE = Site(is_here, content)
