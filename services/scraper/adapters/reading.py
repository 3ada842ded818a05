"""Reading one answer: bytes to text, text to content, signs and a verdict; slow and at the mercy of pages."""

from dataclasses import replace

from services.scraper.adapters.charset import decode, is_text
from services.scraper.adapters.extraction import extract_and_outline, extract_plain, looks_like_html
from services.scraper.adapters.in_pdfium import read_pdf
from services.scraper.domain.cleaning import clean_text
from services.scraper.domain.content.outlining import plain_outline
from services.scraper.domain.content.printed import extract_printed
from services.scraper.domain.gate import Judgement, judge
from services.scraper.domain.outline import Outline
from services.scraper.domain.pages import Extracted, Fetched, Reading, is_pdf
from services.scraper.domain.signs import signs_of

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_SAID_TO_BE_PLAIN = frozenset({"text/plain", "text/markdown", "text/x-markdown"})


def read_and_judge(page: Fetched, *, asked: str, chars: int) -> tuple[Reading, Judgement]:
    """What a parser makes of an answer, and what the gate takes it for; see `read_page` and `judge`.

    Raises:
        PageUnusable: a PDF file is locked or broken.
    """
    reading = read_page(page, chars=chars)
    return replace(reading, outline=Outline()), judge(page, reading, asked=asked)


def read_page(page: Fetched, *, chars: int) -> Reading:
    """What a parser makes of an answer; of its text, `chars` characters are kept.

    Raises:
        PageUnusable: a PDF file is locked or broken.
    """
    if is_pdf(page.body):
        return _without_markup(extract_printed(read_pdf(page.body, chars=chars)), chars=chars)
    text = decode(page.body, declared=page.charset)
    if not is_text(text):
        return Reading(is_text=False)
    if page.media_type in _HTML or (page.media_type not in _SAID_TO_BE_PLAIN and looks_like_html(text)):
        found, outline = extract_and_outline(text, page.url)
        return Reading(_cleaned(found, chars=chars), signs_of(text), outline)
    return _without_markup(extract_plain(text), chars=chars)


def _without_markup(found: Extracted, *, chars: int) -> Reading:
    return Reading(_cleaned(found, chars=chars), outline=plain_outline(found.text))


def _cleaned(found: Extracted, *, chars: int) -> Extracted:
    return replace(found, text=clean_text(found.text, chars=chars))
