"""Wikipedia and other MediaWiki sites of the foundation: the article without boxes, notes' marks and edit links."""

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.pruning import is_unseen, pruned
from services.scraper.domain.content.site import Site
from services.scraper.domain.content.tree import Element

_DOMAINS = (
    "wikipedia.org",
    "wikibooks.org",
    "wikiversity.org",
    "wikivoyage.org",
    "wikinews.org",
    "wiktionary.org",
    "wikiquote.org",
    "wikisource.org",
)
_AROUND = (
    *("mw-editsection", "navbox", "vertical-navbox", "sidebar", "infobox", "metadata", "ambox", "hatnote", "toc"),
    *(
        "reference",
        "reflist",
        "references",
        "mw-references-wrap",
        "noprint",
        "catlinks",
        "sistersitebox",
        "mw-empty-elt",
    ),
)


def is_here(page: Page) -> bool:
    """Whether the page is one of theirs."""
    return page.is_at(*_DOMAINS)


def content(page: Page) -> Element | None:
    """The article; None for a page without one."""
    bodies = page.tree.called("mw-parser-output")
    body = max(bodies, key=lambda each: len(each.text()), default=None)
    if body is None:
        return None
    return pruned(body, lambda each: each.tag in ("style", "script") or each.is_called(*_AROUND) or is_unseen(each))


SITE = Site(is_here, content)
