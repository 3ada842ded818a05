"""LeetCode: a problem's statement, as its GraphQL answers; else from the page or the data its script would show."""

import json
import re
from html import escape
from typing import Any
from urllib.parse import urlsplit

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.pruning import pruned
from services.scraper.domain.content.putting_together import parted
from services.scraper.domain.content.site import Awaited, Data, Site
from services.scraper.domain.content.tree import Element
from services.scraper.domain.pages import Query

_STATEMENT = ("question-content", "question-description", "description_content")

_WITHIN_S = 15.0  # the page asks for a statement after its editor's scripts have come

_PROBLEM = re.compile(r"/problems/([a-z0-9-]{1,200})(?:/(?:description/?)?)?$")
_QUESTION = (
    "query questionData($titleSlug: String!) { question(titleSlug: $titleSlug)"
    " { title content difficulty isPaidOnly topicTags { name } } }"
)


def data(url: str) -> Data | None:
    """GraphQL answers with the statement of a problem, if it is asked as the site's own pages ask."""
    problem = _problem_at(url) if url.startswith("https://") else None
    if problem is None:
        return None
    asked = {"operationName": "questionData", "variables": {"titleSlug": problem}, "query": _QUESTION}
    return Data(Query("https://leetcode.com/graphql/", body=json.dumps(asked), page=url), _page_of)


def awaited(url: str) -> Awaited | None:
    """The statement of a problem, which the page's scripts ask for."""
    named = (f'[class*="{name}"]' for name in _STATEMENT)
    selector = ", ".join(['[data-track-load="description_content"]', *named])
    return Awaited(selector, _WITHIN_S) if _problem_at(url) else None


def _problem_at(url: str) -> str | None:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").removeprefix("www.")
    except ValueError:
        return None
    problem = _PROBLEM.match(parts.path)
    return problem[1] if problem and host == "leetcode.com" else None


def _page_of(answer: bytes) -> str | None:
    """The answer as a page; what is for subscribers alone says so as pages do."""
    try:
        question = json.loads(answer)["data"]["question"]
        title, statement = question["title"], question["content"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not isinstance(title, str) or not (isinstance(statement, str) or question.get("isPaidOnly") is True):
        return None
    return (
        f'<!doctype html><html lang="en"><head><title>{escape(title)} - LeetCode</title>'
        f'</head><body><h1>{escape(title)}</h1><div data-track-load="description_content">'
        f"<p>{escape(_told_beside(question))}</p>{statement or ''}</div>{'' if statement else _WALL}</body></html>"
    )


_WALL = (
    '<script type="application/ld+json">{"@type": "WebPage", "isAccessibleForFree": false}</script>'
    '<div class="paywall"><p>Subscribe to unlock. This problem is for Premium subscribers.</p></div>'
)


def _told_beside(question: dict[str, Any]) -> str:
    tags = question.get("topicTags")
    names = [each.get("name") for each in (tags if isinstance(tags, list) else []) if isinstance(each, dict)]
    said = {"Difficulty": question.get("difficulty"), "Topics": ", ".join(filter(None, map(str, names)))}
    return " · ".join(f"{name}: {value}" for name, value in said.items() if value)


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


SITE = Site(is_here, content, data, awaited)
