"""What a site puts around the content of its pages, told by semantics and by the names that sites give to things."""

import re
from functools import lru_cache

from services.scraper.domain.content.pruning import pruned
from services.scraper.domain.content.tree import Element

_NAMES = frozenset(
    # consent, sign-up and the like
    "cookie cookies consent gdpr onetrust newsletter subscribe signup signin login"
    # ways through the site
    " breadcrumb breadcrumbs sidebar menu submenu subnav megamenu nav navbar navigation navi masthead footer copyright"
    " pagination pager paging filters facets facet skiplink toolbar dropdown minicart"
    # other pages of the site, and of others
    " related recommended recommendations recirc outbrain taboola trending advert advertisement ads sponsored"
    # what opens over the page
    " popup modal drawer tooltip"
    # readers' remarks, their profiles, and what they can press
    " comments comment reviews disqus postprofile social noprint button buttons btn badge actions form stars legal"
    " hide".split()
)
_PHRASES = re.compile(
    r"(?:^|[ _-])(?:skip-(?:link|to|nav|content)\w*|sr-only|visually-hidden|visuallyhidden|screen-reader(?:-text)?"
    r"|widget-area|site-header|page-header|global-header|comment-(?:form|list|respond)|share-\w+|\w+-share|social-\w+"
    r"|\w+-social|site-nav|print-only|you-may|read-(?:more|next)|more-from|sign-up|sign-in|log-in"
    r"|lang(?:uage)?-switcher|tag-list|tags-list|post-tags|entry-tags|author-bio|about-author|author-box)(?:$|[ _-])"
)
_OFTEN_MISNAMED = frozenset({"social", "dropdown", "drawer", "toolbar", "modal"})
_SURE = frozenset(
    "comments comment reviews cookie cookies consent onetrust gdpr related recommended newsletter".split()
)
_MAIN_IDS = frozenset({"main", "content", "main-content"})
_WORDS = re.compile(r"[^a-z0-9]+")
_HUMP = re.compile(r"([a-z])([A-Z])")
_LONG_FOR_BUTTONS = 500
_PROSE_COMMAS = 0.006
"""Commas a character: prose has one or two in a hundred characters, lists of links hardly any."""


def without_furniture(page: Element, *, keep_comments: bool = False) -> Element:
    """The page's content, whatever its kind, in the part that the page marks as its main one.

    Args:
        page: what is visible of it.
        keep_comments: on a page that consists of them, a forum's.
    """
    total = page.chars
    return _main(pruned(page, lambda each: _is_furniture(each, total, keep_comments=keep_comments)))


def _is_furniture(element: Element, total: int, *, keep_comments: bool) -> bool:
    tag, chars = element.tag, element.chars
    if tag in ("body", "main"):
        return False
    if tag == "form":
        return chars < 0.3 * total
    if tag == "header" and not any(each.tag in ("article", "main", "section") for each in element.ancestors()):
        return element.link_density > 0.3 or chars < 0.1 * total
    if chars > 0.5 * total:
        return False
    name = _name_of_furniture(element.names)
    if not name or (keep_comments and name in ("comment", "comments")):
        return False
    return not _is_content_after_all(element, name, total)


@lru_cache(maxsize=4_096)  # sites call many things alike
def _name_of_furniture(names: str) -> str:
    """The part of a class or an id that furniture has, empty when there is none."""
    if names == " ":
        return ""
    names = _HUMP.sub(r"\1-\2", names).lower()
    known = next((word for word in _WORDS.split(names) if word in _NAMES), "")
    if known:
        return known
    phrase = _PHRASES.search(names)
    return phrase[0].strip(" _-") if phrase else ""


def _is_content_after_all(element: Element, name: str, total: int) -> bool:
    """Names mislead: what is long and reads like prose stays, unless its name leaves no doubt."""
    if name in _SURE:
        return False
    if (
        (name in _OFTEN_MISNAMED or "share" in name)
        and element.chars > _LONG_FOR_BUTTONS
        and element.link_density < 0.3
    ):
        return True
    return (
        element.chars > 0.1 * total and element.link_density < 0.15 and element.commas > _PROSE_COMMAS * element.chars
    )


def _main(page: Element) -> Element:
    mains = [
        each for each in page.walk() if each.tag == "main" or each.get("role") == "main" or each.get("id") in _MAIN_IDS
    ]
    largest = max(mains, key=lambda each: each.chars, default=page)
    return largest if largest.chars >= 0.4 * page.chars and largest.chars > 150 else page
