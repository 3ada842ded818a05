"""A page's content and what it says about itself: parsed by lxml, read by the rules of the domain."""

import gc
import re
from collections.abc import Iterator
from contextlib import contextmanager

from services.scraper.adapters.charset import decode
from services.scraper.adapters.in_lxml import parse
from services.scraper.domain.content.extracting import extract_page
from services.scraper.domain.content.outlining import outline_of
from services.scraper.domain.content.page import Page
from services.scraper.domain.outline import Outline
from services.scraper.domain.pages import Extracted

_MARKUP = re.compile(r"<(?:!doctype|html|head|body|article|main|div|p|h[1-6]|table|ul)\b", re.IGNORECASE)
_MARKUP_WITHIN = 2_000
_HEADING = re.compile(r"^#{1,2} +(.{1,300})$", re.MULTILINE)


def extract(html: bytes | str, url: str) -> Extracted:
    """The main content of an HTML page, Markdown-like, with its title, author, date, language and description.

    Args:
        html: the page; bytes are decoded as browsers do.
        url: where it came from; some sites have handlers of their own. Empty when unknown.
    """
    source = html if isinstance(html, str) else decode(html, declared=None)
    with _collecting_garbage_later():
        return extract_page(Page(parse(source), url, parse))


def extract_and_outline(source: str, url: str) -> tuple[Extracted, Outline]:
    """As `extract`, with what stands where on the page, for the gate."""
    with _collecting_garbage_later():
        return _extracted_and_outlined(Page(parse(source), url, parse))


def _extracted_and_outlined(page: Page) -> tuple[Extracted, Outline]:
    """In a function of its own: its page is garbage when garbage is collected again, and gone through once."""
    return extract_page(page), outline_of(page)


@contextmanager
def _collecting_garbage_later() -> Iterator[None]:
    """A page's trees are many thousand objects that die together: looking through them meanwhile costs a fifth."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def extract_plain(text: str) -> Extracted:
    """Plain text and Markdown are their own content; a first heading is the title."""
    heading = _HEADING.search(text[:_MARKUP_WITHIN])
    return Extracted(text=text, title=heading[1].strip(" #") if heading else "")


def looks_like_html(text: str) -> bool:
    """Whether a text of no named type is HTML."""
    return _MARKUP.search(text, 0, _MARKUP_WITHIN) is not None
