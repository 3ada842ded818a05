"""Parts of a page put together to what shall be written, for handlers."""

from collections.abc import Iterable

from services.scraper.domain.content.pruning import is_apart, is_unseen, pruned
from services.scraper.domain.content.tree import Element


def parted(parts: Iterable[Element]) -> Element | None:
    """The parts one after the other, with a line between; None when they say nothing."""
    whole = Element("div")
    for part in parts:
        clean = pruned(part, lambda each: is_apart(each) or is_unseen(each))
        if not clean.chars:
            continue
        if whole.children:
            whole.add(Element("hr"))
        whole.add(clean)
    whole.measure()
    return whole if whole.chars else None


def lines(tag: str, text: str) -> Element:
    """An element of one text."""
    element = Element(tag)
    element.add(text)
    element.measure()
    return element
