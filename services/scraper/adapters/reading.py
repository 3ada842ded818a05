"""Reading one answer: bytes to text, text to content and signs; slow and at the mercy of libraries, so done apart."""

from dataclasses import replace

from services.scraper.adapters.charset import decode, is_text
from services.scraper.adapters.extraction import extract_and_outline, extract_plain, looks_like_html
from services.scraper.domain.cleaning import clean_text
from services.scraper.domain.content.outlining import plain_outline
from services.scraper.domain.pages import Fetched, Reading
from services.scraper.domain.signs import signs_of

_HTML = frozenset({"text/html", "application/xhtml+xml"})


def read_page(page: Fetched, *, chars: int) -> Reading:
    """What a parser makes of an answer; of its text, `chars` characters are kept."""
    text = decode(page.body, declared=page.charset)
    if not is_text(text):
        return Reading(is_text=False)
    if page.media_type in _HTML or (not page.media_type and looks_like_html(text)):
        (found, outline), signs = extract_and_outline(text, page.url), signs_of(text)
    else:
        found, outline, signs = extract_plain(text), plain_outline(text), frozenset()
    return Reading(replace(found, text=clean_text(found.text, chars=chars)), signs, outline)
