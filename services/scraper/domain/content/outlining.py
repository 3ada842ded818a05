"""A page's outline, taken from its tree."""

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from services.scraper.domain.content.page import Page
from services.scraper.domain.content.pruning import copied, is_unseen
from services.scraper.domain.content.tree import Element
from services.scraper.domain.outline import Outline
from services.scraper.domain.wording import wordings
from shared.counting import count_words

_MOST_LINES = 300
_MOST_HEADINGS = 5
_LONGEST = 400  # characters; a notice's lines are shorter

_PASSED_OVER = frozenset("head nav footer script style template select option iframe dialog noscript".split())
_INLINE = frozenset(
    "a abbr b bdi cite code data del em font i ins kbd label mark q s samp small span strong sub sup time tt u var wbr"
    " img".split()
)
_ROLES_APART = frozenset("navigation contentinfo search dialog alertdialog menu menubar complementary".split())
_DIALOGUES = frozenset({"dialog", "alertdialog"})
_APART = re.compile(
    r"(?:^|[\s_-])(?:comments?|respond|disqus|repl(?:y|ies)|cookies?|cookie-\w+|onetrust|gdpr|newsletter|breadcrumbs?"
    r"|sidebar|related|share|nav|navbar|navigation|menu|jetpack-subscription-modal)(?:$|[\s_-])",
    re.IGNORECASE,
)
_NAMES = frozenset({"class", "id"})
_TOP = re.compile(r"(?:^|[\s_-])(?:header|masthead|topbar)(?:$|[\s_-])", re.IGNORECASE)
_WALL = re.compile(r"pay-?wall|regwall|(?:^|[\s_-])(?:gateway|barrier|upgrade-cta|denial)(?:$|[\s_-])", re.IGNORECASE)
_LOOKED_AT = 50_000  # characters of a script
_DIGITS = 7
_LONGEST_WALL = 200  # words; what is longer is the article, named after what it is kept behind
_DESCRIPTIONS = frozenset({"description", "og:title", "og:description", "og:url"})
_HEADINGS = frozenset({"h1", "h2", "h3"})
_CONTENT = frozenset({"article", "main"})
_NO_FIELDS = frozenset("hidden submit button reset image checkbox radio search".split())
_REFRESH = re.compile(r"^\s*\d+\s*[;,]\s*url\s*=\s*['\"]?([^'\"]+)", re.IGNORECASE)
_STATE = wordings(
    r"(?:status_?code|http_?status|response_?code|page_?(?:type|name|category|kind|template)|template|page|route)[\"']?\s*[:=]\s*"
    r"[\"']?(/?(?:4\d\d\b|_error\b|\w{0,30}not[_\- ]?found|\w{0,30}error[_\- ]?page))"
    r"|\b(?:is_?)?(not_?found)[\"']?\s*:\s*(?:true|1)\b",
)
_PLAYERS = frozenset("video audio embed object canvas".split())
_HEAP = 4  # pictures
_FEWEST_PIXELS = 300
_PICTURE = re.compile(r"\.(?:jpe?g|png|webp|gif|avif)$", re.IGNORECASE)
_SENT_BY_SCRIPT = re.compile(r"location(?:\.href)?\s*=\s*([^;]{1,200})")


def outline_of(page: Page) -> Outline:
    """What stands where on a page; where there is nothing beside a dialogue, that is what stands there."""
    seen = copied(page.tree, _is_apart)
    if next(_lines(seen), None) is None:
        seen = copied(page.tree, lambda element: element.get("role") not in _DIALOGUES and _is_apart(element))
    elements = list(seen.walk())
    headings = (text for each in elements if each.tag in _HEADINGS and (text := each.text()[:_LONGEST]))
    fields = [each for each in elements if _is_field(each)]
    is_free, paid_words = _paid_part(page)
    return Outline(
        headings=tuple(islice(headings, _MOST_HEADINGS)),
        lines=tuple(islice(_lines(seen), _MOST_LINES)),
        without_scripts=_without_scripts(page),
        links=page.links,
        fields=len(fields),
        passwords=sum(_is_secret(each) for each in fields),
        names=sum("username" in each.get("autocomplete").lower() for each in fields),
        is_free=is_free,
        paid_words=paid_words,
        tier=page.meta.get("article:content_tier", "").lower(),
        has_wall=any(_is_wall(each) for each in elements),
        is_described=not _DESCRIPTIONS.isdisjoint(page.meta) or page.is_canonical,
        is_unlisted="noindex" in page.meta.get("robots", "").lower(),
        sends_to=_sends_to(page),
        marks=_marks(page),
        state=_state(page),
        promised_words=_promised_words(page),
        players=_players(page, elements),
    )


def plain_outline(text: str) -> Outline:
    """The outline of plain text: its lines."""
    lines = [line.strip()[:_LONGEST] for line in text[: _MOST_LINES * _LONGEST].split("\n")]
    return Outline(lines=tuple(line for line in lines if line)[:_MOST_LINES])


def _is_apart(element: Element) -> bool:
    """Whether it belongs to the site rather than to the page, or is not seen."""
    if element.tag in ("body", "main", "article"):
        return False
    if element.tag in _PASSED_OVER or is_unseen(element) or element.attributes.get("role") in _ROLES_APART:
        return True
    if element.tag == "aside":
        return not _is_within_content(element)
    names = element.names
    if element.tag == "header" or _is_called(_TOP, names):
        return _has_links(element) and not _is_within_content(element)
    return _is_called(_APART, names)


@lru_cache(maxsize=4_096)  # sites call many things alike
def _is_called(pattern: re.Pattern[str], names: str) -> bool:
    return pattern.search(names) is not None


def _has_links(element: Element) -> bool:
    links = (each for each in element.walk() if each.tag == "a" and each.get("href"))
    return next(links, None) is not None and next(links, None) is not None


def _is_within_content(element: Element) -> bool:
    return any(each.tag in _CONTENT for each in element.ancestors())


def _lines(root: Element) -> Iterator[str]:
    """The texts that stand on their own, in order."""
    line: list[str] = []
    for text in _texts(root):
        if text is not None:
            line.append(text)
            continue
        if whole := " ".join("".join(line).split()):
            yield whole if len(whole) <= 2 * _LONGEST else f"{whole[:_LONGEST]} … {whole[-_LONGEST:]}"
        line.clear()


def _texts(root: Element) -> Iterator[str | None]:
    """All texts in order; None where a line ends."""
    stack: list[Element | str | None] = [root]
    while stack:
        node = stack.pop()
        if node is None or isinstance(node, str):
            yield node
            continue
        if node.tag not in _INLINE:
            yield None
            stack.append(None)
        stack += reversed(node.children)
    yield None


def _is_field(element: Element) -> bool:
    if element.tag == "textarea":
        return True
    return element.tag == "input" and element.get("type").lower() not in _NO_FIELDS


def _is_secret(field: Element) -> bool:
    return field.get("type").lower() == "password" or "one-time-code" in field.get("autocomplete").lower()


def _is_wall(element: Element) -> bool:
    if not element.attributes:
        return False
    called = " ".join(value for name, value in element.attributes.items() if name in _NAMES or name.startswith("data-"))
    return _WALL.search(called) is not None and 0 < count_words(element.text()) <= _LONGEST_WALL


def _players(page: Page, seen: list[Element]) -> int:
    """Films and sounds, large pictures, or a heap of pictures."""
    films = sum(len(page.elements[tag]) for tag in _PLAYERS)
    pictures = sum(each.tag == "img" for each in seen)
    return films + sum(_is_picture(each) for each in seen) + pictures // _HEAP


def _is_picture(element: Element) -> bool:
    width = element.get("width").removesuffix("px")
    if element.tag == "img":
        return width.isdecimal() and int(width) >= _FEWEST_PIXELS
    return element.tag == "a" and _PICTURE.search(element.get("href")) is not None and not element.text().strip()


def _marks(page: Page) -> str:
    """What the site calls its page, and what the first heading stands in."""
    heading = page.tree.first("h1", "h2") if page.elements["h1"] or page.elements["h2"] else None
    around = [heading, *heading.ancestors()] if heading else []
    named = [*around, *page.elements["body"][:1], *page.elements["main"][:1]]
    return " ".join(dict.fromkeys(each.names.strip() for each in named))[:_LONGEST]


def _state(page: Page) -> str:
    """What is said of the page to programs: to a service that renders it for search engines, to its own scripts."""
    if status := page.meta.get("prerender-status-code", ""):
        return status
    scripts = ("".join(script.texts()) for script in page.elements["script"])
    found = (_STATE.search(text[:_LOOKED_AT]) for text in scripts if text)
    return next((match[1] or match[2] for match in found if match), "")


def _promised_words(page: Page) -> int | None:
    told = (str(each.get("wordCount", "")) for each in page.data("application/ld+json"))
    return max((int(words) for words in told if words.isdecimal() and len(words) < _DIGITS), default=None)


def _without_scripts(page: Page) -> str:
    return " ".join(each.text() for each in page.elements["noscript"])[:_LONGEST]


def _paid_part(page: Page) -> tuple[bool | None, int | None]:
    """Whether the page's data says that all may read it, and how many words are in the part that must be paid for."""
    free: bool | None = None
    words: int | None = None
    for each in page.data("application/ld+json"):
        if "isAccessibleForFree" not in each:
            continue
        is_free = str(each["isAccessibleForFree"]).lower() == "true"
        free = is_free if free is None else free and is_free
        selector = each.get("cssSelector")
        if not is_free and isinstance(selector, str):
            words = (words or 0) + _words_in(page.tree, selector)
    return free, words


def _words_in(root: Element, selector: str) -> int:
    """Words in what a selector of one class or one id names."""
    name = selector.strip()
    if name.startswith("#"):
        found = [each for each in [root.by_id(name[1:])] if each]
    else:
        found = root.called(name.removeprefix("."))
    return sum(count_words(each.text()) for each in found)


def _sends_to(page: Page) -> str:
    refresh = _REFRESH.match(page.meta.get("refresh", ""))
    if refresh:
        return refresh[1].strip()
    sent = (_SENT_BY_SCRIPT.search("".join(script.texts())[:5_000]) for script in page.elements["script"][:5])
    return next((found[1].strip() for found in sent if found), "")
