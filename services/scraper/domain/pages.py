"""Pages as a site sent them and as a parser read them, and the two ports between."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from yarl import URL

from services.scraper.domain.outline import Outline
from services.scraper.domain.signs import Sign
from shared.bookmarks import Link
from shared.errors import PageUnusable

READABLE = frozenset(
    {
        "",  # unnamed: the text itself tells
        "text/html",
        "application/xhtml+xml",
        "text/plain",
        "text/markdown",
        "text/x-markdown",
        "application/pdf",
        "application/x-pdf",
    }
)
"""Media types that can be read as a page."""

PDF = frozenset({"application/pdf", "application/x-pdf"})

DATA = frozenset({"application/json"})
"""Media types of data, for sites that give their content so."""

UNTOLD = frozenset({"application/octet-stream", "binary/octet-stream", "application/force-download"})
"""Media types of whatever is to be saved, which many sites give PDF files: the first bytes tell."""

_PDF_HEADER = b"%PDF-"
_PDF_HEADER_WITHIN = 1_024  # some writers put something before it, and all readers bear that


@dataclass(frozen=True, slots=True)
class Hop:
    """A stop on the way to a page: an address, and what its site said there before it led on.

    Attributes:
        headers: as those of `Fetched`.
    """

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fetched:
    """A site's answer, whatever its status.

    Attributes:
        url: where it came from at last, after all redirects.
        media_type: lower case, without parameters; empty when the site named none.
        charset: as the HTTP header named it.
        body: without compression; empty when the media type is not readable.
        headers: lower-case names; the values of one that came more than once are joined by commas.
        way: the stops on the way to it, in order: redirects, and in a browser all documents, itself among them.
    """

    url: str
    status: int
    media_type: str
    body: bytes = b""
    charset: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    way: tuple[Hop, ...] = ()

    @property
    def is_readable(self) -> bool:
        """Whether its media type is one of a page."""
        return self.media_type in READABLE


@dataclass(frozen=True, slots=True)
class Extracted:
    """A page's main content and what the page says about itself; empty where it says nothing.

    Attributes:
        text: Markdown-like.
        title: of the document, else the one it offers to social networks.
        offered_title: the one it offers to social networks.
        published: a date, ISO 8601.
        image: address of the lead image.
        pages: of a document made for print.
        links: in the text, in its order.
    """

    text: str = ""
    title: str = ""
    offered_title: str = ""
    description: str = ""
    author: str | None = None
    site_name: str | None = None
    language: str | None = None
    published: str | None = None
    image: str | None = None
    pages: int | None = None
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What a parser made of an answer.

    Attributes:
        outline: what the gate looks at; empty when it has judged.
        is_text: False when the body is something else under a page's name: an image, an archive.
    """

    extracted: Extracted = field(default_factory=Extracted)
    signs: frozenset[Sign] = frozenset()
    outline: Outline = field(default_factory=Outline)
    is_text: bool = True


def parsed(url: str) -> URL:
    """A bookmark's address in its parts.

    Raises:
        PageUnusable: it has none.
    """
    try:
        return URL(url)
    except ValueError as error:
        raise PageUnusable("The bookmark's address is not a valid URL.") from error


def is_pdf(body: bytes | bytearray) -> bool:
    """Whether a body is a PDF file, by its first bytes; what its site calls it is often something else."""
    return _PDF_HEADER in body[:_PDF_HEADER_WITHIN]


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked of a site for a page's content as data.

    Attributes:
        address: what answers.
        body: JSON, which is posted there.
        page: the address of the page, which is named as where the question comes from.
    """

    address: str
    body: str
    page: str


class Fetcher(Protocol):
    """Gets pages from the web, within limits."""

    async def fetch(self, url: str, *, seen: Fetched | None = None) -> Fetched:
        """The answer at the end of an address' redirects; every hop was judged by the egress guard.

        Args:
            url: the address.
            seen: an earlier answer; the site may be asked whether it still holds, and then answers with status 304.

        Raises:
            AddressRefused: the address, or one it redirects to, may not be visited.
            PageUnreachable: no answer, or not in time, or cut off.
            PageUnusable: too large, too many redirects, or not understandable as HTTP.
        """
        ...


class Asker(Protocol):
    """Gets data from the web, within the limits, in the turns and under the guard of pages."""

    async def ask(self, query: Query) -> Fetched:
        """The answer to a query; nothing is posted anywhere but to its address.

        Raises:
            RobotsRefused: the site asks robots not to ask this.
            HostBusy, AddressRefused, PageUnreachable, PageUnusable: as `Fetcher.fetch` raises them.
        """
        ...
