"""LeetCode: a problem's statement, from the page where it is there, else from the data its script would show."""

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.pruning import pruned
from services.scraper.domain.content.sites.putting_together import parted
from services.scraper.domain.content.tree import Element

_STATEMENT = ("question-content", "question-description", "description_content")


def is_here(page: Page) -> bool:
    """Whether the page is one of its."""
    return page.is_at("leetcode.com", "leetcode.cn")


def content(page: Page) -> Element | None:
    """The statement without what one may press beside it; None where the page has none."""
    return _shown(page.tree) or _in_data(page)


def _shown(tree: Element) -> Element | None:
    for each in tree.walk():
        if each.get("data-track-load") == "description_content" or each.is_called(*_STATEMENT):
            return parted([pruned(each, _is_beside)])
    return None


def _is_beside(element: Element) -> bool:
    """Tags, similar problems and companies, behind buttons."""
    return element.tag == "div" and any(
        each.is_called("btn") or each.get("href").startswith("/subscribe") for each in element.walk()
    )


def _in_data(page: Page) -> Element | None:
    for each in page.data("application/json"):
        statement = each.get("content")
        if isinstance(statement, str) and ("titleSlug" in each or "questionId" in each):
            return parted([page.parse(statement)])
    return None
