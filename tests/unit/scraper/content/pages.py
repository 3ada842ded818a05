"""Pages made for tests of content, and the shortest way from HTML to what is tested."""

from services.scraper.adapters.in_lxml import parse
from services.scraper.domain.content.page import Page
from services.scraper.domain.content.tree import Element

PROSE = (
    "A lease says how long a worker may keep a job, and what happens when it does not come back in time. "
    "Until then nobody else touches the job, which is why a lease should be short, but longer than the work. "
)


def body(html: str) -> Element:
    """The tree of a page with this in its body, measured."""
    tree = parse(f"<html><body>{html}</body></html>")
    tree.measure()
    return tree


def page(html: str, url: str = "https://example.org/") -> Page:
    return Page(parse(html), url, parse)


def paragraphs(count: int, *, about: str = "leases") -> str:
    return "".join(f"<p>On {about}, part {number}. {PROSE}</p>" for number in range(count))
