"""GitHub: the README, a wiki's page, a release, a file, or the posts of an issue, a pull request or a discussion."""

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
    return (
        parted(_rendered(page.tree))
        or parted(_file_as_code(page.tree))
        or parted(_posts_in_data(page))
        or parted(_file_in_data(page))
    )


def _rendered(tree: Element) -> Iterator[Element]:
    """What was written, and a gist's files, as the page shows them; what stands within another is a part of it."""
    stack = [tree]
    while stack:
        each = stack.pop()
        if each.is_called("markdown-body") or each.get("data-testid") == "markdown-body":
            yield each
        elif each.is_called("js-file-line-container"):
            yield lines("pre", "\n".join("".join(line.texts()).strip("\n") for line in each.called("js-file-line")))
        else:
            stack += reversed(list(each.elements()))


def _file_as_code(tree: Element) -> Iterator[Element]:
    """A file's lines, which the page has whole in a text field beside the ones it shows."""
    field = tree.by_id("read-only-cursor-text-area")
    if field is not None:
        yield lines("pre", "".join(field.texts()))


def _posts_in_data(page: Page) -> Iterator[Element]:
    seen: set[str] = set()
    for each in page.data("application/json"):
        html = each.get("bodyHTML")
        if isinstance(html, str) and html not in seen:
            title = each.get("title")
            if isinstance(title, str) and not seen:
                yield lines("h1", title)
            seen.add(html)
            yield page.parse(html)


def _file_in_data(page: Page) -> Iterator[Element]:
    for each in page.data("application/json"):
        rich = each.get("richText")
        if isinstance(rich, str) and rich:
            yield page.parse(rich)
            return
        raw = each.get("rawLines")
        if isinstance(raw, list):
            yield lines("pre", "\n".join(map(str, raw)))
            return


SITE = Site(is_here, content)
