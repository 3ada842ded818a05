"""Stack Overflow and its sisters: the question, then the answers, the accepted one first; code stays code."""

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.putting_together import parted
from services.scraper.domain.content.site import Site
from services.scraper.domain.content.tree import Element

_DOMAINS = (
    *("stackoverflow.com", "stackexchange.com", "superuser.com", "serverfault.com", "askubuntu.com"),
    *("mathoverflow.net", "stackapps.com"),
)
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
    answers.sort(key=lambda each: not each.is_called("accepted-answer"))
    return parted(body for post in (question, *answers) for body in post.called(*_BODY)[:1])


SITE = Site(is_here, content)
