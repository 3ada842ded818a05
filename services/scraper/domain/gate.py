"""The gate: whether what came back is the page that was bookmarked, or something a site shows in its place."""

import re
from dataclasses import dataclass
from enum import StrEnum

from services.scraper.domain.evidence import CHARGES, ENOUGH
from services.scraper.domain.pages import Fetched, Reading
from services.scraper.domain.sight import Sight
from services.scraper.domain.signs import Sign
from services.scraper.domain.wording import wordings

THIN_WORDS = 30
"""Fewer words than this are thin unless they say something in a sentence."""

STATEMENT_WORDS = 12
"""So many words say something even without a sentence, on a page without heavy scripts."""

SHELL_WORDS = 80
"""A page with an empty place for its content, or a request to switch JavaScript on, and fewer words is a shell."""

EMPTY_WORDS = 5
"""Fewer words than this are nothing to analyse."""


class Verdict(StrEnum):
    """What an answer turned out to be."""

    OK = "ok"
    THIN = "thin"
    BLOCKED = "blocked"
    CHALLENGE = "challenge"
    LOGIN = "login"
    PAYWALL = "paywall"
    SOFT_404 = "soft-404"
    NOT_TEXT = "not-text"
    GONE = "gone"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict and what it rests on, in a few words for operators.

    Attributes:
        needs_browser: a browser may well be shown more: the page is put together by scripts, or we were turned away.
    """

    verdict: Verdict
    evidence: str
    needs_browser: bool = False


SCANNED = "a PDF file of pictures, without text"
"""The evidence when a document made for print has no letters in it."""

_ERROR = 400
_SERVER_ERROR = 500
_NO_STATUS = 600
_GONE = frozenset({404, 410})
_BUSY = frozenset({408, 425, 429})
_BY_STATUS = {401: Verdict.LOGIN, 407: Verdict.LOGIN, 402: Verdict.PAYWALL}

_VERDICTS = {"placeholder": Verdict.SOFT_404, "consent": Verdict.BLOCKED}
"""Of those charges that are not named as their verdict."""

_SCRIPT_WORDS = wordings(
    r"(?:enable|activate|turn on|switch on|requires?|needs?) (?:your )?javascript|without javascript"
    r"|javascript (?:is (?:not available|disabled|required|needed|turned off)|aktivieren|muss aktiviert)"
    r"|(?:activer|activar|abilita|ativ[ae]r?|habilit[ae]r?) (?:el |le |o )?javascript|javascriptを有効",
)
_ABOUT_A_PART = re.compile(r"comments?|disqus|video|map|player|search", re.IGNORECASE)
_FILE = re.compile(
    r"^[\w.\-]+\.(?:zip|rar|7z|tar|gz|xz|exe|msi|dmg|apk|iso|deb|rpm|jar|mp[34]|mkv|avi|mov|wav|flac|epub|psd|bin)\b",
    re.IGNORECASE,
)
_FEW_WORDS = 20


def judge(page: Fetched, reading: Reading, *, asked: str = "") -> Judgement:
    """What an answer is: from its status, its type, what stands on it and how much of it is the page itself.

    Args:
        page: the answer.
        reading: what a parser made of it.
        asked: the address before redirects; where it led from there tells much.
    """
    if not page.is_readable or not reading.is_text:
        return Judgement(Verdict.NOT_TEXT, page.media_type or "unnamed binary")
    if page.status in _GONE:
        return Judgement(Verdict.GONE, f"status {page.status}")
    sight = Sight(page, reading, asked or page.url)
    found = _settled(sight)
    if page.status >= _ERROR:
        found = _with_status(page.status, found)
    return found or _by_length(sight)


def _settled(sight: Sight) -> Judgement | None:
    """What the evidence settles, if it does: of several things that for which there is most."""
    best, enough = None, ENOUGH - (sight.is_tiny and sight.is_elsewhere)
    most = enough - 1
    for charge, (against, plea) in CHARGES.items():
        evidence = list(against(sight))
        total = sum(each.points for each in evidence)
        if total >= enough and (total := total + plea(sight).points) > most:
            verdict = _VERDICTS.get(charge) or Verdict(charge)
            needs_browser = verdict in (Verdict.CHALLENGE, Verdict.BLOCKED)
            best, most = Judgement(verdict, "; ".join(each.what for each in evidence), needs_browser), total
    return best


def _with_status(status: int, found: Judgement | None) -> Judgement:
    """A status of an error is believed; the page may tell which."""
    told = f"status {status}"
    if found and found.verdict in (Verdict.CHALLENGE, Verdict.BLOCKED, Verdict.LOGIN, Verdict.PAYWALL):
        return Judgement(found.verdict, f"{told}; {found.evidence}", found.needs_browser)
    if status in _BUSY or _SERVER_ERROR <= status < _NO_STATUS:
        return Judgement(Verdict.UNAVAILABLE, told)
    verdict = _BY_STATUS.get(status, Verdict.BLOCKED)
    return Judgement(verdict, told, verdict is Verdict.BLOCKED)


def _by_length(sight: Sight) -> Judgement:
    words, is_shell, is_heavy = sight.words, _is_shell(sight), Sign.SCRIPTS in sight.reading.signs
    if sight.reading.extracted.pages and not words:
        return Judgement(Verdict.THIN, SCANNED)
    if is_shell and words < SHELL_WORDS:
        return Judgement(Verdict.THIN, f"{words} words, to be filled by scripts", needs_browser=True)
    if words < EMPTY_WORDS and sight.outline.players:
        return Judgement(Verdict.NOT_TEXT, f"{words} words beside a film or a picture")
    if words < THIN_WORDS and _FILE.search(sight.reading.extracted.title):
        return Judgement(Verdict.NOT_TEXT, f"{words} words about a file")
    is_statement = words >= STATEMENT_WORDS or (sight.is_vouched_for and words > EMPTY_WORDS)
    says = words >= THIN_WORDS or bool(sight.prose) or (is_statement and not is_heavy)
    if not says or words < EMPTY_WORDS:
        return Judgement(Verdict.THIN, f"{words} words", needs_browser=is_heavy)
    return _by_its_address(sight)


def _by_its_address(sight: Sight) -> Judgement:
    if sight.is_doubtful:
        return Judgement(Verdict.THIN, f"{sight.words} words, and nothing of what its address names")
    return Judgement(Verdict.OK, f"{sight.words} words")


def _is_shell(sight: Sight) -> bool:
    """Whether the place for content is empty, or all there is to read asks for JavaScript."""
    if Sign.SCRIPT_APP in sight.reading.signs or (sight.outline.without_scripts and not sight.outline.lines):
        return True
    if sight.words >= SHELL_WORDS // 2:
        return False
    told = sight.outline.without_scripts
    asking = sight.short_lines.with_words(_SCRIPT_WORDS)
    if not asking and (_ABOUT_A_PART.search(told) or not _SCRIPT_WORDS.search(told)):
        return False
    return sum(words for line, words in sight.prose if line not in asking) < _FEW_WORDS
