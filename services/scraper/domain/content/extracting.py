"""A page's content as text: as its own site lays it out, else as an article, else as all that is not furniture."""

import re
from collections.abc import Iterable

from services.scraper.domain.content.about import About, about
from services.scraper.domain.content.article import article_of
from services.scraper.domain.content.furniture import without_furniture
from services.scraper.domain.content.markdown import blocks_of
from services.scraper.domain.content.page import Page
from services.scraper.domain.content.pruning import visible
from services.scraper.domain.content.sites import content_by_site
from services.scraper.domain.pages import Extracted

_LONG_BLOCK = 40
_PROSE = 80
_SENTENCE = re.compile(r"[.!?。…:;\"”]\W*$")
_ARTICLE_PROSE = 500

# Prose outside what reads like an article, in parts of the prose inside, up to which the page is taken for one ...
_BEYOND_MARKED = 2.3  # ... when it says itself that it is an article: comments and teasers may be longer than it is
_BEYOND_DISCUSSION = 0.4  # ... when it is a thread, of which the posts may be found together
_BEYOND_UNMARKED = 0.15  # ... when it says nothing
_HEADINGS_BEYOND = 6
"""A page that says nothing and has more headings outside than this is one of many parts."""

_MISJUDGED = 2
"""Where so many times less is left than the article has, content was taken for furniture."""


def extract_page(page: Page) -> Extracted:
    """The page's main content, Markdown-like, and what the page says about itself."""
    said = about(page)
    return Extracted(
        text="\n\n".join(content_blocks(page, said)),
        title=said.title,
        description=said.description,
        author=said.author,
        site_name=said.site_name,
        language=said.language,
        published=said.published,
        image=said.image,
    )


def content_blocks(page: Page, said: About) -> list[str]:
    """The main content as blocks of text."""
    by_site = content_by_site(page)
    if by_site is not None:
        return blocks_of(by_site)
    seen = visible(page.tree)
    article, whole = article_of(seen), without_furniture(seen, keep_comments=said.is_discussion)
    as_article, as_whole = blocks_of(article), _once(blocks_of(whole))
    if article.chars > _MISJUDGED * whole.chars or _is_article(as_article, as_whole, said):
        return as_article
    return as_whole


def _is_article(article: list[str], whole: list[str], said: About) -> bool:
    """Whether the article is the page's content, or one part of a page of several."""
    inside, outside = _lines(article), _lines(whole)
    prose = sum(map(len, filter(_is_prose, inside)))
    if prose < _ARTICLE_PROSE:
        return False
    outside -= inside
    beyond = sum(map(len, filter(_is_prose, outside))) / prose
    if said.is_discussion:
        return beyond <= _BEYOND_DISCUSSION
    if said.is_article:
        return beyond <= _BEYOND_MARKED
    return beyond <= _BEYOND_UNMARKED and sum(line.startswith("#") for line in outside) <= _HEADINGS_BEYOND


def _lines(blocks: Iterable[str]) -> set[str]:
    return {line.strip() for block in blocks for line in block.split("\n")}


def _is_prose(line: str) -> bool:
    return len(line) >= _PROSE and _SENTENCE.search(line) is not None


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
