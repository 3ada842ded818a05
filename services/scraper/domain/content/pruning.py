"""Copies of a page without what is unwanted, and what is never wanted: what nobody sees or reads."""

import re
from collections.abc import Callable, Mapping

from services.scraper.domain.content.tree import Element

Unwanted = Callable[[Element], object]

_APART = frozenset(
    "script head iframe link meta title style template object embed nav footer aside dialog button select option"
    " textarea label input video".split()
)
_ROLES_APART = frozenset(
    "navigation banner contentinfo complementary search dialog alertdialog alert menu menubar tablist toolbar"
    " tooltip".split()
)
_UNSEEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_STREAMED = re.compile(r"[SB]:[0-9a-f]+")
"""React sends parts of a page late, in hidden elements of such ids, and moves them to their places by script."""

_LITTLE = 500
"""A page of fewer characters that hides more than it shows is one that scripts would unveil."""


def pruned(element: Element, unwanted: Unwanted) -> Element:
    """A copy without the elements that are unwanted, measured."""
    made = copies(element, unwanted)
    for each in reversed(made):
        each.count()
    return made[0]


def copied(element: Element, unwanted: Unwanted | None = None) -> Element:
    """A copy without the elements that are unwanted, not measured."""
    return copies(element, unwanted)[0]


def copies(element: Element, unwanted: Unwanted | None = None) -> list[Element]:
    """The element and all wanted within it copied, each before what it holds; not measured."""
    copy = Element(element.tag, element.attributes)
    stack, made = [(element, copy)], [copy]
    while stack:
        source, target = stack.pop()
        children = target.children
        for child in source.children:
            if isinstance(child, str):
                children.append(child)
            elif unwanted is None or not unwanted(child):
                below = Element(child.tag, child.attributes)
                below.parent = target
                children.append(below)
                made.append(below)
                stack.append((child, below))
    return made


def visible(page: Element) -> Element:
    """What a reader sees of a page beside its navigation: without what is hidden, unless that is nearly all."""
    seen = pruned(page, lambda each: each.tag == "noscript" or is_apart(each) or is_unseen(each))
    if seen.chars >= _LITTLE and not _shows_more_without_scripts(page, seen):
        return seen
    without_scripts = pruned(page, lambda each: is_apart(each) or is_unseen(each))
    if without_scripts.chars > 2 * seen.chars:
        return without_scripts
    unveiled = pruned(page, lambda each: each.tag == "noscript" or is_apart(each))
    return unveiled if seen.chars < _LITTLE and unveiled.chars > 3 * seen.chars else seen


def _shows_more_without_scripts(page: Element, seen: Element) -> bool:
    """Some sites send their content for readers without scripts alone, with paragraphs and all."""
    without = [each for each in page.walk() if each.tag == "noscript" and each.first("p")]
    return sum(len(each.text()) for each in without) > seen.chars


def is_apart(element: Element) -> bool:
    """Whether its tag or its role says that it is no part of the page's content: navigation, forms' parts, scripts."""
    return element.tag in _APART or element.attributes.get("role") in _ROLES_APART


def is_unseen(element: Element) -> bool:
    """Whether it is hidden from readers; what a script will put in its place is not."""
    attributes = element.attributes
    if not attributes or element.tag in ("html", "body"):
        return False
    return _is_hidden(attributes) and not _STREAMED.fullmatch(attributes.get("id", ""))


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    style = attributes.get("style")
    if style and _UNSEEN_STYLE.search(style):
        return True
    if attributes.get("aria-hidden") == "true":
        return "fallback-image" not in attributes.get("class", "")
    return "hidden" in attributes
