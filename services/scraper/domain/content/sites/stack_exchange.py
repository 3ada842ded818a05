"""Stack Overflow and its sisters: the question, then the accepted answer and the others by votes."""

import re

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.putting_together import parted
from services.scraper.domain.content.site import Site
from services.scraper.domain.content.tree import Element

_DOMAINS = (
    *("stackoverflow.com", "stackexchange.com", "superuser.com", "serverfault.com", "askubuntu.com"),
    *("mathoverflow.net", "stackapps.com"),
)
_NUMBER = re.compile(r"-?[0-9]{1,9}")
_BODY = ("s-prose", "js-post-body", "post-text")


def is_here(page: Page) -> bool:
    """Whether the page is one of its."""
    return page.is_at(*_DOMAINS)


def content(page: Page) -> Element | None:
    """Question and answers without votes, cards and comments; None for a page that is no question."""
    question = page.tree.by_id("question")
    if question is None:
        return None
    answers = [each for each in page.tree.called("answer") if each.get("id").startswith("answer-")]
    standing = sorted((each for each in answers if not each.is_called("deleted-answer")), key=_rank)
    return parted(body for post in (question, *standing) for body in post.called(*_BODY)[:1])


def _rank(answer: Element) -> tuple[bool, int]:
    """The accepted one before others, then by votes: a page's own order is its visitor's choice."""
    told = [answer.get("data-score"), *(each.get("data-value") for each in answer.called("js-vote-count"))]
    votes = next((int(each) for each in told if _NUMBER.fullmatch(each)), 0)
    return not answer.is_called("accepted-answer"), -votes


SITE = Site(is_here, content)
