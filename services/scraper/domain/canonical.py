"""Addresses of one page, written as one: what a page is fetched by, and what it is kept under for all who saved it.

Nothing is taken away that could lead to another page: an unknown parameter stays, and so does the order of parameters.
What a bookmark's owner sees and looks for stays as it was saved; this is for the fleet's own use.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from publicsuffixlist import PublicSuffixList
from yarl import URL

_TRACKING = re.compile(
    r"utm_\w+|(?:g|fb|d|y|tw|tt|ob|irgw)clid|msclkid|_kx|gclsrc|gbraid|wbraid|li_fat_id|epik|igshid?|mc_[ce]id|mkt_tok"
    r"|_hsenc|_hsmi|hsctatracking|vero_id|vero_conv|oly_(?:anon|enc)_id|ml_subscriber(?:_hash)?|_openstat|_gl|_ga"
    r"|srsltid|ref_src|__twitter_impression|fb_action_ids|fb_action_types|fb_source|[ip]k_(?:campaign|kwd|source|medium)",
    re.IGNORECASE,
)
"""Parameters that tell who sent a visitor, on whatever site; `ref` alone is not among them: it can name a branch."""

_TRACKING_ON: Mapping[str, frozenset[str]] = {
    "youtube.com": frozenset({"si", "feature", "pp", "ab_channel"}),
    "youtu.be": frozenset({"si", "feature"}),
    "twitter.com": frozenset({"s", "t", "ref_url"}),
    "x.com": frozenset({"s", "t", "ref_url"}),
    "reddit.com": frozenset({"share_id", "rdt", "ref", "ref_source"}),
    "medium.com": frozenset({"source"}),
    "producthunt.com": frozenset({"ref"}),
    "linkedin.com": frozenset({"trk", "trackingid", "refid"}),
    "amazon.com": frozenset({"ref", "ref_", "pd_rd_r", "pd_rd_w", "pd_rd_wg"}),
    "open.spotify.com": frozenset({"si"}),
}
"""Parameters that mean nothing on one site and may mean something on others."""

_MOBILE: Mapping[str, str] = {
    "m.youtube.com": "www.youtube.com",
    "mobile.twitter.com": "twitter.com",
    "mobile.x.com": "x.com",
    "m.facebook.com": "www.facebook.com",
    "m.imdb.com": "www.imdb.com",
    "m.reddit.com": "www.reddit.com",
    "mobile.nytimes.com": "www.nytimes.com",
}
_WIKIMEDIA = re.compile(
    r"([\w-]+)\.m\.((?:wikipedia|wiktionary|wikibooks|wikinews|wikiquote|wikisource|wikiversity|wikivoyage|wikimedia)\.org)"
)
_AMP_CACHES = re.compile(r"(?:.+\.)?cdn\.ampproject\.org")
_AMP_VIEWERS = re.compile(r"(?:www\.)?google(?:\.[a-z]{2,3}){1,2}")
_AMP_SHOWS = re.compile(r"/(?:amp|[a-z])/(s/)?([a-z0-9-]+(?:\.[a-z0-9-]+)+(?:/.*)?)", re.DOTALL | re.IGNORECASE)
_AMP_PATH = re.compile(r"(?P<page>/[^/]*(?:-[^/]*-|\d{4}|\.html?(?=/))[^/]*)/amp(?P<end>/?)$")
"""An article's AMP edition: below a title in words, a number or a file. `/dictionary/amp` is a page of its own."""

_AMP_PARAMETER = re.compile(r"amp(?:=1|=true)?|outputtype=amp", re.IGNORECASE)
_suffixes = lru_cache(maxsize=1)(PublicSuffixList)

_ROBOTS = "/robots.txt"
"""No page, and no edition of another host's: each host has its own."""

_ROUTE = ("!", "/")
"""Fragments that begin so name a page of an application in the browser; others only a place on the page."""


def canonical(url: str) -> str:
    """The address to fetch a page by: the very same page, without what tells who sent its visitor.

    Equal spellings become one: host's case and script, default port, percent-encoding, dot segments. What AMP's viewers
    and caches show is fetched from the page's own site, and a page of a known mobile host from the site's main host.
    Whatever is no http(s) address comes back as it is.
    """
    try:
        address = _plain(URL(url))
        while (shown := _shown_by_amp(address)) is not None:
            address = _plain(shown)
    except ValueError:
        return url
    return str(address)


def page_key(url: str) -> str:
    """What a page is kept under: its canonical address, where mobile and AMP editions of one page are one as well.

    An edition is fetched from where it was saved, for not every site has its pages in both places.
    """
    try:
        return str(_of_all_editions(URL(canonical(url))))
    except ValueError:
        return url


# ---- the same address ------------------------------------------------------------------------------


def _plain(url: URL) -> URL:
    """One spelling for each address, on the site's main host, without tracking."""
    host = (url.raw_host or "").removesuffix(".")
    if url.scheme not in {"http", "https"} or not host:
        return url
    return _built(
        url,
        host=host if url.raw_path == _ROBOTS else _main_host(host),
        path=url.raw_path or "/",
        query=_telling_parameters(url, host),
        fragment=url.raw_fragment if url.raw_fragment.startswith(_ROUTE) else "",
    )


def _built(url: URL, *, host: str, path: str, query: str, fragment: str) -> URL:
    """The address with these parts in place of its own."""
    name = f"[{host}]" if ":" in host else host
    before, _, _ = url.raw_authority.rpartition("@")
    port = "" if url.explicit_port is None or url.is_default_port() else f":{url.explicit_port}"
    authority = f"{before}{'@' if before else ''}{name}{port}"
    return URL.build(
        scheme=url.scheme, authority=authority, path=path, query_string=query, fragment=fragment, encoded=True
    )


def _main_host(host: str) -> str:
    if wiki := _WIKIMEDIA.fullmatch(host):
        return f"{wiki[1]}.{wiki[2]}"
    return _MOBILE.get(host, host)


def _telling_parameters(url: URL, host: str) -> str:
    idle = _idle_on(host)
    return _parameters(url, lambda name, _: bool(_TRACKING.fullmatch(name)) or name.lower() in idle)


def _idle_on(host: str) -> frozenset[str]:
    return next(
        (names for site, names in _TRACKING_ON.items() if host == site or host.endswith(f".{site}")), frozenset()
    )


def _parameters(url: URL, without: Callable[[str, str], bool]) -> str:
    """The query as it stands, but for some parameters."""
    kept = (part for part in url.raw_query_string.split("&") if not without(part.partition("=")[0], part))
    return "&".join(kept)


def _shown_by_amp(url: URL) -> URL | None:
    """The page that one of AMP's viewers or caches shows at an address; its address holds the page's whole."""
    host = url.raw_host or ""
    is_amps = _AMP_CACHES.fullmatch(host) or (_AMP_VIEWERS.fullmatch(host) and url.raw_path.startswith("/amp/"))
    shown = _AMP_SHOWS.fullmatch(url.raw_path) if is_amps else None
    if shown is None:
        return None
    query = f"?{url.raw_query_string}" if url.raw_query_string else ""
    return URL(f"http{'s' if shown[1] else ''}://{shown[2]}{query}")


# ---- editions of the same page ---------------------------------------------------------------------


def _of_all_editions(url: URL) -> URL:
    return _built(
        url,
        host=_without_edition(url.raw_host or "", path=url.raw_path),
        path=_AMP_PATH.sub(r"\g<page>\g<end>", url.raw_path),
        query=_parameters(url, lambda _, part: bool(_AMP_PARAMETER.fullmatch(part))),
        fragment=url.raw_fragment,
    )


def _without_edition(host: str, *, path: str) -> str:
    """The host without a leading `m.` or `amp.`; a name that somebody registered is left whole."""
    labels = host.split(".")
    while path != _ROBOTS and labels[0] in {"m", "amp"} and _is_somebodys(".".join(labels[1:])):
        del labels[0]
    return ".".join(labels)


def _is_somebodys(name: str) -> bool:
    """Whether a name has one owner: it is no number, and no suffix like `co.uk` or `github.io`."""
    return not name.rpartition(".")[2].isdecimal() and _suffixes().privatesuffix(name) is not None
