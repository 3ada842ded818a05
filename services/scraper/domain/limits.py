"""How much of a page is taken: time, bytes, redirects, memory, characters."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What a site may cost before its page is given up.

    Attributes:
        connect: until the connection stands, for each address tried.
        first_byte: from sending a request to the answer's headers, connecting included.
        total: for the page with all its redirects, from the first look-up to the last byte.
        bytes: of a body as it is sent.
        inflated_bytes: of a body after decompression.
        pdf_bytes: of a PDF file, sent and after decompression, instead of both.
        redirects: followed for one page.
    """

    connect: timedelta = timedelta(seconds=10)
    first_byte: timedelta = timedelta(seconds=20)
    total: timedelta = timedelta(seconds=40)
    bytes: int = 8_000_000
    inflated_bytes: int = 16_000_000
    pdf_bytes: int = 20_000_000
    redirects: int = 10


@dataclass(frozen=True, slots=True)
class ParserLimits:
    """What reading a page may cost before its parser is ended.

    Attributes:
        cpu: CPU time for one page; whole seconds.
        memory_bytes: address space of the process.
        chars: characters kept of the page's text.
    """

    cpu: timedelta = timedelta(seconds=10)
    memory_bytes: int = 1_000_000_000
    chars: int = 500_000


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """What a page in a browser may cost before it is given up.

    Attributes:
        connect: until a connection stands, for each address tried.
        load: until the page's document begins to arrive, all its redirects included.
        settle: from then on until its text stands still; what is there is taken when it is over.
        total: for the page, from its opening to its HTML.
        bytes: of everything the page sends and loads, compressed or not.
        html_chars: of the HTML in the end.
        memory_bytes: of the process that shows it.
    """

    connect: timedelta = timedelta(seconds=10)
    load: timedelta = timedelta(seconds=20)
    settle: timedelta = timedelta(seconds=8)
    total: timedelta = timedelta(seconds=40)
    bytes: int = 30_000_000
    html_chars: int = 16_000_000
    memory_bytes: int = 1_000_000_000


@dataclass(frozen=True, slots=True)
class LookLimits:
    """How much is kept of what users share, and how long.

    Attributes:
        bytes: that all looks together may take.
        look_bytes: that one look may take, packed; a larger one is not kept.
        beyond: how long a look is kept after its freshness, to ask its site whether it still holds.
    """

    bytes: int = 128_000_000
    look_bytes: int = 300_000
    beyond: timedelta = timedelta(days=7)
