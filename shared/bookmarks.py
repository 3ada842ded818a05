"""Bookmarks as they are handed in and as they are kept, what was read from them, and what was concluded."""

from dataclasses import dataclass, field
from datetime import datetime

from shared.counting import count_words
from shared.values import AnalysedBy, BookmarkId, KeySource, Strategy, UserId


@dataclass(frozen=True, slots=True)
class NewBookmark:
    """One bookmark as a caller submits it, already checked (see `services.producer.domain.submissions`)."""

    url: str
    title: str = ""
    tags: tuple[str, ...] = ()
    excerpt: str = ""
    created_at: datetime | None = None
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Bookmark:
    """One bookmark as the ledger keeps it, for the worker that has its job."""

    id: BookmarkId
    user: UserId
    url: str
    title: str = ""
    tags: tuple[str, ...] = ()
    excerpt: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A link in a page's content.

    Attributes:
        text: its words, as they are in the content's text.
        url: where it leads, whole; `http`, `https` or `mailto`.
    """

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Content:
    """What was read from a bookmark's page, or put together when it could not be read.

    Attributes:
        strategy: how it was obtained; `fallback` means the page itself was not read.
        verdict: what the gate said of the page: `ok`, or why it could not be used.
        text: Markdown-like main text.
        published: a date, ISO 8601.
        image: address of the lead image.
        pages: of a document made for print; None for all others.
        links: in the text, in its order, each address once.
    """

    strategy: Strategy
    verdict: str
    final_url: str
    title: str
    text: str
    description: str = ""
    author: str | None = None
    site_name: str | None = None
    language: str | None = None
    published: str | None = None
    image: str | None = None
    pages: int | None = None
    links: tuple[Link, ...] = ()

    @property
    def words(self) -> int:
        """The number of words in the text."""
        return count_words(self.text)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Provider tokens spent: what went in, and what came out."""

    prompt: int = 0
    answer: int = 0


@dataclass(frozen=True, slots=True)
class Analysis:
    """What was concluded from a bookmark's content (docs/analysis.md describes each field).

    Attributes:
        chars_left_out: how much of the text, at its end, its maker was not shown.
    """

    key_concepts: tuple[str, ...]
    content_type: str
    difficulty: str
    technologies: tuple[str, ...]
    learning_path: str
    project_applicability: str
    skill_development: str
    summary: str
    analysed_by: AnalysedBy
    key_source: KeySource
    model: str
    prompt_version: str
    tokens: Tokens = field(default_factory=Tokens)
    chars_left_out: int = 0
