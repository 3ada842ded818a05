"""GitHub: the README, a file, or the posts of an issue, a pull request or a discussion."""

from collections.abc import Iterator

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.putting_together import lines, parted
from services.scraper.domain.content.site import Site
from services.scraper.domain.content.tree import Element


def is_here(page: Page) -> bool:
    """Whether the page is one of its; its blog and documentation are pages as others."""
    return page.host in ("github.com", "gist.github.com")


def content(page: Page) -> Element | None:
    """What people wrote there; None for a page of lists, and one that waits for its script."""
    rendered = page.tree.called("markdown-body")
    if rendered:
        return parted(rendered)
    return parted(_file_as_code(page.tree)) or parted(_posts_in_data(page)) or parted(_file_in_data(page))


def _file_as_code(tree: Element) -> Iterator[Element]:
    """A file's lines, which the page has whole in a text field beside the ones it shows."""
    field = tree.by_id("read-only-cursor-text-area")
    if field is not None:
        yield lines("pre", "".join(field.texts()))


def _posts_in_data(page: Page) -> Iterator[Element]:
    seen = set()
    for each in page.data("application/json"):
        html = each.get("bodyHTML")
        if isinstance(html, str) and html not in seen:
            seen.add(html)
            yield page.parse(html)


def _file_in_data(page: Page) -> Iterator[Element]:
    for each in page.data("application/json"):
        if isinstance(each.get("richText"), str):
            yield page.parse(each["richText"])
            return
        raw = each.get("rawLines")
        if isinstance(raw, list):
            yield lines("pre", "\n".join(map(str, raw)))
            return


SITE = Site(is_here, content)
