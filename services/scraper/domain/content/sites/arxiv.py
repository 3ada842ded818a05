"""arXiv: a paper's abstract page: title, authors, abstract, subjects."""

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.pruning import pruned
from services.scraper.domain.content.site import Site
from services.scraper.domain.content.tree import Element


def is_here(page: Page) -> bool:
    """Whether the page is one of its abstracts; a paper in HTML is a page as others."""
    return page.is_at("arxiv.org") and page.path.startswith("/abs/")


def content(page: Page) -> Element | None:
    """What the page says of the paper; None when it is another."""
    abstract = page.tree.by_id("abs")
    if abstract is None:
        return None
    paper = Element("div")
    for part in abstract.called("title", "authors", "abstract", "subjects"):
        paper.add(pruned(part, lambda each: each.is_called("descriptor")))
    paper.measure()
    return paper if paper.chars else None


SITE = Site(is_here, content)
