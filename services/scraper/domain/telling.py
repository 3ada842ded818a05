"""What an answer that is not the bookmarked page tells of that page all the same.

A paywall stands below the beginning of its article. Who asks for a log-in or turns us away mostly shows a page of their
own, with its own title; but some put the article's title and teaser there, for social networks.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import unquote, urlsplit

from services.scraper.domain import notices
from services.scraper.domain.gate import Verdict
from services.scraper.domain.pages import Extracted

_OF_THE_PAGE = frozenset({Verdict.PAYWALL, Verdict.THIN, Verdict.OK})
"""Verdicts under which all that is seen belongs to the bookmarked page."""

_PERHAPS = frozenset({Verdict.LOGIN, Verdict.BLOCKED, Verdict.CHALLENGE})
"""Verdicts under which the title and the teaser may, if they are about what the bookmark is about."""

_NOTICES = (
    *(notices.CHALLENGE, notices.BLOCKED, notices.LOGIN, notices.PAYWALL),
    *(notices.MISSING, notices.PLACEHOLDER, notices.BROKEN, notices.CONSENT),
)
_NAMELESS = re.compile(
    r"(?:loading|please wait|untitled(?: document)?|document|home(?: ?page)?|index|welcome|(?:react|vite|vue) app)\W*",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^\W\d_]{4,}")
_ENOUGH_IN_COMMON = 2


def told_of(seen: Extracted, verdict: Verdict, *, url: str, title: str) -> Extracted:
    """Of what was seen, what is about the bookmarked page; empty where nothing is.

    Args:
        seen: what a parser made of the answer.
        verdict: what the gate took it for.
        url: the bookmark's address.
        title: the bookmark's own, as its user saved it.
    """
    own_title = next((each for each in (seen.title, seen.offered_title) if _is_title(each, seen, url)), "")
    if verdict in _OF_THE_PAGE:
        return replace(seen, title=own_title)
    if verdict in _PERHAPS and own_title and _is_about(own_title, f"{unquote(urlsplit(url).path)} {title}"):
        is_teaser = not any(notice.said_in(notices.ShortLines.of([seen.description])) for notice in _NOTICES)
        return replace(seen, text="", title=own_title, description=seen.description if is_teaser else "")
    return Extracted()


def _is_title(title: str, seen: Extracted, url: str) -> bool:
    """Whether it names the page: not a notice, not only the site, not what stands there until a script has run."""
    if not title or any(notice.names_in(title, ()) for notice in _NOTICES):
        return False
    return any(not _NAMELESS.fullmatch(part) and not _is_site(part, seen, url) for part in notices.parts_of(title))


def _is_site(part: str, seen: Extracted, url: str) -> bool:
    name = re.sub(r"\W", "", part).casefold()
    host = (urlsplit(url).hostname or "").removeprefix("www.")
    return name in {re.sub(r"\W", "", each).casefold() for each in (seen.site_name or "", host, *host.split("."))}


def _is_about(title: str, saved: str) -> bool:
    """Whether a title speaks of what the bookmark's address and title speak of."""
    named, known = set(_words(title)), set(_words(saved))
    return len(named & known) >= min(_ENOUGH_IN_COMMON, len(named)) > 0


def _words(text: str) -> Iterator[str]:
    return (word.casefold() for word in _WORDS.findall(text.replace("_", " ")))
