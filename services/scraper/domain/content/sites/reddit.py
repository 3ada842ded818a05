"""Reddit, new and old: the post and the comments under it."""

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.putting_together import lines, parted
from services.scraper.domain.content.site import Site
from services.scraper.domain.content.tree import Element


def is_here(page: Page) -> bool:
    """Whether the page is one of its."""
    return page.is_at("reddit.com") and "/comments/" in page.path


def content(page: Page) -> Element | None:
    """Title, post and comments in the order they are shown; None when nobody wrote a word there."""
    new = [each for each in page.tree.walk() if each.tag in ("shreddit-post", "shreddit-comment")]
    return _new(new) if new else _old(page.tree)


def _new(posts: list[Element]) -> Element | None:
    parts = []
    for post in posts:
        if post.tag == "shreddit-post" and post.get("post-title"):
            parts.append(lines("h1", post.get("post-title")))
        parts += [each for each in post.elements() if each.get("slot") in ("text-body", "comment")]
    return parted(parts)


def _old(tree: Element) -> Element | None:
    titles = [each for each in tree.walk() if each.tag == "a" and each.is_called("title")]
    bodies = [body for form in tree.called("usertext-body") for body in form.called("md")]
    return parted([*titles[:1], *bodies])


SITE = Site(is_here, content)
