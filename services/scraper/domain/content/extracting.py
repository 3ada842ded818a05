"""A page's content as text: as its own site lays it out, else as an article, else as all that is not furniture."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from services.scraper.domain.content.about import About, Kind, about
from services.scraper.domain.content.article import article_of
from services.scraper.domain.content.asides import without_asides
from services.scraper.domain.content.furniture import without_furniture
from services.scraper.domain.content.links import links_in
from services.scraper.domain.content.markdown import blocks_of
from services.scraper.domain.content.page import Page
from services.scraper.domain.content.pictures import lead_picture
from services.scraper.domain.content.pruning import visible
from services.scraper.domain.content.sites import content_by_site
from services.scraper.domain.content.tree import Element
from services.scraper.domain.pages import Extracted

_LONG_BLOCK = 40
_PROSE = 80
_SENTENCE = re.compile(r"[.!?。…:;\"”]\W*$")
_ARTICLE_PROSE = 500


@dataclass(frozen=True)
class _Beyond:
    """What may stand outside of what reads like an article on a page that is one.

    Attributes:
        prose: in parts of the prose inside.
        headings: a page with more of them outside is one of many parts.
    """

    prose: float
    headings: int


_BEYOND = {
    Kind.ARTICLE: _Beyond(prose=2.3, headings=40),  # comments and teasers may be longer than the article
    Kind.PERHAPS_ARTICLE: _Beyond(prose=0.5, headings=15),
    Kind.DISCUSSION: _Beyond(prose=0.4, headings=60),  # its posts may be found together, each below a name
    Kind.UNKNOWN: _Beyond(prose=0.15, headings=6),
}

_MISJUDGED = 2
"""Where so many times less is left than the article has, content was taken for furniture."""


def extract_page(page: Page) -> Extracted:
    """The page's main content, Markdown-like, and what the page says about itself."""
    said = about(page)
    content, blocks = content_of(page, said)
    text = "\n\n".join(blocks)
    return Extracted(
        text=text,
        links=links_in(content, text, base=page.base),
        title=said.title,
        offered_title=said.offered_title,
        description=said.description,
        author=said.author,
        site_name=said.site_name,
        language=said.language,
        published=said.published,
        image=said.image or lead_picture(content, page),
    )


def content_of(page: Page, said: About) -> tuple[Element, list[str]]:
    """The main content, and as blocks of text; the title is not repeated in these."""
    by_site = content_by_site(page)
    if by_site is not None:
        return by_site, blocks_of(by_site)
    seen = visible(page.tree)
    article, whole = article_of(seen), without_furniture(seen, keep_comments=said.kind is Kind.DISCUSSION)
    as_article, as_whole = _once(blocks_of(article)), _once(blocks_of(whole))
    is_article = article.chars > _MISJUDGED * whole.chars or _is_article(as_article, as_whole, said.kind)
    blocks = without_asides(as_article if is_article else as_whole, title=said.title)
    content = article if is_article else whole
    return content, [said.body] if len(said.body) > _MISJUDGED * sum(map(len, blocks)) else blocks


def _is_article(article: list[str], whole: list[str], kind: Kind) -> bool:
    """Whether the article is the page's content, or one part of a page of several."""
    inside = _lines(article)
    outside = _lines(whole) - inside
    prose, allowed = _prose_chars(inside), _BEYOND[kind]
    return (
        prose >= _ARTICLE_PROSE
        and _prose_chars(outside) <= allowed.prose * prose
        and sum(line.startswith("#") for line in outside) <= allowed.headings
    )


def _prose_chars(lines: Iterable[str]) -> int:
    return sum(len(line) for line in lines if len(line) >= _PROSE and _SENTENCE.search(line))


def _lines(blocks: Iterable[str]) -> set[str]:
    return {line.strip() for block in blocks for line in block.split("\n")}


def _once(blocks: Iterable[str]) -> list[str]:
    """What a page shows twice, for small screens and for large ones, once."""
    seen: set[str] = set()
    kept = []
    for block in blocks:
        if len(block) >= _LONG_BLOCK:
            if block in seen:
                continue
            seen.add(block)
        kept.append(block)
    return kept
