"""A document made for print, of which only lines and their places are known: its headings, paragraphs and lists."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from statistics import median

from services.scraper.domain.pages import Extracted


@dataclass(frozen=True, slots=True)
class Line:
    """A line where it stands, in points; up is more.

    Attributes:
        text: without blanks around it.
        size: of its letters, to half a point.
    """

    text: str
    size: float = 10.0
    left: float = 0.0
    top: float = 0.0
    bottom: float = 0.0


@dataclass(frozen=True, slots=True)
class Printed:
    """A document as a library reads it.

    Attributes:
        pages: the lines of each page, as far as they were read.
        count: of all pages.
        title: as the file says; often a file's name, or empty.
    """

    pages: list[list[Line]]
    count: int
    title: str = ""
    author: str = ""
    language: str = ""


_NOT_A_TITLE = re.compile(
    r"^\W*$|^untitled|^microsoft (?:word|powerpoint)|^\(?anonymous\)?$"
    r"|\.(?:docx?|pptx?|xlsx?|odt|rtf|tex|dvi|ps|pdf|indd|qxd|html?)$|^slide \d+$",
    re.IGNORECASE,
)
_PAGE_NUMBER = re.compile(
    r"^\W*(?:(?:page|seite|p\.)\s*)?(?:\d{1,4}|[ivxl]{1,6})(?:\s*(?:/|of|von)\s*\d{1,4})?\W*$", re.IGNORECASE
)
_LEADERS = re.compile(r"(?:\. ?){5}\s*\w*$")
_DIGITS = re.compile(r"\d+")
_SENTENCE_END = re.compile(r"[.!?:;\u2026\u3002\uff01\uff1f][\"\u201d\u2019)\]]*$")
_ITEM = re.compile(r"^(?:[-*\u2022\u2023\u25aa\u25cf\u25e6\u25a0\u2013\u2014\uf0b7])\s*(?=\S)")
_NUMBERED = re.compile(r"^\(?\d{1,2}[.)]\s+\S")
_LETTER = re.compile(r"[^\W\d_]")

_EDGE_LINES = 2
"""So many lines at either end of a page may be its running head."""

_FEWEST_REPEATS = 3
_REPEATED_ON = 0.3
"""Of all pages: left and right ones have heads of their own, and chapters too."""

_LARGER = 1.14
"""So many times as large as the text a heading's letters are, at least."""

_LONGEST_HEADING = 200
_GAP = 0.45
"""A space between lines of so many parts of their size divides paragraphs."""

_SHORT = 0.75
"""A line of less than so much of the usual length may be a paragraph's last."""


def extract_printed(document: Printed) -> Extracted:
    """Its text, Markdown-like, and its title: the one the file names, else what is largest on the first page."""
    usual = _usual_size(document.pages)
    said = " ".join(document.title.split())
    shown = _largest(document.pages[0], usual) if document.pages else ""
    title = shown if _NOT_A_TITLE.search(said) else said
    blocks = [block for block in _blocks(_body(document.pages), usual) if block.lstrip("# ") != title]
    return Extracted(
        text="\n\n".join(blocks),
        title=title,
        author=" ".join(document.author.split()) or None,
        language=document.language or None,
        pages=document.count,
    )


def _body(pages: list[list[Line]]) -> list[list[Line]]:
    """The pages without their numbers, what is at the edge of many, and the lines of a table of contents."""
    counted = Counter(form for page in pages for form in {_form(page[at]) for at in _edges(page)})
    often = max(_FEWEST_REPEATS, _REPEATED_ON * len(pages))
    repeated = {form for form, times in counted.items() if times >= often}
    return [list(_without_edges(page, repeated)) for page in pages]


def _without_edges(page: list[Line], repeated: set[str]) -> Iterator[Line]:
    edges = _edges(page)
    for at, line in enumerate(page):
        is_running = at in edges and (_form(line) in repeated or _PAGE_NUMBER.match(line.text))
        if not is_running and not _LEADERS.search(line.text):
            yield line


def _edges(page: list[Line]) -> set[int]:
    return {at for at in range(len(page)) if min(at, len(page) - 1 - at) < _EDGE_LINES}


def _form(line: Line) -> str:
    """What is the same on every page though its number is not."""
    return _DIGITS.sub("#", line.text)


def _usual_size(pages: Iterable[list[Line]]) -> float:
    sizes: Counter[float] = Counter()
    for page in pages:
        for line in page:
            sizes[line.size] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 0.0


def _largest(page: list[Line], usual: float) -> str:
    """The first lines in the largest letters; empty where none are larger than the text."""
    size = max((line.size for line in page if _LETTER.search(line.text)), default=0.0)
    if size == 0.0 or size < _LARGER * usual:
        return ""
    start = next(at for at, line in enumerate(page) if line.size == size)
    end = next((at for at in range(start, len(page)) if page[at].size != size), len(page))
    return _joined(page[start:end])[:_LONGEST_HEADING]


def _blocks(pages: Iterable[list[Line]], usual: float) -> Iterator[str]:
    together: list[Line] = []
    for page in pages:
        width = median(len(line.text) for line in page) if page else 0
        for line in page:
            if together and _begins_anew(line, together[-1], usual, width):
                yield _block(together, usual)
                together = []
            together.append(line)
    if together:
        yield _block(together, usual)


def _begins_anew(line: Line, before: Line, usual: float, width: float) -> bool:
    """Whether a line is the first of a block."""
    is_heading, was_heading = _is_large(line, usual), _is_large(before, usual)
    if is_heading or was_heading:
        return not (is_heading and was_heading and line.size == before.size)
    if _ITEM.match(line.text) or _NUMBERED.match(line.text):
        return True
    if _is_below(line, before) and before.bottom - line.top > _GAP * line.size:
        return True
    is_short = len(before.text) < _SHORT * width
    is_indented = line.left - before.left > _GAP * line.size
    return _SENTENCE_END.search(before.text) is not None and (is_short or is_indented)


def _is_large(line: Line, usual: float) -> bool:
    return line.size >= _LARGER * usual and len(line.text) <= _LONGEST_HEADING


def _is_below(line: Line, before: Line) -> bool:
    """Whether it follows in the same column of the same page."""
    return line.top < before.top


def _block(lines: list[Line], usual: float) -> str:
    text = _joined(lines)
    if _is_large(lines[0], usual) and _LETTER.search(text):
        return f"## {text}"
    return _ITEM.sub("- ", text)


def _joined(lines: list[Line]) -> str:
    text = ""
    for line in lines:
        if text.endswith("-") and text[-2:-1].isalpha() and line.text[:1].islower():
            text = text[:-1] + line.text
        else:
            text = f"{text} {line.text}" if text else line.text
    return text
