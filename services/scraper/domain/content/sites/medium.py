"""Medium, on its own domain and on others': the story's headings, paragraphs, lists, quotes and code."""

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.pruning import is_apart, is_unseen, pruned
from services.scraper.domain.content.site import Site
from services.scraper.domain.content.tree import HEADINGS, Element

_WRITTEN = HEADINGS | {"p", "ul", "ol", "pre", "blockquote", "figcaption"}
_AROUND = frozenset({"authorName", "storyReadTime", "storyPublishDate", "headerClapButton", "audioPlayButton", "tag"})


def is_here(page: Page) -> bool:
    """Whether the page is one of its, whatever its domain: its application's name is in the head."""
    return page.is_at("medium.com") or page.meta.get("al:android:package") == "com.medium.reader"


def content(page: Page) -> Element | None:
    """The story without author's card, claps and what to read next; None for a page that is no story."""
    article = page.tree.first("article")
    if article is None:
        return None
    story = Element("div")
    _collect(
        pruned(article, lambda each: is_apart(each) or is_unseen(each) or each.get("data-testid") in _AROUND), story
    )
    story.measure()
    return story if story.paragraphs else None


def _collect(element: Element, story: Element) -> None:
    for child in element.elements():
        if child.tag in _WRITTEN:
            story.add(child)
        else:
            _collect(child, story)


SITE = Site(is_here, content)
