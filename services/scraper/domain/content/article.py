"""Where an article is on its page: scoring by text, commas and links, as Mozilla's Readability does it.

Paragraphs give points to what holds them; the element with most points, and siblings that look like it, are the
article. What follows the published algorithm keeps its numbers: they are known on millions of pages.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from services.scraper.domain.content.pruning import copies
from services.scraper.domain.content.tidying import tidy
from services.scraper.domain.content.tree import HEADINGS, Element
from services.scraper.domain.content.weighing import weight

_UNLIKELY = re.compile(
    r"-ad-|ai2html|banner|breadcrumbs|combx|comment|community|cover-wrap|disqus|extra|footer|gdpr|header|legends|menu"
    r"|related|remark|replies|rss|shoutbox|sidebar|skyscraper|social|sponsor|supplemental|ad-break|agegate|pagination"
    r"|pager|popup|yom-remote",
    re.IGNORECASE,
)
_MAYBE = re.compile(r"and|article|body|column|content|main|mathjax|shadow", re.IGNORECASE)
_PHRASES = frozenset(
    "abbr audio b bdo br button cite code data datalist dfn em embed i img input kbd label mark math meter noscript"
    " object output progress q ruby samp script select small span strong sub sup textarea time var wbr".split()
)
_SCORED = frozenset({"section", "h2", "h3", "h4", "h5", "h6", "p", "td", "pre"})
_START = {
    "div": 5,
    **dict.fromkeys(("pre", "td", "blockquote"), 3),
    **dict.fromkeys(("address", "ol", "ul", "dl", "dd", "dt", "li", "form"), -3),
    **dict.fromkeys((*HEADINGS, "th"), -5),
}
_WHOLE = frozenset({"body", "html"})
_ENOUGH = 500
_SHORTEST_PARAGRAPH = 25
_RUNNERS_UP = 5
_RIVALS = 3
_SENTENCE_END = re.compile(r"\.( |$)")


@dataclass(frozen=True)
class _Strictness:
    strip_unlikely: bool = True
    weigh_names: bool = True
    tidy: bool = True


_TRIES = (
    _Strictness(),
    _Strictness(strip_unlikely=False),
    _Strictness(strip_unlikely=False, weigh_names=False),
    _Strictness(strip_unlikely=False, weigh_names=False, tidy=False),
)


def article_of(page: Element) -> Element:
    """What of a page reads like an article; the rules are given up one by one while they leave too little."""
    best = Element("div")
    for rules in _TRIES:
        found = Element("div")
        for part in _find(_with_paragraphs(page, rules), rules):
            found.add(part)
        tidy(found, conditionally=rules.tidy)
        if found.chars >= _ENOUGH:
            return found
        best = max(best, found, key=lambda each: each.chars)
    return best


def _with_paragraphs(page: Element, rules: _Strictness) -> Element:
    """A copy with a paragraph around each run of text, without what is unlikely to be the article; measured."""
    copy, *within = copies(page, _is_unlikely if rules.strip_unlikely else None)
    for element in (copy, *within):
        if element.tag == "div":
            _wrap_phrases(element)
    for element in reversed(list(copy.walk())):
        element.count()
        if element.tag == "div":
            _become_paragraph(element)
    return copy


def _is_unlikely(element: Element) -> bool:
    """Whether its names say that it is not the article."""
    if not element.attributes or element.tag in ("body", "a"):
        return False
    return _is_called_unlikely(element.names) and not any(each.tag in ("table", "code") for each in element.ancestors())


@lru_cache(maxsize=4_096)  # sites call many things alike
def _is_called_unlikely(names: str) -> bool:
    return _UNLIKELY.search(names) is not None and not _MAYBE.search(names)


def _wrap_phrases(division: Element) -> None:
    """Text and inline elements between blocks become paragraphs; two line breaks end one."""
    if not any(_is_phrase(child) for child in division.children):
        return
    children, division.children = division.children, []
    paragraph: Element | None = None
    breaks = 0
    for child in children:
        if not _is_phrase(child):
            paragraph, breaks = None, 0
            division.add(child)
            continue
        is_break = not isinstance(child, str) and child.tag == "br"
        is_blank = is_break or (isinstance(child, str) and child.isspace())
        breaks = breaks + is_break if is_blank else 0
        if breaks > 1:
            paragraph = None
        if paragraph is None:
            if is_blank:
                continue
            paragraph = Element("p")
            division.add(paragraph)
        paragraph.add(child)


def _is_phrase(child: Element | str) -> bool:
    if isinstance(child, str) or child.tag in _PHRASES:
        return True
    return child.tag in ("a", "del", "ins") and all(_is_phrase(each) for each in child.children)


def _become_paragraph(division: Element) -> None:
    """A division of one paragraph and nothing else is that paragraph."""
    if len(division.children) != 1 or division.link_density >= 0.25:
        return
    only = division.children[0]
    if isinstance(only, str) or only.tag != "p":
        return
    division.tag, division.children = "p", only.children
    for child in only.elements():
        child.parent = division
    division.count()


def _find(body: Element, rules: _Strictness) -> list[Element]:
    """The elements that together read like an article, in order; the page itself when nothing does."""
    points = _points(body, rules)
    final = {each: given * (1 - each.link_density) for each, given in points.items()}
    ranked = sorted(final, key=lambda each: final[each], reverse=True)[:_RUNNERS_UP]
    if not ranked or ranked[0].tag in _WHOLE:
        return [body]
    top = _better_parent(_common_ancestor(ranked, final), final)
    return _with_siblings(_out_of_single_children(top), final)


def _points(body: Element, rules: _Strictness) -> dict[Element, float]:
    points: dict[Element, float] = {}
    for paragraph in body.walk():
        if paragraph.tag not in _SCORED or paragraph.chars < _SHORTEST_PARAGRAPH:
            continue
        given = 2 + paragraph.commas + min(paragraph.chars // 100, 3)
        for level, ancestor in zip(range(5), paragraph.ancestors(), strict=False):
            if ancestor not in points:
                points[ancestor] = _START.get(ancestor.tag, 0) + (weight(ancestor) if rules.weigh_names else 0)
            points[ancestor] += given / (level * 3 if level > 1 else level + 1)
    return points


def _common_ancestor(ranked: list[Element], final: dict[Element, float]) -> Element:
    """The best; or, where several places are nearly as good, what holds it and at least three of them."""
    top = ranked[0]
    rivals = [set(each.ancestors()) for each in ranked[1:] if final[each] >= 0.75 * final[top]]
    if len(rivals) >= _RIVALS:
        for ancestor in top.ancestors():
            if ancestor.tag in _WHOLE:
                break
            if sum(ancestor in lineage for lineage in rivals) >= _RIVALS:
                return ancestor
    return top


def _better_parent(top: Element, final: dict[Element, float]) -> Element:
    """A parent that has more points still, which is where content is spread over several parts."""
    last = final.get(top, 0.0)
    threshold = last / 3
    for parent in top.ancestors():
        if parent.tag in _WHOLE:
            break
        points = final.get(parent)
        if points is None:
            continue
        if points < threshold:
            break
        if points > last:
            return parent
        last = points
    return top


def _out_of_single_children(top: Element) -> Element:
    parent = top.parent
    while parent is not None and parent.tag not in _WHOLE and sum(1 for _ in parent.elements()) == 1:
        top, parent = parent, parent.parent
    return top


def _with_siblings(top: Element, final: dict[Element, float]) -> list[Element]:
    """The best and what stands beside it, if it has points too, or is prose."""
    if top.parent is None:
        return [top]
    points = final.get(top, 0.0)
    threshold = max(10.0, points * 0.2)
    name = top.get("class")
    kept = []
    for sibling in top.parent.elements():
        bonus = points * 0.2 if name and sibling.get("class") == name else 0.0
        if sibling is top or final.get(sibling, -bonus) + bonus >= threshold or _is_prose(sibling):
            kept.append(sibling)
    return kept


def _is_prose(sibling: Element) -> bool:
    if sibling.tag != "p" or not sibling.chars:
        return False
    if sibling.chars > 80:
        return sibling.link_density < 0.25
    return sibling.link_density == 0 and _SENTENCE_END.search(sibling.text()) is not None
