"""A page prepared once for every rule: bounded, split into words, headings, prose and code."""

import re
from dataclasses import dataclass
from functools import cached_property

from services.analyzer.domain.heuristic.language import language_of, stopwords
from services.analyzer.domain.sentences import cut
from shared.bookmarks import Bookmark, Content
from shared.values import Strategy

MAX_CHARS = 40_000
"""Of a longer page the beginning is read: it says what the page is about, and rules stay fast."""

WORDS_PER_MINUTE = 230

TOGETHER = r"\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3"
"""The letters of writing without spaces, for a pattern's class: they are no part of a Latin word beside them."""

WORD = re.compile(rf"[^\W_{TOGETHER}](?:[^\W{TOGETHER}]|[+#]|[.'\u2019](?=\w))*|[{TOGETHER}]+|\.(?:NET|Net|net)\b")
_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
_CODE = re.compile(r"^(?: {4}|\t)(?![*+\-\d])[^\n]+$|^```[^\n]*\n(?:(?!```)[^\n]*\n)*(?:```|\Z)?", re.MULTILINE)
_HOST_AND_PATH = re.compile(r"\w+://(?:[^/?#@]*@)?([^?#]*)")
_TITLE_PARTS = re.compile(r"\s+[-|\u2013\u2014\u00b7\u00bb]\s+")
_LIST_LINE = re.compile(r"^\s*(?:[*+\-]|\d{1,3}[.)])\s+\S", re.MULTILINE)


@dataclass(frozen=True)
class Reading:
    """What the rules look at.

    Attributes:
        title: without the parts that only name the site, which are in `site`.
        chars_left_out: how much of the text, at its end, is not looked at.
        fetched: whether the page itself was read; otherwise the text is what the bookmark alone tells.
    """

    url: str
    title: str
    site: str
    description: str
    tags: tuple[str, ...]
    text: str
    language_hint: str | None
    words: int
    chars_left_out: int
    fetched: bool

    @cached_property
    def address(self) -> str:
        """The URL's host and path, in lower case."""
        return _address(self.url)

    @cached_property
    def headings(self) -> list[str]:
        """The text's headings, in order."""
        return _HEADING.findall(self.text)

    @cached_property
    def prose(self) -> str:
        """The text without its code."""
        return _CODE.sub("\n\n", self.text)

    @cached_property
    def code_share(self) -> float:
        """How much of the text is code, 0 to 1."""
        return 1 - len(self.prose) / len(self.text) if self.text else 0.0

    @cached_property
    def list_share(self) -> float:
        """How many of the lines that hold text are list items, 0 to 1."""
        lines = sum(1 for line in self.prose.splitlines() if line.strip())
        return len(_LIST_LINE.findall(self.prose)) / lines if lines else 0.0

    @cached_property
    def language(self) -> str:
        """The text's language, two letters, as its most frequent small words tell; English when nothing does."""
        return language_of(f"{self.title} {self.prose[:2_000]}", hint=self.language_hint)

    @cached_property
    def stopwords(self) -> frozenset[str]:
        """Words of the text's language that carry no topic."""
        return stopwords(self.language)

    @property
    def minutes(self) -> int:
        """The reading time in minutes, at least one."""
        return max(1, round(self.words / WORDS_PER_MINUTE))


def reading_of(bookmark: Bookmark, content: Content | None) -> Reading:
    """The bookmark and what was read from its page, prepared for the rules."""
    if content is None:
        content = _from_bookmark(bookmark)
    url = content.final_url or bookmark.url
    text = cut(content.text, chars=MAX_CHARS)
    title, site = _apart(content.title or bookmark.title, url, content.site_name)
    return Reading(
        url=url,
        title=title,
        site=site,
        description=content.description or bookmark.excerpt,
        tags=bookmark.tags,
        text=text,
        language_hint=content.language,
        words=content.words,
        chars_left_out=len(content.text) - len(text),
        fetched=content.strategy is not Strategy.FALLBACK,
    )


def _address(url: str) -> str:
    found = _HOST_AND_PATH.match(url)
    return found[1].lower() if found else ""


def _apart(title: str, url: str, site_name: str | None) -> tuple[str, str]:
    """The title, and what of it only names the site: `Why? - Stack Overflow` on stackoverflow.com."""
    host = _address(url).partition("/")[0].replace("-", "")
    parts = _TITLE_PARTS.split(title)
    of_site = [part for part in parts if part == site_name or part.replace(" ", "").lower() in host]
    kept = [part for part in parts if part not in of_site]
    return (" - ".join(kept), " ".join(of_site)) if kept else (title, "")


def _from_bookmark(bookmark: Bookmark) -> Content:
    return Content(
        strategy=Strategy.FALLBACK,
        verdict="missing",
        final_url=bookmark.url,
        title=bookmark.title,
        text=bookmark.excerpt,
    )
