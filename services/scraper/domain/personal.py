"""What is never shared between users: addresses that are keys themselves, and answers that a site calls personal.

The fleet visits pages as nobody, with no cookie and no account, so what it sees is what anybody would see. These two
rules stand behind that one: a page stays with whoever saved it when its address or its site says so.
"""

import re
from collections.abc import Mapping
from urllib.parse import unquote_plus

from yarl import URL

from services.scraper.domain.pages import Fetched, Hop

_SECRET_PARAMETER = re.compile(
    r"(?:[\w-]+[_-])?(?:token|signature|session|secret|passw(?:or)?d|credentials?|jwt|otp|ticket|invite|invitation)"
    r"|x-(?:amz|goog)-\w+|(?:access|api|private|auth|user|share|resource|app|login|magic|view)[_-]?key|key-pair-id"
    r"|(?:accesstoken|authtoken|idtoken|sessionid|session_id|phpsessid|jsessionid|aspsessionid\w*|sid|cfid|cftoken)"
    r"|auth|authorization|sig|sign|pwd|key|code|hmac|authkey|rlkey|share_?link|confirm\w*|unsubscribe\w*|email",
    re.IGNORECASE,
)
"""Parameters that let whoever has the address in, or say who that is."""

_SECRET_PATH = re.compile(
    r";jsessionid=|/(?:invites?|invitations?|magic-?links?|reset-?password|password-?reset|unsubscribe|confirm|verify"
    r"|activate|login-?links?|share[ds]?)/",
    re.IGNORECASE,
)
_SECRET_FRAGMENT = re.compile(r"(?:^|[&?])(?:access_token|id_token|token|key)=", re.IGNORECASE)

_SAME_FOR_ALL_VISITORS = frozenset(
    {
        *("github.com", "gitlab.com", "stackoverflow.com", "stackexchange.com", "serverfault.com", "superuser.com"),
        *("wikipedia.org", "wikimedia.org", "wiktionary.org", "arxiv.org", "news.ycombinator.com", "reddit.com"),
        *("youtube.com", "medium.com", "leetcode.com", "dev.to", "developer.mozilla.org", "docs.python.org"),
        *("youtu.be", "t.co", "bit.ly", "tinyurl.com", "lnkd.in", "buff.ly", "dlvr.it"),
    }
)
"""Sites that call every answer private for their members' or their counts' sake, and show all others the same."""


def bears_secret(url: str) -> bool:
    """Whether an address itself opens something, or names a person: a signature, a session, an invitation."""
    try:
        address = URL(url)
    except ValueError:
        return False
    return (
        address.raw_user is not None
        or has_secret(address.raw_query_string, address.raw_fragment)
        or _SECRET_PATH.search(address.path) is not None
    )


def has_secret(query: str, fragment: str) -> bool:
    """Whether parameters of an address let whoever has it in, or say who that is."""
    names = (unquote_plus(pair.partition("=")[0]) for pair in query.split("&") if pair)
    return any(map(_SECRET_PARAMETER.fullmatch, names)) or _SECRET_FRAGMENT.search(fragment) is not None


def is_personal(page: Fetched) -> bool:
    """Whether a site says of its answer, or of a stop on the way to it, that it is one visitor's.

    A stop that sets a cookie, or leads over an address that is a secret, makes what follows its visitor's own.
    """
    return _is_one_visitors(page) or any(_is_one_visitors(stop) for stop in page.way)


def _is_one_visitors(stop: Hop | Fetched) -> bool:
    """As shared caches do, an answer that sets a cookie is taken for personal unless it is called public."""
    if bears_secret(stop.url):
        return True
    if _shows_all_the_same(stop.url):
        return False
    said = _words(stop.headers, "cache-control")
    if said & {"no-store", "private"}:
        return True
    if "*" in _words(stop.headers, "vary"):
        return True
    by_cookie = "set-cookie" in stop.headers or "cookie" in _words(stop.headers, "vary")
    return by_cookie and not said & {"public", "s-maxage"}


def _shows_all_the_same(url: str) -> bool:
    host = URL(url).host or ""
    return any(host == site or host.endswith(f".{site}") for site in _SAME_FOR_ALL_VISITORS)


def _words(headers: Mapping[str, str], name: str) -> set[str]:
    """The names in a header's list: `private, max-age=0` → `private`, `max-age`."""
    return {item.partition("=")[0].strip().lower() for item in headers.get(name, "").split(",")}
