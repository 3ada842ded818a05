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
_BEYOND_MARKED = 5.0
_BEYOND_UNMARKED = 0.15
"""Prose outside what reads like an article, in parts of the prose inside, up to which the page is taken for one."""


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
    article = blocks_of(article_of(seen))
    whole = _once(blocks_of(without_furniture(seen, keep_comments=said.is_discussion)))
    return article if _is_article(article, whole, said) else whole


def _is_article(article: list[str], whole: list[str], said: About) -> bool:
    """Whether the article is the page's content, or one part of a page of several."""
    if said.is_discussion:
        return False
    inside = _prose_lines(article)
    chars = sum(map(len, inside))
    if chars < _ARTICLE_PROSE:
        return False
    beyond = sum(map(len, _prose_lines(whole) - inside))
    return beyond <= (_BEYOND_MARKED if said.is_article else _BEYOND_UNMARKED) * chars


def _prose_lines(blocks: Iterable[str]) -> set[str]:
    lines = {line.strip() for block in blocks for line in block.split("\n")}
    return {line for line in lines if len(line) >= _PROSE and _SENTENCE.search(line)}


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
